from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, log_loss, roc_auc_score

from tasks.models.calibration import Calibration, decide, f1_thresholds
from tasks.models.evaluation import (
    evaluate,
    expected_calibration_error,
    mean_average_precision,
    reliability_table,
    roc_auc,
    top_n_choices,
    top_n_f1,
)
from tasks.models.splits import Fold, LeakError, forbid_shared_groups, grouped_folds, linked_groups, without_shared

N, LABELS = 400, 7


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    probability = rng.random((N, LABELS))
    return rng.random((N, LABELS)) < probability * 0.6, probability


def naive_top_n(probability: np.ndarray, top: int) -> np.ndarray:
    """The seeds' way: row by row."""
    named = np.zeros(probability.shape, dtype=bool)
    for row, values in enumerate(probability):
        for label in sorted(range(len(values)), key=lambda k: (-values[k], k))[:top]:
            named[row, label] = True
    return named


def evaluated(truth: np.ndarray, probability: np.ndarray, groups: np.ndarray, **options: int):
    prior = np.tile(truth.mean(axis=0), (len(truth), 1))
    labels = tuple(f"label {k}" for k in range(truth.shape[1]))
    decision, all_of_them = probability >= 0.5, np.ones(truth.shape, dtype=bool)
    return evaluate(truth, probability, decision, prior, groups, labels, prior_decision=all_of_them, **options)


@pytest.mark.parametrize("top", [1, 3, 5])
def test_top_n_equals_the_row_by_row_loop_and_scikit_learn(scored, top):
    truth, probability = scored
    probability = probability.round(1)  # with many ties
    named = naive_top_n(probability, top)
    *_, chosen = top_n_choices(probability, top)
    assert (chosen == named).all()
    micro, macro = top_n_f1(truth, probability, top)
    assert micro == pytest.approx(f1_score(truth, named, average="micro"))
    assert macro == pytest.approx(f1_score(truth, named, average="macro"))


def test_every_metric_equals_its_textbook_form(scored):
    truth, probability = scored
    ours = evaluated(truth, probability, np.arange(N)).ours
    best = probability.argmax(axis=1)
    expected = {
        "accuracy": truth[np.arange(N), best].mean(),
        "hit_rate_top3": (truth & naive_top_n(probability, 3)).any(axis=1).mean(),
        "macro_f1": f1_score(truth, probability >= 0.5, average="macro"),
        "micro_f1": f1_score(truth, probability >= 0.5, average="micro"),
        "map": average_precision_score(truth, probability, average="macro"),
        "log_loss": np.mean([log_loss(truth[:, k], probability[:, k]) for k in range(LABELS)]),
        "ece": expected_calibration_error(truth, probability),
        "brier_skill": 1 - ((probability - truth) ** 2).sum() / ((truth.mean(axis=0) - truth) ** 2).sum(),
    }
    assert {name: ours[name].value for name in expected} == pytest.approx(expected)


def test_average_precision_of_a_constant_score_is_the_share(scored):
    truth, _ = scored
    assert mean_average_precision(truth, np.full(truth.shape, 0.3)) == pytest.approx(truth.mean())


def test_roc_auc_equals_scikit_learn_with_ties(scored):
    truth, probability = scored
    rounded = probability[:, 0].round(1)
    assert roc_auc(truth[:, 0], rounded) == pytest.approx(roc_auc_score(truth[:, 0], rounded))
    assert np.isnan(roc_auc(np.ones(3, dtype=bool), np.arange(3.0)))


def test_reliability_bins_hold_every_row(scored):
    truth, probability = scored
    bins = reliability_table(truth, probability)
    assert bins["n_rows"].sum() == N
    assert ((bins["confidence"] * 15).astype(int).clip(upper=14) == bins["bin"]).all()


def test_intervals_come_from_groups_not_rows(scored):
    truth, probability = scored
    repeated = np.repeat(truth, 10, axis=0), np.repeat(probability, 10, axis=0)
    by_row = evaluated(*repeated, np.arange(10 * N)).ours["accuracy"]
    by_group = evaluated(*repeated, np.repeat(np.arange(N), 10)).ours["accuracy"]
    alone = evaluated(truth, probability, np.arange(N)).ours["accuracy"]
    assert by_group.upper - by_group.lower == pytest.approx(alone.upper - alone.lower)
    assert by_row.upper - by_row.lower < 0.6 * (by_group.upper - by_group.lower)


