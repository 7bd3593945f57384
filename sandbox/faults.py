"""Faults that a test or an operator orders, and which request gets which: by count, by rate, by address.

An order stands for a site (or `*`, all sites) and a path. What a request gets depends on the world's seed, the order's
place in the list and the number of the request, so the same requests in the same order meet the same faults again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from sandbox import names

EVERY_SITE = "*"
ALL = "all"
DAY_S = 86_400

REFUSALS = ("limited", "blocked", "broken", "overload", "html")  # another answer in place of the right one
TRANSPORT = ("slow", "hang", "cut", "torn")  # the right answer late, never, or in part
CONTENT = ("missing_fields", "duplicates", "moving", "old_markup", "changed_markup")  # another state of the site
KINDS = (*REFUSALS, *TRANSPORT, *CONTENT)

_FILM_LIST = r"/movie$|/movie/(now-playing|upcoming|top-rated)$|/discover/movie/items$"
_API_LIST = r"/3/discover/movie$|/3/movie/popular$"
_TRACKS = r"/v1/(search|tracks)"
_CHARTS = r"/chart/"
_ANYTHING = r"/(?!robots\.txt$)"

# Where a fault of content can show: site -> path. What is not here cannot go wrong in that way there.
CONTENT_PATHS: dict[str, dict[str, str]] = {
    "missing_fields": {
        "tmdb": rf"/movie/\d|{_FILM_LIST}",
        "tmdb_api": r"/3/(movie/\d|discover)",
        "imdb": r"/title/[^/]+/soundtrack",
        "melon": r"/chart/|/song/",
        "spotify_api": _TRACKS,
        "reccobeats": r"/v1/audio-features",
        "musicbrainz": r"/ws/2/",
        "youtube_api": r"/youtube/v3/search",
    },
    "duplicates": {
        "tmdb": _FILM_LIST,
        "tmdb_api": _API_LIST,
        "tmdb_files": r"/p/exports/",
        "spotify_api": r"/v1/search",
        "reccobeats": r"/v1/audio-features",
        "musicbrainz": r"/ws/2/release$",
        "youtube_api": r"/youtube/v3/search",
    },
    "moving": {"tmdb": _FILM_LIST, "tmdb_api": _API_LIST},
    "old_markup": {
        "tmdb": _FILM_LIST,
        "imdb": r"/title/[^/]+/soundtrack",
        "melon": r"/chart/|/song/",
        "spotify_api": _TRACKS,
    },
    "changed_markup": {
        "tmdb": _ANYTHING,
        "tmdb_api": _ANYTHING,
        "imdb": _ANYTHING,
        "melon": _ANYTHING,
        "spotify_api": _ANYTHING,
        "reccobeats": _ANYTHING,
        "musicbrainz": _ANYTHING,
        "youtube_api": _ANYTHING,
    },
}


class OrderError(ValueError):
    """An order that cannot stand; its text says why."""


class Dealt(NamedTuple):
    """A fault for one request; `number` counts this kind's faults on this site, from 0, and `rng` draws its details."""

    kind: str
    number: int
    retry_after_s: int
    rng: Random


@dataclass
class Order:
    """One ordered fault: the next `times` matching requests, or the share `rate` of them, or both."""

    kind: str
    times: int | None
    rate: float | None
    path: str
    retry_after_s: int
    place: str
    n_requests: Counter[str] = field(default_factory=Counter)
    dealt: dict[str, Counter[str]] = field(default_factory=dict)

    def draw(self, seed: int, site: str, path: str) -> Dealt | None:
        """The fault of this request, if it gets one."""
        if self.times == 0 or not _is_below(path, self.path):
            return None
        kinds = [(self.kind, self.retry_after_s)] if self.kind != ALL else kinds_at(site, path)
        if not kinds or not suits(kinds[0][0], site, path):
            return None
        number = self.n_requests[site]
        self.n_requests[site] += 1
        rng = names.generator(seed, "fault", self.place, site, number)
        if self.rate is not None and rng.random() >= self.rate:
            return None
        if self.times is not None:
            self.times -= 1
        kind, retry_after_s = rng.choice(kinds)
        n_before = self.dealt.setdefault(site, Counter())[kind]
        self.dealt[site][kind] += 1
        return Dealt(kind, n_before, retry_after_s, rng)

    def as_json(self) -> dict[str, Any]:
        """What the order asks for, how many requests it has seen and what it has dealt."""
        total = sum(self.dealt.values(), Counter())
        return {
            "kind": self.kind,
            "times": self.times,
            "rate": self.rate,
            "path": self.path,
            "retry_after_s": self.retry_after_s,
            "n_requests": self.n_requests.total(),
            "dealt": dict(sorted(total.items())),
            "dealt_by_site": {site: dict(sorted(counts.items())) for site, counts in self.dealt.items()},
        }


