"""Judges probabilities against truth, the same way for every model and beside the popularity prior.

Throughout, `truth` is bool (n, labels), `probability` is float (n, labels) and says that a label is among
the true ones, `decision` is bool (n, labels) and is the model's own choice of tags.

Rows of one film or artist resemble each other, so the 95 % intervals come from resampling whole groups.
Nearly every metric is a ratio of sums over rows; the sums are taken once per group and each resampling is
then one row of a matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.stats import rankdata

TOP_N = 5
N_BINS = 15
N_RESAMPLES = 200
CACHED_ROWS = 8192
HIGHER_IS_WORSE = ("log_loss", "ece")

Total = Callable[[np.ndarray], np.ndarray]
"""Sums over rows of values (n, k) under every weighting of the groups: (weightings, k)."""

Samples = dict[str, np.ndarray]
"""Per metric: its value on all groups, then one value per resampling."""


@dataclass(frozen=True, slots=True)
class Score:
    """One metric with its 95 % interval over groups."""

    value: float
    lower: float
    upper: float

    @staticmethod
    def of(samples: np.ndarray) -> Score:
        """The first sample is the value itself, the others give the interval."""
        lower, upper = np.percentile(samples[1:], [2.5, 97.5]) if len(samples) > 1 else samples[[0, 0]]
        return Score(float(samples[0]), float(lower), float(upper))


@dataclass(frozen=True)
class Evaluation:
    """A model's scores, the prior's on the same rows, and the paired differences between them."""

    ours: dict[str, Score]
    prior: dict[str, Score]
    gain: dict[str, Score]
    """Ours minus the prior's within each resampling; for log_loss and ece the prior's minus ours."""
    per_label: pd.DataFrame = field(repr=False)
    reliability: pd.DataFrame = field(repr=False)

    def metrics(self) -> dict[str, float]:
        """Everything by its MLflow name: values, intervals' ends, and the prior's with its prefix."""
        ends = {f"{name}_{end}": getattr(score, end) for name, score in self.ours.items() for end in ("lower", "upper")}
        values = {name: score.value for name, score in self.ours.items()}
        return {**values, **{f"prior_{name}": score.value for name, score in self.prior.items()}, **ends}


def evaluate(
    truth: np.ndarray,
    probability: np.ndarray,
    decision: np.ndarray,
    prior: np.ndarray,
    groups: np.ndarray,
    labels: tuple[str, ...],
    *,
    prior_decision: np.ndarray,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Score a model and the prior on the same rows and the same resamplings of groups."""
    weights = group_weights(groups, n_resamples, seed)
    ours = metric_samples(truth, probability, decision, prior, groups, weights)
    base = metric_samples(truth, prior, prior_decision, prior, groups, weights)
    gain = {name: (-1 if name in HIGHER_IS_WORSE else 1) * (ours[name] - base[name]) for name in ours}
    return Evaluation(
        ours={name: Score.of(samples) for name, samples in ours.items()},
        prior={name: Score.of(samples) for name, samples in base.items()},
        gain={name: Score.of(samples) for name, samples in gain.items()},
        per_label=per_label_table(truth, probability, decision, labels),
        reliability=reliability_table(truth, probability),
    )


def group_weights(groups: np.ndarray, n_resamples: int, seed: int = 0) -> np.ndarray:
    """How often each group counts, (1 + n_resamples, groups): once each in row 0, then drawn with replacement."""
    n_groups = int(groups.max()) + 1
    draws = np.random.default_rng(seed).multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples)
    return np.vstack([np.ones((1, n_groups)), draws])


