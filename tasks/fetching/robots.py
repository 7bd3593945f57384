"""What robots.txt of a source's hosts allows: each read once a run, by the rules of RFC 9309."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from protego import Protego

from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.classify import SHORT_WAIT_S

_LARGEST_FILE = 512 * 1024  # characters; RFC 9309 asks for 500 KiB at least
Refusal = tuple[FetchState, str]


class Robots:
    """The rules of every host of a source, as they hold for one user agent."""

    def __init__(self, agent: str, read: Callable[[str], Answer], slow_down: Callable[[str, float], None]) -> None:
        self._agent = agent
        self._read = read
        self._slow_down = slow_down
        self._rules: dict[str, Protego | Refusal] = {}
        self._lock = threading.Lock()

    def refusal(self, url: str) -> Refusal | None:
        """Why this URL may not be fetched, as state and sentence; None where it may be."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            if origin not in self._rules:
                self._rules[origin] = self._read_rules(origin)
        rules = self._rules[origin]
        if isinstance(rules, tuple):
            return rules
        if rules.can_fetch(url, self._agent):
            return None
        return FetchState.REFUSED, f"robots.txt of {parts.netloc} forbids it"

    def _read_rules(self, origin: str) -> Protego | Refusal:
        """No file allows everything, a server fault nothing; a pace that is asked for is kept from here on."""
        host = urlsplit(origin).netloc
        answer = self._read(f"{origin}/robots.txt")
        is_absent = answer.status is not None and (answer.status in (200, 204) or 400 <= answer.status < 500)
        if is_absent and answer.state in (FetchState.BLOCKED, FetchState.MISSING, FetchState.EMPTY):
            return Protego.parse("")
        if answer.state is not FetchState.OK:
            state = FetchState.REFUSED if answer.state is FetchState.BROKEN else answer.state
            return state, f"robots.txt of {host} could not be read ({answer.reason})"
        rules = Protego.parse(answer.text[:_LARGEST_FILE])
        interval_s = self._interval_s(rules)
        if interval_s > SHORT_WAIT_S:
            return FetchState.REFUSED, f"robots.txt of {host} asks for {interval_s:.0f} s between requests"
        self._slow_down(origin, interval_s)
        return rules

    def _interval_s(self, rules: Protego) -> float:
        rate = rules.request_rate(self._agent)
        return max(rules.crawl_delay(self._agent) or 0.0, rate.seconds / rate.requests if rate else 0.0)
