"""The answers of a site that does not answer: each in the shape that the real site gives it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from sandbox.faults import Dealt
from sandbox.state import render

SERVER_FAULTS = (
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (500, "Internal Server Error"),
    (504, "Gateway Timeout"),
)
SPOTIFY = frozenset({"spotify_api", "spotify_accounts"})
MB_HELP = "For usage, please see: https://musicbrainz.org/development/mmd"
MB_LIMIT = (
    "Your requests are exceeding the allowable rate limit. "
    "Please see http://wiki.musicbrainz.org/XMLWebService for more information."
)


def refuse(site: str, fault: Dealt) -> Response | None:
    """The answer in place of the right one; None for faults that are no refusal."""
    answers = {
        "limited": limited,
        "blocked": blocked,
        "broken": broken,
        "overload": overloaded,
        "html": unrelated,
    }
    return answers[fault.kind](site, fault) if fault.kind in answers else None


def limited(site: str, fault: Dealt) -> Response:
    """429 with Retry-After: in seconds, on every second answer of ReccoBeats as a date."""
    wait = str(fault.retry_after_s)
    if site == "reccobeats" and fault.number % 2:
        wait = format_datetime(datetime.now(UTC) + timedelta(seconds=fault.retry_after_s), usegmt=True)
    headers = {"Retry-After": wait}
    if site == "tmdb_api":
        said = "Your request count (51) is over the allowed limit of (50)."
        return JSONResponse({"status_code": 25, "status_message": said, "success": False}, 429, headers)
    if site in SPOTIFY and fault.number % 2:  # not every error of Spotify is JSON
        return JSONResponse({"error": {"status": 429, "message": "API rate limit exceeded"}}, 429, headers)
    if site == "musicbrainz":
        return JSONResponse({"error": MB_LIMIT, "help": MB_HELP}, 429, headers)
    if site == "youtube_api":
        return google_error(429, "rateLimitExceeded", "Too many requests.", "RESOURCE_EXHAUSTED", headers)
    if site == "reccobeats":
        return JSONResponse({"error": "Too Many Requests", "status": 429}, 429, headers)
    return PlainTextResponse("Too many requests", 429, headers)


def blocked(site: str, fault: Dealt) -> Response:
    """The refusal of a client: IMDb's script challenge, 406 on Melon, 403 elsewhere."""
    if site == "imdb":
        return Response(status_code=202, headers={"x-amzn-waf-action": "challenge"})
    if site == "melon":
        return HTMLResponse("<html><head><title>406 Not Acceptable</title></head><body></body></html>", 406)
    if site == "spotify_accounts":
        return JSONResponse({"error": "invalid_client", "error_description": "Client is not active"}, 403)
    if site == "spotify_api":
        said = ("Forbidden", "Active premium subscription required for the owner of the app.")[fault.number % 2]
        return JSONResponse({"error": {"status": 403, "message": said}}, 403)
    if site == "youtube_api":
        return google_error(403, "forbidden", "Requests from this client are blocked.", "PERMISSION_DENIED")
    return HTMLResponse("<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>", 403)


def broken(site: str, fault: Dealt) -> Response:
    """A server fault: 502, 503, 500 and 504 in turn as HTML; MusicBrainz' own 503, Spotify's in JSON now and then."""
    if site == "musicbrainz":
        return JSONResponse({"error": MB_LIMIT, "help": MB_HELP}, 503)
    status, words = SERVER_FAULTS[fault.number % len(SERVER_FAULTS)]
    if site in SPOTIFY and fault.number % 2:
        return JSONResponse({"error": {"status": status, "message": words}}, status)
    if site in SPOTIFY and fault.number % 4 == 2:
        return Response(status_code=status)
    said = f"{status} {words}"
    return HTMLResponse(f"<html><head><title>{said}</title></head><body><h1>{said}</h1></body></html>", status)


def overloaded(site: str, fault: Dealt) -> Response:
    """An error page with status 200; Melon's is the real one."""
    if site == "melon":
        return HTMLResponse(render("melon_error.html"))
    return HTMLResponse(render("overload.html"))


def unrelated(site: str, fault: Dealt) -> Response:
    """Another page than the one asked for: HTML where JSON is due, on IMDb a film's title page with its teaser."""
    if site == "imdb":
        return HTMLResponse(render("imdb_title.html"))
    if site == "melon":
        return HTMLResponse(render("melon_home.html"))
    if site == "tmdb":
        return HTMLResponse(render("tmdb_home.html"))
    return HTMLResponse(render("login.html"))


def google_error(status: int, reason: str, message: str, name: str, headers: dict[str, str] | None = None) -> Response:
    """An error as Google's APIs word it."""
    domain = "youtube.quota" if reason == "quotaExceeded" else "usageLimits" if status == 429 else "global"
    detail: dict[str, Any] = {"message": message, "domain": domain, "reason": reason}
    body = {"error": {"code": status, "message": message, "errors": [detail], "status": name}}
    return JSONResponse(body, status, headers)
