"""Real trainings on the published tables: how far each model stands over the popularity prior, and how fast."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tasks import lake, tagging, training, warehouse
from tasks.settings import Profile, Settings
from tasks.sources.datasets import import_files
from tasks.training import HeadlineScore, TrainingReport, train

DATA = Path(__file__).parents[2].parent / "shared" / "data"
TABLES = (
    "spotify_tracks_114k",
    "spotify_tracks_2024_146genres",
    "film_ost_tracks_features",
    "film_ost_films",
    "derived_film_track_links",
    "movielens25m_movies",
)
AS_OF = date(2024, 6, 1)

pytestmark = [
    pytest.mark.proof,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the published tables are not at {DATA}"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, dict[str, TrainingReport]]]:
    """A live world with the tables imported and every model trained."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in [name for name in os.environ if name.startswith(("OSTINATO_", "MLFLOW_TRACKING"))]:
            monkeypatch.delenv(name)
        settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.LIVE, threads=2)
        import_files(settings, [DATA / f"{name}.parquet" for name in TABLES], AS_OF)
        for phase in (warehouse.Phase.COLLECTED, warehouse.Phase.MATCHED):
            warehouse.build(settings, phase=phase)
        yield settings, {model: train(settings, model, AS_OF) for model in training.TRAINABLE}


def scores(report: TrainingReport) -> dict[str, HeadlineScore]:
    return {score.metric: score for score in report.headline}


def logged(settings: Settings, model: str) -> dict[str, float]:
    board = lake.read(settings.lake, "ostinato", "model_scoreboard").to_pandas()
    return dict(board[board["model"] == model].set_index("metric")["value"])


def test_track_genre_stands_far_over_the_prior(trained):
    settings, reports = trained
    found = scores(reports["track-genre"])
    print({name: (round(s.value, 4), round(s.prior, 4)) for name, s in found.items()}, reports["track-genre"].seconds)
    assert found["accuracy"].value >= 0.38
    assert found["accuracy"].lower > found["accuracy"].prior + 0.10
    assert found["hit_rate_top3"].value >= 0.61
    assert found["macro_f1_top1"].value >= 0.25
    assert found["macro_f1"].value >= 0.29
    assert found["ece"].value <= 0.03
    assert found["brier_skill"].lower > 0
    assert logged(settings, "track-genre")["without_optional_accuracy"] >= found["accuracy"].value - 0.03


def test_film_genre_stands_over_the_prior_and_the_seeds_forest(trained):
    settings, reports = trained
    found, board = scores(reports["film-genre"]), logged(settings, "film-genre")
    print({name: (round(s.value, 4), round(s.prior, 4)) for name, s in found.items()}, reports["film-genre"].seconds)
    print({name: round(value, 4) for name, value in board.items() if name.startswith(("seed", "artist", "pooled"))})
    assert found["map"].lower > found["map"].prior + 0.07
    assert found["micro_f1_top3"].value > found["micro_f1_top3"].prior + 0.03
    assert found["micro_f1_top3"].value > board["seed_micro_f1_top3"] + 0.03
    assert found["map"].value > board["seed_map"]
    assert board["artist_disjoint_map"] > found["map"].prior + 0.05
    assert found["macro_f1"].value > found["macro_f1"].prior
    assert found["ece"].value <= 0.05
    assert found["brier_skill"].lower > 0


def test_training_takes_minutes_not_hours(trained):
    _, reports = trained
    assert reports["track-genre"].seconds < 300
    assert reports["film-genre"].seconds < 300


def test_soundtracks_are_tagged_row_by_row_and_film_by_film(trained, tmp_path):
    settings, _ = trained
    source = DATA / "film_ost_tracks_features.parquet"
    report = tagging.tag_file(settings, source, tmp_path / "rows.parquet")
    assert report.n_scored == report.n_input > 5000
    tagging.tag_file(settings, source, tmp_path / "films.parquet", "imdb_id")
    films = pd.read_parquet(tmp_path / "films.parquet")
    assert films["group"].nunique() == pd.read_parquet(source)["imdb_id"].nunique()
    assert set(films["kind"]) == {"genre", "mood", "film_genre"}


def test_the_whole_catalogue_is_tagged_in_minutes(trained):
    settings, _ = trained
    report = tagging.tag_tracks(settings, AS_OF)
    print(report.n_scored, report.seconds)
    assert report.n_scored > 100_000
    assert report.seconds < 150
    assert tagging.tag_tracks(settings, AS_OF).n_scored == 0
