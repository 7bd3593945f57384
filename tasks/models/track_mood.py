"""Audio features to the mood of a track: the plane, and trees that have to beat it.

Without labels the mood is the documented baseline of `tasks.models.mood`, judged on nothing. With an imported mood
set (Deezer's), a LightGBM over the five moods is judged beside the popularity prior and the plane, on the same folds
by artist, and is offered only where it beats the plane, both as it is and calibrated, in the macro F1 of the top label
and in log loss, each beyond the 95 % interval of the paired difference. Else the plane is offered, judged.

The labels are weak, and so is everything learnt from them. Deezer's valence and arousal are averages of a lexicon over
the words of last.fm tags, which nobody gave while listening; a mood is the sector in which that point lies, so songs
near the centre or a border have theirs by chance; dramatic is 3 of 100. On 2,196 songs of 1,022 artists:

| judged by artist | macro F1 of the top label | accuracy | log loss |
| --- | --- | --- | --- |
| popularity prior | .11 | .36 | .459 |
| plane | .33 | .39 | .488 |
| plane, calibrated | .31 | .46 | .427 |
| trees | .37 | .50 | .407 |

Another dealing of the artists into folds moves the trees' macro F1 by about .01. The features explain about a fifth of
valence and of arousal (R2 .20 and .22). That is why the model abstains: where its likeliest mood is not likely enough,
the track has none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.models import mood
from tasks.models.abstaining import NEVER, Abstaining, choose
from tasks.models.bundle import Bundle, Form, Spec
from tasks.models.calibration import Calibration, cross_calibrate, name_likeliest
from tasks.models.crossfit import LIGHTGBM, N_FOLDS, SEED, Job, Progress, TrainResult, train_and_judge
from tasks.models.evaluation import Evaluation, Score, evaluate
from tasks.models.examples import Examples, TooLittleData, truth_matrix
from tasks.models.explained import explained_variance
from tasks.models.features import is_scorable, to_matrix
from tasks.models.mood import MOODS, Plane
from tasks.models.splits import Fold, codes, grouped_folds

if TYPE_CHECKING:
    import lightgbm

NAME = "track-mood"
NOTE = "baseline"
UNJUDGED = "Baseline on the valence-energy plane: learnt from no labels, and judged on none yet."
MIN_ROWS, MIN_ARTISTS, MIN_ARTISTS_PER_MOOD = 200, 40, 10
DECIDING = ("macro_f1_top1", "log_loss")
"""In what the trees must beat the plane."""

COMPARED = (*DECIDING, "accuracy", "map", "ece")
PLANE_DECIDES_FROM = 0.5
REGRESSION_TREES = 100
RARITY_POWER = 0.25

PARAMS = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
}


def baseline(note: str = UNJUDGED) -> TrainResult:
    """The plane by itself; without labels it is judged against nothing."""
    plane = Plane()
    spec = Spec(
        kind="mood",
        model=NAME,
        form=Form.PLANE,
        labels=MOODS,
        thresholds=(PLANE_DECIDES_FROM,) * len(MOODS),
        training_share=(),
        calibration=Calibration.identity(len(MOODS)),
        note=NOTE,
        plane=plane.to_dict(),
    )
    return TrainResult(
        bundle=Bundle(spec), split="none: no training data", params=plane.to_dict(), notes=[note] if note else []
    )


def train(table: pd.DataFrame, threads: int, progress: Progress | None = None) -> TrainResult:
    """Train on `features.track_mood_training` and offer what is better, trees or plane; the plane where labels lack."""
    try:
        examples, points = examples_of(table)
    except TooLittleData as fault:
        return baseline(f"{UNJUDGED} {fault}")
    folds = grouped_folds(examples.groups, N_FOLDS, seed=SEED)
    trees, plane = train_and_judge(JOB, examples, threads, progress), judged_plane(examples, folds)
    gains = gains_over_plane(examples, folds, trees, plane)
    quiet = without_tags_by_chance(trees)
    is_beaten = all(gain[name].lower > 0 for gain in gains.values() for name in DECIDING)
    result, other, prefix = (trees, plane, "plane_") if is_beaten else (plane, trees, "trees_")
    result.more_metrics |= _named(prefix, other.evaluation)
    result.more_metrics |= {
        f"gain_over_{rival}_{name}{end}": value
        for rival, gain in gains.items()
        for name in DECIDING
        for end, value in _ends(gain[name])
    }
    explained = {axis: r2(examples, points[:, column], folds) for column, axis in enumerate(("valence", "arousal"))}
    result.more_metrics |= {
        f"{axis}_r2{end}": value for axis, score in explained.items() for end, value in _ends(score)
    }
    result.notes = [_verdict(gains, is_beaten=is_beaten), _on_labels(result, explained)]
    if is_beaten and quiet:
        result.notes.append(f"No tag but where it is the likeliest: {', '.join(quiet)}; its tags would hit by chance.")
    return with_abstaining(result, folds)


def examples_of(table: pd.DataFrame) -> tuple[Examples, np.ndarray]:
    """One example per recording, grouped by artist, and its valence and arousal (n, 2).

    Raises
    ------
    TooLittleData
        When too few recordings or artists have a mood, or one of the moods too few artists.
    """
    rows = table[is_scorable(to_matrix(table))].sort_values("recording_key")
    artists = codes(rows["artist_key"].to_numpy()) if len(rows) else np.empty(0, dtype=int)
    truth = truth_matrix([[label] for label in rows["mood"]], MOODS)
    n_artists = len(np.unique(artists))
    rarest = min(len(np.unique(artists[of_mood])) for of_mood in truth.T)
    if len(rows) < MIN_ROWS or n_artists < MIN_ARTISTS or rarest < MIN_ARTISTS_PER_MOOD:
        raise TooLittleData(
            f"{len(rows):,} recordings of {n_artists:,} artists carry a mood and the rarest mood is of {rarest:,} "
            f"artists, where {MIN_ROWS}, {MIN_ARTISTS} and {MIN_ARTISTS_PER_MOOD} are needed; import a mood set with "
            "`ostinato import`."
        )
    points = rows[["rated_valence", "rated_arousal"]].to_numpy(float)
    return Examples(to_matrix(rows), truth, MOODS, artists, np.ones(len(rows)), artists), points


def fit(examples: Examples, rows: np.ndarray, features: np.ndarray, n_trees: int) -> list[lightgbm.Booster]:
    """One booster over all moods; a row counts by one over the fourth root of its mood's share.

    Of the powers 0, 1/4, 1/2 and 1 that were tried on five dealings of artists into folds, macro F1 of the top label
    rises with the power (.354, .363, .371, .374) and calibration gives way (ece .019, .030, .054, .092; log loss .408,
    .408, .411, .419). A quarter is the most that costs no log loss.
    """
    import lightgbm

    truth = examples.truth[rows]
    weight = truth @ np.maximum(truth.mean(axis=0), 1 / len(rows)) ** -RARITY_POWER
    learnt = lightgbm.Dataset(features, truth.argmax(axis=1), weight=weight / weight.mean())
    objective = {"objective": "multiclass", "num_class": len(examples.labels)}
    return [lightgbm.train({**_params(len(rows)), **objective}, learnt, num_boost_round=n_trees)]


JOB = Job(
    name=NAME,
    kind="mood",
    form=Form.MULTICLASS,
    split="5 folds grouped by first artist",
    fit=fit,
    tree_steps=(20, 40, 60, 80, 100, 140),
    name_top=True,
    prior_decides=name_likeliest,
    params=PARAMS,
)


def without_tags_by_chance(trees: TrainResult) -> list[str]:
    """Take from the bundle, and name, the moods whose out-of-fold tags are right no more often than any track would be.

    A threshold of best F1 is found for every label, also for one that the features say nothing of.
    """
    assert trees.evaluation is not None
    found, spec = trees.evaluation.per_label, trees.bundle.spec
    by_chance = found["precision"].to_numpy() <= np.asarray(spec.training_share)
    thresholds = tuple(np.where(by_chance, NEVER, spec.thresholds).tolist())
    trees.bundle = replace(trees.bundle, spec=replace(spec, thresholds=thresholds))
    return [label for label, is_quiet in zip(spec.labels, by_chance, strict=True) if is_quiet]


def judged_plane(examples: Examples, folds: list[Fold]) -> TrainResult:
    """The plane as it is, on the same rows and beside the same prior: it learns nothing, so nothing is held back."""
    result, probability = baseline(note=""), mood.score(Plane(), examples.features)
    prior = np.empty_like(probability)
    for fold in folds:
        prior[fold.test] = examples.share(fold.train)
    result.split, result.n_rows, result.n_groups = JOB.split, len(examples), examples.n_groups
    result.truth, result.probability = examples.truth, probability
    result.evaluation = evaluate(
        examples.truth,
        probability,
        result.bundle.decide(probability),
        prior,
        examples.groups,
        MOODS,
        prior_decision=name_likeliest(prior),
    )
    return result


def gains_over_plane(
    examples: Examples, folds: list[Fold], trees: TrainResult, plane: TrainResult
) -> dict[str, dict[str, Score]]:
    """Paired differences between the trees and the plane, as it is and calibrated in the same folds, which is fairer.

    The decisions are each one's top label.
    """
    assert trees.probability is not None
    assert plane.probability is not None
    shares = [examples.share(fold.train) for fold in folds]
    calibrated = cross_calibrate(plane.probability, examples.truth, shares, folds)
    ours, found = trees.probability, {}
    for name, rival in (("plane", plane.probability), ("plane_calibrated", calibrated)):
        found[name] = evaluate(
            examples.truth,
            ours,
            name_likeliest(ours),
            rival,
            examples.groups,
            MOODS,
            prior_decision=name_likeliest(rival),
        ).gain
    return found


def r2(examples: Examples, values: np.ndarray, folds: list[Fold]) -> Score:
    """Share of the variance of `values` (n,) that regressors of the same trees explain on held-out artists."""
    import lightgbm

    predicted = np.empty(len(values))
    for fold in folds:
        learnt = lightgbm.Dataset(examples.features[fold.train], values[fold.train])
        params = {**_params(len(fold.train)), "objective": "regression"}
        booster = lightgbm.train(params, learnt, num_boost_round=REGRESSION_TREES)
        predicted[fold.test] = booster.predict(examples.features[fold.test], num_threads=1)
    return explained_variance(values, predicted, examples.groups)


def with_abstaining(result: TrainResult, folds: list[Fold]) -> TrainResult:
    """The same with the threshold, chosen out of fold, from which on its likeliest mood is named."""
    assert result.truth is not None
    assert result.probability is not None
    found = choose(result.truth, result.probability, folds)
    spec = replace(result.bundle.spec, abstain_below=found.below, coverage_curve=found.curve)
    result.more_metrics |= {"abstain_below": found.below, "abstain_coverage": found.coverage}
    if found.coverage:
        result.more_metrics["abstain_accuracy"] = found.accuracy
    result.notes.append(_on_abstaining(found))
    return replace(result, bundle=replace(result.bundle, spec=spec))


def _params(n_rows: int) -> dict[str, float | int | bool]:
    smallest = min(int(PARAMS["min_data_in_leaf"]), max(5, n_rows // 50))
    return {**PARAMS, **LIGHTGBM, "min_data_in_leaf": smallest}


def _ends(score: Score) -> tuple[tuple[str, float], ...]:
    return ("", score.value), ("_lower", score.lower), ("_upper", score.upper)


def _named(prefix: str, evaluation: Evaluation | None) -> dict[str, float]:
    return {prefix + name: evaluation.ours[name].value for name in COMPARED} if evaluation else {}


def _verdict(gains: dict[str, dict[str, Score]], *, is_beaten: bool) -> str:
    compared = "; ".join(
        f"{name} {gain[name].value:+.3f} ({gain[name].lower:+.3f} to {gain[name].upper:+.3f}) over {rival}"
        for rival, gain in gains.items()
        for name in DECIDING
    ).replace("plane_calibrated", "the calibrated plane")
    said = "The trees beat the plane" if is_beaten else "The plane stays: the trees are not shown to beat it"
    return f"{said}: {compared} (paired 95 % intervals over artists, a gain in log_loss being a fall)."


def _on_labels(result: TrainResult, explained: dict[str, Score]) -> str:
    assert result.probability is not None
    named = set(result.probability.argmax(axis=1).tolist())
    never = [label for column, label in enumerate(MOODS) if column not in named]
    r2s = " and ".join(
        f"{score.value:.2f} of {axis} ({score.lower:.2f} to {score.upper:.2f})" for axis, score in explained.items()
    )
    return (
        "The labels are weak: averages of a lexicon over the words of last.fm tags, not what listeners said. "
        f"Regressors on the same features explain (R2) {r2s}."
        + (f" Never the likeliest mood: {', '.join(never)}." if never else "")
    )


def _on_abstaining(found: Abstaining) -> str:
    if found.below >= NEVER:
        return "No mood is named: at no probability are the likeliest moods shown to be right more often than wrong."
    return (
        f"A mood is named where it has a probability of {found.below:.2f} or more: {found.coverage:.0%} of the tracks, "
        f"of which {found.accuracy:.0%} are right (out of fold); all together "
        f"{found.curve['accuracy'][0]:.0%} are."
    )
