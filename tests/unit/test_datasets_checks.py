"""A row with a cell that cannot be is set aside with the reason; odd but possible values land."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dataset_files import CREDIT, TRACK, landed, live_world, load, rejected, sample_row, save, tracks

from tasks.settings import Settings


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return live_world(tmp_path / "home")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"track_id": ""}, "track_id is missing"),
        ({"track_id": "Ghost - Acoustic"}, "track_id is not a track id (letters and digits)"),
        ({"track_name": None}, "track_name is missing"),
        ({"danceability": "Comedy"}, "danceability is not a number"),
        ({"danceability": "73"}, "danceability is outside 0 to 1"),
        ({"tempo": "inf"}, "tempo is not a number"),
        ({"tempo": "450"}, "tempo is outside 0 to 400"),
        ({"loudness": "15"}, "loudness is outside -100 to 10"),
        ({"track_name": "X" * 1_001}, "track_name is longer than 1,000 characters"),
        ({"artists": ";".join(["a" * 50] * 20)}, "artists is longer than 1,000 characters"),
        ({"key": "12"}, "key is outside -1 to 11"),
        ({"duration_ms": "-1"}, "duration_ms is outside 0 to 86,400,000"),
        ({"popularity": "7.3"}, "popularity is not a whole number"),
        ({"explicit": "acoustic"}, "explicit is not true or false"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_cell_sets_its_row_aside(world: Settings, tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    first, second, third = tracks()
    report = load(world, save(tmp_path / "tracks.csv", [first, {**second, **change}, third]))
    assert (report.n_rows, report.n_rejected, report.reasons) == (2, 1, {reason: 1})
    assert [row["track_id"] for row in landed(world)] == [first["track_id"], third["track_id"]]
    row = rejected(report)[0]
    assert (row["row"], row["reason"]) == ("2", reason)
    assert json.loads(row["text"])["album_name"] == TRACK["album_name"]


@pytest.mark.parametrize(
    ("entity", "change", "reason"),
    [
        ("tmdb_films", {"runtime": -5}, "runtime is outside 0 to 100,000"),
        ("tmdb_films", {"budget": -1}, "budget is outside 0 to 1,000,000,000,000"),
        ("tmdb_films", {"revenue": -100}, "revenue is outside 0 to 1,000,000,000,000"),
        ("tmdb_films", {"vote_count": -1}, "vote_count is outside 0 to 1,000,000,000"),
        ("tmdb_films", {"id": -7}, "id is outside 1 to 2,147,483,647"),
        ("tmdb_films", {"release_date": "2099-02-30"}, "release_date is not in the calendar of 1850 to 2100"),
        ("tmdb_films", {"overview": "x" * 100_001}, "overview is longer than 100,000 characters"),
        ("film_ost_films", {"runtime": -5}, "runtime is outside 0 to 100,000"),
        ("movielens_films", {"movieId": -5}, "movieId is outside 1 to 2,147,483,647"),
        ("movielens_films", {"tmdbId": -3}, "tmdbId is outside 1 to 2,147,483,647"),
        ("melon_weekly_chart", {"singer": ""}, "singer is missing"),
        ("melon_weekly_chart", {"date": "2024.13.45"}, "date is not in the calendar of 1850 to 2100"),
        ("melon_weekly_chart", {"date": "2999.01.01"}, "date is not in the calendar of 1850 to 2100"),
        ("melon_monthly_chart", {"artist": None}, "artist is missing"),
        ("melon_monthly_chart", {"Date": "202413"}, "Date is not in the calendar of 1850 to 2100"),
        ("melon_monthly_chart", {"song_id": 0}, "song_id is outside 1 to 2,147,483,647"),
        ("movies_metadata", {"id": "1997-08-20"}, "id is not a whole number"),
        ("movies_metadata", {"adult": " - told by the harbour master"}, "adult is not true or false"),
        ("movies_metadata", {"popularity": "Mind the tide"}, "popularity is not a number"),
        ("movies_metadata", {"production_companies": "False"}, "production_companies is not a list in JSON or Python"),
        ("movies_metadata", {"imdb_id": "/crane.jpg"}, "imdb_id is not an IMDb film id"),
        ("spotify_million_tracks", {"track_id": ""}, "track_id is missing"),
        ("spotify_million_tracks", {"track_name": None}, "track_name is missing"),
        ("spotify_million_tracks", {"year": "acoustic"}, "year is not a whole number"),
        ("spotify_million_tracks", {"year": 20_120}, "year is outside 0 to 2,100"),
        ("soundtrack_listings", {"track_raw": " "}, "track_raw is missing"),
        ("soundtrack_listings", {"position": 0}, "position is outside 1 to 10,000"),
        ("soundtrack_listings", {"ml_movie_id": "Jumanji"}, "ml_movie_id is not a whole number"),
        ("film_spotify_albums", {"album_id": "spotify:album:1"}, "album_id is not an album id"),
        ("film_spotify_albums", {"track_ids": "2XlDAEAe4gTPQ8lLyO3P01"}, "track_ids is not a list of names"),
        ("film_spotify_albums", {"track_ids": ["a"] * 1_001}, "track_ids has more than 1,000 names"),
        ("cmu_films", {"tmdb_id": "/m/0crgdbh"}, "tmdb_id is not a TMDB id (digits, with or without .0)"),
        ("cmu_films", {"name": None}, "name is missing"),
        ("cmu_films", {"box_office_revenue": "$5m"}, "box_office_revenue is not an amount (9500000.0)"),
        ("cmu_films", {"release_date": "0197"}, "release_date is not in the calendar of 1850 to 2100"),
        (
            "soundtrack_videos",
            {"youtube_video_id": "https://youtu.be/BePf-CO_RZQ"},
            "youtube_video_id is not a video id",
        ),
        ("soundtrack_videos", {"match_confidence": 90}, "match_confidence is outside 0 to 1"),
        ("spotify_daily_chart", {"uri": "7tI8dRuH2Yc6RuoTjxo401"}, "uri is not the address of a track"),
        ("spotify_daily_chart", {"chart_date": "2025-02-29"}, "chart_date is not in the calendar"),
        ("spotify_daily_chart", {"rank": 0}, "rank is outside 1 to 10,000"),
        ("charted_track_audio", {"mean_zcr": 11}, "mean_zcr is outside 0 to 1"),
        ("charted_track_audio", {"mean_centroid": -1}, "mean_centroid is outside 0 to 100,000"),
        ("charted_track_audio", {"artist_names": ""}, "artist_names is missing"),
        ("imdb_films", {"imdb_id": "0"}, "imdb_id is missing"),
        ("imdb_films", {"duration": "1h 28m"}, "duration is not a length (PT1H28M)"),
        ("imdb_films", {"date_published": "2 July 1980"}, "date_published is not a date"),
        ("imdb_films", {"imdb_rating": 77}, "imdb_rating is outside 0 to 10"),
        ("imdb_soundtracks", {"performers": ["a"] * 101}, "performers has more than 100 names"),
        ("imdb_soundtracks", {"authors": ["a", "b" * 1_001]}, "authors has a name longer than"),
        ("mood_ratings", {"valence": 61}, "valence is outside -6 to 6"),
        ("mood_ratings", {"arousal": None}, "arousal is missing"),
        ("mood_ratings", {"track_name": " "}, "track_name is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_sets_its_row_aside(
    world: Settings, tmp_path: Path, entity: str, change: dict[str, Any], reason: str
) -> None:
    good = sample_row(entity)
    report = load(world, save(tmp_path / "some.csv", [good, {**good, **change}, good]))
    assert (report.n_rows, report.n_rejected) == (2, 1)
    assert next(iter(report.reasons)).startswith(reason)
    assert [row["row"] for row in rejected(report)] == ["2"]


def test_unknown_numbers_and_long_prose_are_no_fault(world: Settings, tmp_path: Path) -> None:
    unknown = {"runtime": 0, "budget": 0, "revenue": 0, "vote_count": 0, "vote_average": 0}
    row = {
        **sample_row("tmdb_films"),
        **unknown,
        "release_date": "0000",
        "overview": "x" * 100_000,
        "title": "x" * 1_000,
    }
    assert load(world, save(tmp_path / "films.csv", [row])).n_rejected == 0
    names = {"performers": ["a"] * 100, "authors": ["b" * 1_000]}
    assert load(world, save(tmp_path / "credits.parquet", [{**CREDIT, **names}])).n_rejected == 0


@pytest.mark.parametrize(
    ("entity", "change", "kept"),
    [
        ("movies_metadata", {"imdb_id": "0", "title": None, "release_date": "NaN"}, {"imdb_id": None, "title": None}),
        ("movies_metadata", {"imdb_id": " tt0000012 ", "poster_path": None}, {"imdb_id": "tt0000012"}),
        ("movies_metadata", {"adult": "True", "revenue": "373554033.0"}, {"adult": True, "revenue": 373_554_033}),
        ("spotify_million_tracks", {"artist_name": None, "time_signature": 0}, {"artist_name": None}),
        ("film_spotify_albums", {"track_ids": []}, {"track_ids": []}),
        ("film_spotify_albums", {"track_ids": ["a1"] * 1_000}, {"track_ids": ["a1"] * 1_000}),
        ("cmu_films", {"tmdb_id": "19995", "box_office_revenue": "1e+16"}, {"tmdb_id": "19995"}),
        ("cmu_films", {"countries": "[]", "box_office_revenue": ""}, {"countries": [], "box_office_revenue": None}),
        ("soundtrack_videos", {"youtube_video_id": None, "match_confidence": "nan"}, {"youtube_video_id": None}),
        ("charted_track_audio", {"track_length_sec": 0.0, "genre": None}, {"track_length_sec": 0.0, "genre": None}),
        ("imdb_films", {"duration": "P1DT2H", "abstract": "x" * 100_000}, {"duration": "P1DT2H"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_odd_but_possible_lands(
    world: Settings, tmp_path: Path, entity: str, change: dict[str, Any], kept: dict[str, Any]
) -> None:
    report = load(world, save(tmp_path / "odd.csv", [{**sample_row(entity), **change}]))
    assert report.n_rejected == 0
    row = landed(world, entity)[0]
    assert {name: row[name] for name in kept} == kept


def test_an_undetected_tempo_and_missing_features_are_no_fault(world: Settings, tmp_path: Path) -> None:
    rows = [*tracks(1, tempo=0, time_signature=0, key=-1, loudness=4.5), *tracks(1, valence=None, duration_ms="")]
    assert load(world, save(tmp_path / "tracks.csv", rows)).n_rejected == 0


def test_film_genres_in_python_notation_land_as_json(world: Settings, tmp_path: Path) -> None:
    row = {**sample_row("tmdb_films"), "genres": "[{'id': 18, 'name': \"Women's film\"}]", "keywords": "none of these"}
    report = load(world, save(tmp_path / "films.csv", [row, {**row, "keywords": ""}]))
    assert report.reasons == {"keywords is not a list in JSON or Python notation": 1}
    film = landed(world, "tmdb_films")[0]
    assert json.loads(film["genres"]) == [{"id": 18, "name": "Women's film"}]
    assert film["keywords"] is None
