"""files.tmdb.org: the daily list of all film ids, as TMDB publishes it: gzipped JSON lines, no key."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from sandbox.sites.routing import conditional, fault_of, get, robots
from sandbox.state import Sandbox

N_DAYS_KEPT = 90
NO_FILM_EVERY = 25  # one id in so many belongs to an adult film or to a video, which no list shows
MISSING = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'


def site(sandbox: Sandbox) -> Starlette:
    """The daily files of the last 90 days; that of the clock's own day is not there yet."""

    def export(request: Request) -> Response:
        day = day_of(request.path_params["day"])
        newest = sandbox.world.as_of - timedelta(days=1)
        if day is None or not newest - timedelta(days=N_DAYS_KEPT) < day <= newest:
            return Response(MISSING, 404, media_type="application/xml")
        has_doubles = fault_of(request, "duplicates") is not None
        answer = conditional(
            lambda _: Response(packed(sandbox.world, day, has_doubles), media_type="application/gzip"), lambda: day
        )
        return answer(request)

    return Starlette(
        routes=[robots("User-agent: *\nAllow: /\n"), get("/p/exports/movie_ids_{day}.json.gz", export)],
    )


def day_of(text: str) -> date | None:
    """The day that a file's name tells: `MM_DD_YYYY`."""
    try:
        return datetime.strptime(text, "%m_%d_%Y").date()
    except ValueError:
        return None


@lru_cache(maxsize=8)
def packed(world: Any, day: date, has_doubles: bool) -> bytes:
    """The file of a day; the same bytes each time."""
    lines = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines_of(world, day)]
    if has_doubles:
        lines += lines[:20]
    return gzip.compress("\n".join(lines).encode() + b"\n", mtime=0)


def lines_of(world: Any, day: date) -> Iterator[dict[str, Any]]:
    """One line per film that was out that day, and some ids that are no film's."""
    for item in world.soundtracks:
        film = item.film
        if film.released_on > day:
            continue
        yield line_of(film.tmdb_id, film.original_title, film.popularity_on(day))
        draw = zlib.crc32(str(film.tmdb_id).encode())
        if draw % NO_FILM_EVERY == 0:
            is_adult = draw % 2 == 0
            yield line_of(film.tmdb_id + 10_000_000, f"{film.title} (Uncut)", 0.6, is_adult, not is_adult)


def line_of(
    tmdb_id: int, title: str, popularity: float, is_adult: bool = False, is_video: bool = False
) -> dict[str, Any]:
    """One line of the file."""
    return {"adult": is_adult, "id": tmdb_id, "original_title": title, "popularity": popularity, "video": is_video}
