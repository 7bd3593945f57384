"""Audio features to music genre: 28 groups, several of which can be true of one track.

One LightGBM over all groups at once learns from one row per track and genre; its answers, which share out one
whole among the groups, become chances of each group by calibration. Rows of one artist or one recording stay
together, and an artist of many tracks counts for less than their number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.models.bundle import Form
from tasks.models.calibration import name_likeliest
from tasks.models.crossfit import LIGHTGBM, Job, Progress, TrainResult, train_and_judge
from tasks.models.examples import Examples, TooLittleData, common_labels, damped_weights, truth_matrix
from tasks.models.features import FEATURES, is_scorable, to_matrix
from tasks.models.splits import codes, linked_groups

if TYPE_CHECKING:
    import lightgbm

NAME = "track-genre"
MIN_ROWS, MIN_GROUPS, MIN_GROUPS_PER_LABEL = 200, 40, 10

PARAMS = {
    "learning_rate": 0.08,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
}


def train(table: pd.DataFrame, threads: int, progress: Progress | None = None) -> TrainResult:
    """Train on `features.track_genre_training` and judge it.

    Raises
    ------
    TooLittleData
        When too few tracks or artists carry genres.
    """
    return train_and_judge(JOB, examples_of(table), threads, progress)


def examples_of(table: pd.DataFrame) -> Examples:
    """One example per recording; releases of the same recording give their features' median and all their genres.

    Raises
    ------
    TooLittleData
        When too few tracks or artists carry genres.
    """
    rows = merge_releases(table[is_scorable(to_matrix(table))])
    artists = codes(rows["artist_key"].to_numpy()) if len(rows) else np.empty(0, dtype=int)
    labels = common_labels(rows["genres"], artists, MIN_GROUPS_PER_LABEL)
    truth = truth_matrix(rows["genres"], labels)
    kept = np.flatnonzero(truth.any(axis=1))
    n_artists = len(np.unique(artists[kept]))
    if len(kept) < MIN_ROWS or n_artists < MIN_GROUPS or len(labels) < 2:
        raise TooLittleData(
            f"{NAME} was not trained: {len(kept):,} tracks of {n_artists:,} artists carry a genre, "
            f"and {MIN_ROWS} of {MIN_GROUPS} are needed; import a data set with `ostinato import`."
        )
    rows, artists = rows.iloc[kept], artists[kept]
    return Examples(
        features=to_matrix(rows),
        truth=truth[kept],
        labels=labels,
        groups=linked_groups(artists, rows["recording_key"].to_numpy()),
        weight=damped_weights(codes(artists)),
        artists=artists,
    )


def merge_releases(table: pd.DataFrame) -> pd.DataFrame:
    """One row per artist and recording: the published tables hold many a song several times.

    A release without a key stands for itself.
    """
    rows = table.sort_values("track_id")
    own = rows["track_id"].astype(str)
    recording = rows["recording_key"].where(rows["recording_key"].notna(), own)
    artist = rows["artist_key"].where(rows["artist_key"].notna(), own)
    rows = rows.assign(recording_key=recording, artist_key=artist)
    same = rows.groupby(["artist_key", "recording_key"], sort=True)
    merged = same[list(FEATURES)].median()
    for whole in ("key", "mode", "time_signature"):
        merged[whole] = same[whole].first()
    merged["genres"] = same["genres"].agg(lambda lists: sorted({genre for genres in lists for genre in genres}))
    return merged.reset_index()


def fit(examples: Examples, rows: np.ndarray, features: np.ndarray, n_trees: int) -> list[lightgbm.Booster]:
    """One booster over all labels, from one row per track and genre."""
    import lightgbm

    row, label = np.nonzero(examples.truth[rows])
    learnt = lightgbm.Dataset(features[row], label, weight=examples.weight[rows][row])
    smallest = min(int(PARAMS["min_data_in_leaf"]), max(5, len(row) // 200))
    params = {**PARAMS, **LIGHTGBM, "min_data_in_leaf": smallest}
    objective = {"objective": "multiclass", "num_class": len(examples.labels)}
    return [lightgbm.train({**params, **objective}, learnt, num_boost_round=n_trees)]


JOB = Job(
    name=NAME,
    kind="genre",
    form=Form.MULTICLASS,
    split="5 folds grouped by first artist and recording",
    fit=fit,
    tree_steps=(20, 40, 60, 80, 100),
    name_top=True,
    prior_decides=name_likeliest,
    params=PARAMS,
)