class FaultBook:
    """All orders that stand, by site."""

    def __init__(self, seed: int, sites: Iterable[str] = ()) -> None:
        self._seed = seed
        self._sites = tuple(sites)
        self._orders: dict[str, list[Order]] = {}

    def take(self, body: Any) -> None:
        """Let the orders of `body` stand, in place of those that its sites had.

        Raises
        ------
        OrderError
            When one of them cannot be; none of them stands then.
        """
        if not isinstance(body, Mapping):
            raise OrderError("send {site: order}, {site: [order, ...]} or the like with * for every site")
        taken = {}
        for site, orders in body.items():
            if site != EVERY_SITE and site not in self._sites:
                raise OrderError(f"there is no site {site}; there are {', '.join(self._sites)} and * for every site")
            listed = orders if isinstance(orders, list) else [orders]
            taken[site] = [_read_order(site, order, place) for place, order in enumerate(listed)]
        self._orders |= taken

    def clear(self) -> None:
        """Forget all orders."""
        self._orders.clear()

    def draw(self, site: str, path: str) -> Dealt | None:
        """The fault of the next request for `path`; the first order that strikes counts."""
        if not self._orders:
            return None
        for key in (site, EVERY_SITE):
            for order in self._orders.get(key, ()):
                if dealt := order.draw(self._seed, site, path):
                    return dealt
        return None

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        """All orders, and what each has dealt."""
        return {site: [order.as_json() for order in orders] for site, orders in self._orders.items()}


def suits(kind: str, site: str, path: str) -> bool:
    """Whether the fault can show at that address."""
    if kind not in CONTENT_PATHS:
        return True
    pattern = CONTENT_PATHS[kind].get(site)
    return pattern is not None and re.match(pattern, path) is not None


def kinds_at(site: str, path: str) -> list[tuple[str, int]]:
    """All that can go wrong at an address, each with its wait: of the limits there is a short and a day-long one."""
    kinds = [(kind, 1) for kind in KINDS if suits(kind, site, path)]
    return [*kinds, ("limited", DAY_S)]


def _read_order(site: str, order: Any, place: int) -> Order:
    if not isinstance(order, Mapping) or "kind" not in order:
        raise OrderError(f"an order for {site} has no kind; it is one of {ALL}, {', '.join(KINDS)}")
    known = {"kind", "times", "rate", "path", "retry_after_s"}
    if unknown := sorted(map(str, set(order) - known)):
        raise OrderError(f"an order has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    kind, times, rate = order["kind"], order.get("times"), order.get("rate")
    path, retry_after_s = order.get("path", "/"), order.get("retry_after_s", 1)
    if kind != ALL and kind not in KINDS:
        raise OrderError(f"there is no fault {kind}; there are {ALL}, {', '.join(KINDS)}")
    if kind in CONTENT_PATHS and site != EVERY_SITE and site not in CONTENT_PATHS[kind]:
        raise OrderError(f"{kind} cannot show on {site}, only on {', '.join(CONTENT_PATHS[kind])}")
    if times is not None and not (_is_whole(times) and times > 0):
        raise OrderError(f"times is a whole number above 0, not {times}")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1):
        raise OrderError(f"rate is a share from 0 to 1, not {rate}")
    if not isinstance(path, str) or not path.startswith("/"):
        raise OrderError(f"path begins with /, unlike {path}")
    if not (_is_whole(retry_after_s) and retry_after_s >= 0):
        raise OrderError(f"retry_after_s is a whole number of seconds, not {retry_after_s}")
    return Order(kind, 1 if times is None and rate is None else times, rate, path, retry_after_s, f"{site}/{place}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_below(path: str, prefix: str) -> bool:
    """Whether an address begins with `prefix`, counted from the site's root or from its API's base."""
    return path.startswith(prefix) or re.sub(r"^/(3|v1|ws/2|p/exports|youtube/v3)(?=/)", "", path).startswith(prefix)
