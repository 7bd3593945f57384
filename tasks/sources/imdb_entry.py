"""One piece of music of a film as IMDb credits it: the row that every layout of the page gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.credits import Credit, plain_text, read_credits, read_line
from tasks.sources.json_body import LONGEST_LIST, text
from tasks.sources.parsed import Parsed
from tasks.sources.reading import unescape

_LONGEST_MARKUP = 50_000  # characters of a line with its links; the longest real one has 3,000
_LONGEST_PAGE = 1_000_000  # characters of credit lines; the longest real page has 40,000
_FILM_ID = re.compile(r"\btt[0-9]{7,10}\b")
_MARKUP = re.compile(r"</?(?:a|b|br|em|i|span|strong|sub|sup|u)(?:\s[^<>]*)?/?>")
"""Tags that a title may hold; "<Live>" and "<3" are words of it."""


RawEntry = tuple[Any, Any, Sequence[str]]
"""Id, title and credit lines of an entry as a page has them, with entities and markup."""


class SoundtrackEntry(TypedDict):
    """One piece of music in a film, as its page credits it."""

    imdb_id: str | None
    position: int  # from 1, in page order
    entry_id: str | None
    title: str | None
    credits: list[Credit]
    lines: list[str]


def entry_rows(imdb_id: str | None, entries: Sequence[RawEntry]) -> list[SoundtrackEntry]:
    """The rows of a list of entries, in page order."""
    return [_row(imdb_id, position, *entry) for position, entry in enumerate(entries, 1)]


def too_long(entries: Sequence[RawEntry]) -> Parsed[SoundtrackEntry] | None:
    """The state of a list that is longer than any film's: to make out its credits would take too long."""
    n_characters = sum(len(line) for _, _, lines in entries for line in lines)
    if len(entries) <= LONGEST_LIST and n_characters <= _LONGEST_PAGE:
        return None
    return Parsed([], FetchState.BROKEN, f"{len(entries):,} entries of {n_characters:,} characters, which no film has")


def _row(imdb_id: str | None, position: int, entry_id: Any, title: Any, lines: Iterable[str]) -> SoundtrackEntry:
    read = [read_line(text(line[:_LONGEST_MARKUP]) or "") for line in lines]
    return {
        "imdb_id": imdb_id,
        "position": position,
        "entry_id": text(entry_id),
        "title": text(unescape(_MARKUP.sub("", title))) if isinstance(title, str) else None,
        "credits": read_credits(read),
        "lines": [line for line in map(plain_text, read) if line],
    }


def film_id(*places: Any) -> str | None:
    """The first film id in these places; leading zeros are kept."""
    found = (_FILM_ID.search(place) for place in places if isinstance(place, str))
    return next((match[0] for match in found if match), None)