def test_the_prior_stands_beside_and_gains_nothing_over_itself(scored):
    truth, _ = scored
    prior = np.tile(truth.mean(axis=0), (N, 1))
    found = evaluated(truth, prior, np.arange(N))
    assert found.prior["brier_skill"].value == 0
    assert found.gain["map"].value == found.gain["map"].upper == 0
    assert "prior_map" in found.metrics()


def test_labels_fewer_than_top_n_and_without_a_true_row():
    truth = np.array([[True, False], [True, False], [False, False]])
    found = evaluated(truth, np.array([[0.9, 0.2], [0.4, 0.3], [0.1, 0.6]]), np.arange(3), n_resamples=20)
    assert "micro_f1_top3" not in found.ours
    assert found.ours["map"].value == 1.0
    assert np.isnan(found.per_label.loc[1, "roc_auc"])


def test_folds_keep_groups_whole_are_balanced_and_repeat():
    groups = np.random.default_rng(0).integers(0, 60, 1000)
    folds = grouped_folds(groups, 5, seed=1)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(1000))
    assert all(150 < len(fold.test) < 250 for fold in folds)
    assert all((one.test == two.test).all() for one, two in zip(folds, grouped_folds(groups, 5, seed=1), strict=True))
    with pytest.raises(ValueError, match="3 groups cannot fill 5 folds"):
        grouped_folds(np.array([0, 1, 2]), 5)


def test_guard_raises_when_a_film_stands_on_both_sides():
    films = np.array(["Alien", "Alien", "Heat", "Heat"])
    forbid_shared_groups(films, Fold(np.array([0, 1]), np.array([2, 3])))
    with pytest.raises(LeakError, match="Heat"):
        forbid_shared_groups(films, Fold(np.array([0, 1, 2]), np.array([3])))


def test_a_recording_links_its_artists_into_one_group():
    groups = linked_groups(["Simon", "Garfunkel", "Cher"], ["the boxer", "the boxer", "believe"])
    assert groups[0] == groups[1] != groups[2]


def test_stress_folds_learn_from_no_artist_of_the_test():
    artists = np.array([0, 1, 0, 2])
    fold = without_shared([Fold(np.array([0, 1]), np.array([2, 3]))], artists)[0]
    assert fold.train.tolist() == [1]


def test_calibration_pulls_an_overconfident_model_to_the_shares():
    rng = np.random.default_rng(5)
    true_odds = rng.normal(-1, 1, (4000, 2))
    truth = rng.random(true_odds.shape) < 1 / (1 + np.exp(-true_odds))
    overconfident = 1 / (1 + np.exp(-3 * true_odds))
    calibrated = Calibration.fit(overconfident, truth, truth.mean(axis=0)).apply(overconfident)
    assert expected_calibration_error(truth, overconfident) > 0.1
    assert expected_calibration_error(truth, calibrated) < 0.03


def test_calibration_of_noise_is_the_prior():
    rng = np.random.default_rng(6)
    truth = rng.random((5000, 2)) < [0.1, 0.6]
    calibrated = Calibration.fit(rng.random(truth.shape), truth, truth.mean(axis=0)).apply(rng.random(truth.shape))
    assert np.abs(calibrated - truth.mean(axis=0)).max() < 0.08


def test_thresholds_are_never_below_the_share_and_best_f1_above_it():
    rng = np.random.default_rng(7)
    truth = rng.random((500, 1)) < 0.4
    probability = np.clip(truth * 0.3 + rng.random((500, 1)) * 0.6, 0, 1)
    share = truth.mean(axis=0)
    threshold = f1_thresholds(probability, truth, share)
    best = f1_score(truth, probability >= threshold)
    assert threshold[0] >= share[0]
    others = [f1_score(truth, probability >= t) for t in np.linspace(share[0], 0.99, 60)]
    assert best >= max(others) - 1e-9
    assert decide(np.array([[0.1]]), threshold, name_top=False).tolist() == [[False]]
