"""The 13 audio features as a matrix: what each may hold, what may be missing, and why a row cannot be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.schemas import AUDIO_FEATURES

FEATURES: tuple[str, ...] = tuple(AUDIO_FEATURES)
"""Column names of every feature matrix, in order."""

MAY_BE_MISSING = ("duration_ms", "time_signature")
"""ReccoBeats sends neither; training hides both at random, so that models score well without them."""

REQUIRED: tuple[str, ...] = tuple(name for name in FEATURES if name not in MAY_BE_MISSING)

DAY_MS = 24 * 60 * 60 * 1000.0


@dataclass(frozen=True, slots=True)
class Bound:
    """What a feature can be at all; anything else is a fault of the table, not a rare recording."""

    low: float
    high: float
    is_whole: bool = False

    def __str__(self) -> str:
        span = f"{self.low:,.10g} to {self.high:,.10g}"
        return f"whole numbers from {span}" if self.is_whole else span


_SHARE = Bound(0.0, 1.0)
BOUNDS: dict[str, Bound] = {
    "danceability": _SHARE,
    "energy": _SHARE,
    "key": Bound(-1, 11, is_whole=True),  # -1: none found
    "loudness": Bound(-100.0, 10.0),  # dB; the loudest of 180,000 published tracks is at +4.5
    "mode": Bound(0, 1, is_whole=True),
    "speechiness": _SHARE,
    "acousticness": _SHARE,
    "instrumentalness": _SHARE,
    "liveness": _SHARE,
    "valence": _SHARE,
    "tempo": Bound(0.0, 400.0),  # BPM; 0: not detected
    "duration_ms": Bound(1.0, DAY_MS),
    "time_signature": Bound(0, 16, is_whole=True),  # beats per bar; 0: not detected
}


def to_matrix(table: pd.DataFrame) -> np.ndarray:
    """The features of `table` as float64 (n, 13); NaN where a value or an optional column is missing or no number.

    Raises
    ------
    KeyError
        Naming the required columns that are missing.
    """
    absent = [name for name in REQUIRED if name not in table.columns]
    if absent:
        raise KeyError(", ".join(absent))
    matrix = np.full((len(table), len(FEATURES)), np.nan)
    for position, name in enumerate(FEATURES):
        if name in table.columns:
            matrix[:, position] = _numbers(table[name])
    return matrix


def _numbers(given: pd.Series[Any]) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(given):
        given = pd.to_numeric(given.astype("string"), errors="coerce")
    return given.to_numpy(float, na_value=np.nan)


def row_faults(table: pd.DataFrame, matrix: np.ndarray) -> np.ndarray:
    """Why each row cannot be scored: the first fault as a few words, None for a row that can (object, n).

    >>> row = dict.fromkeys(FEATURES, 0.5) | {"key": 3, "mode": 1, "time_signature": 4, "duration_ms": 2e5}
    >>> rows = pd.DataFrame([row, row | {"energy": None}, row | {"valence": 1.2}, row | {"duration_ms": None}])
    >>> row_faults(rows, to_matrix(rows)).tolist()
    [None, 'energy is missing', 'valence 1.2 is impossible (0 to 1)', None]
    """
    faults = np.full(len(table), None, dtype=object)
    for position in reversed(range(len(FEATURES))):
        name = FEATURES[position]
        if name not in table.columns:
            continue
        values, bound = matrix[:, position], BOUNDS[name]
        given = table[name]
        for row in np.flatnonzero(_is_faulty(values, bound, given, name)):
            faults[row] = _fault(name, values[row], given.iloc[row], bound)
    return faults


def _is_faulty(values: np.ndarray, bound: Bound, given: pd.Series[Any], name: str) -> np.ndarray:
    missing = np.isnan(values)
    wrong = ~missing & ((values < bound.low) | (values > bound.high))
    if bound.is_whole:
        wrong |= ~missing & (values != np.round(values))
    unread = missing & given.notna().to_numpy() if name in MAY_BE_MISSING else missing
    return np.asarray(wrong | unread)


def _fault(name: str, value: float, given: object, bound: Bound) -> str:
    if np.isnan(value):
        return f"{name} is missing" if pd.isna(given) else f"{name} is not a number ({str(given)[:40]})"  # type: ignore[call-overload]
    return f"{name} {value:,.10g} is impossible ({bound})"


def is_scorable(matrix: np.ndarray) -> np.ndarray:
    """Rows (bool, n) whose required features are all present; values out of bounds were nulled before."""
    required = [FEATURES.index(name) for name in REQUIRED]
    return np.asarray(~np.isnan(matrix[:, required]).any(axis=1))


def hide_optional(matrix: np.ndarray, seed: int, share: float = 0.1) -> np.ndarray:
    """A copy in which duration alone, both, or time signature alone are missing, each in `share` of the rows.

    A model that always saw both drops from top-1 .37 to .29 on rows that lack them.
    """
    hidden = matrix.copy()
    draw = np.random.default_rng(seed).random(len(matrix))
    duration, signature = (FEATURES.index(name) for name in MAY_BE_MISSING)
    hidden[draw < 2 * share, duration] = np.nan
    hidden[(draw >= share) & (draw < 3 * share), signature] = np.nan
    return hidden


def without_optional(matrix: np.ndarray) -> np.ndarray:
    """A copy in which no row has duration or time signature: the harder half of what is scored."""
    return hide_columns(matrix, MAY_BE_MISSING)


def hide_columns(matrix: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """A copy with the named features missing in every row."""
    hidden = matrix.copy()
    hidden[:, [FEATURES.index(name) for name in names]] = np.nan
    return hidden


def example_row() -> Mapping[str, float]:
    """One ordinary pop track, for signatures and examples."""
    values = (0.62, 0.71, 5.0, -6.4, 1.0, 0.05, 0.18, 0.0, 0.11, 0.54, 121.9, 214_000.0, 4.0)
    return dict(zip(FEATURES, values, strict=True))
