"""All sites in one process and one event loop: a port for each, told apart by the port that was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.catalogue import Catalogue
from sandbox.sites import control, imdb, melon, reccobeats, spotify, tmdb
from sandbox.sites.faults import SLOW_SECONDS, misbehave
from sandbox.state import Sandbox
from sandbox.world import World

HOST = "127.0.0.1"
SITES = ("tmdb", "tmdb_api", "imdb", "melon", "spotify_api", "spotify_accounts", "reccobeats", "sandbox")
PATHS = {"tmdb_api": "/3", "spotify_api": "/v1", "reccobeats": "/v1"}  # the version, part of an API's base URL
CLOSING_SECONDS = 2


class Dispatcher:
    """Hands each request to the site whose port was asked, counts it, and lets ordered faults happen."""

    def __init__(self, sandbox: Sandbox, site_of_port: dict[int, str]) -> None:
        catalogue = Catalogue(sandbox.world)
        self._sandbox = sandbox
        self._site_of_port = site_of_port
        self._apps: dict[str, ASGIApp] = {
            "tmdb": tmdb.site(sandbox),
            "tmdb_api": tmdb.api(sandbox),
            "imdb": imdb.site(sandbox),
            "melon": melon.site(sandbox),
            "spotify_api": spotify.api(sandbox, catalogue),
            "spotify_accounts": spotify.accounts(sandbox),
            "reccobeats": reccobeats.api(catalogue),
            "sandbox": control.site(sandbox),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        site = self._site_of_port[scope["server"][1]]
        self._sandbox.requests[site][f"{scope['method']} {scope['path']}"] += 1
        fault = self._sandbox.faults.get(site)
        if fault and fault.times > 0 and scope["path"].startswith(fault.path):
            fault.times -= 1
            answer = misbehave(site, fault)
            if answer is not None:
                await answer(scope, receive, send)
                return
            await asyncio.sleep(SLOW_SECONDS)
        await self._apps[site](scope, receive, send)


class ReadyServer(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, and end with status 0: uvicorn itself would raise the signal again."""
        earlier = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets=sockets)
        self._when_ready()


def open_sockets(base_port: int) -> dict[str, socket.socket]:
    """A loopback socket per site: `base_port` and the ports after it, or any free ones for 0.

    Raises
    ------
    OSError
        When one of the ports is taken.
    """
    sockets = {}
    for number, site in enumerate(SITES):
        # asyncio switches Nagle's delay off only for sockets that say they are TCP
        sockets[site] = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sockets[site].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sockets[site].bind((HOST, base_port + number if base_port else 0))
    return sockets


def serve(world: World, base_port: int = 0, with_parent: bool = False) -> None:
    """Serve all sites until SIGTERM or SIGINT, or, `with_parent`, until standard input ends.

    Prints one JSON line with the base URL of every site when all of them listen, and nothing else.
    """
    sockets = open_sockets(base_port)
    ports = {site: sock.getsockname()[1] for site, sock in sockets.items()}
    urls = {site: f"http://{HOST}:{port}{PATHS.get(site, '')}" for site, port in ports.items()}
    sandbox = Sandbox(world, urls)
    config = uvicorn.Config(
        Dispatcher(sandbox, {port: site for site, port in ports.items()}),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    server = ReadyServer(config, lambda: print(json.dumps(urls), flush=True))
    if with_parent:
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    asyncio.run(server.serve(sockets=list(sockets.values())))


def _end_with_stdin(server: uvicorn.Server) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock, held by a daemon thread, aborts the interpreter's end
        pass
    server.should_exit = True
