"""Trains and judges one job: grouped folds, out-of-fold scores, calibration and thresholds, then the final model.

Everything is nested. The number of trees is chosen on groups held back inside the training folds; calibration and
thresholds, which need scores of unseen rows, are fitted for each fold on the scores of the other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.models.bundle import Bundle, Form, Spec, member_scores
from tasks.models.calibration import Calibration, cross_calibrate, cross_decide, f1_thresholds
from tasks.models.evaluation import N_RESAMPLES, Evaluation, evaluate
from tasks.models.examples import Examples
from tasks.models.features import hide_optional, without_optional
from tasks.models.splits import Fold, forbid_shared_groups, grouped_folds

if TYPE_CHECKING:
    import lightgbm

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all."""

N_FOLDS = 5
SEED = 20_240_601

# LightGBM's own threads wait for each other by spinning, which on shared cores costs ten times the work:
# one thread a booster, several folds side by side. The rest makes two trainings alike to the last bit.
LIGHTGBM = {"num_threads": 1, "verbosity": -1, "seed": SEED, "deterministic": True, "force_row_wise": True}


@dataclass(frozen=True)
class Job:
    """How one kind of model is made from examples."""

    name: str
    kind: str
    form: Form
    split: str
    """How folds are grouped, in words: the run's tag."""
    fit: Callable[[Examples, np.ndarray, np.ndarray, int], list[lightgbm.Booster]]
    """(examples, rows, their features, trees) -> the members of a bundle."""
    tree_steps: tuple[int, ...]
    """Numbers of trees to choose from, rising."""
    name_top: bool
    prior_decides: Callable[[np.ndarray], np.ndarray]
    """The tags that the popularity prior would give."""
    params: dict[str, Any]


@dataclass(frozen=True)
class OutOfFold:
    """Scores of every row by models that had not seen its group."""

    raw: np.ndarray
    raw_without_optional: np.ndarray
    """The same rows with duration and time signature hidden."""
    shares: list[np.ndarray]
    """Per fold, each label's share of the training rows: the prior."""
    folds: list[Fold]
    n_trees: list[int]

    @property
    def prior(self) -> np.ndarray:
        """The popularity prior's probabilities, fold by fold."""
        prior = np.empty(self.raw.shape)
        for fold, share in zip(self.folds, self.shares, strict=True):
            prior[fold.test] = share
        return prior


@dataclass
class TrainResult:
    """A trained model and everything that was found out about it."""

    bundle: Bundle
    split: str
    params: dict[str, Any]
    evaluation: Evaluation | None = None
    n_rows: int = 0
    n_groups: int = 0
    more_metrics: dict[str, float] = field(default_factory=dict)
    """Scores of other protocols and of the seeds' model, each with a prefix."""
    truth: np.ndarray | None = field(default=None, repr=False)
    probability: np.ndarray | None = field(default=None, repr=False)
    notes: list[str] = field(default_factory=list)


def train_and_judge(job: Job, examples: Examples, threads: int, progress: Progress | None = None) -> TrainResult:
    """The whole of one training: folds, scores beside the prior, and the model made from all rows.

    Raises
    ------
    LeakError
        When a group stands on both sides of a fold.
    """
    folds = grouped_folds(examples.groups, N_FOLDS, seed=SEED)
    found = out_of_fold(job, examples, folds, threads, progress)
    probability = cross_calibrate(found.raw, examples.truth, found.shares, folds)
    n_trees = int(np.median(found.n_trees))
    members = _fit(job, examples, np.arange(len(examples)), n_trees, SEED)
    if progress:
        progress(N_FOLDS + 1, N_FOLDS + 1)
    return TrainResult(
        bundle=Bundle(_spec(job, examples, found), tuple(members)),
        split=job.split,
        params={**job.params, "n_trees": n_trees, "n_folds": N_FOLDS, "seed": SEED},
        evaluation=judge(job, examples, found, probability),
        n_rows=len(examples),
        n_groups=examples.n_groups,
        more_metrics=_without_optional_scores(job, examples, found),
        truth=examples.truth,
        probability=probability,
    )


