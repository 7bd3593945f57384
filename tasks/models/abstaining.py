"""Saying nothing where a model is not sure enough: how much it would still name, and how often it would be right.

A threshold on the top label's probability trades coverage (share of rows that are named) against accuracy (share of
the named that are right). It is chosen on scores of rows that the model had not seen, and what it brings is reported
from rows that the choice had not seen either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.models.splits import Fold

STEP = 0.01
THRESHOLDS = np.arange(0, 1, STEP)
LEAST_NAMED = 30
"""Rows below which an accuracy says too little to be chosen by."""

NEVER = 1.0
"""The threshold of a model that is nowhere shown to be right often enough: it names nothing."""


@dataclass(frozen=True)
class Abstaining:
    """A chosen threshold and what it brings."""

    below: float
    """Top probability below which nothing is named."""
    coverage: float
    """Share of rows that are named, each fold by the threshold of the others."""
    accuracy: float
    """Share of those that are right; NaN where none is named."""
    curve: dict[str, list[float]]
    """`threshold`, `coverage`, `accuracy` side by side, as long as anything is named."""


def choose(truth: np.ndarray, probability: np.ndarray, folds: Sequence[Fold]) -> Abstaining:
    """The threshold for a model with these out-of-fold probabilities (n, labels), and its cross-fitted results."""
    confidence, is_right = top_label(truth, probability)
    is_named = np.zeros(len(truth), dtype=bool)
    for fold in folds:
        is_named[fold.test] = confidence[fold.test] >= threshold(confidence[fold.train], is_right[fold.train])
    accuracy = float(is_right[is_named].mean()) if is_named.any() else float("nan")
    return Abstaining(
        threshold(confidence, is_right), float(is_named.mean()), accuracy, coverage_curve(confidence, is_right)
    )


def top_label(truth: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each row's likeliest label, and whether that label is true."""
    rows, best = np.arange(len(truth)), probability.argmax(axis=1)
    return probability[rows, best], truth[rows, best].astype(bool)


def threshold(confidence: np.ndarray, is_right: np.ndarray) -> float:
    """The lowest threshold over which the named are shown to be right more often than wrong.

    Shown: the lower end of the 95 % interval of their accuracy, as of a share of independent rows, is over one half.

    >>> sure, unsure = np.full(100, 0.7), np.full(100, 0.3)
    >>> is_right = np.array([True] * 70 + [False] * 30 + [True] * 20 + [False] * 80)
    >>> round(threshold(np.concatenate([sure, unsure]), is_right), 2)
    0.31
    """
    for at_least in THRESHOLDS:
        named = is_right[confidence >= at_least]
        if len(named) < LEAST_NAMED:
            break
        share = named.mean()
        if share - 1.96 * np.sqrt(share * (1 - share) / len(named)) > 0.5:
            return float(round(at_least, 2))
    return NEVER


def coverage_curve(confidence: np.ndarray, is_right: np.ndarray) -> dict[str, list[float]]:
    """Coverage and accuracy at every twentieth of the probability: what the choice was between."""
    curve: dict[str, list[float]] = {"threshold": [], "coverage": [], "accuracy": []}
    for at_least in THRESHOLDS[::5]:
        is_named = confidence >= at_least
        if not is_named.any():
            break
        point = (at_least, is_named.mean(), is_right[is_named].mean())
        for name, value in zip(curve, point, strict=True):
            curve[name].append(round(float(value), 4))
    return curve
