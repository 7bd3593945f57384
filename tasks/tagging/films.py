"""Rates every film of the warehouse with the champion of film ratings, from what was known before its release."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from tasks import warehouse
from tasks.models import registry
from tasks.models.film_facts import FIELDS
from tasks.models.film_rating import NAME, RatingModel
from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import python_tables
from tasks.warehouse.state import content_revision, note_changed_rows

BATCH_FILMS = 5_000
TABLE = "tagging.film_score"


@dataclass
class RatingReport:
    """What one rating did."""

    n_films: int = 0
    """Films with a predicted score: those whose year of release is known."""
    n_changed: int = 0
    """Of all films, those whose score is new, another, or gone."""
    model: str = ""
    """Name and version, empty where no model has been trained."""


def rate_films(settings: Settings) -> RatingReport:
    """Bring `tagging.film_score` up to date with the films and the champion; without one it is empty.

    Raises
    ------
    OstinatoError
        When the warehouse has not been built.
    """
    found = registry.rating_champion(settings)
    report = RatingReport(model=f"{NAME}/{found[1]}" if found else "")
    with warehouse.open_warehouse(settings) as con:
        scores = predicted_scores(_films(con), found[0], report.model) if found else None
        warehouse.in_transaction(con, lambda: _replace(con, scores, report), turn="rating")
    return report


def predicted_scores(films: pd.DataFrame, model: RatingModel, name: str) -> pa.Table:
    """Film and predicted score, 0 to 100 with one decimal as users' scores have, of the films that can be rated."""
    starts = range(0, len(films), BATCH_FILMS)
    batches = [model.predict(films.iloc[start : start + BATCH_FILMS]) for start in starts]
    score = np.round(np.concatenate([*batches, np.empty(0)]) * 10, 1)
    rated = ~np.isnan(score)
    columns = {"film_id": films["film_id"][rated].tolist(), "predicted_score": score[rated].tolist()}
    return pa.table({**columns, "model": [name] * int(rated.sum())}, schema=python_tables()[TABLE])


def _films(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    try:
        found = con.sql(f"select film_id, {', '.join(FIELDS)} from features.film_before_release order by film_id")
    except duckdb.CatalogException:
        raise OstinatoError(
            "The warehouse has no features.film_before_release yet; run `ostinato build` first."
        ) from None
    films: pd.DataFrame = found.to_arrow_table().to_pandas()
    return films


def _replace(con: duckdb.DuckDBPyConnection, scores: pa.Table | None, report: RatingReport) -> None:
    former = content_revision(con, TABLE)
    con.execute(f"create or replace temp table former_score as from {TABLE}")
    con.execute(f"delete from {TABLE}")
    if scores is not None:
        con.register("scores", scores)
        con.execute(f"insert into {TABLE} by name select * from scores")
        con.unregister("scores")
    con.execute(
        "create or replace temp table rated_anew as select distinct film_id from ("
        f"(from {TABLE} except from former_score) union all (from former_score except from {TABLE}))"
    )
    note_changed_rows(con, TABLE, former, "from rated_anew")
    report.n_films, report.n_changed = (
        row[0] if (row := con.execute(f"select count(*) from {name}").fetchone()) else 0
        for name in (TABLE, "rated_anew")
    )
