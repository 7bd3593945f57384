"""The mood of a track where there are labels: judged beside prior and plane, and silent where it is not sure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.lake import utc_now
from tasks.models import abstaining, track_mood
from tasks.models.bundle import Bundle, Form
from tasks.models.crossfit import SEED, TrainResult
from tasks.models.features import BOUNDS, FEATURES
from tasks.models.mood import MOODS, Plane, anchors
from tasks.models.splits import Fold, grouped_folds
from tasks.tagging.scoring import label_rows
from tasks.tagging.tracks import TOP_LABELS

N = 600


def made_table(n: int = N, *, told_by: str) -> pd.DataFrame:
    """Recordings of 120 artists whose mood one thing tells: the `plane` of their features, `tempo`, or `nothing`."""
    rng = np.random.default_rng(3)
    kind = rng.integers(0, len(MOODS), n)
    columns = {}
    for name in FEATURES:
        low, high = BOUNDS[name].low, min(BOUNDS[name].high, 400_000.0)
        columns[name] = rng.integers(int(low), int(high) + 1, n) if BOUNDS[name].is_whole else rng.uniform(low, high, n)
    table = pd.DataFrame(columns).astype(float)
    if told_by == "plane":
        points = anchors(Plane())[kind] + rng.normal(0, 0.02, (n, 2))
        table[["valence", "energy"]] = np.clip(points, 0, 1)
    if told_by == "tempo":
        table["tempo"] = 60.0 + 30 * kind + rng.normal(0, 8, n)
    keys = {
        "track_id": [f"track {k}" for k in range(n)],
        "artist_key": [f"artist {k}" for k in rng.integers(0, 120, n)],
        "recording_key": [f"song {k:04d}" for k in range(n)],
    }
    rated = {"rated_valence": kind - 2 + rng.normal(0, 0.1, n), "rated_arousal": rng.normal(0, 1, n)}
    return table.assign(**keys, **rated, mood=[MOODS[k] for k in kind])


@pytest.fixture(scope="module")
def trees() -> TrainResult:
    return track_mood.train(made_table(told_by="tempo"), threads=1)


@pytest.fixture(scope="module")
def plane() -> TrainResult:
    return track_mood.train(made_table(told_by="plane"), threads=1)


@pytest.mark.parametrize("n", [0, 60])
def test_without_enough_labels_the_mood_is_the_unjudged_baseline(n: int) -> None:
    found = track_mood.train(made_table(told_by="tempo").head(n), threads=1)
    assert found.bundle.spec == track_mood.baseline().bundle.spec
    assert found.evaluation is None
    assert f"{n:,} recordings of" in found.notes[0]


def test_a_mood_of_too_few_artists_is_no_mood_to_judge() -> None:
    table = made_table(told_by="tempo")
    table.loc[table["mood"] == "dramatic", "artist_key"] = "one artist"
    assert track_mood.train(table, threads=1).bundle.spec.note == "baseline"


def test_trees_that_beat_the_plane_are_offered(trees: TrainResult) -> None:
    assert trees.bundle.spec.form is Form.MULTICLASS
    assert trees.bundle.name == "track-mood/0"
    assert trees.evaluation is not None
    assert trees.evaluation.gain["macro_f1_top1"].lower > 0.3
    assert trees.more_metrics["gain_over_plane_macro_f1_top1_lower"] > 0
    assert trees.more_metrics["plane_macro_f1_top1"] < 0.35
    assert trees.notes[0].startswith("The trees beat the plane: macro_f1_top1 +")
    assert "labels are weak" in trees.notes[1]


def test_the_plane_stays_where_trees_do_not_beat_it(plane: TrainResult) -> None:
    spec = plane.bundle.spec
    assert (spec.form, spec.note, plane.bundle.boosters) == (Form.PLANE, "baseline", ())
    assert plane.evaluation is not None
    assert plane.evaluation.ours["macro_f1_top1"].value > 0.9
    assert plane.more_metrics["trees_macro_f1_top1"] > 0.7
    assert plane.notes[0].startswith("The plane stays")


def test_explained_variance_is_of_held_out_artists(trees: TrainResult) -> None:
    assert trees.more_metrics["valence_r2"] > 0.8  # as tempo tells it
    assert trees.more_metrics["arousal_r2"] < 0.05  # drawn by chance


def test_artists_are_never_on_both_sides(trees: TrainResult) -> None:
    examples, points = track_mood.examples_of(made_table(told_by="tempo"))
    assert len(points) == len(examples) == trees.n_rows
    for fold in grouped_folds(examples.groups, 5, seed=SEED):
        assert not set(examples.artists[fold.train]) & set(examples.artists[fold.test])


def test_a_mood_whose_tags_hit_by_chance_is_no_tag(trees: TrainResult) -> None:
    assert trees.evaluation is not None
    share = trees.bundle.spec.training_share
    told = trees.evaluation.per_label.assign(precision=[share[0], share[1] / 2, 0.9, 0.9, 0.9])
    found = replace(trees, evaluation=replace(trees.evaluation, per_label=told))
    assert track_mood.without_tags_by_chance(found) == ["aggressive", "dramatic"]
    assert found.bundle.spec.thresholds == (abstaining.NEVER, abstaining.NEVER, *trees.bundle.spec.thresholds[2:])


def test_two_trainings_are_alike(trees: TrainResult) -> None:
    again = track_mood.train(made_table(told_by="tempo").sample(frac=1, random_state=1), threads=1)
    assert again.bundle.spec == trees.bundle.spec
    assert again.more_metrics == trees.more_metrics


# --- abstaining ------------------------------------------------------------------------------------------------


def test_labels_by_chance_are_never_named() -> None:
    found = track_mood.train(made_table(told_by="nothing"), threads=1)
    assert found.bundle.spec.abstain_below == abstaining.NEVER
    assert found.more_metrics["abstain_coverage"] < 0.05
    assert np.isfinite(list(found.more_metrics.values())).all()
    assert found.notes[-1].startswith("No mood is named")


def test_a_fold_never_chooses_its_own_threshold() -> None:
    """The first fold is wrong throughout: the other's threshold names all of it, its own would have named nothing."""
    is_right = np.array([False] * 100 + [True] * 100)
    probability = np.tile([0.6, 0.4], (200, 1))
    folds = [Fold(np.arange(100, 200), np.arange(100)), Fold(np.arange(100), np.arange(100, 200))]
    found = abstaining.choose(np.column_stack([is_right, ~is_right]), probability, folds)
    assert (found.coverage, found.accuracy) == (0.5, 0.0)
    assert found.curve["coverage"][0] == 1
    assert found.curve["accuracy"][0] == 0.5


