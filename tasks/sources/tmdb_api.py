"""TMDB's API and its daily id export: the same rows from JSON as `tasks.sources.tmdb` reads from pages."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.json_body import count, number, object_of, objects, overlong, read_object, text
from tasks.sources.parsed import Parsed
from tasks.sources.reading import read_date
from tasks.sources.tmdb_words import GENRES, IS_PLACEHOLDER
from tasks.text import word_set

TOP_BILLED = 9  # the API lists a whole cast, the page its first names
MAX_EXPORT_BYTES = 256 * 2**20  # unpacked; the real export of a day has some 100 MB
_STATE_OF_CODE = {
    6: FetchState.MISSING,
    34: FetchState.MISSING,
    25: FetchState.LIMITED,
    **dict.fromkeys((3, 7, 10, 14, 33, 35), FetchState.BLOCKED),  # keys that are wrong or suspended
}
_POSTER = re.compile(r"(?:/t/p/([^/\s]{1,60})|^)(/[^/\s?#]{1,200}\.\w{3,4})(?:[?#\s]|$)")
_POSTER_SIZES = ("w92", "w154", "w185", "w342", "w500", "w780", "original")
# a song may have an id, a title and a date too
_FILM_SIGNS = word_set(
    "imdb_id original_title original_language overview runtime budget revenue vote_average vote_count poster_path"
)
_GZIP_MAGIC = b"\x1f\x8b"


class ListedFilm(TypedDict):
    """A film as a list shows it."""

    tmdb_id: int
    title: str | None
    released_on: str | None
    user_score: float | None  # 0 to 100; null where too few have voted


class Film(TypedDict):
    """A film as its own page or the API's body shows it."""

    tmdb_id: int | None
    imdb_id: str | None
    title: str | None
    original_title: str | None
    original_language: str | None  # ISO 639-1
    genres: list[str]  # TMDB's English names
    runtime_min: int | None
    user_score: float | None  # 0 to 100
    overview: str | None
    budget_usd: int | None
    revenue_usd: int | None
    directors: list[str]
    cast: list[str]
    released_on: str | None
    poster_url: str | None


class ExternalIds(TypedDict):
    """The ids other sites know a film by."""

    tmdb_id: int | None
    imdb_id: str | None


class ExportedFilm(TypedDict):
    """A film in TMDB's daily export of all ids."""

    tmdb_id: int
    original_title: str | None
    popularity: float | None


def parse_external_ids(body: bytes | str, url: str | None = None) -> Parsed[ExternalIds]:
    """The IMDb id from the API's `external_ids`; a film may have none."""
    data = _answer(body)
    if isinstance(data, Parsed):
        return data
    if "imdb_id" not in data:
        return Parsed([], FetchState.BROKEN, "the body holds no external ids")
    return Parsed([{"tmdb_id": _count(data.get("id")), "imdb_id": _imdb_id(data)}], FetchState.OK, n_expected=1)


def parse_id_export(body: bytes | str, url: str | None = None) -> Parsed[ExportedFilm]:
    """The films of a day's id export, one JSON object a line, packed or not; adult films and mere videos are left out.

    A line that cannot be read makes the export broken: it was cut off, and half a list must not pass for all films.
    """
    unpacked = _unpacked(body)
    if isinstance(unpacked, Parsed):
        return unpacked
    rows: list[ExportedFilm] = []
    for n_line, line in enumerate(io.BytesIO(unpacked), 1):
        if not line.strip():
            continue
        film = read_object(line)
        if isinstance(film, Parsed) or (tmdb_id := _count(film.get("id"))) is None:
            return Parsed([], FetchState.BROKEN, f"line {n_line:,} of the export is no film: cut off, or another file")
        if not film.get("adult") and not film.get("video"):
            title, popularity = _words(film.get("original_title")), number(film.get("popularity"))
            rows.append({"tmdb_id": tmdb_id, "original_title": title, "popularity": popularity})
    return Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.BROKEN, "the export holds no film")


def _unpacked(body: bytes | str) -> bytes | Parsed[Any]:
    """The export's text, unpacked where it is gzip; a damaged or overlarge one is broken."""
    raw = body.encode("utf-8", errors="replace") if isinstance(body, str) else body
    if not raw.startswith(_GZIP_MAGIC):
        return raw
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text_bytes = unpacking.decompress(raw, MAX_EXPORT_BYTES)
    except zlib.error:
        return Parsed([], FetchState.BROKEN, "the export is a damaged gzip file")
    if not unpacking.eof:
        return Parsed([], FetchState.BROKEN, "the export is a gzip file that is cut off or too large")
    return text_bytes


def once(films: Iterable[ListedFilm]) -> list[ListedFilm]:
    """Each film once: lists move while they are read."""
    known: dict[int, ListedFilm] = {}
    for film in films:
        known.setdefault(film["tmdb_id"], film)
    return list(known.values())


