"""Melon's charts: which 100 songs, in which order, for an hour, a day, a week, a month, a year, a decade.

A song's score falls with its age and wavers from week to week, so a chart is alike from one day to the next and
another one after a season. A period that has not closed by the world's clock has no chart.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from sandbox.korean import FIRST_YEAR, Song
from sandbox.periods import Period
from sandbox.world import World

N_ROWS = 100
MONTHS_TO_FADE = 4.0
YEARS_BACK = 3
DOMESTIC = frozenset({"GN0000", "DM0000", "KPOP"})
FOREIGN = frozenset({"GN0000", "AB0000", "POP", "GN0900"})
FOREIGN_LEAD = 0.0  # in appeal: songs from abroad are older, and yet some chart
HOT_DAYS = 100  # HOT100 ranks what came out in the last hundred days, before all else
HOT_LEAD = 20.0  # in appeal


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the rank, and how it moved since the period before (None: it was not in that chart)."""

    rank: int
    song: Song
    places_up: int | None


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


@lru_cache(maxsize=4096)
def ranking(world: World, period: Period, scope: str) -> tuple[Song, ...]:
    """The songs of a chart in order, at most 100; remembered, since it depends on the period alone."""
    songs = candidates(world, period, scope)
    scored = sorted(songs, key=lambda song: (-score(song, period), song.song_id))
    return tuple(scored[:N_ROWS])


def hot_rows(world: World, period: Period) -> list[Row]:
    """The 100 rows of HOT100: new songs first, then older ones as long as places are left."""

    def heat(song: Song) -> float:
        return score(song, period) + HOT_LEAD * ((period.last - song.released_on).days < HOT_DAYS)

    songs = sorted(candidates(world, period, "GN0000"), key=lambda song: (-heat(song), song.song_id))
    return [Row(rank, song, None) for rank, song in enumerate(songs[:N_ROWS], 1)]


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
