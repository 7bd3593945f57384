"""What an audio file's tags, or else its name, say of the recording; bounded, whatever they hold."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from tinytag import TinyTag, TinyTagException

LONGEST_TEXT = 300  # characters of a tag that are kept
MOST_ARTISTS = 50

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef]+")


def tags_of(file: Path) -> dict[str, Any]:
    """Title, artists, album, date and ISRC by the file's tags, else by a name such as `Artist - Title.mp3`."""
    try:
        tag = TinyTag.get(file, duration=False)
    except (TinyTagException, OSError, ValueError, LookupError):
        tag = TinyTag()
    artist, _, title = file.stem.rpartition(" - ")
    artists = [one_line(name) for name in [tag.artist or artist, *tag.other.get("artist", [])[:MOST_ARTISTS]] if name]
    isrc = "".join((tag.other.get("isrc") or [""])[0][:LONGEST_TEXT].split()).replace("-", "").upper()
    return {
        "isrc": isrc if len(isrc) == 12 and isrc.isascii() and isrc.isalnum() else None,
        "title": next(filter(None, map(one_line, (tag.title or "", title, file.stem))), None),
        "artists": [name for name in artists if name],
        "album": one_line(tag.album or "") or None,
        "released_on": _iso_date(tag.year),
    }


def _iso_date(text: str | None) -> str | None:
    """The year, month or day of a tag; whatever else it holds is left out."""
    day = (text or "").strip()[:10]
    for length in (10, 7, 4):
        try:
            found = date.fromisoformat((day[:length] + "-01-01")[:10] if length < 7 else (day[:length] + "-01")[:10])
        except ValueError:
            continue
        if len(day) >= length:
            return found.isoformat()[:length]
    return None


def one_line(text: str) -> str:
    """Text of a file's name or tags on one line, of bounded length, without what no encoding holds."""
    return " ".join(printable(text).split())[:LONGEST_TEXT].strip()


def printable(text: str) -> str:
    """Text without control signs and what no encoding holds, such as a name's bytes that are no UTF-8."""
    return _UNPRINTABLE.sub(" ", text)
