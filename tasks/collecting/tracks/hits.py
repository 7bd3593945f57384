"""Which hits of a search are the song that was asked for: a score of title, artist and length, and a threshold."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rapidfuzz import fuzz

from tasks.collecting.tracks.questions import ADDITIONS, Question
from tasks.sources.spotify import TrackRow
from tasks.text import artist_names, normalise, title_core
from tasks.titles import version_marks

KEPT = 10
"""Hits kept of one question at most: releases of a song beyond that add nothing."""
LEAST_SCORE = 0.7
"""A hit scored lower is another song."""
LEAST_TITLE = 0.7
LEAST_ARTIST = 0.6
"""Titles and artists less alike than that have nothing to do with each other."""

# A title alone is enough where the artists cannot be compared; the same title by somebody else is not, even with
# the same length. A recording code makes up for a wrong title or a wrong artist, as codes are mistaken now and then,
# but not for both.
TITLE_WEIGHT, ARTIST_WEIGHT, LENGTH_WEIGHT, ISRC_WEIGHT = 0.5, 0.35, 0.15, 0.6
OTHER_VERSION = 0.9  # what a live take, a remix or a karaoke version keeps of its score
SAME_LENGTH_MS, OTHER_LENGTH_MS = 3_000, 15_000


def best_hits(question: Question, hits: Iterable[TrackRow], *, isrc: str | None = None) -> list[TrackRow]:
    """The hits that are the song asked for, best first, each track once.

    Hits of a search by recording code (`isrc`) that do not show it themselves, as for some apps in development mode,
    get it from the search.
    """
    scored: dict[str, tuple[float, TrackRow]] = {}
    for hit in hits:
        points = score(question, hit, is_by_isrc=isrc is not None)
        if points >= LEAST_SCORE:
            scored.setdefault(hit["track_id"], (points, hit))
    best = sorted(scored.values(), key=lambda one: -one[0])[:KEPT]
    return [_with_isrc(hit, isrc) for _, hit in best]


def score(question: Question, hit: TrackRow, *, is_by_isrc: bool = False) -> float:
    """How likely a hit is the song asked for, 0 to 1: the weighed mean of what can be compared.

    A title in another script says nothing, so only a recording code can vouch for it; an artist in another script, or
    a performer where only the writer is known, does not count; nor does a length where one is not known.

    >>> hit = TrackRow(track_id="1", isrc=None, title="Happy", artists=["Pharrell Williams"], album=None,
    ...     released_on=None, duration_ms=233_000, explicit=None)
    >>> score(Question("Happy", "Pharrell Williams", duration_ms=232_000), hit)
    1.0
    >>> round(score(Question("Happy", "Leona Lewis"), hit), 2)
    0.59
    """
    title = _title_likeness(question.title, hit["title"])
    if not is_by_isrc and (title is None or title < LEAST_TITLE):
        return 0.0
    artist = _artist_likeness(question.artist, hit["artists"])
    if question.is_by_writer and not artist:
        artist = None
    evidence = [
        (TITLE_WEIGHT, title),
        (ARTIST_WEIGHT, artist),
        (LENGTH_WEIGHT, _length_likeness(question.duration_ms, hit["duration_ms"])),
        (ISRC_WEIGHT, 1.0 if is_by_isrc else None),
    ]
    known = [(weight, value) for weight, value in evidence if value is not None]
    mean = sum(weight * value for weight, value in known) / sum(weight for weight, _ in known)
    is_same_version = version_marks(question.title) == version_marks(hit["title"])
    return mean if is_same_version else mean * OTHER_VERSION


def title_similarity(one: str, other: str) -> float:
    """How alike two titles are, 0 to 100: the best of their cores, whole forms and bracketed second names.

    >>> title_similarity("사계 (Four Seasons)", "Four Seasons"), title_similarity("Happy", "Happy - Remastered 2011")
    (100.0, 100.0)
    >>> round(title_similarity("Happy", "Happy Together"))
    53
    """
    pairs = [(mine, theirs) for mine in _main_names(one) for theirs in _main_names(other) + _second_names(other)]
    pairs += [(mine, theirs) for mine in _second_names(one) for theirs in _main_names(other)]
    return max(fuzz.ratio(mine, theirs) for mine, theirs in pairs)


def _title_likeness(one: str, other: str) -> float | None:
    """0 to 1; null where the titles share no script, as a Korean title and its translation."""
    likeness = title_similarity(one, other) / 100
    return likeness if likeness >= LEAST_TITLE or _are_comparable(one, other) else None


def _artist_likeness(asked: str, artists: Sequence[str]) -> float | None:
    """0 to 1 by the likest two of all their names, 0 below `LEAST_ARTIST`; null where none share a script."""
    theirs = frozenset[str]().union(*(artist_names(artist) for artist in artists))
    pairs = [(a, b) for a in artist_names(asked) for b in theirs if _are_comparable(a, b)]
    if not pairs:
        return None
    best = max(_name_likeness(a, b) for a, b in pairs)
    return best if best >= LEAST_ARTIST else 0.0


def _name_likeness(one: str, other: str) -> float:
    """By letters, whatever the order of words; a name of two words or more within a longer one counts 0.95."""
    is_within = " " in one and " " in other and fuzz.token_set_ratio(one, other) == 100
    return max(fuzz.token_sort_ratio(one, other) / 100, 0.95 if is_within else 0.0)


def _length_likeness(asked_ms: int | None, hit_ms: int | None) -> float | None:
    """1 within three seconds, 0 from fifteen on, in between on a line; null where a length is not known.

    >>> [_length_likeness(200_000, ms) for ms in (202_000, 209_000, 240_000, None)]
    [1.0, 0.5, 0.0, None]
    """
    if not asked_ms or not hit_ms:
        return None
    off_ms = abs(asked_ms - hit_ms)
    return min(1.0, max(0.0, (OTHER_LENGTH_MS - off_ms) / (OTHER_LENGTH_MS - SAME_LENGTH_MS)))


def _are_comparable(one: str, other: str) -> bool:
    scripts, others = _scripts(one), _scripts(other)
    return not scripts or not others or not scripts.isdisjoint(others)


@lru_cache(maxsize=1 << 14)
def _scripts(text: str) -> frozenset[str]:
    """The scripts of a text's letters, by their Unicode names.

    >>> sorted(_scripts("아이유 (IU) 23"))
    ['HANGUL', 'LATIN']
    """
    return frozenset(unicodedata.name(char, "").split(" ")[0] for char in text if char.isalpha())


def _with_isrc(hit: TrackRow, isrc: str | None) -> TrackRow:
    return hit if hit["isrc"] else {**hit, "isrc": isrc}


def _main_names(title: str) -> list[str]:
    return [title_core(title), normalise(title)]


def _second_names(title: str) -> list[str]:
    return [name for inside in ADDITIONS.findall(title) if (name := normalise(inside))]
