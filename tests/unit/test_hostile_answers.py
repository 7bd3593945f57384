"""Answers that are built to hurt cost bounded time and memory, and end in a state, whatever they hold."""

from __future__ import annotations

import dataclasses
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from http_site import Site

from tasks.fetching import http
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.settings import Settings

ONE_TRY = http.Patience(connect_s=1, read_s=0.5, whole_s=1.0, attempts=1, pause_s=0.01, longest_pause_s=0.01)
PAGE = "<html>빗속에서</html>".encode() * 5000


def ask(settings: Settings, site: Site) -> Answer:
    with PoliteSession(settings, "imdb") as session:
        return session.get(f"{site.url}/page")


def writes(site: Site, *pieces: bytes, pause_s: float = 0.0) -> None:
    """`/page` answers with these bytes, as they are, and closes the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        try:
            for piece in pieces:
                handler.wfile.write(piece)
                handler.wfile.flush()
                time.sleep(pause_s)
        except OSError:
            pass  # we have hung up, as we should

    site.paths["/page"] = answer


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_costs_no_more_than_the_cap(site: Site, settings: Settings, layers: int) -> None:
    bomb = gzip.compress(bytes(400 * 1024 * 1024), 1)
    if layers == 2:
        bomb = gzip.compress(bomb)
    site.says("/page", bomb, Content_Encoding=", ".join(["gzip"] * layers))
    tracemalloc.start()
    started = time.monotonic()
    answer = ask(settings, site)
    seconds, (_, peak) = time.monotonic() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.state, answer.body, answer.sha256) == (FetchState.BROKEN, b"", None)
    assert ("larger than 32 MB" if layers == 1 else "packed as gzip, gzip") in answer.reason
    assert peak < 3 * 32 * 2**20
    assert seconds < 5


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:700]) + gzip.compress(body[700:])),
        ("gzip", lambda body: gzip.compress(body) + b"padding"),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_every_packing_that_was_asked_for_is_read(
    site: Site, settings: Settings, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    site.says("/page", pack(PAGE), Content_Encoding=encoding)
    answer = ask(settings, site)
    assert (answer.state, answer.body, answer.reason) == (FetchState.OK, PAGE, "")
    assert answer.n_wire_bytes == len(pack(PAGE))
    assert site.headers[0]["Accept-Encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("body", "encoding", "words"),
    [
        (gzip.compress(PAGE)[:-40], "gzip", "cut off"),
        (zlib.compress(PAGE)[:-40], "deflate", "cut off"),
        (PAGE, "gzip", "could not be unpacked (gzip)"),
        (PAGE, "deflate", "could not be unpacked (deflate)"),
        (PAGE, "br", "packed as br, which was not asked for"),
        (PAGE, "zstd", "packed as zstd"),
        (PAGE, "x" * 5000, "packed as xxxxxxxxxxxxxxxxxxxx, which"),
    ],
)
def test_a_body_that_cannot_be_unpacked_whole_is_broken(
    site: Site, settings: Settings, body: bytes, encoding: str, words: str
) -> None:
    site.says("/page", body, Content_Encoding=encoding)
    answer = ask(settings, site)
    assert answer.state is FetchState.BROKEN
    assert words in answer.reason
    assert len(answer.reason) < 100


@pytest.mark.parametrize(
    ("pieces", "pause_s"),
    [
        ([b"HTTP/1.1 200 OK\r\n", *([b"X-More: x\r\n"] * 100)], 0.2),  # headers without an end
        ([b"H", b"T", b"T", b"P"] * 20, 0.3),  # each byte in time, the line never
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", *([b"x"] * 100)], 0.2),  # each byte of the body in time
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *([b"1\r\nx\r\n"] * 100)], 0.2),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *([b"0"] * 100)], 0.2),  # a length without an end
    ],
)
def test_a_drip_does_not_outlast_the_time_of_the_whole(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], pause_s: float
) -> None:
    monkeypatch.setattr(http, "SANDBOX", ONE_TRY)
    writes(site, *pieces, pause_s=pause_s)
    started = time.monotonic()
    answer = ask(settings, site)
    assert answer.state is FetchState.BROKEN, answer
    assert time.monotonic() - started < 2 * ONE_TRY.whole_s


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 400 + b"\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nbody",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 twohundred OK\r\n\r\nbody",
        b"HTTP/9.9 200 OK\r\n\r\nbody",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 1000,
        b"",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\nbody",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10**6 + b"\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=nonsense\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: =;;==\x01\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nCache-Control: self=1, =, max-age=x\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-4\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbo",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\x00\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: //*\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 429 Slow\r\nRetry-After: " + b"9" * 400 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Slow\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 -9999\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Slow\r\nRetry-After: -1e999\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_no_head_escapes_as_an_exception(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr(http, "SANDBOX", dataclasses.replace(ONE_TRY, attempts=2))  # connections may be kept, and go
    monkeypatch.setattr(http, "MOST_WAITS", 1)
    writes(site, head)
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page")
        assert isinstance(answer.state, FetchState)
        site.says("/page", b"fine", ETag='"1"')
        if session.is_closed:
            return
        assert session.get(f"{site.url}/page").state is FetchState.OK, "one odd answer leaves the session whole"


def test_a_validator_that_cannot_be_sent_back_is_not_kept(site: Site, settings: Settings) -> None:
    for etag in ('"a\x01b"', '"' + "x" * 5000 + '"', '"é"'):
        site.says("/page", b"fine", ETag=etag)
        with PoliteSession(settings, "imdb") as session:
            assert [session.get(f"{site.url}/page").state for _ in range(2)] == [FetchState.OK] * 2
    assert not any("If-None-Match" in headers for headers in site.headers)


def test_a_folded_header_does_not_spoil_later_asks(site: Site, settings: Settings) -> None:
    writes(site, b'HTTP/1.1 200 OK\r\nETag: "a\r\n b"\r\nContent-Length: 4\r\n\r\nfine')
    with PoliteSession(settings, "imdb") as session:
        assert [session.get(f"{site.url}/page").state for _ in range(2)] == [FetchState.OK] * 2
