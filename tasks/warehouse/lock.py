"""One process at a time changes a world; the operating system frees the lock when its owner dies."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tasks.disk import take_lock, writing
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings

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
                _files.pop(path).close()


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
        json.dump({"process": os.getpid(), "since": utc_now().isoformat(timespec="seconds")}, file)
        file.flush()
    _files[path] = file
    return True


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"process {owner['process']}, since {owner['since']}"
    except (OSError, ValueError, KeyError):
        return "its owner is just starting"
