"""Routes whose answers are plain functions, called on the event loop: the world is in memory, nothing waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

Answer = Callable[[Request], Response]


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