def test_the_curve_trades_coverage_for_accuracy(trees: TrainResult) -> None:
    curve = trees.bundle.spec.coverage_curve
    assert curve["coverage"] == sorted(curve["coverage"], reverse=True)
    assert len(curve["threshold"]) == len(curve["coverage"]) == len(curve["accuracy"])
    assert trees.evaluation is not None
    assert curve["accuracy"][0] == pytest.approx(trees.evaluation.ours["accuracy"].value, abs=1e-4)


def test_a_model_that_abstains_gives_probabilities_and_no_tag(trees: TrainResult, tmp_path: Path) -> None:
    trees.bundle.save(tmp_path)
    bundle = Bundle.load(tmp_path, "2")
    assert bundle.spec == trees.bundle.spec
    below = trees.bundle.spec.abstain_below
    unsure, sure = np.full(5, below - 0.02), np.full(5, below - 0.02)
    sure[3] = below + 0.01
    probability = np.vstack([unsure, sure, np.full(5, np.nan)])
    assert bundle.decide(probability).any(axis=1).tolist() == [False, True, False]
    written = label_rows(bundle, pa.array(["a", "b"]), probability[:2], utc_now()).to_pandas()
    assert written.groupby("track_id")["is_tag"].any().to_dict() == {"a": False, "b": True}
    assert (written["track_id"] == "a").any()


def test_history_is_of_moods_that_were_named() -> None:
    with duckdb.connect() as con:
        con.execute("create schema tagging")
        con.execute(
            "create table tagging.track_label as from (values ('a', 'mood', 'sad', 0.3, false, 'm'), "
            "('b', 'mood', 'sad', 0.4, true, 'm'), ('b', 'mood', 'happy', 0.3, false, 'm')) "
            "as t (track_id, kind, label, probability, is_tag, model)"
        )
        assert con.execute(TOP_LABELS).fetchall() == [("b", "mood", "sad", "m")]
