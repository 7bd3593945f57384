"""Trains one model from the warehouse, logs it, and says how it stands beside the prior."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from tasks import warehouse
from tasks.lake import utc_now, write_batch
from tasks.models import film_genre, film_rating, plots, registry, track_genre, track_mood
from tasks.models.crossfit import Progress, TrainResult
from tasks.models.examples import TooLittleData
from tasks.models.mood import Plane
from tasks.settings import OstinatoError, Settings, code_version

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "TAGGERS",
    "TRAINABLE",
    "HeadlineScore",
    "NotCleared",
    "TooLittleData",
    "TrainingReport",
    "models_without_champion",
    "train",
]

TAGGERS = (track_genre.NAME, film_genre.NAME, track_mood.NAME)
"""Models that tag tracks: a night trains those that are missing."""

TRAINABLE = (*TAGGERS, film_rating.NAME)

HEADLINES: Mapping[str, tuple[str, ...]] = {
    track_genre.NAME: (
        "accuracy",
        "hit_rate_top3",
        "macro_f1_top1",
        "macro_f1",
        "map",
        "log_loss",
        "ece",
        "brier_skill",
    ),
    film_genre.NAME: (
        "map",
        "micro_f1_top3",
        "macro_f1_top3",
        "micro_f1_top1",
        "macro_f1",
        "log_loss",
        "ece",
        "brier_skill",
    ),
    track_mood.NAME: ("macro_f1_top1", "accuracy", "macro_f1", "map", "log_loss", "ece", "brier_skill"),
}
TABLES = {
    track_genre.NAME: "features.track_genre_training",
    film_genre.NAME: "features.film_genre_training",
    track_mood.NAME: "features.track_mood_training",
    film_rating.NAME: "features.film_rating_training",
}
NAMED_OFFERS = 4


class NotCleared(TooLittleData):
    """There is too little to learn from, and sources that are not cleared for training would bring more."""


@dataclass(frozen=True, slots=True)
class HeadlineScore:
    """One line of the table that a training prints."""

    metric: str
    value: float
    lower: float
    upper: float
    prior: float | None


@dataclass
class TrainingReport:
    """What one training gave."""

    model: str
    version: str
    stage: str
    """champion or challenger."""
    run_id: str
    url: str
    seconds: float
    headline: list[HeadlineScore] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_rows: int = 0
    n_groups: int = 0


def train(settings: Settings, model: str, as_of: date, progress: Progress | None = None) -> TrainingReport:
    """Read the training table, train, log to MLflow, and write the scores to the lake.

    Raises
    ------
    NotCleared
        When too little of what the warehouse holds may be trained on.
    TooLittleData
        When the warehouse holds too little to learn from.
    OstinatoError
        When there is no such model, the warehouse has not been built, or a training row may not be trained on.
    """
    started = time.perf_counter()
    if model not in TRAINABLE:
        raise OstinatoError(f"There is no model {model} to train; the models are {', '.join(TRAINABLE)}.")
    if model == film_rating.NAME:
        return _train_rating(settings, as_of, started)
    result = _result(settings, model, progress)
    if unchanged := _same_as_champion(settings, result):
        return TrainingReport(
            model, unchanged, registry.CHAMPION, "", "", time.perf_counter() - started, notes=result.notes
        )
    logged = registry.log_training(
        settings, result, tags=_tags(settings, as_of), figures=figures(result), description=describe(result, as_of)
    )
    rows = scoreboard_rows(result, logged)
    key = f"{model}-{logged.version}"
    write_batch(settings.lake, "ostinato", "model_scoreboard", rows, batch_key=key, ingest_date=as_of)
    return TrainingReport(
        model,
        logged.version,
        logged.stage,
        logged.run_id,
        logged.url,
        time.perf_counter() - started,
        headline(result),
        result.notes,
        result.n_rows,
        result.n_groups,
    )


def _train_rating(settings: Settings, as_of: date, started: float) -> TrainingReport:
    table = read_training_table(settings, TABLES[film_rating.NAME])
    warehouse.require_cleared_training_rows(settings)
    model, found = film_rating.train(table)
    logged = registry.log_rating(
        settings, model, found, tags=_tags(settings, as_of), description=_describe_rating(found, as_of)
    )
    told = {"rmse": found.ours, "ridge_rmse": found.ridge, "prior_rmse": found.mean}
    common = {"model": film_rating.NAME, "version": logged.version, "stage": logged.stage, "split": film_rating.SPLIT}
    trained_at = utc_now()
    rows = [{**common, "metric": metric, **asdict(score), "trained_at": trained_at} for metric, score in told.items()]
    key = f"{film_rating.NAME}-{logged.version}"
    write_batch(settings.lake, "ostinato", "model_scoreboard", rows, batch_key=key, ingest_date=as_of)
    n_films = found.n_learnt + found.n_held_out
    return TrainingReport(
        film_rating.NAME,
        logged.version,
        logged.stage,
        logged.run_id,
        logged.url,
        time.perf_counter() - started,
        [HeadlineScore(name, s.value, s.lower, s.upper, found.mean.value) for name, s in list(told.items())[:2]],
        [
            f"Errors are of scores from 0 to 10, on the {found.n_held_out:,} films from {found.held_out_from} on; the "
            f"prior is the mean of the {found.n_learnt:,} films before, ridge_ a linear model of the same features."
        ],
        n_films,
        n_films,
    )


def _describe_rating(found: film_rating.RatingEvaluation, as_of: date) -> str:
    gain = found.gain_over_mean
    verdict = "Beats the prior" if gain.lower > 0 else "Not shown to beat the prior"
    lines = [
        f"**{verdict}**: rmse {found.ours.value:.3f}, {gain.value:.3f} under the mean's (95 % interval over films "
        f"{gain.lower:.3f} to {gain.upper:.3f}); the ridge's is {found.ridge.value:.3f}.",
        f"{found.n_learnt:,} films learnt from, {found.n_held_out:,} from {found.held_out_from} on held out; "
        f"{film_rating.MIN_VOTES} votes or more; data as of {as_of}.",
    ]
    return "\n\n".join([*lines, *([f"[Flow run]({link})"] if (link := _flow_run()[1]) else [])])


def models_without_champion(settings: Settings) -> list[str]:
    """Models that have to be trained before every track can be tagged."""
    have = registry.champion_versions(settings)
    return [model for model in TAGGERS if model not in have]


def read_training_table(settings: Settings, name: str) -> pd.DataFrame:
    """A training table of the warehouse.

    Raises
    ------
    OstinatoError
        When the warehouse has not been built that far.
    """
    with warehouse.open_warehouse(settings, read_only=True) as con:
        try:
            table: pd.DataFrame = con.sql(f"select * from {name}").to_arrow_table().to_pandas()
        except duckdb.CatalogException:
            raise OstinatoError(f"The warehouse has no {name} yet; run `ostinato build` first.") from None
    return table


def _result(settings: Settings, model: str, progress: Progress | None) -> TrainResult:
    train_table: Callable[..., TrainResult] = {
        track_genre.NAME: track_genre.train,
        film_genre.NAME: film_genre.train,
        track_mood.NAME: track_mood.train,
    }[model]
    table = read_training_table(settings, TABLES[model])
    warehouse.require_cleared_training_rows(settings)
    try:
        return train_table(table, settings.threads, progress)
    except TooLittleData as fault:
        if offers := _uncleared_rows(settings, TABLES[model]):
            raise NotCleared(f"{fault} {what_clearing_brings(offers)}") from fault
        raise


def _uncleared_rows(settings: Settings, name: str) -> dict[frozenset[str], int]:
    """How many rows a training table would gain, by the sources that have to be cleared together for them."""
    table = read_training_table(settings, f"{name}_uncleared")
    return dict(zip((frozenset(sources) for sources in table["sources"]), table["n_rows"].astype(int), strict=True))


def what_clearing_brings(offers: Mapping[frozenset[str], int]) -> str:
    """Which sources to clear and how many rows each would bring, those that bring most first.

    >>> what_clearing_brings({frozenset({"tmdb"}): 20, frozenset({"tmdb", "imdb"}): 5})  # doctest: +ELLIPSIS
    'Clearing sources for training would bring more rows: 25 with imdb and tmdb together; 20 with tmdb. Where you ...
    """

    def gain(cleared: frozenset[str]) -> int:
        return sum(n_rows for sources, n_rows in offers.items() if sources <= cleared)

    gains = {cleared: gain(cleared) for cleared in (*offers, frozenset[str]().union(*offers))}
    ranked = sorted(gains, key=lambda cleared: (-gains[cleared], len(cleared), sorted(cleared)))
    named = "; ".join(f"{gains[cleared]:,} with {_all_of(cleared)}" for cleared in ranked[:NAMED_OFFERS])
    return (
        f"Clearing sources for training would bring more rows: {named}. Where you hold their permission, set "
        'training = "attested" in their sections of sources.toml; until then the champion stays.'
    )


def _all_of(sources: Collection[str]) -> str:
    *others, last = sorted(sources)
    return f"{', '.join(others)} and {last} together" if others else last


def _same_as_champion(settings: Settings, result: TrainResult) -> str | None:
    """The champion's version if the new model is the same to the letter, which only the mood baseline can be."""
    if result.bundle.boosters:
        return None
    champion = registry.champion(settings, result.bundle.spec.model)
    return champion.version if champion and champion.spec == result.bundle.spec else None


