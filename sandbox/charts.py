"""Melon's charts: which 100 songs, in which order, for an hour, a day, a week, a month, a year, a decade.

A song's score falls with its age and wavers from week to week, so a chart is alike from one day to the next and
another one after a season. A period that has not closed by the world's clock has no chart.
"""

from __future__ import annotations

import calendar
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.korean import FIRST_YEAR, Song
from sandbox.world import World

N_ROWS = 100
MONTHS_TO_FADE = 4.0
YEARS_BACK = 3
DOMESTIC = frozenset({"GN0000", "DM0000", "KPOP"})
FOREIGN = frozenset({"GN0000", "AB0000", "POP", "GN0900"})
FOREIGN_LEAD = 0.0  # in appeal: songs from abroad are older, and yet some chart


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the rank, and how it moved since the period before (None: it was not in that chart)."""

    rank: int
    song: Song
    places_up: int | None


@dataclass(frozen=True, slots=True)
class Period:
    """A chart's period; `is_long` periods (a year, a decade) show the songs that came out in them."""

    first: date
    last: date
    is_long: bool = False

    @property
    def before(self) -> Period:
        """The period of the same kind before this one."""
        last = self.first - timedelta(days=1)
        if (self.last - self.first).days > 27:
            return Period(last.replace(day=1), last)
        return Period(last - (self.last - self.first), last)


def day_of(day: date) -> Period:
    """One day."""
    return Period(day, day)


def week_before(as_of: date) -> Period:
    """The newest closed week, Monday to Sunday."""
    monday = as_of - timedelta(days=as_of.weekday() + 7)
    return Period(monday, monday + timedelta(days=6))


def month_of(text: str | None, as_of: date) -> Period | None:
    """The month `YYYYMM`, by default the newest closed one; None where it is no month or has not closed."""
    newest = as_of.replace(day=1) - timedelta(days=1)
    if not text:
        return Period(newest.replace(day=1), newest)
    if not (text.isascii() and text.isdigit() and len(text) == 6 and 1 <= int(text[4:]) <= 12):
        return None
    year, month = int(text[:4]), int(text[4:])
    if not FIRST_YEAR + 1 <= year <= newest.year:
        return None
    last = date(year, month, calendar.monthrange(year, month)[1])
    return Period(last.replace(day=1), last) if last <= newest else None


def years_of(chart_type: str, text: str, as_of: date) -> Period | None:
    """The year (`YE`) or decade (`AG`) that `text` names; None where there is no such chart yet."""
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        return None
    year = int(text) if chart_type == "YE" else int(text) // 10 * 10
    n_years = {"YE": 1, "AG": 10}.get(chart_type, 0)
    if n_years == 0 or not year >= FIRST_YEAR or year + n_years - 1 >= as_of.year:
        return None
    return Period(date(year, 1, 1), date(year + n_years - 1, 12, 31), is_long=True)


def rows(world: World, period: Period, scope: str) -> list[Row]:
    """The 100 rows of a chart; `scope` is KPOP, POP or a class code such as GN0000 or GN0100."""
    ranked = ranking(world, period, scope)
    if period.is_long:
        return [Row(rank, song, 0) for rank, song in enumerate(ranked, 1)]
    earlier = {song.song_id: rank for rank, song in enumerate(ranking(world, period.before, scope), 1)}
    return [
        Row(rank, song, earlier[song.song_id] - rank if song.song_id in earlier else None)
        for rank, song in enumerate(ranked, 1)
    ]


def ranking(world: World, period: Period, scope: str) -> list[Song]:
    """The songs of a chart in order, at most 100."""
    songs = candidates(world, period, scope)
    scored = sorted(songs, key=lambda song: (-score(song, period), song.song_id))
    return scored[:N_ROWS]


def candidates(world: World, period: Period, scope: str) -> list[Song]:
    """Songs that had come out by the end of the period and belong to the scope."""
    kept: list[Song] = []
    if scope in DOMESTIC or scope not in FOREIGN:
        kept += recent(world.korean_songs, period, lambda song: scope in DOMESTIC or song.class_code == scope)
    if scope in FOREIGN:
        kept += [song for song in world.foreign_songs if song.released_on <= period.last]
    if len(kept) < N_ROWS:
        kept += recent(world.unlisted_songs, period, lambda song: True)
    return kept


def recent(by_year: Callable[[int], list[Song]], period: Period, belongs: Callable[[Song], bool]) -> list[Song]:
    """Songs out by the period's end: of its years or the three before, and of earlier ones until a chart is full."""
    kept: list[Song] = []
    for year in range(period.last.year, FIRST_YEAR - 1, -1):
        needed = year >= period.first.year - (0 if period.is_long else YEARS_BACK)
        if not needed and len(kept) >= N_ROWS:
            break
        kept += [song for song in by_year(year) if song.released_on <= period.last and belongs(song)]
    return kept


def score(song: Song, period: Period) -> float:
    """How high a song stands in a period: appeal, less age, with a slow waver of its own."""
    seedling = zlib.crc32(song.song_id.encode())
    if period.is_long:
        away = max((period.first - song.released_on).days, 0) / 365.25
        return song.appeal - 0.6 * away + 0.2 * math.sin(seedling + period.first.year)
    age_months = (period.last - song.released_on).days / 30.4
    waver = 0.35 * math.sin(seedling % 628 / 100 + period.last.toordinal() / 9.0)
    return song.appeal - age_months / MONTHS_TO_FADE + waver + (0.0 if song.is_domestic else FOREIGN_LEAD)
