"""What viewers will score a film, from what is known before anybody has seen it.

A row is one film. Films are sorted by release: the last fifth is held out, and the number of trees and the strength
of the ridge are chosen inside the rest, on windows that each learn from earlier films and are judged on the next.
Two yardsticks stand beside the boosted trees on the same held-out films: the mean score of the films learnt from, and
a ridge regression on the same features. Scores are on TMDB's scale of 0 to 10 here and are published as 0 to 100.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tasks.models.crossfit import LIGHTGBM
from tasks.models.evaluation import Score, group_weights
from tasks.models.examples import TooLittleData
from tasks.models.film_facts import FIELDS, SEED, Encoder
from tasks.models.splits import Fold
from tasks.settings import OstinatoError

if TYPE_CHECKING:
    import lightgbm

NAME = "film-rating"
MIN_VOTES = 10
"""Films with fewer are neither learnt from nor judged on: scores of single votes differ by about 2, so that ten
leave an error of 0.6 in their mean, as large as the model's own. A higher minimum makes every figure smaller."""

MIN_FILMS, HELD_OUT, N_WINDOWS, N_RESAMPLES = 200, 0.2, 4, 1000
TREE_STEP, MOST_TREES = 20, 800
RIDGE_STRENGTHS = (100.0, 300.0, 1000.0, 3000.0, 10_000.0)
SPLIT = "by release: the last fifth of the films is held out"
SPEC, TREES = "spec.json", "trees.txt"

PARAMS = {
    "objective": "regression",
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
}


