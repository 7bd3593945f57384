"""How alike two names or two titles are: rapidfuzz over batches of pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process

_SMALL_WORDS = frozenset(["the", "that", "and"])

Scorer = Callable[..., float]
_ROUNDING = 1e-6  # what is exactly as alike as asked for is not lost to rounding
Scores = npt.NDArray[np.float64]


def name_similarity(left: Sequence[str], right: Sequence[str], *, at_least: float = 0.0, threads: int = 1) -> Scores:
    """How alike two normalised names are, 0 to 1, pair by pair.

    The letters decide, whatever the order of words; a name within a longer one counts 0.95 when it has two words or
    more (`jimi hendrix` in `jimi hendrix experience`), since one word is in too many names. Likeness below `at_least`
    may be given as 0, which takes less time.

    >>> name_similarity(["jimi hendrix", "john"], ["jimi hendrix experience", "john lennon"])
    array([0.95      , 0.53333333])
    """
    letters = _scores(fuzz.token_sort_ratio, left, right, at_least, threads)
    as_written = _scores(fuzz.ratio, left, right, at_least, threads)
    words = _scores(fuzz.token_set_ratio, left, right, 1.0, threads)
    is_long = np.array([" " in a and " " in b for a, b in zip(left, right, strict=True)], dtype=bool)
    return np.maximum(np.maximum(letters, as_written), np.where(is_long, 0.95 * words, 0.0))


def title_similarity(left: Sequence[str], right: Sequence[str], *, at_least: float = 0.0, threads: int = 1) -> Scores:
    """How alike two normalised titles are, 0 to 1, pair by pair: 0 where a number or a whole word sets them apart.

    Likeness below `at_least` may be given as 0, which takes less time.

    >>> title_similarity(["losing my religion", "waltz no 2"], ["loosing my religion", "waltz no 1"])
    array([0.97297297, 0.        ])
    >>> title_similarity(["officially missing you"], ["officially missing you too"])
    array([0.])
    """
    scores = _scores(fuzz.ratio, left, right, at_least, threads)
    for place in np.flatnonzero(scores).tolist():
        if _is_other_song(set(left[place].split()), set(right[place].split())):
            scores[place] = 0.0
    return scores


def _scores(scorer: Scorer, left: Sequence[str], right: Sequence[str], at_least: float, threads: int) -> Scores:
    cutoff = max(100 * at_least - _ROUNDING, 0)
    return process.cpdist(left, right, scorer=scorer, score_cutoff=cutoff, dtype=np.float64, workers=threads) / 100


def _is_other_song(left: set[str], right: set[str]) -> bool:
    only_left, only_right = left - right, right - left
    differing = only_left | only_right
    has_number = any(char.isdigit() for word in differing for char in word)
    has_extra_word = not (only_left and only_right) and any(len(word) > 2 for word in differing - _SMALL_WORDS)
    return has_number or has_extra_word
