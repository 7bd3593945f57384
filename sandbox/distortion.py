"""What becomes of a right answer on its way: cut, renamed, made poor. Bodies in, bodies out."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

# Keys that an API's answer may lack; on Spotify those that were removed in 2024 and 2026 are among them.
OPTIONAL_KEYS: dict[str, tuple[str, ...]] = {
    "tmdb_api": (
        *("runtime", "overview", "poster_path", "genres", "vote_average", "release_date", "budget", "revenue"),
        *("credits", "external_ids", "imdb_id", "original_language", "original_title"),
    ),
    "spotify_api": (
        *("external_ids", "popularity", "available_markets", "preview_url", "explicit", "duration_ms"),
        *("release_date", "release_date_precision", "href", "external_urls"),
    ),
    "reccobeats": ("isrc",),
    "musicbrainz": ("isrcs", "length", "date", "status", "artist-credit", "country", "track-count"),
    "youtube_api": ("channelTitle", "description", "thumbnails", "nextPageToken", "pageInfo"),
}
# The list of an API's answer, by the names that lead to it
LISTS: dict[str, tuple[str, ...]] = {
    "spotify_api": ("tracks", "items"),
    "reccobeats": ("content",),
    "youtube_api": ("items",),
}
NAMED = re.compile(r"""(\s)(class|id|name|href|onclick|data-[\w-]+)=("[^"]*"|'[^']*')""")
EMBEDDED = re.compile(r"(<script[^>]*application/json[^>]*>)(.*?)(?=</script>)", re.DOTALL)
DATA = re.compile(r"(?<=data-)\w[\w-]*")
WORD = re.compile(r"[A-Za-z_][\w-]*")
MIN_KEPT, MAX_KEPT = 0.05, 0.95


def cut(body: bytes, rng: Random) -> bytes:
    """The beginning of a body, anything from a twentieth of it to nearly all."""
    return body[: max(int(len(body) * rng.uniform(MIN_KEPT, MAX_KEPT)), 1)] if body else body


def rename(body: bytes, is_json: bool) -> bytes:
    """The same content under names that nobody knows: keys of JSON; classes, ids and addresses of HTML.

    >>> rename(b'<tr class="lst50"><td>1</td></tr>', is_json=False)
    b'<tr class="x347a50b5"><td>1</td></tr>'
    """
    if is_json:
        return json.dumps(_renamed(json.loads(body)), ensure_ascii=False).encode()
    parts = EMBEDDED.split(body.decode())  # markup, a script's tag, its JSON, markup, ...
    for number in range(0, len(parts), 3):
        parts[number] = NAMED.sub(_renamed_attribute, parts[number])
    for number in range(2, len(parts), 3):
        parts[number] = json.dumps(_renamed(json.loads(parts[number])), ensure_ascii=False)
    return "".join(parts).encode()


def _renamed_attribute(found: re.Match[str]) -> str:
    return f"{found[1]}{DATA.sub(_unknown, found[2])}={WORD.sub(_unknown, found[3])}"


def _unknown(found: re.Match[str]) -> str:
    return f"x{zlib.crc32(found[0].encode()):08x}"


def _renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if isinstance(value, dict):
        return {f"x{zlib.crc32(key.encode()):08x}": _renamed(item) for key, item in value.items()}
    return value


def chosen(optional: tuple[str, ...], number: int, rng: Random) -> frozenset[str]:
    """Which optional fields are missing: in the first answer all, later any of them and at least one."""
    if number == 0:
        return frozenset(optional)
    return frozenset([rng.choice(optional), *(name for name in optional if rng.random() < 0.3)])


def without_fields(site: str, body: bytes, number: int, rng: Random) -> bytes:
    """An API's answer without some of its optional keys; ReccoBeats' items lose values, Spotify's hits are null."""
    gone = chosen(OPTIONAL_KEYS[site], number, rng)
    answer = _without(json.loads(body), gone)
    items = _list_of(site, answer)
    if site == "spotify_api" and items:
        items[:] = [None if n % 2 == 0 else item for n, item in enumerate(items)]
    if site == "reccobeats" and items:
        items[:] = [_without_values(item, n) for n, item in enumerate(items)]
    return json.dumps(answer, ensure_ascii=False).encode()


def _without(value: Any, gone: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_without(item, gone) for item in value]
    if isinstance(value, Mapping):
        return {key: _without(item, gone) for key, item in value.items() if key not in gone}
    return value


def _without_values(item: dict[str, Any], number: int) -> dict[str, Any]:
    """Every other item: its values null, or not there at all."""
    if number % 2:
        return item
    kept = ("id", "href", "isrc")
    return {key: value if key in kept else None for key, value in item.items() if key in kept or number % 4}


def with_duplicates(site: str, body: bytes) -> bytes:
    """A list that names its first two items again at its end; on MusicBrainz each medium's first track twice."""
    answer = json.loads(body)
    if site == "musicbrainz":
        for medium in (medium for release in answer["releases"] for medium in release.get("media", ())):
            medium["tracks"] = medium.get("tracks", [])[:1] + medium.get("tracks", [])
    elif items := _list_of(site, answer):
        items += items[:2]
    return json.dumps(answer, ensure_ascii=False).encode()


def _list_of(site: str, answer: Any) -> list[Any] | None:
    for name in LISTS.get(site, ("",)):
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer if isinstance(answer, list) else None


# How a finished body changes under a fault of content; sites that are not here draw such pages themselves.
BODY_FAULTS: dict[tuple[str, str], Callable[[str, bytes, int, Random], bytes]] = {
    **{("missing_fields", site): without_fields for site in OPTIONAL_KEYS},
    **{
        ("duplicates", site): lambda site, body, number, rng: with_duplicates(site, body)
        for site in ("spotify_api", "reccobeats", "musicbrainz", "youtube_api")
    },
}
