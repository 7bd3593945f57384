"""From a model's raw scores to probabilities that a label is among the true ones, and from those to tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from tasks.models.splits import Fold

TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """log-odds of the answer = slope x log-odds of the raw score + offset of the label.

    `fit` ties the offsets to the labels' shares, so that two numbers are learnt: how far raw scores are to be
    trusted (1) or pulled towards the popularity prior (0), and a common shift. With 286 films, a curve per
    label would follow the films that happen to be there.
    """

    slope: float
    offset: tuple[float, ...]

    def apply(self, raw: np.ndarray) -> np.ndarray:
        """Calibrated probabilities (n, labels) of raw scores in 0 to 1."""
        return np.asarray(expit(self.slope * _log_odds(raw) + np.asarray(self.offset)))

    @staticmethod
    def identity(n_labels: int) -> Calibration:
        """The calibration that changes nothing."""
        return Calibration(1.0, (0.0,) * n_labels)

    @staticmethod
    def fit(raw: np.ndarray, truth: np.ndarray, share: np.ndarray) -> Calibration:
        """The slope and shift of least cross-entropy on scores of rows that the model had not seen."""
        scores, prior = _log_odds(raw), _log_odds(share)

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            slope, shift = parameters
            z = slope * scores + (1 - slope) * prior + shift
            error = expit(z) - truth
            value = np.logaddexp(0, z) - truth * z
            return float(value.mean()), np.array([(error * (scores - prior)).mean(), error.mean()])

        slope, shift = minimize(loss, x0=np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
        return Calibration(float(slope), tuple(((1 - slope) * prior + shift).tolist()))


def _log_odds(probability: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(probability, TINY, 1 - TINY)))


def cross_calibrate(
    raw: np.ndarray, truth: np.ndarray, shares: Sequence[np.ndarray], folds: Sequence[Fold]
) -> np.ndarray:
    """Out-of-fold scores calibrated fold by fold, each by what the other folds' scores say."""
    calibrated = np.empty_like(raw)
    for fold, share in zip(folds, shares, strict=True):
        calibrated[fold.test] = Calibration.fit(raw[fold.train], truth[fold.train], share).apply(raw[fold.test])
    return calibrated


def cross_decide(
    probability: np.ndarray, truth: np.ndarray, shares: Sequence[np.ndarray], folds: Sequence[Fold], *, name_top: bool
) -> np.ndarray:
    """Out-of-fold tags, each fold's thresholds chosen on the other folds' scores."""
    decision = np.zeros(truth.shape, dtype=bool)
    for fold, share in zip(folds, shares, strict=True):
        thresholds = f1_thresholds(probability[fold.train], truth[fold.train], share)
        decision[fold.test] = decide(probability[fold.test], thresholds, name_top=name_top)
    return decision


def f1_thresholds(probability: np.ndarray, truth: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Per label, the threshold of highest F1 that is not below the label's share.

    Without that floor the best F1 of a common label is had by tagging everything, which tells nobody anything;
    with it a tag always says: more likely than usual.
    """
    return np.array(
        [_f1_threshold(probability[:, k], truth[:, k], float(share[k])) for k in range(probability.shape[1])]
    )


def _f1_threshold(probability: np.ndarray, truth: np.ndarray, floor: float) -> float:
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + max(int(truth.sum()), 1))
    f1[(ranked < floor) | np.append(np.diff(ranked) == 0, False)] = -1
    best = int(f1.argmax())
    if f1[best] <= 0:
        return max(floor, float(ranked[0])) if len(ranked) else floor
    following = ranked[best + 1] if best + 1 < len(ranked) else floor
    return max(floor, float((ranked[best] + following) / 2))


def name_likeliest(probability: np.ndarray) -> np.ndarray:
    """The most probable label of each row alone as its tag (bool, n x labels): of a prior, the commonest for every row.

    >>> name_likeliest(np.array([[0.4, 0.3]])).tolist()
    [[True, False]]
    """
    return decide(probability, np.full(probability.shape[1], np.inf), name_top=True)


def decide(probability: np.ndarray, thresholds: np.ndarray, *, name_top: bool) -> np.ndarray:
    """Tags (bool, n x labels): labels at or over their threshold, and with `name_top` always the most probable.

    >>> decide(np.array([[0.4, 0.3], [0.1, 0.2]]), np.array([0.5, 0.25]), name_top=True).tolist()
    [[True, True], [False, True]]
    """
    tagged = probability >= thresholds
    if name_top:
        tagged[np.arange(len(tagged)), probability.argmax(axis=1)] = True
    return np.asarray(tagged)