def out_of_fold(
    job: Job,
    examples: Examples,
    folds: Sequence[Fold],
    threads: int,
    progress: Progress | None = None,
    n_trees: int | None = None,
) -> OutOfFold:
    """Fit every fold and score its held-out rows, with and without the optional features.

    Each fold chooses its number of trees, unless `n_trees` is given.
    """
    raw, hidden = np.empty(examples.truth.shape), np.empty(examples.truth.shape)

    def run(number: int) -> int:
        fold = folds[number]
        forbid_shared_groups(examples.groups, fold)
        chosen = n_trees or choose_trees(job, examples, fold.train)
        members = _fit(job, examples, fold.train, chosen, SEED + number)
        raw[fold.test] = member_scores(job.form, members, examples.features[fold.test])
        hidden[fold.test] = member_scores(job.form, members, without_optional(examples.features[fold.test]))
        return chosen

    used = []
    with ThreadPoolExecutor(threads) as pool:
        for chosen in pool.map(run, range(len(folds))):
            used.append(chosen)
            if progress:
                progress(len(used), len(folds) + 1)
    return OutOfFold(raw, hidden, [examples.share(fold.train) for fold in folds], list(folds), used)


def choose_trees(job: Job, examples: Examples, rows: np.ndarray) -> int:
    """The step of `tree_steps` with the least cross-entropy on a fifth of the groups, held back from `rows`."""
    inner = grouped_folds(examples.groups[rows], N_FOLDS, seed=SEED)[0]
    learnt, held = rows[inner.train], rows[inner.test]
    members = _fit(job, examples, learnt, job.tree_steps[-1], SEED)
    truth, share = examples.truth[held], examples.share(learnt)

    def loss(n_trees: int) -> float:
        raw = member_scores(job.form, members, examples.features[held], n_trees)
        safe = np.clip(Calibration.fit(raw, truth, share).apply(raw), 1e-7, 1 - 1e-7)
        return float(-np.log(np.where(truth, safe, 1 - safe)).mean())

    return min(job.tree_steps, key=loss)


def judge(
    job: Job, examples: Examples, found: OutOfFold, probability: np.ndarray, n_resamples: int = N_RESAMPLES
) -> Evaluation:
    """Calibrated out-of-fold probabilities against the truth, beside the prior of the same folds."""
    prior = found.prior
    return evaluate(
        examples.truth,
        probability,
        cross_decide(probability, examples.truth, found.shares, found.folds, name_top=job.name_top),
        prior,
        examples.groups,
        examples.labels,
        prior_decision=job.prior_decides(prior),
        n_resamples=n_resamples,
    )


def point_scores(job: Job, examples: Examples, found: OutOfFold, *, calibrate: bool = True) -> dict[str, float]:
    """All metrics of out-of-fold scores, calibrated in the same way or as they are, without intervals."""
    raw = found.raw
    probability = cross_calibrate(raw, examples.truth, found.shares, found.folds) if calibrate else raw
    scores = judge(job, examples, found, probability, n_resamples=0).ours
    return {name: score.value for name, score in scores.items()}


def _fit(job: Job, examples: Examples, rows: np.ndarray, n_trees: int, seed: int) -> list[lightgbm.Booster]:
    return job.fit(examples, rows, hide_optional(examples.features[rows], seed), n_trees)


def _spec(job: Job, examples: Examples, found: OutOfFold) -> Spec:
    share = examples.share()
    calibration = Calibration.fit(found.raw, examples.truth, share)
    thresholds = f1_thresholds(calibration.apply(found.raw), examples.truth, share)
    return Spec(
        kind=job.kind,
        model=job.name,
        form=job.form,
        labels=examples.labels,
        thresholds=tuple(thresholds.tolist()),
        training_share=tuple(share.tolist()),
        calibration=calibration,
        name_top=job.name_top,
    )


def _without_optional_scores(job: Job, examples: Examples, found: OutOfFold) -> dict[str, float]:
    """A few scores on rows without duration and time signature, as ReccoBeats sends them, with the same calibration."""
    probability = np.empty_like(found.raw)
    for fold, share in zip(found.folds, found.shares, strict=True):
        fitted = Calibration.fit(found.raw[fold.train], examples.truth[fold.train], share)
        probability[fold.test] = fitted.apply(found.raw_without_optional[fold.test])
    scores = judge(job, examples, found, probability, n_resamples=0).ours
    return {f"without_optional_{name}": scores[name].value for name in ("accuracy", "map", "ece")}
