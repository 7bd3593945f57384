"""TMDB's API behind its polite session: the questions that collecting films puts to it, and the key it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

from tasks.collecting.asking import ask
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import OstinatoError, Settings
from tasks.sources.parsed import Parsed
from tasks.sources.tmdb import parse_film, parse_list
from tasks.sources.tmdb_api import ExternalIds, Film, ListedFilm, parse_external_ids

Row = TypeVar("Row", bound=Mapping[str, Any])

LANGUAGE = "en-US"  # explicit everywhere: titles and overviews come in the language that is asked for
Window = tuple[date, date]
"""First and last day of release."""


class TmdbApi:
    """The API, version 3, with a key.

    A read access token (v4) is a long text with two dots and goes into a header; a key (v3) can only be a parameter.
    The session leaves both out of every address that is kept.
    """

    def __init__(self, settings: Settings, session: PoliteSession, key: str) -> None:
        is_token = key.count(".") == 2
        self.session = session
        self._base = base_url(settings, "tmdb_api")
        self._params = {} if is_token else {"api_key": key}
        self._headers = {"Authorization": f"Bearer {key}"} if is_token else None

    def popular(self, page: int, window: Window | None = None) -> tuple[Answer, Parsed[ListedFilm]]:
        """One page of the films by popularity, of those released within a window where one is given."""
        params: dict[str, Any] = {
            "language": LANGUAGE,
            "sort_by": "popularity.desc",
            "include_adult": "false",
            "include_video": "false",
            "page": page,
        }
        if window:
            params["primary_release_date.gte"], params["primary_release_date.lte"] = map(date.isoformat, window)
        return self._ask("/discover/movie", parse_list, params)

    def film(self, tmdb_id: int) -> tuple[Answer, Parsed[Film]]:
        """A film with its people and its IMDb id, in one request."""
        params = {"language": LANGUAGE, "append_to_response": "credits,external_ids"}
        return self._ask(f"/movie/{tmdb_id}", lambda body, url: of_film(tmdb_id, parse_film(body, url)), params)

    def external_ids(self, tmdb_id: int) -> tuple[Answer, Parsed[ExternalIds]]:
        """The ids that other sites have for a film, for a row that was read from its page."""
        return self._ask(f"/movie/{tmdb_id}/external_ids", lambda body, url: of_film(tmdb_id, parse_external_ids(body)))

    def _ask(self, path: str, parse: Any, params: Mapping[str, Any] | None = None) -> tuple[Answer, Parsed[Any]]:
        """Ask, and read what came.

        Raises
        ------
        OstinatoError
            When the key is refused.
        """
        answer, parsed = ask(
            self.session, self._base + path, parse, params={**(params or {}), **self._params}, headers=self._headers
        )
        if answer.status == 401:
            raise OstinatoError("TMDB's API refused the key (HTTP 401); set OSTINATO_TMDB_API_KEY to a valid one.")
        return answer, parsed


def of_film(tmdb_id: int, parsed: Parsed[Row]) -> Parsed[Row]:
    """What was read, unless it is about another film than was asked for."""
    others = [row["tmdb_id"] for row in parsed.rows if row["tmdb_id"] != tmdb_id]
    return Parsed([], FetchState.BROKEN, f"the answer is about the film {others[0]}") if others else parsed
