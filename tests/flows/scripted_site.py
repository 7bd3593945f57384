"""A local server that answers by a script, for sites that misbehave in ways of which a test knows every step."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Said = tuple[int, dict[str, str], str]
"""Status, headers and body."""

Script = Callable[[str, dict[str, str]], Said]
TOKEN = json.dumps({"access_token": "the-token", "token_type": "Bearer", "expires_in": 3600})


class ScriptedSite:
    """One server for all sites; `script` gets path and query and returns status, headers and body."""

    def __init__(self) -> None:
        self.script: Script = lambda path, query: (404, {}, "")
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                site.asked.append((parts.path, query))
                site.headers.append(dict(self.headers))
                status, headers, body = site.script(parts.path, query)
                self.send_response(status)
                raw = body.encode()
                for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def scripted_site() -> Iterator[ScriptedSite]:
    """A site that listens for as long as the block lasts."""
    site = ScriptedSite()
    try:
        yield site
    finally:
        site.server.shutdown()
        site.server.server_close()


def token_or(answer: Script) -> Script:
    """Spotify's token endpoint, and a script for everything else."""
    return lambda path, query: (200, {}, TOKEN) if path == "/api/token" else answer(path, query)


def refuse(status: int, message: str) -> Said:
    """An error as Spotify's Web API words it."""
    return status, {}, json.dumps({"error": {"status": status, "message": message}})
