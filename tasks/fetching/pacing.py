"""How fast one host is asked, and when it is no longer asked at all."""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime

from tasks.fetching.answer import FetchState
from tasks.fetching.turns import Turns
from tasks.settings import SEOUL

PATIENCE = {FetchState.BLOCKED: 3, FetchState.LIMITED: 1, FetchState.UNREACHABLE: 3, FetchState.BROKEN: 5}
"""Answers in a row, by state, after which a host is left alone for the rest of the run."""


class Host:
    """The pace of one host, shared by all threads of a session and, by its turns, by all sessions of a world."""

    def __init__(self, requests_per_second: float, turns: Turns) -> None:
        self._interval_s = 1.0 / requests_per_second  # infinite rate: 0 s
        self._turns = turns
        self._lock = threading.Lock()
        self._held_until = 0.0  # on the monotonic clock
        self._rows: dict[str, tuple[FetchState, int]] = {}
        self._is_left_alone = threading.Event()
        self.is_silent = False  # its last answer was none: it is asked once, not several times, until one comes
        self.closed: FetchState | None = None
        self.closed_until: datetime | None = None

    def wait_turn(self) -> None:
        """Sleep until this host may be asked again, or is closed; turns are up to 30 % longer than the interval."""
        at = -1.0
        while at < self._held_until:  # a wait that the host has asked for meanwhile: a new turn, after it
            at = self._turns.take(self._interval_s * random.uniform(1.0, 1.3))  # noqa: S311 - jitter, no secret
            while (left_s := at - time.monotonic()) > 0:
                if self._is_left_alone.wait(left_s):
                    return

    def hold(self, seconds: float) -> None:
        """Ask nobody here before `seconds` have passed."""
        with self._lock:
            self._held_until = max(self._held_until, time.monotonic() + seconds)
            self._turns.hold(self._held_until)

    def slow_down(self, interval_s: float) -> None:
        """Leave at least that long between two requests; a host that is asked more slowly already stays so."""
        with self._lock:
            self._interval_s = max(self._interval_s, interval_s)

    def close_until(self, moment: datetime) -> None:
        """Leave this host alone: it asked for a wait that is too long for a run."""
        with self._lock:
            self.closed_until = moment
            self._close(FetchState.LIMITED)

    def note(self, state: FetchState, judge: str = "http") -> None:
        """Remember the state of an answer, and close the host when it has been bad too often in a row.

        Each judge has a row of its own: what HTTP calls fine, the parser may know for a challenge page.
        """
        with self._lock:
            before, n_before = self._rows.get(judge, (state, 0))
            n = n_before + 1 if state is before else 1
            self._rows[judge] = (state, n)
            if n >= PATIENCE.get(state, n + 1):
                self._close(state)

    def _close(self, state: FetchState) -> None:
        self.closed = self.closed or state
        self._is_left_alone.set()

    def why_closed(self) -> str:
        """The closing in words."""
        if self.closed_until:
            until = self.closed_until.astimezone(SEOUL)
            return f"closed until {until:%Y-%m-%d %H:%M} (Seoul), as it asked for a long wait"
        n = PATIENCE[self.closed] if self.closed else 0
        return f"closed for this run after {n} {self.closed} answer{'s' if n != 1 else ''}" + (" in a row" * (n > 1))
