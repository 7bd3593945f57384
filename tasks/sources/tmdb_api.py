"""TMDB's API: the same rows from JSON bodies as `tasks.sources.tmdb` reads from pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.parsed import Parsed
from tasks.sources.reading import read_date, to_text
from tasks.sources.tmdb_words import GENRES, IS_PLACEHOLDER

_POSTER_BASE = "https://image.tmdb.org/t/p/w500"
_STATE_OF_CODE = {
    6: FetchState.MISSING,
    34: FetchState.MISSING,
    25: FetchState.LIMITED,
    **dict.fromkeys((3, 7, 10, 14, 33, 35), FetchState.BLOCKED),  # keys that are wrong or suspended
}
_TOP_BILLED = 10  # the API lists a whole cast, the page its first names


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


def parse_external_ids(body: bytes | str, url: str | None = None) -> Parsed[ExternalIds]:
    """The IMDb id from the API's `external_ids`; a film may have none."""
    data = _json(to_text(body))
    if refused := _api_fault(data):
        return refused
    return Parsed([{"tmdb_id": _count(data.get("id")), "imdb_id": _imdb_id(data)}], FetchState.OK, n_expected=1)


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
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number <= 100 else None


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _api_fault(data: dict[str, Any]) -> Parsed[Any] | None:
    """The state of a body that is no answer; TMDB's own codes say why."""
    code = data.get("status_code")
    if not data:
        return Parsed([], FetchState.BROKEN, "the body is not JSON")
    if data.get("success") is False or isinstance(code, int):
        state = _STATE_OF_CODE.get(code if isinstance(code, int) else 0, FetchState.BROKEN)
        return Parsed([], state, f"TMDB says: {data.get('status_message')} (code {code})")
    return None


def parse_api_list(text: str) -> Parsed[ListedFilm]:
    """The films of a discover, popular or search body."""
    data = _json(text)
    if refused := _api_fault(data):
        return refused
    if not isinstance(results := data.get("results"), list):
        return Parsed([], FetchState.BROKEN, "the body has no results")
    films = [film for film in results if isinstance(film, dict) and _count(film.get("id"))]
    rows = once(
        ListedFilm(
            tmdb_id=film["id"],
            title=_words(film.get("title")),
            released_on=read_date(_words(film.get("release_date"))),
            user_score=_api_score(film),
        )
        for film in films
    )
    return Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.EMPTY, "the list has ended")


def parse_api_film(text: str) -> Parsed[Film]:
    """The film of a `/movie/{id}` body; credits and external ids where they were asked for too."""
    data = _json(text)
    if refused := _api_fault(data):
        return refused
    if _count(data.get("id")) is None or _words(data.get("title")) is None:
        return Parsed([], FetchState.BROKEN, "the body is not a film")
    crew, cast = _people(data, "crew"), _people(data, "cast")
    poster = _words(data.get("poster_path"))
    film: Film = {
        "tmdb_id": data["id"],
        "imdb_id": _imdb_id(data),
        "title": _words(data.get("title")),
        "original_title": _words(data.get("original_title")),
        "original_language": _words(data.get("original_language")),
        "genres": _api_genres(data),
        "runtime_min": _count(data.get("runtime")),
        "user_score": _api_score(data),
        "overview": real_overview(_words(data.get("overview"))),
        "budget_usd": _count(data.get("budget")),
        "revenue_usd": _count(data.get("revenue")),
        "directors": _person_names(person for person in crew if person.get("job") == "Director"),
        "cast": _person_names(iter(cast[:_TOP_BILLED])),
        "released_on": read_date(_words(data.get("release_date"))),
        "poster_url": f"{_POSTER_BASE}{poster}" if poster else None,
    }
    return Parsed([film], FetchState.OK)


def _people(data: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    credits = data.get("credits")
    people = credits.get(kind) if isinstance(credits, dict) else None
    return [person for person in people if isinstance(person, dict)] if isinstance(people, list) else []


def _person_names(people: Iterator[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for person in people if (name := _words(person.get("name")))))


def _api_genres(data: dict[str, Any]) -> list[str]:
    genres = data.get("genres")
    entries = [genre for genre in genres if isinstance(genre, dict)] if isinstance(genres, list) else []
    names = [GENRES.get(_count(genre.get("id")) or 0) or _words(genre.get("name")) for genre in entries]
    return list(dict.fromkeys(name for name in names if name))


def _api_score(data: dict[str, Any]) -> float | None:
    """The score in per cent, as the page shows it; null where nobody has voted."""
    average = positive_score(data.get("vote_average"))
    return None if average is None or data.get("vote_count") == 0 else positive_score(round(average * 10))


def _imdb_id(data: dict[str, Any]) -> str | None:
    ids = data.get("external_ids")
    said = data.get("imdb_id") or (ids.get("imdb_id") if isinstance(ids, dict) else None)
    return said if isinstance(said, str) and re.fullmatch(r"tt\d{7,10}", said) else None


def _words(value: Any) -> str | None:
    return (" ".join(value.split()) or None) if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    """A whole number above 0; the API writes 0 for unknown."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53 else None
