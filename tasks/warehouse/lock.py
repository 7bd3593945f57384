"""One process at a time changes a world; the operating system frees the lock when its owner dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tasks.disk import take_lock, writing
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings

_STARTING = "its owner is just starting"

_held: dict[Path, int] = {}
_files: dict[Path, IO[str]] = {}
_guard = threading.Lock()


@contextmanager
def world_lock(settings: Settings, *, wait_s: float = 0, part: str = "world") -> Iterator[None]:
    """Hold the world for writing; taking it again inside the same process is free.

    A `part` of its own is held by work that takes hours and only lands batches of its own in the lake, so that the
    nightly run goes on beside it.

    The lock is the kernel's (`flock`), so that a killed owner never leaves it behind; the file's text only
    tells people who holds it.

    Raises
    ------
    OstinatoError
        When another process holds the world for longer than `wait_s` seconds, or the home cannot be written.
    """
    path = settings.world / f"{part}.lock"
    _acquire(path, wait_s)
    try:
        yield
    finally:
        with _guard:
            _held[path] -= 1
            if _held[path] == 0:
                del _held[path]
                _release(_files.pop(path))


def _acquire(path: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        with _guard:
            if path in _held:
                _held[path] += 1
                return
            if _try_take(path):
                _held[path] = 1
                return
        if time.monotonic() >= deadline:
            raise OstinatoError(
                f"Another run works on this world ({_owner(path)}); wait for it to end, then try again."
            )
        time.sleep(0.2)


def _try_take(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as fault:
        raise OstinatoError(
            f"The home {path.parent.parent} cannot be written ({fault.strerror}); "
            "make it writable or name another folder in OSTINATO_HOME."
        ) from None
    try:
        take_lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    with writing(path):
        file.seek(0)
        file.truncate()
        since = utc_now().isoformat(timespec="seconds")
        json.dump({"process": os.getpid(), "host": socket.gethostname(), "since": since}, file)
        file.flush()
    _files[path] = file
    return True


def _release(file: IO[str]) -> None:
    """Take our name off first: the next owner holds the lock for a moment before it has written its own."""
    with contextlib.suppress(OSError):
        file.truncate(0)
    file.close()


def _owner(path: Path) -> str:
    """Who holds the lock, by its own word; the word of one that has died is not the holder's."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        told = f"process {owner['process']}, since {owner['since']}"
        if owner["host"] != socket.gethostname():
            return f"{told}, on {owner['host']}"
        return told if is_alive(owner["process"]) else _STARTING
    except (OSError, ValueError, KeyError, TypeError):
        return _STARTING


def is_alive(process: int) -> bool:
    """Whether a process of this machine lives, whoever owns it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