def headline(result: TrainResult) -> list[HeadlineScore]:
    """The few scores that people read first."""
    if result.evaluation is None:
        return []
    ours, prior = result.evaluation.ours, result.evaluation.prior
    names = [name for name in HEADLINES[result.bundle.spec.model] if name in ours]
    return [
        HeadlineScore(name, ours[name].value, ours[name].lower, ours[name].upper, prior[name].value) for name in names
    ]


def scoreboard_rows(result: TrainResult, logged: registry.Registered) -> list[dict[str, Any]]:
    """One row per metric, ours, the prior's (`prior_`), and those of other protocols, which have no interval."""
    scores: list[tuple[str, float, float | None, float | None]] = []
    if result.evaluation:
        for prefix, found in (("", result.evaluation.ours), ("prior_", result.evaluation.prior)):
            scores += [(prefix + name, score.value, score.lower, score.upper) for name, score in found.items()]
    scores += [(name, value, None, None) for name, value in result.more_metrics.items()]
    common = {
        "model": result.bundle.spec.model,
        "version": logged.version,
        "stage": logged.stage,
        "split": result.split,
    }
    trained_at = utc_now()
    return [
        {**common, "metric": metric, "value": value, "lower": lower, "upper": upper, "trained_at": trained_at}
        for metric, value, lower, upper in scores
    ]


