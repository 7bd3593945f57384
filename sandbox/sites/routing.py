"""Routes whose answers are plain functions, called on the event loop: the world is in memory, nothing waits."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.faults import Dealt

Answer = Callable[[Request], Response]
FAULT = "sandbox.fault"  # the place in the ASGI scope for a fault that the site itself must draw
JSON_TYPES = (b"application/json",)


def on_loop(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """`answer` as a coroutine: Starlette would hand a plain function to a thread."""

    async def answered(request: Request) -> Response:
        return answer(request)

    return answered


def get(path: str, answer: Answer) -> Route:
    """A GET route."""
    return Route(path, on_loop(answer))


def robots(text: str) -> Route:
    """The site's robots.txt."""
    return get("/robots.txt", lambda request: PlainTextResponse(text))


def otherwise(answer: Answer) -> dict[int, Callable[[Request, Exception], Awaitable[Response]]]:
    """Handlers that give `answer` for every unknown address."""

    async def answered(request: Request, fault: Exception) -> Response:
        return answer(request)

    return {404: answered}


def fault_of(request: Request, kind: str) -> Dealt | None:
    """The fault of that kind that this request was dealt, for sites that draw it themselves."""
    dealt: Dealt | None = request.scope.get(FAULT)
    return dealt if dealt and dealt.kind == kind else None


def conditional(answer: Answer, changed_on: Callable[[], date] | None = None) -> Answer:
    """`answer` with an ETag (and Last-Modified, the start of the day `changed_on`), or 304 for who has it already."""

    def checked(request: Request) -> Response:
        response = answer(request)
        if response.status_code != 200:
            return response
        etag = f'W/"{hashlib.md5(response.body, usedforsecurity=False).hexdigest()}"'
        changed_at = datetime.combine(changed_on(), time(), UTC) if changed_on else None
        validators = {"ETag": etag}
        if changed_at:
            validators["Last-Modified"] = format_datetime(changed_at, usegmt=True)
        if _has_it(request, etag, changed_at):
            return Response(status_code=304, headers=validators)
        response.headers.update(validators)
        return response

    return checked


def _has_it(request: Request, etag: str, changed_at: datetime | None) -> bool:
    """Whether the caller's copy is current; where it names an ETag, only that counts (RFC 9110, 13.1.3)."""
    named = request.headers.get("if-none-match")
    if named is not None:
        return named.strip() == "*" or etag in [part.strip() for part in named.split(",")]
    since = request.headers.get("if-modified-since")
    if since is None or changed_at is None:
        return False
    try:
        return parsedate_to_datetime(since) >= changed_at
    except (TypeError, ValueError):
        return False
