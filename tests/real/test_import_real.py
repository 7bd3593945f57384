"""The ten real data set files go in whole; every other file of that folder is refused by name."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tasks import lake
from tasks.settings import OstinatoError, Profile, Settings
from tasks.sources.datasets import ImportReport, import_files

DATA = Path(__file__).parents[2].parent / "shared" / "data"
DAY = date(2025, 1, 1)
KINDS = {
    "spotify_tracks_114k": "spotify_tracks",
    "spotify_tracks_2024_146genres": "spotify_query_tracks",
    "film_ost_tracks_features": "film_ost_tracks",
    "film_ost_films": "film_ost_films",
    "derived_film_track_links": "film_track_links",
    "movielens25m_movies": "movielens_films",
    "tmdb_5000_movies": "tmdb_films",
    "imdb_soundtracks_imdb4m": "imdb_soundtracks",
    "melon_weekly_top100_2010_2024": "melon_weekly_chart",
    "melon_monthly_top50_genre_2014_2018": "melon_monthly_chart",
}
FILES = [DATA / f"{name}.parquet" for name in KINDS]
IMPORT_S_MAX = 20.0  # it takes 2.5 s on two free cores

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets (../shared/data) are not here")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.LIVE)


@pytest.fixture(scope="module")
def reports(world: Settings) -> dict[str, ImportReport]:
    started_at = time.perf_counter()
    reports = import_files(world, FILES, DAY)
    assert time.perf_counter() - started_at < IMPORT_S_MAX
    return {report.entity: report for report in reports}


def landed(world: Settings, entity: str) -> pa.Table:
    return lake.read(world.lake, "dataset", entity)


def test_each_file_is_recognised_and_every_row_accounted_for(reports: dict[str, ImportReport]) -> None:
    for path in FILES:
        report = reports[KINDS[path.stem]]
        assert report.path == path
        assert report.n_rows + report.n_rejected == pq.read_metadata(path).num_rows
        assert report.n_rows == pq.read_metadata(report.batch).num_rows
        assert report.absent_columns == ()


def test_only_rows_that_say_nothing_are_rejected(reports: dict[str, ImportReport]) -> None:
    found = {entity: report.reasons for entity, report in reports.items() if report.n_rejected}
    assert found.pop("spotify_tracks") == {"track_name is missing": 1}  # a track taken down, of duration 0
    empty = found.pop("film_ost_tracks", {})  # rows empty in all source columns
    assert set(empty) <= {"track_id is missing"}
    assert sum(empty.values()) <= 8
    assert found == {}


def test_lists_written_as_text_are_lists(world: Settings, reports: dict[str, ImportReport]) -> None:
    tracks = landed(world, "film_ost_tracks")
    three = tracks.filter(pc.equal(tracks["track_id"], "3ZJnc1eGicPxRitBoC7eWZ"))
    assert three["artists"].to_pylist() == [["Vai Mahina", "Sulata Foai-Amiatu", "Matthew Ineleo"]]
    single = tracks.filter(pc.equal(tracks["track_id"], "6FHUBs8P5qcjpj7C2QHdEq"))
    assert single["artists"].to_pylist() == [["Olivia Foa'i"]]
    films = landed(world, "film_ost_films")
    moana = films.filter(pc.equal(films["imdb_id"], "tt3521164"))
    assert moana["genres"].to_pylist() == [["Animation", "Adventure", "Comedy", "Family", "Fantasy", "Musical"]]
    assert moana["runtime"].to_pylist() == [107.0]
    assert landed(world, "spotify_query_tracks")["artist_genres"].null_count == 0


def test_text_and_numbers_have_their_types(world: Settings, reports: dict[str, ImportReport]) -> None:
    assert pc.sum(landed(world, "spotify_query_tracks")["explicit"]).as_py() > 1_000
    assert landed(world, "spotify_query_tracks")["explicit"].null_count == 0
    assert pc.max(landed(world, "tmdb_films")["revenue"]).as_py() == 2_787_965_087
    assert landed(world, "movielens_films")["tmdbId"].null_count == 107
    assert landed(world, "melon_monthly_chart")["song_id"].null_count == 3


def test_a_second_import_changes_no_count(world: Settings, reports: dict[str, ImportReport]) -> None:
    import_files(world, FILES, date(2025, 1, 2))
    for entity, report in reports.items():
        assert landed(world, entity).num_rows == report.n_rows
        assert len(lake.batch_files(world.lake, "dataset", entity)) == 1


@pytest.mark.parametrize("name", ["spotify_tracks_114k", "imdb_soundtracks_imdb4m", "film_ost_films"])
def test_the_file_as_csv_from_pandas_lands_the_same(
    world: Settings, reports: dict[str, ImportReport], tmp_path: Path, name: str
) -> None:
    table = pd.read_parquet(DATA / f"{name}.parquet").sample(frac=1, axis="columns", random_state=7)
    table.to_csv(tmp_path / "anything.csv.gz")
    other = Settings(home=tmp_path, profile=Profile.LIVE)
    report = import_files(other, [tmp_path / "anything.csv.gz"], DAY)[0]
    assert report.entity == KINDS[name]
    assert report.n_rejected == reports[report.entity].n_rejected
    found, expected = landed(other, report.entity), landed(world, report.entity)
    assert found.drop(["fetched_at"]).equals(expected.drop(["fetched_at"]))


def test_all_other_tables_are_refused_with_the_nearest_kind(tmp_path: Path) -> None:
    others = sorted(path for path in DATA.glob("*.parquet") if path not in FILES)
    assert len(others) > 10
    for path in others:
        with pytest.raises(OstinatoError, match=r"fits no known kind .* the nearest is \w+, for which it lacks \w+"):
            import_files(Settings(home=tmp_path, profile=Profile.LIVE), [path], DAY)
    assert list(tmp_path.iterdir()) == []