@dataclass(frozen=True)
class RatingModel:
    """A trained model: the encoder of its films and its trees."""

    encoder: Encoder
    booster: lightgbm.Booster

    def predict(self, films: pd.DataFrame) -> np.ndarray:
        """The score of each film (n,), 0 to 10, from the columns of `FIELDS`; NaN where no release year is known."""
        score = np.clip(np.asarray(self.booster.predict(self.encoder.apply(films), num_threads=1)), 0.0, 10.0)
        return np.where(films["released_on"].astype("string").str.match(r"\d{4}").fillna(False), score, np.nan)

    def save(self, folder: Path) -> None:
        """Write the model as text: LightGBM's own and a JSON file."""
        folder.mkdir(parents=True, exist_ok=True)
        spec = {"model": NAME, "fields": FIELDS, **asdict(self.encoder)}
        (folder / SPEC).write_text(json.dumps(spec, indent=1, ensure_ascii=False), encoding="utf-8")
        (folder / TREES).write_text(self.booster.model_to_string(importance_type="gain"), encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> RatingModel:
        """Read a model back.

        Raises
        ------
        OstinatoError
            When the folder holds no such model or one for other fields.
        """
        import lightgbm

        try:
            spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
            encoder = _encoder_of(spec)
            booster = lightgbm.Booster(model_str=(folder / TREES).read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, lightgbm.basic.LightGBMError) as fault:
            raise OstinatoError(f"No model can be read from {folder} ({fault}); train it again.") from fault
        if tuple(spec["fields"]) != FIELDS or booster.num_feature() != len(encoder.columns):
            raise OstinatoError(f"The model in {folder} wants other fields than this version; train it again.")
        return RatingModel(encoder, booster)


@dataclass(frozen=True)
class RatingEvaluation:
    """Root mean squared errors on the held-out films, 0 to 10, each with its 95 % interval over films."""

    ours: Score
    ridge: Score
    mean: Score
    gain_over_ridge: Score
    """The ridge's error minus ours within each resampling; above 0 where ours is better."""
    gain_over_mean: Score
    window_rmse: float
    """Ours on the windows inside the part learnt from, with the number of trees that was best there."""
    n_trees: int
    ridge_strength: float
    n_learnt: int
    n_held_out: int
    held_out_from: str
    """Release date from which films were held out."""

    def metrics(self) -> dict[str, float]:
        """Everything by its MLflow name; `prior_` is the mean of the films learnt from."""
        named = {"rmse": self.ours, "ridge_rmse": self.ridge, "prior_rmse": self.mean}
        ends = {f"{name}_{end}": getattr(score, end) for name, score in named.items() for end in ("lower", "upper")}
        return {**{name: score.value for name, score in named.items()}, **ends, "window_rmse": self.window_rmse}

    def counts(self) -> dict[str, float]:
        """How many films were learnt from and judged on."""
        return {"n_learnt": float(self.n_learnt), "n_held_out": float(self.n_held_out)}


def train(table: pd.DataFrame, min_votes: int = MIN_VOTES) -> tuple[RatingModel, RatingEvaluation]:
    """Judge on the latest films of `features.film_rating_training`, then learn from all of them.

    Raises
    ------
    TooLittleData
        When too few films have a score of enough votes.
    """
    films = films_of(table, min_votes)
    evaluation = evaluate(films)
    return fit(films, evaluation.n_trees), evaluation


def films_of(table: pd.DataFrame, min_votes: int = MIN_VOTES) -> pd.DataFrame:
    """Films with a score of at least `min_votes` votes, in the order of release, with `score` (0 to 10) and `day`.

    Raises
    ------
    TooLittleData
        When there are too few.
    """
    films = table[(table["n_votes"] >= min_votes) & table["user_score"].notna() & table["released_on"].notna()].copy()
    films["score"] = films["user_score"].astype(float) / 10
    films["day"] = [latest_day(date) for date in films["released_on"]]
    if len(films) < MIN_FILMS:
        raise TooLittleData(
            f"{NAME} was not trained: {len(films):,} films have a score of {min_votes} votes or more, and {MIN_FILMS} "
            "are needed; import TMDB's films with `ostinato import`."
        )
    return films.sort_values(["day", "film_id"]).reset_index(drop=True)


def latest_day(date: str) -> str:
    """The latest day that a date can mean, so that a film of an unknown day never counts as an earlier one.

    >>> latest_day("2001"), latest_day("2001-02"), latest_day("2001-02-03")
    ('2001-12-31', '2001-02-31', '2001-02-03')
    """
    return date + "-12-31"[len(date) - 4 :] if len(date) < 10 else date


def evaluate(films: pd.DataFrame) -> RatingEvaluation:
    """Choose, learn and judge in the order of release; films of one day are never parted."""
    day = films["day"].to_numpy(str)
    cut = first_of_day(day, round(len(films) * (1 - HELD_OUT)))
    learnt, held = films.iloc[:cut], films.iloc[cut:]
    n_trees, strength, window_rmse = choose(learnt)
    truth = held["score"].to_numpy(float)
    mean = np.full(len(truth), learnt["score"].mean())
    ours = fit(learnt, n_trees).predict(held)
    errors = {"ours": ours - truth, "ridge": ridge_scores(learnt, held, [strength])[0] - truth, "mean": mean - truth}
    samples = rmse_samples(errors)
    return RatingEvaluation(
        **{name: Score.of(found) for name, found in samples.items()},
        gain_over_ridge=Score.of(samples["ridge"] - samples["ours"]),
        gain_over_mean=Score.of(samples["mean"] - samples["ours"]),
        window_rmse=window_rmse,
        n_trees=n_trees,
        ridge_strength=strength,
        n_learnt=len(learnt),
        n_held_out=len(held),
        held_out_from=str(day[cut]),
    )


def windows(day: np.ndarray, n_windows: int = N_WINDOWS) -> list[Fold]:
    """Expanding windows over days in rising order: learn from all films before a stretch, be judged on the stretch.

    >>> [(len(fold.train), len(fold.test)) for fold in windows(np.array(list("abcdef")), 4)]
    [(2, 1), (3, 1), (4, 1), (5, 1)]
    """
    edges = [first_of_day(day, round(edge)) for edge in np.linspace(0, len(day), n_windows + 3)]
    pairs = zip(edges[2:-1], [*edges[3:-1], len(day)], strict=True)
    return [Fold(np.arange(start), np.arange(start, stop)) for start, stop in pairs if 0 < start < stop]


def first_of_day(day: np.ndarray, position: int) -> int:
    """The first position of the same day, in days in rising order."""
    return int(np.searchsorted(day, day[min(position, len(day) - 1)]))


def choose(films: pd.DataFrame) -> tuple[int, float, float]:
    """The number of trees and the ridge's strength that are best on the windows, and the error of these trees there."""
    steps = range(TREE_STEP, MOST_TREES + 1, TREE_STEP)
    trees, ridge, n_judged = np.zeros(len(steps)), np.zeros(len(RIDGE_STRENGTHS)), 0
    for fold in windows(films["day"].to_numpy(str)):
        learnt, judged = films.iloc[fold.train], films.iloc[fold.test]
        truth = judged["score"].to_numpy(float)
        model = fit(learnt, MOST_TREES)
        seen = model.encoder.apply(judged)
        for number, n_trees in enumerate(steps):
            scores = np.asarray(model.booster.predict(seen, num_iteration=n_trees, num_threads=1))
            trees[number] += ((scores - truth) ** 2).sum()
        ridge += ((ridge_scores(learnt, judged, RIDGE_STRENGTHS) - truth) ** 2).sum(axis=1)
        n_judged += len(truth)
    best = int(trees.argmin())
    return steps[best], RIDGE_STRENGTHS[int(ridge.argmin())], float(np.sqrt(trees[best] / n_judged))


def fit(films: pd.DataFrame, n_trees: int) -> RatingModel:
    """Learn from all of `films`, encoder and trees."""
    import lightgbm

    score = films["score"].to_numpy(float)
    encoder = Encoder.fit(films, score)
    learnt = lightgbm.Dataset(encoder.apply_to_learnt(films, score), score)
    params = {**PARAMS, **LIGHTGBM, "seed": SEED}
    return RatingModel(encoder, lightgbm.train(params, learnt, num_boost_round=n_trees))


def ridge_scores(learnt: pd.DataFrame, judged: pd.DataFrame, strengths: Sequence[float]) -> np.ndarray:
    """What linear models of the same features, made comparable, say: (strengths, judged films), 0 to 10.

    An unknown value is the median of the films learnt from.
    """
    from sklearn.linear_model import Ridge

    score = learnt["score"].to_numpy(float)
    encoder = Encoder.fit(learnt, score)
    seen, new = encoder.apply_to_learnt(learnt, score), encoder.apply(judged)
    middle = np.nan_to_num(pd.DataFrame(seen).median().to_numpy())
    seen, new = (np.where(np.isnan(matrix), middle, matrix) for matrix in (seen, new))
    centre, spread = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-9)
    seen, new = (seen - centre) / spread, (new - centre) / spread
    found = np.stack([Ridge(strength).fit(seen, score).predict(new) for strength in strengths])
    return np.asarray(np.clip(found, 0.0, 10.0))


def rmse_samples(errors: Mapping[str, np.ndarray], n_resamples: int = N_RESAMPLES) -> dict[str, np.ndarray]:
    """Root mean squared errors of all films, then of films drawn with replacement, the same draws for every model.

    >>> rmse_samples({"ours": np.array([3.0, -4.0])}, 0)["ours"].round(3).tolist()
    [3.536]
    """
    n = len(next(iter(errors.values())))
    weights = group_weights(np.arange(n), n_resamples, SEED) / n
    return {name: np.sqrt(weights @ found**2) for name, found in errors.items()}


def _encoder_of(spec: Mapping[str, Any]) -> Encoder:
    def pairs(scores: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, int]]:
        return {name: (float(total), int(count)) for name, (total, count) in scores.items()}

    return Encoder(
        {field: tuple(names) for field, names in spec["indicators"].items()},
        {field: pairs(scores) for field, scores in spec["scores"].items()},
    )
