"""Where the lake lies: in a folder of this machine, or below an address of an object store (`s3://bucket/prefix`).

Both are paths to whoever uses them: a `pathlib.Path` here, a `upath.UPath` there, which speaks to the store through
fsspec. What differs between the two is said in this module alone: how a file takes another's name, how many are listed
at once. Keys come from the environment (`AWS_ACCESS_KEY_ID` and the like) alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

REMOTE = ("s3",)
_SCALE = "install it with: pip install 'ostinato[scale]'"


class PlaceError(ValueError):
    """An address that cannot be used: its text says why."""


@dataclass(frozen=True)
class Listed:
    """A file as one listing tells of it."""

    path: Path
    size: int
    """Bytes."""
    version: str
    """What changes with the content: the time of the last change, or the store's own tag of the content."""

    @property
    def mark(self) -> str:
        """Path, size and version as one text."""
        return f"{self.path}|{self.size}|{self.version}"


def place(address: str) -> Path:
    """The path behind an address: a folder's, a `file://` or an `s3://` one.

    Raises
    ------
    PlaceError
        When the address is of another kind, or the packages for it are missing.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return Path(address).expanduser().absolute()
    if scheme == "file":
        return Path(rest).absolute()
    if scheme not in REMOTE:
        raise PlaceError(f"it begins with {scheme}://, but a lake lies in a folder or below s3://")
    if not urlsplit(address).netloc:
        raise PlaceError("it names no bucket, as s3://my-bucket/ostinato does")
    if "@" in urlsplit(address).netloc or "?" in address:  # it is shown in logs and by `ps`
        raise PlaceError("it holds keys; put those into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    try:
        from upath import UPath
    except ImportError:
        raise PlaceError(f"the package universal-pathlib is missing; {_SCALE}") from None
    # Listings are asked for anew each time: other machines write to the store as well.
    return cast(Path, UPath(address.rstrip("/"), use_listings_cache=False))


def is_remote(path: Path) -> bool:
    """True for a path of an object store."""
    return not isinstance(path, Path)


def listing(folder: Path, pattern: str) -> list[Listed]:
    """All files below a folder that fit a pattern, in order; from a store with one request a thousand files."""
    if not is_remote(folder):
        listed = []
        for path in sorted(folder.glob(pattern)):
            with suppress(FileNotFoundError):  # its owner has just removed or replaced it
                told = path.stat()
                listed.append(Listed(path, told.st_size, str(told.st_mtime_ns)))
        return listed
    remote: Any = folder
    told = remote.fs.glob(f"{remote.path}/{pattern}", detail=True)
    below = len(remote.path) + 1
    return [
        Listed(folder / name[below:], facts["size"], facts["ETag"].strip('"')) for name, facts in sorted(told.items())
    ]


def make_folder(folder: Path) -> None:
    """Make a folder for a file; a store has none."""
    if not is_remote(folder):
        folder.mkdir(parents=True, exist_ok=True)


def create(path: Path, text: str) -> bool:
    """Write an object of a store unless there is one of its name, and tell whether it was written."""
    remote: Any = path
    try:
        remote.fs.pipe_file(remote.path, text.encode(), mode="create")
    except FileExistsError:
        return False
    return True


def content_of(path: Path) -> str:
    """The text of an object of a store, from one request: it may be replaced at any time.

    Raises
    ------
    FileNotFoundError
        When it is gone.
    """
    remote: Any = path
    return str(remote.fs.cat_file(remote.path).decode())


def flush(file: Path) -> None:
    """Bring a written file to the disk; a store has done so when it answers."""
    if not is_remote(file):
        with file.open("rb") as written:
            os.fsync(written.fileno())


def opened(file: Path) -> IO[bytes]:
    """A file open for reading bytes."""
    return file.open("rb")


@contextmanager
def naming_faults(path: Path) -> Iterator[None]:
    """Say what a store answered as an `OSError` of the path, whatever its client raises.

    Raises
    ------
    OSError
        When the store cannot be reached, or refuses.
    """
    if not is_remote(path):
        yield
        return
    try:
        yield
    except OSError as fault:
        raise _told(fault) from fault
    except Exception as fault:
        client = sys.modules.get("botocore.exceptions")
        if client is None or not isinstance(fault, (client.BotoCoreError, client.ClientError)):
            raise
        raise _told(fault) from fault


def _told(fault: Exception) -> OSError:
    """A fault in the store's own words, with what to look at."""
    said = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    words = " ".join(said.split()).rstrip(".")[:200] or type(fault).__name__
    kind = type(fault) if isinstance(fault, (FileNotFoundError, PermissionError)) else OSError
    return kind(0, f"{words}; check the bucket, the keys (AWS_ACCESS_KEY_ID and the like) and AWS_ENDPOINT_URL")