def figures(result: TrainResult) -> dict[str, Figure]:
    """The run's figures by file name."""
    name = result.bundle.spec.model
    if result.evaluation is None or result.truth is None or result.probability is None:
        return {"plane": plots.mood_plane(Plane(**result.bundle.spec.plane))}
    found = {
        "scores_beside_prior": plots.scores_beside_prior(result.evaluation, [s.metric for s in headline(result)], name),
        "per_label": plots.per_label(result.evaluation.per_label, name),
        "reliability": plots.reliability(result.evaluation, name),
    }
    if name == track_genre.NAME:
        found["confusion"] = plots.confusion(result.truth, result.probability, result.bundle.labels, name)
    return found


def describe(result: TrainResult, as_of: date) -> str:
    """The run's description in MLflow: its verdict first, then what it rests on."""
    lines = []
    if result.evaluation:
        first = HEADLINES[result.bundle.spec.model][0]
        gain, score = result.evaluation.gain[first], result.evaluation.ours[first]
        verdict = "Beats the prior" if gain.lower > 0 else "Not shown to beat the prior"
        lines.append(
            f"**{verdict}**: {first} {score.value:.3f}, {gain.value:+.3f} over the popularity prior "
            f"(95 % interval over groups {gain.lower:+.3f} to {gain.upper:+.3f})."
        )
        lines.append(f"{result.n_rows:,} rows in {result.n_groups:,} groups; {result.split}; data as of {as_of}.")
    link = _flow_run()[1]
    return "\n\n".join([*lines, *result.notes, *([f"[Flow run]({link})"] if link else [])])


def _tags(settings: Settings, as_of: date) -> dict[str, str]:
    return {
        "dataset_snapshot": warehouse.lake_fingerprint(settings),
        "git_sha": code_version(),
        "prefect_flow_run_id": _flow_run()[0],
        "as_of": as_of.isoformat(),
        "profile": settings.profile.value,
    }


def _flow_run() -> tuple[str, str]:
    """Id and page of the Prefect flow run around this call; empty outside one."""
    if "prefect" not in sys.modules:
        return "", ""
    from prefect.runtime import flow_run

    return str(flow_run.id or ""), str(flow_run.ui_url or "")
