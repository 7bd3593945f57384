"""Spotify's Web API as three kinds of apps see it, and its token endpoint.

An app in development mode after February 2026 gets no batch reads and no audio features, a search page of ten tracks
at most and no popularity; for some weeks it got no ISRC either (`development`), and it does again (`default`).
An app approved before November 2024 (`extended`) gets all of it. Hits can be null.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.catalogue import Catalogue
from sandbox.sites.routing import Answer, fault_of, get, otherwise, robots
from sandbox.state import Sandbox
from sandbox.tracks import Artist, Track

API = "https://api.spotify.com/v1"
MAX_TRACKS, MAX_FEATURES = 50, 100  # in one batch
MARKETS = ("DE", "GB", "JP", "KR", "US")
TOKEN_SECONDS = 3600
ROBOTS = "User-agent: *\nAllow: /\n"


@dataclass(frozen=True, slots=True)
class Mode:
    """What an app may do."""

    max_limit: int
    default_limit: int
    has_isrc: bool
    is_extended: bool


MODES = {
    "default": Mode(10, 5, has_isrc=True, is_extended=False),
    "development": Mode(10, 5, has_isrc=False, is_extended=False),
    "extended": Mode(50, 20, has_isrc=True, is_extended=True),
}


def accounts(sandbox: Sandbox) -> Starlette:
    """accounts.spotify.com: client credentials in, token out."""

    async def token(request: Request) -> Response:
        form = {key: values[-1] for key, values in parse_qs((await request.body()).decode()).items()}
        client_id, secret = _basic(request.headers.get("authorization", "")) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        if form.get("grant_type") != "client_credentials":
            body = {
                "error": "unsupported_grant_type",
                "error_description": "grant_type parameter is missing or unknown",
            }
            return JSONResponse(body, 400)
        if not client_id or client_id.startswith("wrong"):
            return JSONResponse({"error": "invalid_client", "error_description": "Invalid client"}, 400)
        if not secret or secret.startswith("wrong"):
            return JSONResponse({"error": "invalid_client", "error_description": "Invalid client secret"}, 400)
        access = f"sandbox-{zlib.crc32(client_id.encode()):08x}"
        return JSONResponse({"access_token": access, "token_type": "Bearer", "expires_in": TOKEN_SECONDS})

    return Starlette(
        routes=[
            robots(ROBOTS),
            Route("/api/token", token, methods=["POST"]),
        ]
    )


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, secret


def error(status: int, message: str) -> Response:
    """An error as the Web API words it."""
    return JSONResponse({"error": {"status": status, "message": message}}, status)


def api(sandbox: Sandbox, catalogue: Catalogue) -> Starlette:
    """api.spotify.com, below `/v1`."""

    def with_token(answer: Answer) -> Answer:
        def checked(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                return error(401, "No token provided")
            return error(401, "Invalid access token") if token.startswith("wrong") else answer(request)

        return checked

    def mode() -> Mode:
        return MODES[sandbox.spotify_mode]

    def shown(request: Request, track: Track) -> dict[str, Any]:
        return track_object(track, FULL if fault_of(request, "old_markup") else mode())

    def search(request: Request) -> Response:
        asked = request.query_params
        limit, offset = asked.get("limit", str(mode().default_limit)), asked.get("offset", "0")
        if not limit.isdigit() or not 1 <= int(limit) <= mode().max_limit:
            return error(400, "Invalid limit")
        if not offset.isdigit() or int(offset) > 1000:
            return error(400, "Invalid offset")
        if not asked.get("q", "").strip():
            return error(400, "No search query")
        if asked.get("type") != "track":
            return error(
                400, "Missing parameter type" if not asked.get("type") else "Bad search type field " + asked["type"]
            )
        hits, first = catalogue.search(asked["q"]), int(offset)
        items = [shown(request, track) for track in hits[first : first + int(limit)]]
        return JSONResponse({"tracks": page_of(items, len(hits), asked["q"], int(limit), first)})

    def find(track_id: str) -> Track | None:
        found = sandbox.world.all_tracks.get(track_id)
        return found if found and found.released_on <= sandbox.world.as_of else None

    def track(request: Request) -> Response:
        track_id = request.path_params["track_id"]
        if not is_id(track_id):
            return error(400, "Invalid base62 id")
        found = find(track_id)
        return JSONResponse(shown(request, found)) if found else error(404, "Resource not found")

    def tracks(request: Request) -> Response:
        return batch(request, "tracks", MAX_TRACKS, lambda found: shown(request, found))

    def audio_features(request: Request) -> Response:
        return batch(request, "audio_features", MAX_FEATURES, features_object)

    def batch(request: Request, name: str, most: int, describe: Callable[[Track], dict[str, Any]]) -> Response:
        if not mode().is_extended:
            return error(403, "Forbidden")
        ids = request.query_params.get("ids", "").split(",")
        if not all(map(is_id, ids)):
            return error(400, "Invalid base62 id")
        if len(ids) > most:
            return error(400, "Too many ids requested")
        return JSONResponse({name: [describe(found) if (found := find(track_id)) else None for track_id in ids]})

    def audio_features_of_one(request: Request) -> Response:
        if not mode().is_extended:
            return error(403, "Forbidden")
        found = find(request.path_params["track_id"])
        return JSONResponse(features_object(found)) if found else error(404, "analysis not found")

    return Starlette(
        routes=[
            robots(ROBOTS),
            get("/v1/search", with_token(search)),
            get("/v1/tracks", with_token(tracks)),
            get("/v1/tracks/{track_id}", with_token(track)),
            get("/v1/audio-features", with_token(audio_features)),
            get("/v1/audio-features/{track_id}", with_token(audio_features_of_one)),
            get("/v1/audio-analysis/{track_id}", with_token(lambda request: error(403, "Forbidden"))),
        ],
        exception_handlers=otherwise(lambda request: error(404, "Service not found")),
    )


def is_id(text: str) -> bool:
    """Whether the text is an id of Spotify."""
    return len(text) == 22 and text.isascii() and text.isalnum()


def page_of(found: list[dict[str, Any]], n_hits: int, query: str, limit: int, offset: int) -> dict[str, Any]:
    """One page of hits; for one query in twenty its last item is null, as it happens on Spotify."""

    def address(start: int) -> str:
        return f"{API}/search?{urlencode({'query': query, 'type': 'track', 'offset': start, 'limit': limit})}"

    items: list[dict[str, Any] | None] = list(found)
    if len(items) > 1 and zlib.crc32(query.encode()) % 20 == 0:
        items[-1] = None
    return {
        "href": address(offset),
        "items": items,
        "limit": limit,
        "next": address(offset + limit) if offset + limit < n_hits or not n_hits else None,
        "offset": offset,
        "previous": address(max(offset - limit, 0)) if offset else None,
        "total": n_hits,
    }


def artist_object(artist: Artist) -> dict[str, Any]:
    """An artist as tracks name them."""
    return {
        "external_urls": {"spotify": f"https://open.spotify.com/artist/{artist.artist_id}"},
        "href": f"{API}/artists/{artist.artist_id}",
        "id": artist.artist_id,
        "name": artist.name,
        "type": "artist",
        "uri": f"spotify:artist:{artist.artist_id}",
    }


def features_object(track: Track) -> dict[str, Any]:
    """The features of a track, all 13 of them."""
    return track.features | {
        "type": "audio_features",
        "id": track.track_id,
        "uri": f"spotify:track:{track.track_id}",
        "track_href": f"{API}/tracks/{track.track_id}",
        "analysis_url": f"{API}/audio-analysis/{track.track_id}",
    }


FULL = MODES["extended"]


def track_object(track: Track, mode: Mode) -> dict[str, Any]:
    """A track as an app of that mode sees it."""
    body = lean_track_object(track)
    if mode.has_isrc:
        body["external_ids"] = {"isrc": track.isrc} if track.isrc else {}
    if mode.is_extended:
        body |= {"popularity": track.popularity, "available_markets": list(MARKETS)}
    return body


def lean_track_object(track: Track) -> dict[str, Any]:
    """What every app sees of a track."""
    artists = [artist_object(artist) for artist in track.artists]
    by_year = track.date_precision == "year"
    return {
        "album": {
            "album_type": "single" if track.album == track.title else "album",
            "artists": artists[:1],
            "external_urls": {"spotify": f"https://open.spotify.com/album/{track.album_id}"},
            "href": f"{API}/albums/{track.album_id}",
            "id": track.album_id,
            "images": [],
            "name": track.album,
            "release_date": track.released_on.strftime("%Y") if by_year else track.released_on.isoformat(),
            "release_date_precision": track.date_precision,
            "total_tracks": max(track.track_number, 12),
            "type": "album",
            "uri": f"spotify:album:{track.album_id}",
        },
        "artists": artists,
        "disc_number": 1,
        "duration_ms": track.duration_ms,
        "explicit": track.explicit,
        "external_urls": {"spotify": f"https://open.spotify.com/track/{track.track_id}"},
        "href": f"{API}/tracks/{track.track_id}",
        "id": track.track_id,
        "is_local": False,
        "is_playable": True,
        "name": track.title,
        "preview_url": None,
        "track_number": track.track_number,
        "type": "track",
        "uri": f"spotify:track:{track.track_id}",
    }
