"""The real data set files go in whole, in every form; every other file of that folder is refused by name."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tasks import lake
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings
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
    "film_ost_listings_ml1m": "soundtrack_listings",
    "film_ost_spotify_albums": "film_spotify_albums",
    "cmu_tmdb_movies_composers": "cmu_films",
    "imdb_soundtrack_youtube_imdb4m": "soundtrack_videos",
    "kr_spotify_daily_top200_2025": "spotify_daily_chart",
    "kr_tracks_librosa_genre_2025": "charted_track_audio",
    "imdb_movies_imdb4m": "imdb_films",
    "deezer_mood_valence_arousal": "mood_ratings",
}
NEAREST = {  # of those that are refused, the ones a user may well try
    "movielens1m_movies": ("movielens_films", "movieId, tmdbId"),
    "spotify_soundtrack_albums_1000": ("film_ost_films", "imdb_id, title, genres, overview, release_date"),
    "film_ost_features_5films": ("spotify_tracks", "artists, track_genre"),
    "film_soundtrack_genre_boxoffice": ("spotify_million_tracks", "track_id, artist_name, track_name"),
    "spotify_mood_936": ("spotify_tracks", "track_id, artists, track_name, track_genre, mode"),
}
FILES = [DATA / f"{name}.parquet" for name in KINDS]
IMPORT_S_MAX = 20.0  # it takes 1 s on two free cores, and the command 3 s
OSTINATO = PROJECT_ROOT / ".venv" / "bin" / "ostinato"

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


def as_list(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


NOTATIONS: dict[str, Callable[[Any], str]] = {
    "NumPy": str,  # what pandas writes into a CSV file
    "Python": lambda value: repr(as_list(value)),
    "JSON": lambda value: json.dumps(as_list(value), ensure_ascii=False),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_file_as_csv_from_pandas_lands_the_same(
    world: Settings, reports: dict[str, ImportReport], tmp_path: Path, name: str
) -> None:
    table = pd.read_parquet(DATA / f"{name}.parquet").sample(frac=1, axis="columns", random_state=7)
    lists = [column for column in table if isinstance(table[column].dropna().iloc[0], np.ndarray)]
    expected = landed(world, KINDS[name]).drop(["fetched_at"])
    for notation, write in NOTATIONS.items() if lists else [("NumPy", str)]:
        as_text = {column: table[column].map(write, na_action="ignore") for column in lists}
        shouted = table.assign(**as_text).rename(columns=str.upper)
        path = tmp_path / ("anything.gz" if notation == "NumPy" else "anything")
        shouted.to_csv(path, compression={"method": "gzip", "compresslevel": 1} if path.suffix else None)
        other = Settings(home=tmp_path / notation, profile=Profile.LIVE)
        report = import_files(other, [path], DAY)[0]
        assert report.entity == KINDS[name]
        assert report.n_rejected == reports[report.entity].n_rejected
        assert landed(other, report.entity).drop(["fetched_at"]).equals(expected), notation


def test_a_list_table_written_by_duckdb_lands_the_same(
    world: Settings, reports: dict[str, ImportReport], tmp_path: Path
) -> None:
    for name in ("film_ost_spotify_albums", "imdb_movies_imdb4m", "imdb_soundtracks_imdb4m"):
        duckdb.execute(f"copy '{DATA}/{name}.parquet' to '{tmp_path}/{name}'(format csv)")
        other = Settings(home=tmp_path / "home", profile=Profile.LIVE)
        report = import_files(other, [tmp_path / name], DAY)[0]
        expected = landed(world, report.entity).drop(["fetched_at"])
        assert landed(other, report.entity).drop(["fetched_at"]).equals(expected)


def test_new_tables_hold_what_their_files_say(world: Settings, reports: dict[str, ImportReport]) -> None:
    albums = landed(world, "film_spotify_albums")
    assert pc.max(pc.list_value_length(albums["track_ids"])).as_py() == 20
    assert pc.min(pc.list_value_length(albums["track_ids"])).as_py() == 0  # albums without tracks, as published
    films = landed(world, "cmu_films")
    avatar = films.filter(pc.equal(films["tmdb_id"], "19995.0")).to_pylist()[0]
    assert (avatar["name"], avatar["release_date"]) == ("Avatar", "2009")
    assert avatar["countries"] == ["United States of America", "United Kingdom"]
    assert pc.min(pc.list_value_length(films["genres"])).as_py() is not None
    assert landed(world, "soundtrack_videos")["youtube_video_id"].null_count == 343
    assert landed(world, "soundtrack_listings")["imdb_id"].null_count == 547
    chart = landed(world, "spotify_daily_chart")
    assert len(pc.unique(chart["chart_date"])) == 365
    assert pc.max(chart["rank"]).as_py() == 200
    assert landed(world, "charted_track_audio")["genre"].null_count == 58
    assert pc.min(landed(world, "imdb_films")["imdb_votes"]).as_py() > 100_000
    moods = landed(world, "mood_ratings")
    assert pc.min(moods["valence"]).as_py() < 0  # standardised: the bounds of Spotify's valence are not its own
    assert set(pc.unique(moods["split"]).to_pylist()) == {"train", "validation", "test"}


@pytest.mark.proof  # by itself: what runs beside it would be measured too
def test_the_command_reports_every_file(tmp_path: Path, reports: dict[str, ImportReport]) -> None:
    started_at = time.perf_counter()
    said = [ostinato_import(tmp_path, *options) for options in ([], ["--json"])]
    assert time.perf_counter() - started_at < 2 * IMPORT_S_MAX
    for entity in KINDS.values():
        assert f" {entity} " in said[0]
    assert "1 rejected, track_name is missing" in said[0]
    found = {one["entity"]: one for one in json.loads(said[1])}
    assert [one["file"] for one in found.values()] == [str(path) for path in FILES]
    for entity, report in reports.items():
        assert (found[entity]["n_rows"], found[entity]["n_rejected"]) == (report.n_rows, report.n_rejected)
        assert (found[entity]["reject_file"] is None) == (report.n_rejected == 0)
        assert found[entity]["ignored_columns"] == list(report.ignored_columns)


def ostinato_import(home: Path, *options: str) -> str:
    """What the command prints about all files."""
    command = [str(OSTINATO), "import", *options, *map(str, FILES)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OSTINATO_")}
    environment |= {"OSTINATO_HOME": str(home), "COLUMNS": "120"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout


def test_all_other_tables_are_refused_with_the_nearest_kind(tmp_path: Path) -> None:
    others = sorted(path for path in DATA.glob("*.parquet") if path not in FILES)
    assert {path.stem for path in others} > set(NEAREST)
    for path in others:
        nearest, lacking = NEAREST.get(path.stem, (r"\w+", r"\w+"))
        sentence = rf"^{path} fits no known kind .* the nearest is {nearest}, for which it lacks {lacking}"
        with pytest.raises(OstinatoError, match=sentence):
            import_files(Settings(home=tmp_path, profile=Profile.LIVE), [path], DAY)
    assert list(tmp_path.iterdir()) == []
