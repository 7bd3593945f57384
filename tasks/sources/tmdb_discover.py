"""What a discover body of TMDB's API says besides its films: how many pages there are, and who is how popular."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.sources.json_body import count, number, objects, read_object
from tasks.sources.parsed import Parsed

MAX_PAGES = 500
"""TMDB refuses pages above it, though `total_pages` may name more."""
FILMS_A_PAGE = 20


@dataclass(frozen=True, slots=True)
class ListFrame:
    """The frame of one page of a list."""

    n_pages: int
    popularity: dict[int, float]
    """TMDB id -> popularity, which is what lists are ordered by; the greater the more popular."""


def read_frame(body: bytes) -> ListFrame:
    """The frame of a discover body; of any other body one page without films.

    >>> read_frame(b'{"total_pages": 3, "results": [{"id": 5, "popularity": 1.5}]}')
    ListFrame(n_pages=3, popularity={5: 1.5})
    >>> read_frame(b"<html>").n_pages
    1
    """
    answer = read_object(body)
    if isinstance(answer, Parsed):
        return ListFrame(1, {})
    popularity = {
        tmdb_id: number(film.get("popularity")) or 0.0
        for film in objects(answer.get("results"))
        if (tmdb_id := count(film.get("id")))
    }
    return ListFrame(count(answer.get("total_pages")) or 1, popularity)
