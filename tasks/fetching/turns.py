"""Whose turn it is at a host: the next free moment, shared by all threads and, with a file, by all processes.

A night's run and a backfill may ask the same site at the same time; its pace counts for both together.
"""

from __future__ import annotations

import fcntl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from tasks.disk import writing

_MOMENT = struct.Struct("<d")
_MOST_WAITING = 200  # threads of all processes that may stand in line; a moment further off is of another boot
_LONGEST_HOLD_S = 120.0


class Turns:
    """The next free moment of one host, on the system's monotonic clock, which all processes read alike."""

    def __init__(self, folder: Path | None, host: str) -> None:
        self._file = folder / quote(host, safe="") if folder is not None else None
        self._lock = threading.Lock()
        self._own = 0.0

    def take(self, interval_s: float) -> float:
        """The moment of the next free turn; the one after it is `interval_s` later."""
        with self._lock, self._next_at() as moment:
            now = time.monotonic()
            is_stray = moment[0] > now + _LONGEST_HOLD_S + _MOST_WAITING * interval_s
            at = now if is_stray else max(moment[0], now)
            moment[0] = at + interval_s
            return at

    def hold(self, until: float) -> None:
        """Give no turn before that moment."""
        with self._lock, self._next_at() as moment:
            moment[0] = max(moment[0], until)

    @contextmanager
    def _next_at(self) -> Iterator[list[float]]:
        """The next free moment to read and set; nobody else does so meanwhile."""
        if self._file is None:
            moment = [self._own]
            yield moment
            self._own = moment[0]
            return
        with writing(self._file), _opened(self._file) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            known = file.read(_MOMENT.size)
            moment = [_MOMENT.unpack(known)[0] if len(known) == _MOMENT.size else 0.0]
            yield moment
            file.seek(0)
            file.write(_MOMENT.pack(moment[0]))
            file.flush()  # before the lock goes with the file


def _opened(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path.open("r+b")
