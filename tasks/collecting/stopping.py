"""Stops that come at a bad moment: held back until what is under way has landed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stops_held_back() -> Iterator[None]:
    """Let the block end before Ctrl-C or SIGTERM takes effect; a second one takes effect at once.

    Only the main thread is told of signals, so that elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.getsignal(number) for number in _STOPS}
    came: list[int] = []

    def restore() -> None:
        for number, handler in earlier.items():
            signal.signal(number, handler)

    def hold_back(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            restore()
            signal.raise_signal(number)

    for number, handler in earlier.items():
        if handler is not signal.SIG_IGN and handler is not None:
            signal.signal(number, hold_back)
    try:
        yield
    finally:
        restore()
        if len(came) == 1:
            signal.raise_signal(came[0])
