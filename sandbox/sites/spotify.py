"""Spotify's Web API for an app in development mode after February 2026, and its token endpoint.

Batch reads and audio features are refused, a search page holds at most ten tracks, hits can be null.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.catalogue import Catalogue
from sandbox.sites.routing import Answer, get, otherwise, robots
from sandbox.state import Sandbox
from sandbox.tracks import Artist, Track

API = "https://api.spotify.com/v1"
MAX_LIMIT = 10
TOKEN_SECONDS = 3600
ROBOTS = "User-agent: *\nAllow: /\n"


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

    def search(request: Request) -> Response:
        asked = request.query_params
        limit, offset = asked.get("limit", "5"), asked.get("offset", "0")
        if not limit.isdigit() or not 1 <= int(limit) <= MAX_LIMIT:
            return error(400, "Invalid limit")
        if not offset.isdigit() or int(offset) > 1000:
            return error(400, "Invalid offset")
        if not asked.get("q", "").strip():
            return error(400, "No search query")
        if asked.get("type") != "track":
            return error(
                400, "Missing parameter type" if not asked.get("type") else "Bad search type field " + asked["type"]
            )
        return JSONResponse({"tracks": page_of(catalogue.search(asked["q"]), asked["q"], int(limit), int(offset))})

    def track(request: Request) -> Response:
        track_id = request.path_params["track_id"]
        if not (len(track_id) == 22 and track_id.isascii() and track_id.isalnum()):
            return error(400, "Invalid base62 id")
        found = sandbox.world.all_tracks.get(track_id)
        if found is None or found.released_on > sandbox.world.as_of:
            return error(404, "Resource not found")
        return JSONResponse(track_object(found))

    def refused(request: Request) -> Response:
        return error(403, "Forbidden")

    return Starlette(
        routes=[
            robots(ROBOTS),
            get("/v1/search", with_token(search)),
            get("/v1/tracks", with_token(refused)),
            get("/v1/tracks/{track_id}", with_token(track)),
            get("/v1/audio-features", with_token(refused)),
            get("/v1/audio-features/{track_id}", with_token(refused)),
            get("/v1/audio-analysis/{track_id}", with_token(refused)),
        ],
        exception_handlers=otherwise(lambda request: error(404, "Service not found")),
    )


def page_of(hits: list[Track], query: str, limit: int, offset: int) -> dict[str, Any]:
    """One page of hits; for one query in twenty its last item is null, as it happens on Spotify."""

    def address(start: int) -> str:
        return f"{API}/search?{urlencode({'query': query, 'type': 'track', 'offset': start, 'limit': limit})}"

    items: list[dict[str, Any] | None] = [track_object(track) for track in hits[offset : offset + limit]]
    if len(items) > 1 and zlib.crc32(query.encode()) % 20 == 0:
        items[-1] = None
    return {
        "href": address(offset),
        "items": items,
        "limit": limit,
        "next": address(offset + limit) if offset + limit < len(hits) or not hits else None,
        "offset": offset,
        "previous": address(max(offset - limit, 0)) if offset else None,
        "total": len(hits),
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


def track_object(track: Track) -> dict[str, Any]:
    """A track as development mode shows it: no popularity, no markets, the ISRC where there is one."""
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
        "external_ids": {"isrc": track.isrc} if track.isrc else {},
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