def metric_samples(
    truth: np.ndarray,
    probability: np.ndarray,
    decision: np.ndarray,
    prior: np.ndarray,
    groups: np.ndarray,
    weights: np.ndarray,
) -> Samples:
    """Every metric of the design under every weighting of the groups (see `group_weights`)."""
    n, n_labels = truth.shape
    members = csr_matrix((np.ones(n), (groups, np.arange(n))), shape=(weights.shape[1], n))

    def total(values: np.ndarray) -> np.ndarray:
        per_group = members @ np.asarray(values, dtype=float)
        return np.asarray(weights @ per_group)

    rows = total(np.ones((n, 1)))[:, 0]
    true = total(truth)
    found: Samples = {}
    for top, chosen in enumerate(top_n_choices(probability, TOP_N), start=1):
        micro, macro = _f1(total(chosen & truth), total(chosen), true)
        found |= {f"micro_f1_top{top}": micro, f"macro_f1_top{top}": macro}
        if top in (1, 3):
            hit = total((chosen & truth).any(axis=1, keepdims=True))[:, 0] / rows
            found["accuracy" if top == 1 else "hit_rate_top3"] = hit
    found["micro_f1"], found["macro_f1"] = _f1(total(decision & truth), total(decision), true)
    found["log_loss"] = total(_cross_entropy(truth, probability)).sum(axis=1) / (rows * n_labels)
    brier = [total((p - truth) ** 2).sum(axis=1) for p in (probability, prior)]
    found["brier_skill"] = 1 - brier[0] / brier[1]
    found["ece"] = _ece_samples(truth, probability, total)
    found["map"] = _mean_average_precision(truth, probability, groups, weights)
    return found


def top_n_choices(probability: np.ndarray, top: int) -> Iterator[np.ndarray]:
    """For N = 1 .. `top`: bool (n, labels), true at the N most probable labels of each row; ties by label order.

    >>> [choice.astype(int).tolist() for choice in top_n_choices(np.array([[0.2, 0.5, 0.3]]), 2)]
    [[[0, 1, 0]], [[0, 1, 1]]]
    """
    most = min(top, probability.shape[1])
    rank = top_n_ranks(probability, most)
    for n in range(1, most + 1):
        yield rank < n


def top_n_ranks(probability: np.ndarray, top: int) -> np.ndarray:
    """Place of each label in its row, int8 (n, labels): 0 for the most probable, `top` from there on; ties by order.

    A few maxima over rows that stay in the processor's cache, a fifth of the time of sorting every row.

    >>> top_n_ranks(np.array([[0.2, 0.5, 0.3]]), 2).tolist()
    [[2, 0, 1]]
    """
    ranks = np.full(probability.shape, top, dtype=np.int8)
    for start in range(0, len(probability), CACHED_ROWS):
        rest = probability[start : start + CACHED_ROWS].astype(float)  # a copy
        rows = np.arange(start, start + len(rest))
        for place in range(top):
            best = rest.argmax(axis=1)
            ranks[rows, best] = place
            rest[rows - start, best] = -np.inf
    return ranks


def top_n_f1(truth: np.ndarray, probability: np.ndarray, top: int) -> tuple[float, float]:
    """Micro and macro F1 when the `top` most probable labels of each row are its tags.

    Two rows, one label right of the two named: precision 1/2, recall 1/3, F1 2/5.

    >>> truth = np.array([[True, True, False], [False, False, True]])
    >>> probability = np.array([[0.9, 0.5, 0.1], [0.7, 0.2, 0.1]])
    >>> micro, macro = top_n_f1(truth, probability, 1)
    >>> round(micro, 3), round(macro, 3)
    (0.4, 0.222)
    """
    *_, chosen = top_n_choices(probability, top)
    micro, macro = _f1((chosen & truth).sum(0)[None], chosen.sum(0)[None], truth.sum(0)[None])
    return float(micro[0]), float(macro[0])


