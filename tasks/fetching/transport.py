"""The wire below the session: bodies are bounded in size and time while they come, and nothing else is let through.

requests reads and unpacks a body without a bound, and its time-outs start anew with every byte. Here every read has
the time that is left of the whole, unpacking stops at the cap, and of the headers only those that are used remain.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
import urllib3.connection
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

ACCEPT_ENCODING = "gzip, deflate"  # what can be unpacked piece by piece within a bound everywhere
_HEADERS = (
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Location",
    "Retry-After",
    "x-amzn-waf-action",  # this and the next are marks of firewalls
    "cf-mitigated",
)
CUT_OFF = "the body was cut off"
_CHUNK = 256 * 1024
_BUFFER = 64 * 1024
_wbits = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_clock = threading.local()  # .read_s and .until of the request that this thread is waiting for


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a body on its way: what went wrong with it, its packed size, whether the site forbids storing."""

    fault: str
    n_wire_bytes: int
    is_private: bool


class BoundedAdapter(HTTPAdapter):
    """Sends one request and reads its whole answer within bounds.

    The response's body is read, unpacked and passed through `clean` when `send` returns; its attribute `received`
    tells how that went.
    """

    def __init__(
        self,
        *,
        connect_s: float,
        read_s: float,
        whole_s: float,
        max_bytes: int,
        clean: Callable[[bytes, requests.Response, list[str]], bytes],
        n_connections: int,
    ) -> None:
        self._connect_s, self._read_s, self._whole_s = connect_s, read_s, whole_s
        self._max_bytes = max_bytes
        self._clean = clean
        super().__init__(pool_maxsize=n_connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests does, with connections that keep to the time."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> urllib3.ProxyManager:
        """As requests does, with connections that keep to the time."""
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """The answer, body and all."""
        _clock.until, _clock.read_s = time.monotonic() + self._whole_s, self._read_s
        kwargs |= {"stream": True, "timeout": (self._connect_s, self._read_s)}
        response = super().send(request, **kwargs)
        body, fault = _read_body(response.raw, self._max_bytes)
        headers = response.headers
        is_private = "no-store" in headers.get("Cache-Control", "").lower()
        response.received = Received(fault, response.raw.tell(), is_private)  # type: ignore[attr-defined]
        cookies = response.raw.headers.getlist("Set-Cookie")
        response.headers = CaseInsensitiveDict({name: headers[name] for name in _HEADERS if name in headers})
        response.cookies.clear()
        response._content = self._clean(body, response, cookies)
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def _read_body(raw: urllib3.HTTPResponse, max_bytes: int) -> tuple[bytes, str]:
    """The unpacked body, and what went wrong with it."""
    encoding = raw.headers.get("Content-Encoding", "").strip().lower()
    unpacker = _Unpacker(encoding)
    if not unpacker.is_known:
        raw.close()
        return b"", f"the body came packed as {encoding[:20]}, which was not asked for"
    chunks: list[bytes] = []
    left = max_bytes
    try:
        for packed in raw.stream(_CHUNK, decode_content=False):
            chunks.append(unpacker.feed(packed, left + 1))
            left -= len(chunks[-1])
            if left < 0 or raw.tell() > max_bytes:
                raw.close()
                return b"", f"the body is larger than {max_bytes / 2**20:.0f} MB"
    except zlib.error:
        raw.close()
        return b"".join(chunks), f"the body could not be unpacked ({encoding})"
    except (urllib3.exceptions.HTTPError, OSError) as fault:
        is_late = time.monotonic() >= _clock.until
        why = "the body did not end in time" if is_late else f"{CUT_OFF} ({type(fault).__name__})"
        return b"".join(chunks), why
    return b"".join(chunks), f"{CUT_OFF} (its packing has no end)" if unpacker.is_cut else ""


class _Unpacker:
    """Unpacks gzip and deflate piece by piece, never beyond a bound; what is not packed passes through."""

    def __init__(self, encoding: str) -> None:
        self.is_known = encoding in ("", "identity", *_wbits)
        self._wbits = _wbits.get(encoding)
        self._object = zlib.decompressobj(self._wbits) if self._wbits else None
        self._has_begun = self._has_ended = False

    @property
    def is_cut(self) -> bool:
        """True where more had to come."""
        return self._object is not None and self._has_begun and not self._has_ended

    def feed(self, packed: bytes, bound: int) -> bytes:
        """What the next piece unpacks to; a piece that would give more than `bound` bytes is cut there."""
        if self._object is None:
            return packed
        unpacked: list[bytes] = []
        while packed and bound > 0 and not (self._has_ended and not packed.startswith(b"\x1f\x8b")):
            if self._has_ended:  # another member of the same gzip
                self._object, self._has_ended = zlib.decompressobj(16 + zlib.MAX_WBITS), False
            unpacked.append(self._inflate(packed, bound))
            bound -= len(unpacked[-1])
            self._has_begun, self._has_ended = True, self._object.eof
            packed = self._object.unused_data
        return b"".join(unpacked)

    def _inflate(self, packed: bytes, bound: int) -> bytes:
        assert self._object is not None
        try:
            return self._object.decompress(packed, bound)
        except zlib.error:
            if self._has_begun or self._wbits != zlib.MAX_WBITS:
                raise
            self._object = zlib.decompressobj(-zlib.MAX_WBITS)  # many servers send deflate without its header
            return self._object.decompress(packed, bound)


class _TimedReader(io.RawIOBase):
    """A socket's reader that gives each read no more than the time that is left of the whole."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As a socket does; late, it raises as one that timed out."""
        left_s = _clock.until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(min(_clock.read_s, left_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Closes what it reads from too."""
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """Status line, headers and body, all read within the time of the whole."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        if isinstance(self.fp, io.BufferedReader):
            self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock), _BUFFER)


class _TimedConnection(urllib3.connection.HTTPConnection):
    response_class = _TimedResponse


class _TimedTlsConnection(urllib3.connection.HTTPSConnection):
    response_class = _TimedResponse


class _TimedPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedTlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TimedTlsConnection


_POOLS = {"http": _TimedPool, "https": _TimedTlsPool}
