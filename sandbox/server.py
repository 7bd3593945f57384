"""All sites in one process and one event loop: a port for each, told apart by the port that was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from sandbox.catalogue import Catalogue
from sandbox.dispatch import Dispatcher
from sandbox.sites import control, imdb, melon, musicbrainz, reccobeats, spotify, tmdb, tmdb_api, tmdb_files, youtube
from sandbox.state import Sandbox
from sandbox.world import World

HOST = "127.0.0.1"
SITES = (
    *("tmdb", "tmdb_api", "imdb", "melon", "spotify_api", "spotify_accounts", "reccobeats", "sandbox"),
    *("musicbrainz", "tmdb_files", "youtube_api"),
)
# What an API's base URL has behind the host: its version, or the folder of its files
PATHS = {
    "tmdb_api": "/3",
    "spotify_api": "/v1",
    "reccobeats": "/v1",
    "musicbrainz": "/ws/2",
    "tmdb_files": "/p/exports",
    "youtube_api": "/youtube/v3",
}
CLOSING_SECONDS = 2
TORN_OFF = "ASGI callable returned without completing response."  # what uvicorn says when a fault tears an answer off


def make_apps(sandbox: Sandbox) -> dict[str, ASGIApp]:
    """The application of every site."""
    catalogue = Catalogue(sandbox.world)
    return {
        "tmdb": tmdb.site(sandbox),
        "tmdb_api": tmdb_api.api(sandbox),
        "tmdb_files": tmdb_files.site(sandbox),
        "imdb": imdb.site(sandbox),
        "melon": melon.site(sandbox),
        "spotify_api": spotify.api(sandbox, catalogue),
        "spotify_accounts": spotify.accounts(sandbox),
        "reccobeats": reccobeats.api(catalogue),
        "musicbrainz": musicbrainz.api(sandbox),
        "youtube_api": youtube.api(sandbox, catalogue),
        "sandbox": control.site(sandbox),
    }


class ReadyServer(uvicorn.Server):
    """A server that says when it listens, and lets requests go that hang on purpose when it ends."""

    def __init__(self, config: uvicorn.Config, dispatcher: Dispatcher, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._dispatcher = dispatcher
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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and end what is under way."""
        self._dispatcher.closing.set()
        await super().shutdown(sockets=sockets)


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


def serve(world: World, base_port: int = 0, with_parent: bool = False, faults: Any = None) -> None:
    """Serve all sites until SIGTERM or SIGINT, or, `with_parent`, until standard input ends.

    Prints one JSON line with the base URL of every site when all of them listen, and nothing else.

    Raises
    ------
    OSError
        When a port is taken.
    OrderError
        When one of `faults` cannot be.
    """
    sockets = open_sockets(base_port)
    ports = {site: sock.getsockname()[1] for site, sock in sockets.items()}
    urls = {site: f"http://{HOST}:{port}{PATHS.get(site, '')}" for site, port in ports.items()}
    sandbox = Sandbox(world, urls)
    if faults is not None:
        sandbox.faults.take(faults)
    dispatcher = Dispatcher(sandbox, make_apps(sandbox), {port: site for site, port in ports.items()})
    config = uvicorn.Config(
        dispatcher,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg != TORN_OFF)
    server = ReadyServer(config, dispatcher, lambda: print(json.dumps(urls), flush=True))
    if with_parent:
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    asyncio.run(server.serve(sockets=list(sockets.values())))


def _end_with_stdin(server: uvicorn.Server) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock, held by a daemon thread, aborts the interpreter's end
        pass
    server.should_exit = True
