"""The sandbox's own site: the clock, the truth, who asked for what, ordered faults, and a labelled table.

GET  /world                          sizes and the truth behind the sites
PUT  /clock   {"as_of": "2026-12-01"}
GET  /stats                          requests per site and path; DELETE forgets them
PUT  /faults  {"melon": {"kind": "limited", "times": 3, "path": "/song", "retry_after_s": 2}}
GET  /datasets/spotify_tracks.csv    a table with genre labels, as an operator would import one
"""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.profiles import FEATURES
from sandbox.sites.faults import KINDS
from sandbox.sites.routing import get
from sandbox.state import Fault, Sandbox
from sandbox.tracks import Track

HEAD = ("track_id", "artists", "album_name", "track_name", "popularity", "duration_ms", "explicit")
REST = tuple(name for name in FEATURES if name != "duration_ms")
COLUMNS = (*HEAD, *REST, "track_genre")


def site(sandbox: Sandbox) -> Starlette:
    """The control site."""

    async def clock(request: Request) -> Response:
        if request.method == "PUT":
            try:
                as_of = date.fromisoformat(str((await request.json())["as_of"]))
            except (KeyError, TypeError, ValueError):
                return JSONResponse({"error": 'send {"as_of": "YYYY-MM-DD"}'}, 400)
            sandbox.world.move_clock(as_of)
        return JSONResponse({"as_of": sandbox.world.as_of.isoformat()})

    def stats(request: Request) -> Response:
        if request.method == "DELETE":
            sandbox.requests.clear()
        counts = {
            name: {"requests": counter.total(), "paths": dict(counter.most_common())}
            for name, counter in sandbox.requests.items()
        }
        return JSONResponse(counts)

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            sandbox.faults.clear()
        if request.method == "PUT":
            try:
                ordered = {name: Fault(**order) for name, order in (await request.json()).items()}
            except (AttributeError, TypeError, ValueError):
                ordered = {"": Fault("unreadable", 0)}
            unknown = [name for name in ordered if name not in sandbox.base_urls]
            if unknown or any(fault.kind not in KINDS for fault in ordered.values()):
                return JSONResponse(
                    {"error": f"send {{site: {{kind, times, path}}}}, kind one of {', '.join(KINDS)}"}, 400
                )
            sandbox.faults.update(ordered)
        return JSONResponse(
            {name: {"kind": fault.kind, "times": fault.times} for name, fault in sandbox.faults.items()}
        )

    def table(request: Request) -> Response:
        return PlainTextResponse(labelled_table(sandbox), media_type="text/csv; charset=utf-8")

    return Starlette(
        routes=[
            get("/world", lambda request: JSONResponse(truth(sandbox))),
            Route("/clock", clock, methods=["GET", "PUT"]),
            Route("/stats", stats, methods=["GET", "DELETE"]),
            Route("/faults", faults, methods=["GET", "PUT", "DELETE"]),
            get("/datasets/spotify_tracks.csv", table),
        ]
    )


def truth(sandbox: Sandbox) -> dict[str, Any]:
    """What the sites know but do not tell: which credit means which track, which genre a track was drawn from."""
    world = sandbox.world
    soundtracks = [item for item in world.soundtracks if item.film.imdb_id]
    return {
        "as_of": world.as_of.isoformat(),
        "n_films": len(world.films),
        "n_tracks": len(world.tracks),
        "n_labelled_tracks": len(world.labelled_tracks),
        "n_credits": sum(len(item.entries) for item in soundtracks),
        "films": {str(film.tmdb_id): film.imdb_id for film in world.films},
        "film_genres": {film.imdb_id: list(film.genres) for film in world.films if film.imdb_id},
        "film_tracks": {
            item.film.imdb_id: [entry.track.track_id for entry in item.entries if entry.track] for item in soundtracks
        },
        "credit_tracks": {
            entry.entry_id: entry.track.track_id if entry.track else None
            for item in soundtracks
            for entry in item.entries
        },
        "track_genres": {track.track_id: list(track.seeds) for track in world.tracks},
        "song_tracks": {song.song_id: song.track.track_id if song.track else None for song in world.known_songs},
    }


def labelled_table(sandbox: Sandbox) -> str:
    """The labelled table as CSV: one row per track and genre seed, the columns of the well-known Spotify table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for track in sandbox.world.labelled_tracks:
        writer.writerows([*row_of(track), seed] for seed in track.seeds)
    return text.getvalue()


def row_of(track: Track) -> list[Any]:
    """One row without its label."""
    head = [track.track_id, ";".join(track.artist_names), track.album, track.title, track.popularity]
    return [*head, track.duration_ms, track.explicit, *(track.features[name] for name in REST)]
