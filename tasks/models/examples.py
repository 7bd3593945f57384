"""What a model learns from: features, the labels that are true of each row, and what must stay together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.settings import OstinatoError


class TooLittleData(OstinatoError):  # noqa: N818 - a named state of the data, which a night goes on without
    """There is not enough to learn from yet; the text says what is lacking and what brings it."""


@dataclass(frozen=True)
class Examples:
    """Rows to learn from and to judge on."""

    features: np.ndarray
    """(n, 13), NaN where missing."""
    truth: np.ndarray
    """bool (n, labels)."""
    labels: tuple[str, ...]
    groups: np.ndarray
    """Whole numbers (n,): rows of one group never stand on both sides of a split."""
    weight: np.ndarray
    """How much each row counts in training (n,)."""
    artists: np.ndarray
    """First artists as whole numbers (n,)."""

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return len(np.unique(self.groups))

    def share(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Share of `rows` that carry each label: the popularity prior."""
        return np.asarray(self.truth[rows].mean(axis=0))


def truth_matrix(label_lists: Iterable[Sequence[str]], labels: Sequence[str]) -> np.ndarray:
    """Which of `labels` each row carries, bool (n, labels); other labels are passed over.

    >>> truth_matrix([["jazz", "soul"], ["rock"]], ["jazz", "rock"]).tolist()
    [[True, False], [False, True]]
    """
    position = {label: column for column, label in enumerate(labels)}
    rows = [[position[label] for label in row if label in position] for row in label_lists]
    truth = np.zeros((len(rows), len(labels)), dtype=bool)
    for row, columns in enumerate(rows):
        truth[row, columns] = True
    return truth


def common_labels(
    label_lists: pd.Series[list[str]], groups: np.ndarray, min_groups: int, min_rows: int = 1
) -> tuple[str, ...]:
    """Labels that enough rows of enough groups carry, in alphabetical order.

    >>> common_labels(pd.Series([["rock", "soul"], ["rock"]]), np.array([0, 1]), min_groups=2)
    ('rock',)
    """
    pairs = pd.DataFrame({"label": label_lists.to_numpy(), "group": groups}).explode("label").dropna()
    counts = pairs.groupby("label")["group"].agg(["nunique", "size"])
    return tuple(sorted(counts.index[(counts["nunique"] >= min_groups) & (counts["size"] >= min_rows)]))


def damped_weights(keys: np.ndarray, power: float = 0.25) -> np.ndarray:
    """Row weights of 1 over a root of the key's rows, mean 1: an artist of 300 tracks is no 300 artists.

    >>> damped_weights(np.array([0, 0, 0, 0, 1]), power=0.5).round(2).tolist()
    [0.83, 0.83, 0.83, 0.83, 1.67]
    """
    weight = np.bincount(keys)[keys] ** -power
    return np.asarray(weight / weight.mean())
