"""A data set file is told by its columns alone: every kind, in any order and case, and none for another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from dataset_files import (
    KIND,
    PUBLISHED,
    Row,
    csv_text,
    landed,
    live_world,
    load,
    nothing_landed,
    sample_row,
    save,
    tracks,
)

from tasks.models.features import BOUNDS
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import OstinatoError, Settings
from tasks.sources.datasets.kinds import (
    DATES,
    KINDS,
    LISTED_MAX,
    NOTHING,
    PROSE,
    RANGES,
    RANGES_OF_KIND,
    SHAPES,
    SOURCE,
    Kind,
)
from tasks.sources.datasets.recognising import recognise

WIDER = {("movies_metadata", "tmdb_films")}
"""Kinds of which the first holds all that the second asks for: the one that asks for more is meant."""

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.entity)


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return live_world(tmp_path / "home")


def folded(columns: Iterable[str]) -> set[str]:
    return {column.casefold() for column in columns}


def taken_for(columns: list[str]) -> str:
    return recognise(columns, "file").kind.entity


# --- the kinds as data -----------------------------------------------------------------------------------------


def test_the_kinds_name_only_columns_of_their_table() -> None:
    for kind in KINDS:
        assert {*kind.required, *kind.key, *kind.json} <= set(kind.columns), kind.entity
        assert set(kind.key) <= set(kind.required), kind.entity
    assert {(SOURCE, kind.entity) for kind in KINDS} == {key for key in LAKE_SCHEMAS if key[0] == SOURCE}
    assert set(PUBLISHED) == set(KIND)


def test_what_a_column_must_hold_is_said_of_columns_that_there_are() -> None:
    known = {name for kind in KINDS for name in kind.columns}
    assert {*RANGES, *SHAPES, *DATES, *PROSE, *NOTHING, *LISTED_MAX} <= known
    assert {*DATES, *NOTHING} <= set(SHAPES)
    assert all(set(ranges) <= set(KIND[entity].columns) for entity, ranges in RANGES_OF_KIND.items())


def test_features_are_bounded_as_the_models_bound_them() -> None:
    differing = {name for name, bound in BOUNDS.items() if RANGES[name] != (bound.low, bound.high)}
    assert differing == {"duration_ms"}  # 0 means unknown in a file


@each_kind
def test_every_number_of_a_kind_has_its_range(kind: Kind) -> None:
    numbers = {name for name, arrow in kind.columns.items() if arrow in (pa.int64(), pa.float64())}
    assert all(kind.range_of(name) for name in numbers)


# --- recognising -----------------------------------------------------------------------------------------------


@each_kind
def test_a_kind_is_told_by_what_is_published_and_by_what_it_asks_for(kind: Kind) -> None:
    for columns in (list(PUBLISHED[kind.entity]), list(kind.columns), list(kind.required)):
        shouted = [column.upper() for column in reversed(columns)]
        assert taken_for(columns) == taken_for(shouted) == taken_for(["surplus", *columns, ""]) == kind.entity


def test_no_file_of_one_kind_can_be_taken_for_another() -> None:
    have = {entity: folded(PUBLISHED[entity]) | folded(KIND[entity].columns) for entity in KIND}
    pairs = {(one, other) for one, other in permutations(KIND, 2) if folded(KIND[other].required) <= have[one]}
    assert pairs == WIDER


@each_kind
def test_a_file_that_lacks_a_required_column_is_refused_naming_it(kind: Kind) -> None:
    narrower = {other for one, other in WIDER if one == kind.entity}
    for lacking in kind.required:
        columns = [name for name in PUBLISHED[kind.entity] if name != lacking]
        try:
            assert taken_for(columns) in narrower
        except OstinatoError as fault:
            assert f"nearest is {kind.entity}, for which it lacks {lacking}:" in str(fault)


@pytest.mark.parametrize(
    ("columns", "nearest", "lacking"),
    [
        (["ml_movie_id", "title", "genres", "imdb_id"], "movielens_films", "movieId, tmdbId"),
        (
            ["album_title", "album_uri", "album_year"],
            "film_ost_films",
            "imdb_id, title, genres, overview, release_date",
        ),
        (["ml_movie_id", "movie_title", "position", "track_name", "track_id", *BOUNDS], "spotify_tracks", "artists"),
        (["Movie Title", "Release Date", "Year", "Movie Genre", "imdb Rating"], "spotify_million_tracks", "track_id"),
    ],
    ids=["MovieLens 1M", "albums without films", "five films", "box office"],
)
def test_tables_without_the_ids_that_matter_are_refused(columns: list[str], nearest: str, lacking: str) -> None:
    sentence = rf"^file fits no known kind of data set by its {len(columns)} columns; the nearest is {nearest}, "
    with pytest.raises(OstinatoError, match=rf"{sentence}for which it lacks {lacking}"):
        taken_for(columns)


def test_a_needed_column_that_comes_twice_is_refused(world: Settings, tmp_path: Path) -> None:
    text = csv_text(tracks()).replace("album_name", "track_name", 1)
    (tmp_path / "double.csv").write_text(text)
    with pytest.raises(OstinatoError, match=r"double\.csv has the column track_name 2 times"):
        load(world, tmp_path / "double.csv")


def test_a_file_that_fits_no_kind_lands_nothing(world: Settings, tmp_path: Path) -> None:
    row = {name: value for name, value in sample_row("film_spotify_albums").items() if name != "track_ids"}
    with pytest.raises(OstinatoError, match=r"almost\.csv fits no known kind.*nearest is film_spotify_albums"):
        load(world, save(tmp_path / "almost.csv", [row]))
    assert nothing_landed(world)


# --- from file to lake -----------------------------------------------------------------------------------------


def as_list(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


NOTATIONS = {
    "Python": lambda value: str(as_list(value)),
    "JSON": lambda value: json.dumps(as_list(value), ensure_ascii=False),
    "NumPy": lambda value: str(np.array(as_list(value), dtype=object)),
}


def written(path: Path, row: Row, notation: str) -> Path:
    """A row as pandas writes it, its lists in one of the notations that are about."""
    lists = {name: NOTATIONS[notation](value) for name, value in row.items() if isinstance(value, list)}
    frame = pd.DataFrame([{**row, **lists}])
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


@each_kind
@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_published_row_lands_the_same_from_every_form(tmp_path: Path, kind: Kind, notation: str) -> None:
    row = PUBLISHED[kind.entity]
    backwards = {name.upper(): value for name, value in reversed(row.items())}
    save(tmp_path / "as_it_is.parquet", [row])
    for ending in ("parquet", "csv", "csv.gz"):
        written(tmp_path / f"text.{ending}", row, notation)
        written(tmp_path / f"backwards.{ending}", backwards, notation)
    found = []
    for path in sorted(tmp_path.iterdir()):
        world = live_world(tmp_path / "homes" / path.name)
        report = load(world, path.rename(tmp_path / "any name"))
        assert (report.entity, report.n_rows, report.n_rejected) == (kind.entity, 1, 0), path.name
        assert report.absent_columns == ()
        assert len(report.ignored_columns) == len(set(row) - set(kind.columns))
        found += landed(world, kind.entity)
    assert len(found) == 7
    assert all(one == found[0] for one in found)
    missing = {name for name, value in found[0].items() if value is None} - {"page_sha256"}
    assert missing == {name for name, value in row.items() if value is None and name in kind.columns}


@each_kind
def test_columns_that_are_not_required_may_be_missing(world: Settings, tmp_path: Path, kind: Kind) -> None:
    row = {name: value for name, value in sample_row(kind.entity).items() if name in kind.required}
    report = load(world, save(tmp_path / "short.parquet", [row]))
    assert (report.entity, report.n_rows) == (kind.entity, 1)
    assert set(report.absent_columns) == set(kind.columns) - set(kind.required)
    assert all(landed(world, kind.entity)[0][name] is None for name in report.absent_columns)


def test_columns_without_a_place_are_named(world: Settings, tmp_path: Path) -> None:
    report = load(world, save(tmp_path / "tracks.csv", [{"surplus": 1, **row, "": 2} for row in tracks()]))
    assert report.ignored_columns == ("surplus", "(unnamed)")


@pytest.mark.parametrize(
    ("entity", "expected"),
    [
        ("film_spotify_albums", {"track_ids": ["2XlDAEAe4gTPQ8lLyO3P01", "0vObpK5iEwMDgWAOk5Mq01"]}),
        ("film_spotify_albums", {"release_date": "1997", "composer_name": "Olivia O'Pier"}),
        ("cmu_films", {"tmdb_id": "990001.0", "genres": ["Thriller", "Women's film"], "countries": ["South Korea"]}),
        ("imdb_films", {"genres": ["Drama", "Music"], "duration": "PT1H44M", "imdb_votes": 281_548}),
        ("soundtrack_videos", {"youtube_video_id": "BePf-CO_RZQ", "performer": None, "match_confidence": 0.9}),
        ("spotify_daily_chart", {"uri": "spotify:track:7tI8dRuH2Yc6RuoTjxo401", "rank": 1, "streams": 182_826}),
        ("charted_track_audio", {"genre": "K-Pop", "mean_mel": -44.75, "track_length_sec": 170.888}),
        ("soundtrack_listings", {"ml_movie_id": 2, "imdb_id": None, "track_raw": 'Prologue, "The Tide" (The Cranes)'}),
        ("spotify_million_tracks", {"year": 2012, "popularity": 68, "artist_name": "The Cranes", "tempo": 87.917}),
        ("mood_ratings", {"dzr_sng_id": 213_754, "valence": -0.6827, "arousal": 1.3168, "track_name": "Low Tide"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_have_the_types_of_the_lake(
    world: Settings, tmp_path: Path, entity: str, expected: dict[str, Any]
) -> None:
    load(world, save(tmp_path / "file.csv", [PUBLISHED[entity]]))
    row = landed(world, entity)[0]
    assert {name: row[name] for name in expected} == expected
