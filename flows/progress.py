"""Tells whoever watches how far a run has come: the terminal, the run's log, the Prefect UI.

Steps report `(done, total)`; the terminal redraws at once, the log gets a line every few seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from prefect.logging import get_run_logger

Listener = Callable[[str, int, int], None]
"""Called with the step's title, items done and items in all (0 when not known yet)."""

LOG_EVERY_S = 5.0

_listeners: list[Listener] = []
_lock = threading.Lock()


def watch(listener: Listener) -> Callable[[], None]:
    """Call `listener` at every report of this process, until the returned function is called."""
    with _lock:
        _listeners.append(listener)
    return lambda: _listeners.remove(listener)


class StepProgress:
    """The progress of one step: enter it when the step begins, call it as `progress(done, total)`."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._logged_at = time.monotonic()
        self._tell(0, 0)

    def __call__(self, done: int, total: int, detail: str = "") -> None:
        """Report that `done` of `total` items are finished."""
        self._tell(done, total)
        now = time.monotonic()
        if now - self._logged_at >= LOG_EVERY_S:
            self._logged_at = now
            get_run_logger().info("%s: %d of %d %s", self.title, done, total, detail)

    def __enter__(self) -> Self:
        self._started_at = time.perf_counter()
        self._tell(0, 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._tell(1, 1)
            get_run_logger().info("%s: done in %.1f s", self.title, time.perf_counter() - self._started_at)

    def _tell(self, done: int, total: int) -> None:
        with _lock:
            for listener in _listeners:
                listener(self.title, done, total)
