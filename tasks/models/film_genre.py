"""Audio features of soundtracks to the genres of their films.

A row is one track of one film and carries all of the film's genres. One regularised LightGBM per genre; rows of a
film stay together. Two yardsticks stand beside it: the popularity prior, and the forest of the original project,
`RandomForestClassifier(500, max_depth=20, class_weight="balanced")` over all genres at once (each tree a split of
many outputs, top-N of its class probabilities), whose scores are logged and whose 380 MB are thrown away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import logit

from tasks.models.bundle import Form
from tasks.models.crossfit import (
    LIGHTGBM,
    SEED,
    Job,
    OutOfFold,
    Progress,
    TrainResult,
    out_of_fold,
    point_scores,
    train_and_judge,
)
from tasks.models.evaluation import mean_average_precision, top_n_f1
from tasks.models.examples import Examples, TooLittleData, common_labels, truth_matrix
from tasks.models.features import is_scorable, to_matrix
from tasks.models.splits import Fold, codes, grouped_folds, without_shared

if TYPE_CHECKING:
    import lightgbm

NAME = "film-genre"
MIN_ROWS, MIN_FILMS, MIN_FILMS_PER_LABEL, MIN_TRACKS_PER_LABEL = 200, 30, 5, 50
FOREST_TREES, FOREST_DEPTH = 500, 20
N_FOLDS = 5

PARAMS = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
}


def train(table: pd.DataFrame, threads: int, progress: Progress | None = None) -> TrainResult:
    """Train on `features.film_genre_training`; judge beside the prior, the seeds' forest, and without shared artists.

    Raises
    ------
    TooLittleData
        When too few films have tracks with features and genres.
    """
    examples = examples_of(table)
    result = train_and_judge(JOB, examples, threads, progress)
    assert result.probability is not None
    folds = grouped_folds(examples.groups, N_FOLDS, seed=SEED)
    disjoint = without_shared(folds, examples.artists)
    apart = out_of_fold(JOB, examples, disjoint, threads, n_trees=result.params["n_trees"])
    result.more_metrics |= _named("artist_disjoint", point_scores(JOB, examples, apart))
    result.more_metrics |= _named(
        "seed", point_scores(JOB, examples, forest(examples, folds, threads), calibrate=False)
    )
    result.more_metrics |= pooled_scores(examples, result.probability)
    result.notes.append(
        "seed_ is the original project's forest in the same folds; artist_disjoint_ learns without the first artists "
        "of the test rows; pooled_ gives one answer a film."
    )
    return result


def examples_of(table: pd.DataFrame) -> Examples:
    """One example per film and track; genres are those that enough tracks and films carry.

    Raises
    ------
    TooLittleData
        When too few films have tracks with features and genres.
    """
    rows = table[is_scorable(to_matrix(table))].sort_values(["film_id", "track_id"]).reset_index(drop=True)
    films = codes(rows["film_id"].to_numpy()) if len(rows) else np.empty(0, dtype=int)
    min_tracks = max(10, min(MIN_TRACKS_PER_LABEL, len(rows) // 40))
    labels = common_labels(rows["film_genres"], films, MIN_FILMS_PER_LABEL, min_tracks)
    truth = truth_matrix(rows["film_genres"], labels)
    n_films = len(np.unique(films[truth.any(axis=1)])) if len(rows) else 0
    if len(rows) < MIN_ROWS or n_films < MIN_FILMS or len(labels) < 2:
        raise TooLittleData(
            f"{NAME} was not trained: {len(rows):,} soundtrack tracks of {len(np.unique(films)):,} films have features "
            f"and genres, {n_films:,} of these films one of {len(labels)} genres that are frequent enough, "
            f"and {MIN_ROWS} of {MIN_FILMS} are needed; import film-track links with `ostinato import`."
        )
    artists = rows["artist_key"].where(rows["artist_key"].notna(), rows["track_id"])
    return Examples(to_matrix(rows), truth, labels, films, np.ones(len(rows)), codes(artists.to_numpy()))


def fit(examples: Examples, rows: np.ndarray, features: np.ndarray, n_trees: int) -> list[lightgbm.Booster]:
    """One booster per genre."""
    import lightgbm

    smallest = min(int(PARAMS["min_data_in_leaf"]), max(5, len(rows) // 50))
    params = {**PARAMS, **LIGHTGBM, "min_data_in_leaf": smallest, "objective": "binary"}
    members = []
    for column in range(len(examples.labels)):
        learnt = lightgbm.Dataset(features, examples.truth[rows, column].astype(float))
        members.append(lightgbm.train(params, learnt, num_boost_round=n_trees))
    return members


def forest(examples: Examples, folds: list[Fold], threads: int) -> OutOfFold:
    """Out-of-fold scores of the seeds' forest, which is never kept."""
    from sklearn.ensemble import RandomForestClassifier

    raw = np.zeros(examples.truth.shape)
    filled = np.nan_to_num(examples.features, nan=-1.0)
    for fold in folds:
        trees = RandomForestClassifier(
            FOREST_TREES, max_depth=FOREST_DEPTH, class_weight="balanced", n_jobs=threads, random_state=SEED
        )
        trees.fit(filled[fold.train], examples.truth[fold.train])
        for column, answer in enumerate(trees.predict_proba(filled[fold.test])):
            classes = trees.classes_[column]
            raw[fold.test, column] = answer[:, list(classes).index(True)] if True in classes else 0.0
    return OutOfFold(raw, raw, [examples.share(fold.train) for fold in folds], folds, [])


def pooled_scores(examples: Examples, probability: np.ndarray) -> dict[str, float]:
    """One answer per film, the mean log-odds of its tracks, as `ostinato tag --group` gives it."""
    log_odds = pd.DataFrame(logit(np.clip(probability, 1e-6, 1 - 1e-6))).groupby(examples.groups).mean().to_numpy()
    truth = pd.DataFrame(examples.truth).groupby(examples.groups).max().to_numpy()
    micro, macro = top_n_f1(truth, log_odds, 3)
    return {
        "pooled_micro_f1_top3": micro,
        "pooled_macro_f1_top3": macro,
        "pooled_map": mean_average_precision(truth, log_odds),
    }


def prior_decides(prior: np.ndarray) -> np.ndarray:
    """Knowing shares alone, the best F1 of every label is had by tagging everything."""
    return np.ones(prior.shape, dtype=bool)


def _named(prefix: str, scores: dict[str, float]) -> dict[str, float]:
    kept = (
        "micro_f1_top1",
        "micro_f1_top2",
        "micro_f1_top3",
        "micro_f1_top5",
        "macro_f1_top3",
        "macro_f1",
        "map",
        "ece",
    )
    return {f"{prefix}_{name}": scores[name] for name in kept if name in scores}


JOB = Job(
    name=NAME,
    kind="film_genre",
    form=Form.ONE_VS_REST,
    split="5 folds grouped by film",
    fit=fit,
    tree_steps=(40, 60, 80, 120, 160),
    name_top=False,
    prior_decides=prior_decides,
    params=PARAMS,
)
