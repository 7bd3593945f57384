"""ReccoBeats: audio features without a key, 40 ids a call, unknown ones left out, order not kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.catalogue import Catalogue
from sandbox.sites.routing import Answer, get, robots
from sandbox.tracks import Track

MAX_IDS = 40
FEATURES = (
    "acousticness",
    "danceability",
    "energy",
    "instrumentalness",
    "key",
    "liveness",
    "loudness",
    "mode",
    "speechiness",
    "tempo",
    "valence",
)


def api(catalogue: Catalogue) -> Starlette:
    """api.reccobeats.com, below `/v1`."""

    def answer_with(describe: Callable[[Track], dict[str, Any]]) -> Answer:
        def answer(request: Request) -> Response:
            ids = [part for text in request.query_params.getlist("ids") for part in text.split(",") if part]
            if not 1 <= len(ids) <= MAX_IDS:
                return refusal(request.url.path, f"ids: size must be between 1 and {MAX_IDS}")
            found = {track.recording_uuid: track for track in map(catalogue.find, ids) if track}
            known = [found[uuid] for uuid in sorted(found) if found[uuid].is_known_to_reccobeats]
            return JSONResponse({"content": [describe(track) for track in known]})

        return answer

    return Starlette(
        routes=[
            robots("User-agent: *\nAllow: /\n"),
            get("/v1/audio-features", answer_with(features_object)),
            get("/v1/track", answer_with(track_object)),
        ]
    )


def refusal(path: str, message: str) -> Response:
    """A 400 as the service words it."""
    body = {
        "timestamp": "2026-01-01T00:00:00.000Z",
        "error": "Bad Request",
        "path": path,
        "status": 4001,
        "errors": [message],
    }
    return JSONResponse(body, 400)


def features_object(track: Track) -> dict[str, Any]:
    """The features of a track; there is no duration and no time signature."""
    values = {name: track.features[name] for name in FEATURES}
    isrc = {"isrc": track.isrc} if track.isrc else {}
    return {"id": track.recording_uuid, "href": f"https://open.spotify.com/track/{track.track_id}"} | isrc | values


def track_object(track: Track) -> dict[str, Any]:
    """The metadata of a track."""
    return {
        "id": track.recording_uuid,
        "trackTitle": track.title,
        "artists": [{"id": artist.artist_id, "name": artist.name} for artist in track.artists],
        "durationMs": track.duration_ms,
        "isrc": track.isrc,
        "href": f"https://open.spotify.com/track/{track.track_id}",
        "popularity": track.popularity,
    }
