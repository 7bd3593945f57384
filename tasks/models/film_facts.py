"""What is known of a film before release, as numbers: frequent names as indicators, all names by their past scores.

Every encoder is fitted on the films that are learnt from and on no other. Votes, popularity and revenue are never
read; nor is the number of keywords, which viewers add after release, so that it tells how popular a film became.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

FIELDS = ("released_on", "genres", "runtime_min", "budget_usd", "original_language", "companies", "keywords")
"""Columns that a film is predicted from: those of `features.film_before_release`."""

PLAIN = ("runtime_min", "log_budget_usd", "released_year", "released_month", "n_genres", "n_companies")
LEAST_BUDGET_USD = 1000
"""Less was typed in millions or in jest, and is unknown."""

MIN_FILMS: Mapping[str, int] = {"original_language": 10, "genres": 20, "companies": 8, "keywords": 10}
"""How many films must have a name for it to be an indicator of its own."""

DAMPING: Mapping[str, float] = {"companies": 5.0, "keywords": 10.0}
"""Films of the mean score that are added to those of every name: a company of one film is no judge of its next."""

N_PARTS, SEED = 5, 20_240_601

NameScores = dict[str, tuple[float, int]]
"""Name -> (sum of its films' distances from the mean score, number of its films)."""


@dataclass(frozen=True)
class Encoder:
    """Turns films into numbers by what the films it was fitted on had."""

    indicators: dict[str, tuple[str, ...]]
    """Field -> names with a column of their own, in alphabetical order."""
    scores: dict[str, NameScores]
    """Field -> past scores of its names."""

    @staticmethod
    def fit(films: pd.DataFrame, score: np.ndarray) -> Encoder:
        """Learn frequent names, and how films (n,) with each name scored (n,), 0 to 10."""
        return Encoder(
            {field: _frequent(_names(films[field]), least) for field, least in MIN_FILMS.items()},
            {field: _name_scores(_names(films[field]), score) for field in DAMPING},
        )

    @property
    def columns(self) -> list[str]:
        """What each column of `apply` is."""
        named = [f"{field}={name}" for field, names in self.indicators.items() for name in names]
        return [*PLAIN, *named, *(f"{field}_{how}" for field in self.scores for how in ("mean", "pooled"))]

    def apply(self, films: pd.DataFrame) -> np.ndarray:
        """Films that were not learnt from, as float64 (n, columns); NaN where a field is unknown."""
        return self._matrix(
            films, {field: past_scores(_names(films[field]), self.scores[field], field) for field in DAMPING}
        )

    def apply_to_learnt(self, films: pd.DataFrame, score: np.ndarray) -> np.ndarray:
        """The films that this encoder was fitted on, each with past scores of the other four fifths of them.

        A film's own score in its features would be learnt instead of what they say of other films.
        """
        part = np.random.default_rng(SEED).permutation(len(films)) % N_PARTS
        found = {field: np.full((len(films), 2), np.nan) for field in DAMPING}
        for field in DAMPING:
            names = _names(films[field])
            for number in range(N_PARTS):
                others, own = np.flatnonzero(part != number), np.flatnonzero(part == number)
                known = _name_scores([names[row] for row in others], score[others])
                found[field][own] = past_scores([names[row] for row in own], known, field)
        return self._matrix(films, found)

    def _matrix(self, films: pd.DataFrame, scores: Mapping[str, np.ndarray]) -> np.ndarray:
        marks = [indicator_matrix(_names(films[field]), names) for field, names in self.indicators.items()]
        return np.hstack([plain_matrix(films), *marks, *(scores[field] for field in self.scores)])


def plain_matrix(films: pd.DataFrame) -> np.ndarray:
    """The fields of `PLAIN` as float64 (n, 6), NaN where unknown; a year is a number with the month as its fraction."""
    budget = films["budget_usd"].to_numpy(float, na_value=np.nan)
    runtime = films["runtime_min"].to_numpy(float, na_value=np.nan)
    date = films["released_on"].astype("string")
    year, month = (pd.to_numeric(date.str.slice(*span), errors="coerce") for span in ((0, 4), (5, 7)))
    month_number = month.to_numpy(float, na_value=np.nan)
    columns = [
        np.where(runtime > 0, runtime, np.nan),
        np.log(np.where(budget >= LEAST_BUDGET_USD, budget, np.nan)),
        year.to_numpy(float, na_value=np.nan) + (np.nan_to_num(month_number, nan=6.5) - 0.5) / 12,
        month_number,
        *(_counts(films[field]) for field in ("genres", "companies")),
    ]
    return np.column_stack(columns)


def indicator_matrix(names: Sequence[Sequence[str]], columns: Sequence[str]) -> np.ndarray:
    """1.0 where a film has the column's name (n, columns).

    >>> indicator_matrix([["drama"], [], ["war", "drama"]], ["drama", "war"]).tolist()
    [[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]
    """
    position = {name: column for column, name in enumerate(columns)}
    marks = np.zeros((len(names), len(columns)))
    for row, found in enumerate(names):
        marks[row, [position[name] for name in found if name in position]] = 1.0
    return marks


def past_scores(names: Sequence[Sequence[str]], known: NameScores, field: str) -> np.ndarray:
    """How films with each film's names scored: (n, 2) distances from the mean score, NaN where no name is known.

    The first is the mean of the names' own damped means, the second the damped mean over all their films together.

    >>> past_scores([["a", "b", "new"], ["new"]], {"a": (5.0, 5), "b": (-2.0, 15)}, "companies").tolist()
    [[0.2, 0.12], [nan, nan]]
    """
    damping = DAMPING[field]
    found = np.full((len(names), 2), np.nan)
    for row, own in enumerate(names):
        past = [known[name] for name in own if name in known]
        if past:
            together = sum(total for total, _ in past) / (sum(count for _, count in past) + damping)
            found[row] = np.mean([total / (count + damping) for total, count in past]), together
    return found


def _name_scores(names: Sequence[Sequence[str]], score: np.ndarray) -> NameScores:
    distance = score - score.mean() if len(score) else score
    found: NameScores = {}
    for own, value in zip(names, distance.tolist(), strict=True):
        for name in own:
            total, count = found.get(name, (0.0, 0))
            found[name] = (total + value, count + 1)
    return found


def _frequent(names: Iterable[Sequence[str]], min_films: int) -> tuple[str, ...]:
    counts = Counter(name for own in names for name in own)
    return tuple(sorted(name for name, count in counts.items() if count >= min_films))


def _names(given: pd.Series[list[str]] | pd.Series[str]) -> list[list[str]]:
    """Each film's names in lower case, every one once, in alphabetical order; none where unknown."""
    return [sorted({name.strip().lower() for name in _as_list(cell) if name and name.strip()}) for cell in given]


def _as_list(cell: object) -> list[str]:
    if isinstance(cell, str):
        return [cell]
    return list(cell) if isinstance(cell, list | tuple | np.ndarray) else []


def _counts(given: pd.Series[list[str]]) -> np.ndarray:
    return np.array([len(_as_list(cell)) or np.nan for cell in given], dtype=float)
