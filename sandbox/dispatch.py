"""Hands each request to its site, counts it, and lets ordered faults happen on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox import distortion
from sandbox.faults import Dealt
from sandbox.sites.faults import refuse
from sandbox.sites.routing import FAULT, JSON_TYPES
from sandbox.state import Sandbox

SLOW_SECONDS = 1.0
HANG_SECONDS = 60.0
CONTROL = "sandbox"
CONDITIONS = (b"if-none-match", b"if-modified-since")


class Captured:
    """An answer caught on its way out."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def send(self, message: Message) -> None:
        """Take in a part of the answer."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    @property
    def is_json(self) -> bool:
        """Whether the answer says that it is JSON."""
        return dict(self.headers).get(b"content-type", b"").split(b";")[0] in JSON_TYPES

    async def pass_on(self, send: Send, body: bytes, n_promised: int | None = None) -> None:
        """Send the answer with another body; `n_promised` bytes are announced where that is not its length."""
        length = str(len(body) if n_promised is None else n_promised).encode()
        headers = [(name, value) for name, value in self.headers if name != b"content-length"]
        await send(
            {"type": "http.response.start", "status": self.status, "headers": [*headers, (b"content-length", length)]}
        )
        await send({"type": "http.response.body", "body": body, "more_body": n_promised is not None})


class Dispatcher:
    """The one ASGI application: the port that was asked tells the site."""

    def __init__(self, sandbox: Sandbox, apps: Mapping[str, ASGIApp], site_of_port: Mapping[int, str]) -> None:
        self._sandbox = sandbox
        self._apps = apps
        self._site_of_port = site_of_port
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        site = self._site_of_port[scope["server"][1]]
        self._sandbox.requests[site][f"{scope['method']} {scope['path']}"] += 1
        fault = None if site == CONTROL else self._sandbox.faults.draw(site, scope["path"])
        if fault is None:
            await self._apps[site](scope, receive, send)
        else:
            await self._misbehave(site, fault, scope, receive, send)

    async def _misbehave(self, site: str, fault: Dealt, scope: Scope, receive: Receive, send: Send) -> None:
        if (refusal := refuse(site, fault)) is not None:
            await refusal(scope, receive, send)
        elif fault.kind == "hang":
            await self._hang(scope, receive, send)
        elif fault.kind == "slow":
            await asyncio.sleep(SLOW_SECONDS)
            await self._apps[site](scope, receive, send)
        else:
            await self._distort(site, fault, scope, receive, send)

    async def _hang(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say nothing for a minute; who hangs up, or the sandbox's end, ends the wait."""
        waits = [asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(self.closing.wait())]
        await asyncio.wait(waits, timeout=HANG_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        is_gone = waits[0].done()
        for wait in waits:
            wait.cancel()
        if not is_gone:
            page = "<html><head><title>504 Gateway Time-out</title></head><body></body></html>"
            await HTMLResponse(page, 504, {"Connection": "close"})(scope, receive, send)

    async def _distort(self, site: str, fault: Dealt, scope: Scope, receive: Receive, send: Send) -> None:
        """The site's own answer, changed: by the site, where it draws its pages anew, or in the finished body."""
        headers = [(name, value) for name, value in scope["headers"] if name not in CONDITIONS]
        answer = Captured()
        await self._apps[site]({**scope, "headers": headers, FAULT: fault}, receive, answer.send)
        if fault.kind == "torn":
            await answer.pass_on(send, distortion.cut(answer.body, fault.rng), len(answer.body) + 1)
            return  # without an end: the server closes the connection
        await answer.pass_on(send, _distorted(site, fault, answer))


def _distorted(site: str, fault: Dealt, answer: Captured) -> bytes:
    if fault.kind == "cut":
        return distortion.cut(answer.body, fault.rng)
    if answer.status != 200:
        return answer.body
    if fault.kind == "changed_markup":
        return distortion.rename(answer.body, answer.is_json)
    change = distortion.BODY_FAULTS.get((fault.kind, site))
    return change(site, answer.body, fault.number, fault.rng) if change else answer.body


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
