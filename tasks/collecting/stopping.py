"""Stops that come at a bad moment: held back until what is under way has landed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 10.0  # a page that hangs takes minutes, and what has landed needs no more than this
AGAIN_S = 0.5


@contextmanager
def stops_held_back(patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Let the block end before Ctrl-C or SIGTERM takes effect; a second one, or `patience_s`, ends it at once.

    Only the main thread is told of signals, so that elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.getsignal(number) for number in _STOPS}
    came: list[int] = []
    is_over = threading.Event()
    main = threading.get_ident()

    def restore() -> None:
        for number, handler in earlier.items():
            signal.signal(number, handler)

    def remind(number: int) -> None:
        """Wake the main thread from what it waits for; again where it was just about to wait and so missed that."""
        wait_s = patience_s
        while not is_over.wait(wait_s):
            signal.pthread_kill(main, number)
            wait_s = AGAIN_S

    def hold_back(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            is_over.set()
            restore()
            signal.raise_signal(number)
        else:
            threading.Thread(target=remind, args=(number,), daemon=True).start()

    for number, handler in earlier.items():
        if handler is not signal.SIG_IGN and handler is not None:
            signal.signal(number, hold_back)
    try:
        yield
    finally:
        is_over.set()
        restore()
        if len(came) == 1:
            signal.raise_signal(came[0])