def real_overview(text: str | None) -> str | None:
    """The overview, unless it is the sentence that stands in for a missing one."""
    return None if text is None or IS_PLACEHOLDER.search(text) else text


def positive_score(value: Any) -> float | None:
    """A score above 0 and up to 100, else None."""
    try:
        score = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return score if 0 < score <= 100 else None


def poster_url(place: str | None) -> str | None:
    """The address of a poster: the sizes that TMDB documents stay, the site's own crops and bare paths become w500.

    >>> poster_url("https://image.tmdb.org/t/p/w300_and_h450_face/a1.jpg"), poster_url("/a1.jpg")
    ('https://image.tmdb.org/t/p/w500/a1.jpg', 'https://image.tmdb.org/t/p/w500/a1.jpg')
    """
    found = _POSTER.search(place or "")
    if not found:
        return None
    size = found[1] if found[1] in _POSTER_SIZES else "w500"
    return f"https://image.tmdb.org/t/p/{size}{found[2]}"


def _answer(body: bytes | str) -> dict[str, Any] | Parsed[Any]:
    """The object of a body, or the state of one that is no answer; TMDB's own codes say why."""
    data = read_object(body)
    if isinstance(data, Parsed):
        return data
    code = data.get("status_code")
    if data.get("success") is False or isinstance(code, int):
        state = _STATE_OF_CODE.get(code if isinstance(code, int) else 0, FetchState.BROKEN)
        return Parsed([], state, f"TMDB says: {text(data.get('status_message'))} (code {str(code)[:20]})")
    return data


def parse_api_list(body: bytes | str) -> Parsed[ListedFilm]:
    """The films of a discover, popular or search body."""
    data = _answer(body)
    if isinstance(data, Parsed):
        return data
    if not isinstance(results := data.get("results"), list):
        return Parsed([], FetchState.BROKEN, "the body has no results")
    if too_many := overlong(results, "films"):
        return too_many
    rows = once(
        ListedFilm(
            tmdb_id=tmdb_id,
            title=_words(film.get("title")),
            released_on=read_date(_words(film.get("release_date"))),
            user_score=_api_score(film),
        )
        for film in objects(results)
        if (tmdb_id := _count(film.get("id")))
    )
    if not rows and any(results):
        return Parsed([], FetchState.BROKEN, "the results are no films as they were known: the answer has changed")
    return Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.EMPTY, "the list has ended")


def parse_api_film(body: bytes | str) -> Parsed[Film]:
    """The film of a `/movie/{id}` body; credits and external ids where they were asked for too."""
    data = _answer(body)
    if isinstance(data, Parsed):
        return data
    title = _words(data.get("title"))
    if _count(data.get("id")) is None or title is None or data.keys().isdisjoint(_FILM_SIGNS):
        return Parsed([], FetchState.BROKEN, "the body is not a film")
    crew, cast = _people(data, "crew"), _people(data, "cast")
    film: Film = {
        "tmdb_id": _count(data["id"]),
        "imdb_id": _imdb_id(data),
        "title": title,
        "original_title": _words(data.get("original_title")),
        "original_language": _words(data.get("original_language")),
        "genres": _api_genres(data),
        "runtime_min": _count(data.get("runtime")),
        "user_score": _api_score(data),
        "overview": real_overview(_words(data.get("overview"))),
        "budget_usd": _count(data.get("budget")),
        "revenue_usd": _count(data.get("revenue")),
        "directors": _person_names(person for person in crew if person.get("job") == "Director"),
        "cast": _person_names(iter(cast[:TOP_BILLED])),
        "released_on": read_date(_words(data.get("release_date"))),
        "poster_url": poster_url(_words(data.get("poster_path"))),
    }
    return Parsed([film], FetchState.OK)


def _people(data: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return objects(object_of(data.get("credits")).get(kind))


def _person_names(people: Iterator[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for person in people if (name := _words(person.get("name")))))


def _api_genres(data: Mapping[str, Any]) -> list[str]:
    names = [
        GENRES.get(_count(genre.get("id")) or 0) or _words(genre.get("name")) for genre in objects(data.get("genres"))
    ]
    return list(dict.fromkeys(name for name in names if name))


def _api_score(data: Mapping[str, Any]) -> float | None:
    """The score in per cent, as the page shows it; null where nobody has voted."""
    average = number(data.get("vote_average"))
    return None if average is None or data.get("vote_count") == 0 else positive_score(round(average * 10))


def _imdb_id(data: Mapping[str, Any]) -> str | None:
    said = data.get("imdb_id") or object_of(data.get("external_ids")).get("imdb_id")
    return said if isinstance(said, str) and re.fullmatch(r"tt[0-9]{7,10}", said) else None


def _words(value: Any) -> str | None:
    """A text in one line with single blanks, as a page shows it."""
    found = text(value)
    return " ".join(found.split()) if found else None


def _count(value: Any) -> int | None:
    """A whole number above 0; the API writes 0 for unknown."""
    return count(value) if isinstance(value, int) else None