def _f1(hit: np.ndarray, named: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Micro and macro F1 per weighting from counts (weightings, labels); a label never named or true counts 0."""
    micro = 2 * hit.sum(axis=1) / np.maximum(named.sum(axis=1) + true.sum(axis=1), 1e-12)
    macro = (2 * hit / np.maximum(named + true, 1e-12)).mean(axis=1)
    return micro, macro


def _cross_entropy(truth: np.ndarray, probability: np.ndarray) -> np.ndarray:
    safe = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.asarray(-np.log(np.where(truth, safe, 1 - safe)))


def expected_calibration_error(truth: np.ndarray, probability: np.ndarray) -> float:
    """Top label's calibration error: mean distance between confidence and accuracy over 15 equal-width bins.

    Of two answers given with .8, one is right: the error is .3 (Guo et al. 2017, doi 10.48550/arXiv.1706.04599).

    >>> round(expected_calibration_error(np.array([[1, 0], [0, 1]], bool), np.array([[0.8, 0.2], [0.8, 0.2]])), 3)
    0.3
    """
    bins = reliability_table(truth, probability)
    gap = (bins["confidence"] - bins["accuracy"]).abs()
    return float((gap * bins["n_rows"]).sum() / bins["n_rows"].sum())


def reliability_table(truth: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Per bin of the top label's probability: rows, mean confidence, share that was right."""
    confidence, is_right, bins = _top_label(truth, probability)
    table = pd.DataFrame({"bin": bins, "confidence": confidence, "accuracy": is_right})
    grouped = table.groupby("bin").agg(
        n_rows=("bin", "size"), confidence=("confidence", "mean"), accuracy=("accuracy", "mean")
    )
    return grouped.reset_index()


def _top_label(truth: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    best = probability.argmax(axis=1)[:, None]
    confidence = np.take_along_axis(probability, best, axis=1)[:, 0]
    is_right = np.take_along_axis(truth, best, axis=1)[:, 0].astype(float)
    return confidence, is_right, np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)


def _ece_samples(truth: np.ndarray, probability: np.ndarray, total: Total) -> np.ndarray:
    """The error of `expected_calibration_error` under every weighting: |sum of confidence - sum of hits| per bin."""
    confidence, is_right, bins = _top_label(truth, probability)
    in_bin = bins[:, None] == np.arange(N_BINS)
    gaps = np.abs(total(in_bin * (confidence - is_right)[:, None])).sum(axis=1)
    return np.asarray(gaps / total(np.ones((len(truth), 1)))[:, 0])


def _mean_average_precision(
    truth: np.ndarray, probability: np.ndarray, groups: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean over labels of the average precision, under every weighting; labels without a true row are left out."""
    present = np.flatnonzero(truth.any(axis=0))
    per_label = [_average_precision(truth[:, k], probability[:, k], groups, weights) for k in present]
    return np.asarray(np.mean(per_label, axis=0))


def mean_average_precision(truth: np.ndarray, probability: np.ndarray) -> float:
    """Mean over labels of the average precision, each row counting once."""
    return float(_mean_average_precision(truth, probability, np.arange(len(truth)), np.ones((1, len(truth))))[0])


def _average_precision(truth: np.ndarray, score: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the precision-recall steps; rows of equal score enter together, as in scikit-learn."""
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits, ranked = truth[order], groups[order]
    result = np.empty(len(weights))
    for row, weight in enumerate(weights):
        counted = weight[ranked]
        n_named = np.cumsum(counted)[last_of_tie]
        n_hit = np.cumsum(counted * hits)[last_of_tie]
        steps = np.diff(n_hit, prepend=0.0)
        result[row] = (steps * n_hit / np.maximum(n_named, 1e-12)).sum() / max(n_hit[-1], 1e-12)
    return result


def per_label_table(
    truth: np.ndarray, probability: np.ndarray, decision: np.ndarray, labels: tuple[str, ...]
) -> pd.DataFrame:
    """One row per label: rows that carry it, rows tagged, precision, recall, F1, average precision, ROC-AUC."""
    hit, tagged, true = (decision & truth).sum(0), decision.sum(0), truth.sum(0)
    everyone = np.arange(len(truth))
    precision = [
        _average_precision(truth[:, k], probability[:, k], everyone, np.ones((1, len(truth))))[0]
        for k in range(len(labels))
    ]
    return pd.DataFrame(
        {
            "label": labels,
            "n_true": true,
            "n_tagged": tagged,
            "precision": hit / np.maximum(tagged, 1),
            "recall": hit / np.maximum(true, 1),
            "f1": 2 * hit / np.maximum(tagged + true, 1),
            "average_precision": precision,
            "roc_auc": [roc_auc(truth[:, k], probability[:, k]) for k in range(len(labels))],
        }
    )


def roc_auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Chance that a row with the label scores above one without it; NaN where one of the two is lacking.

    >>> roc_auc(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]))
    0.75
    """
    n_true, n_other = int(truth.sum()), int((~truth).sum())
    if not n_true or not n_other:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[truth].sum() - n_true * (n_true + 1) / 2) / (n_true * n_other))
