"""A web site on loopback whose pages behave as a test tells them to, over real HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Site(ThreadingHTTPServer):
    """A site whose paths behave as a test tells them to; it counts what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.paths: dict[str, Behaviour] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def says(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.paths[path] = answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked[path] += 1
        self.server.headers.append(dict(self.headers))
        length = int(self.headers.get("Content-Length") or 0)
        self.posted = self.rfile.read(length)
        behave = self.server.paths.get(path)
        if behave is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            behave(self)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass
