"""How the sites misbehave when a test orders it, each fault in the shape that the real site gives it."""

from __future__ import annotations

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from sandbox.state import Fault, render

KINDS = ("limited", "blocked", "broken", "cut", "slow")
SLOW_SECONDS = 5.0


def misbehave(site: str, fault: Fault) -> Response | None:
    """The faulty answer; None for `slow`, where the right answer comes late."""
    if fault.kind == "limited":
        return PlainTextResponse("Too many requests", 429, {"Retry-After": str(fault.retry_after_s)})
    if fault.kind == "broken":
        return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", 502)
    if fault.kind == "cut":
        return PlainTextResponse("<html><head><title>", 200, {"Content-Type": "text/html; charset=utf-8"})
    if fault.kind == "blocked":
        return _block(site)
    return None


def _block(site: str) -> Response:
    if site == "imdb":
        return Response(status_code=202, headers={"x-amzn-waf-action": "challenge"})
    if site == "melon":
        return HTMLResponse(render("melon_error.html"))
    if site.startswith("spotify"):
        return JSONResponse({"error": {"status": 403, "message": "Forbidden"}}, 403)
    return HTMLResponse("<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>", 403)
