"""What films are rated from: fields known before release, scores of imported tables alone, sources that are cleared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from sql_world import Row, built_world, failing, rows

from tasks import tagging
from tasks.models import registry
from tasks.settings import Profile, Settings
from tasks.warehouse import build, open_warehouse

DRAMA = '[{"id": 18, "name": "Drama"}]'
COMPANIES, KEYWORDS = '[{"name": "Two Cranes", "id": 4}]', '[{"id": 1, "name": "tide"}, {"id": 2, "name": "dock"}]'


def film(number: int, **more: object) -> Row:
    named = {"id": number, "title": f"Film {number}", "genres": DRAMA, "release_date": "2001-02-03"}
    return {**named, "budget": 0, "runtime": 90.0, "vote_average": 6.5, "vote_count": 12, **more}


RAW: dict[tuple[str, str], list[Row]] = {
    ("dataset", "tmdb_films"): [
        film(1, production_companies=COMPANIES, keywords=KEYWORDS, budget=7_000_000, revenue=9, popularity=3.5),
        film(2, vote_count=0),
        film(3, release_date=" "),
        film(4, vote_average=4.0, vote_count=3),
        film(5, runtime=0.0, production_companies="no JSON"),
    ],
    ("dataset", "movies_metadata"): [
        {**film(4, vote_average=5.0, vote_count=30, production_companies=COMPANIES), "imdb_id": "tt0000004"}
    ],
    ("tmdb", "film"): [
        {"tmdb_id": 5, "title": "Film 5", "genres": ["Horror"], "runtime_min": 99, "user_score": 80.0},
        {"tmdb_id": 6, "title": "Film 6", "genres": ["Horror"], "released_on": "2001", "user_score": 80.0},
    ],
}
TRAINED = "select * exclude label_source from features.film_rating_training order by film_id"
FIELDS = {"film_id", "released_on", "genres", "runtime_min", "budget_usd", "original_language", "companies", "keywords"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rating")


@pytest.fixture(scope="module")
def live(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """With sources.toml as it stands: TMDB's own pages are not cleared."""
    with built_world(home, RAW) as warehouse:
        yield warehouse


def test_a_film_is_learnt_from_where_an_imported_table_says_how_many_voted(live: duckdb.DuckDBPyConnection) -> None:
    tide = ["tide", "dock"]
    assert rows(live, TRAINED) == [
        ("tmdb:1", "2001-02-03", ["Drama"], 90, 7_000_000, None, ["Two Cranes"], tide, 65.0, 12),
        ("tmdb:5", "2001-02-03", ["Drama"], None, None, None, [], [], 65.0, 12),
        ("tt0000004", "2001-02-03", ["Drama"], 90, None, None, [], [], 50.0, 30),  # of the table with more votes
    ]
    assert failing(live, "uncleared_training_rows") == []


def test_pages_lend_their_fields_where_they_are_cleared(home: Path) -> None:
    with built_world(home, RAW, profile=Profile.SANDBOX) as sandbox:
        assert rows(
            sandbox, "select runtime_min, genres from trainable.film_rating_example where film_id = 'tmdb:5'"
        ) == [(99, ["Horror"])]


def test_nothing_that_comes_after_release_is_predicted_from(live: duckdb.DuckDBPyConnection) -> None:
    columns = rows(live, "select column_name from (describe features.film_before_release)")
    assert {name for (name,) in columns} == FIELDS
    assert rows(live, "select count(*) from features.film_before_release") == [(6,)]


class ByRuntime:
    """Stands in for a champion: a tenth of the runtime, unknown without one."""

    def predict(self, films: pd.DataFrame) -> np.ndarray:
        return films["runtime_min"].to_numpy(float, na_value=np.nan) / 10


def test_predicted_scores_are_published_and_follow_the_champion(
    home: Path, live: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.close()
    settings = Settings(home=home, profile=Profile.LIVE, threads=2)
    published = "select film_id, predicted_score from marts.film where predicted_score is not null order by film_id"

    def rated(champion: tuple[ByRuntime, str] | None) -> tuple[tagging.RatingReport, list[tuple[object, ...]]]:
        monkeypatch.setattr(registry, "rating_champion", lambda _: champion)
        report = tagging.rate_films(settings)
        build(settings)
        with open_warehouse(settings, read_only=True) as con:
            return report, rows(con, published)

    assert rated(None) == (tagging.RatingReport(0, 0, ""), [])
    scores = [*((f"tmdb:{number}", 90.0) for number in (1, 2, 3)), ("tmdb:5", 99.0), ("tt0000004", 90.0)]
    assert rated((ByRuntime(), "1")) == (tagging.RatingReport(5, 5, "film-rating/1"), scores)
    assert rated((ByRuntime(), "1")) == (tagging.RatingReport(5, 0, "film-rating/1"), scores)
    assert rated(None) == (tagging.RatingReport(0, 5, ""), [])
