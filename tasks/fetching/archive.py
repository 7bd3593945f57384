"""The page archive: every body that was fetched, once, compressed, under the hash of its content.

Which request led to it, when and with what status is in the lake, in `<source>/fetch`. Bodies are data: nothing here
or elsewhere runs them.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zstandard

from tasks.disk import writing

MAX_BODY_BYTES = 256 * 1024 * 1024  # unpacked; the most that a source's policy can allow
_LEVEL = 3  # on IMDb's pages 9 saves 9 % more space and takes five times as long
_SUFFIX = ".zst"


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of the archive: a body, or what a killed writer has left (`sha256` is null then)."""

    path: Path
    sha256: str | None
    n_bytes: int
    stored_at_s: float  # the clock of the file system


def store(pages: Path, body: bytes) -> str:
    """Keep `body` and return its SHA-256; a body that is already there is not written again, but counts as new.

    Raises
    ------
    ValueError
        When the body is larger than `MAX_BODY_BYTES`, which no page is.
    OstinatoError
        When the archive cannot be written.
    """
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"a body of {len(body) / 2**20:.0f} MB is too large for the page archive")
    sha256 = hashlib.sha256(body).hexdigest()
    target = page_path(pages, sha256)
    with writing(target):
        if not _is_there(target):
            _write(target, zstandard.ZstdCompressor(level=_LEVEL).compress(body))
    return sha256


def _is_there(path: Path) -> bool:
    """True where the body is kept already; its file counts as new then."""
    try:
        os.utime(path)
        return path.stat().st_size > 0  # a machine that lost its power can leave an empty file
    except FileNotFoundError:
        return False


def _write(path: Path, content: bytes) -> None:
    """The whole file or none of it, whoever writes the same at the same time."""
    aside = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}")
    try:
        try:
            aside.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(content)
        os.replace(aside, path)
    except OSError:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def load(pages: Path, sha256: str) -> bytes:
    """The body of that hash.

    Raises
    ------
    FileNotFoundError
        When it was never kept, or has expired.
    ValueError
        When the file is damaged: its content no longer has that hash.
    """
    packed = page_path(pages, sha256).read_bytes()
    try:
        if zstandard.frame_content_size(packed) > MAX_BODY_BYTES:  # memory is taken for as much as a header claims
            raise zstandard.ZstdError("it claims to hold more than any page does")
        body = zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError as fault:
        raise ValueError(f"archived page {sha256} is damaged: {fault}") from None
    if hashlib.sha256(body).hexdigest() != sha256:
        raise ValueError(f"archived page {sha256} is damaged: its content has another hash")
    return body


def delete(pages: Path, sha256: str) -> None:
    """Remove one page, if it is there."""
    page_path(pages, sha256).unlink(missing_ok=True)


def has(pages: Path, sha256: str) -> bool:
    """True where that body is kept."""
    return page_path(pages, sha256).exists()


def page_path(pages: Path, sha256: str) -> Path:
    """Where the body of that hash lies."""
    return pages / sha256[:2] / f"{sha256}{_SUFFIX}"


def every_file(pages: Path) -> Iterator[Kept]:
    """All files of the archive, in no order; what goes while we look is left out."""
    with suppress(FileNotFoundError):
        for folder in os.scandir(pages):
            if folder.is_dir(follow_symlinks=False):
                yield from _files_of(folder.path)


def _files_of(folder: str) -> Iterator[Kept]:
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            found = entry.stat(follow_symlinks=False)
            is_page = entry.name.endswith(_SUFFIX) and not entry.name.startswith(".")
            sha256 = entry.name.removesuffix(_SUFFIX) if is_page else None
            yield Kept(Path(entry.path), sha256, found.st_size, found.st_mtime)
