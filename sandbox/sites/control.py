"""The sandbox's own site: the clock, the truth, who asked for what, ordered faults, and a labelled table.

GET  /world                          sizes and the truth behind the sites
PUT  /clock   {"as_of": "2026-12-01"}
GET  /stats                          requests per site and path; DELETE forgets them
PUT  /faults  {"melon": {"kind": "limited", "times": 3, "path": "/song", "retry_after_s": 2}}
                                     one order or a list, for a site or `*`; `times` and `rate` (0 to 1) may be
                                     left out (then once); GET tells what was dealt, DELETE ends all
PUT  /spotify {"mode": "extended"}   what the Spotify app may do; development, extended or default
PUT  /tmdb    {"max_page": 2}        where the lists of TMDB's API end, so that a small world has a cap too; 500
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

from sandbox.faults import OrderError
from sandbox.profiles import FEATURES
from sandbox.sites.routing import get
from sandbox.sites.spotify import MODES
from sandbox.state import Sandbox
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
            sandbox.forget_faults()
        if request.method == "PUT":
            try:
                sandbox.faults.take(await request.json())
            except OrderError as fault:
                return JSONResponse({"error": str(fault)}, 400)
            except ValueError:
                return JSONResponse({"error": "the body is no JSON"}, 400)
        return JSONResponse(sandbox.faults.as_json())

    async def spotify(request: Request) -> Response:
        if request.method == "PUT":
            try:
                mode = str((await request.json())["mode"])
            except (KeyError, TypeError, ValueError):
                mode = ""
            if mode not in MODES:
                return JSONResponse({"error": f'send {{"mode": one of {", ".join(MODES)}}}'}, 400)
            sandbox.spotify_mode = mode
        return JSONResponse({"mode": sandbox.spotify_mode})

    async def tmdb(request: Request) -> Response:
        if request.method == "PUT":
            try:
                sandbox.tmdb_max_page = max(int((await request.json())["max_page"]), 1)
            except (KeyError, TypeError, ValueError):
                return JSONResponse({"error": 'send {"max_page": 500}'}, 400)
        return JSONResponse({"max_page": sandbox.tmdb_max_page})

    def table(request: Request) -> Response:
        return PlainTextResponse(labelled_table(sandbox), media_type="text/csv; charset=utf-8")

    return Starlette(
        routes=[
            get("/world", lambda request: JSONResponse(truth(sandbox))),
            Route("/clock", clock, methods=["GET", "PUT"]),
            Route("/stats", stats, methods=["GET", "DELETE"]),
            Route("/faults", faults, methods=["GET", "PUT", "DELETE"]),
            Route("/spotify", spotify, methods=["GET", "PUT"]),
            Route("/tmdb", tmdb, methods=["GET", "PUT"]),
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
        "release_groups": {
            item.film.imdb_id: [group.group_id for group in sandbox.shelf.of_film(item)] for item in soundtracks
        },
        "recording_tracks": {
            recording.recording_id: recording.track.track_id if recording.track else None
            for item in soundtracks
            for group in sandbox.shelf.of_film(item)
            for release in group.releases
            for disc in release.discs
            for recording in disc
        },
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
