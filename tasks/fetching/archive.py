"""The page archive: every body that was fetched, once, compressed, under the hash of its content.

Which request led to it, when and with what status is in the lake, in `<source>/fetch`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

import zstandard

_LEVEL = 9
_ECHO = re.compile(r'"requestContext"\s*:\s*(?=\{)')


def store(pages: Path, body: bytes) -> str:
    """Keep `body` and return its SHA-256; a body that is already there is not written again."""
    sha256 = hashlib.sha256(body).hexdigest()
    target = page_path(pages, sha256)
    if target.exists():
        return sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{sha256}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        aside.write_bytes(zstandard.ZstdCompressor(level=_LEVEL).compress(body))
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return sha256


def load(pages: Path, sha256: str) -> bytes:
    """The body of that hash.

    Raises
    ------
    FileNotFoundError
        When it was never kept, or has expired.
    ValueError
        When the file is damaged: its content no longer has that hash.
    """
    try:
        body = zstandard.ZstdDecompressor().decompress(page_path(pages, sha256).read_bytes())
    except zstandard.ZstdError as fault:
        raise ValueError(f"archived page {sha256} is damaged: {fault}") from None
    if hashlib.sha256(body).hexdigest() != sha256:
        raise ValueError(f"archived page {sha256} is damaged: its content has another hash")
    return body


def delete(pages: Path, sha256: str) -> None:
    """Remove one page, if it is there."""
    page_path(pages, sha256).unlink(missing_ok=True)


def page_path(pages: Path, sha256: str) -> Path:
    """Where the body of that hash lies."""
    return pages / sha256[:2] / f"{sha256}.zst"


def strip_request_echo(body: bytes) -> bytes:
    """An IMDb page without what it echoes of its caller: address, cookies, session, coordinates.

    Every `requestContext` object in the embedded JSON becomes an empty one; no other byte is changed.

    >>> strip_request_echo(b'{"a": 1, "requestContext": {"ip": "10.0.0.1", "h": {"x": "}"}}, "b": 2}')
    b'{"a": 1, "requestContext": {}, "b": 2}'
    """
    text = body.decode("utf-8", errors="surrogateescape")
    kept, start = [], 0
    for match in _ECHO.finditer(text):
        if match.end() >= start:  # else inside an object that is already gone
            kept.append(text[start : match.end()] + "{}")
            start = _object_end(text, match.end())
    return "".join((*kept, text[start:])).encode("utf-8", errors="surrogateescape")


def _object_end(text: str, start: int) -> int:
    """Index after the JSON object that opens at `start`; the end of the text where it never closes."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return len(text)
