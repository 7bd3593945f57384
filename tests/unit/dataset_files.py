"""Small made-up files of every kind that can be imported, in the shapes in which they are published."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks import lake
from tasks.schemas import AUDIO_FEATURES
from tasks.settings import Profile, Settings
from tasks.sources.datasets import ImportReport, import_files
from tasks.sources.datasets.kinds import KINDS, SOURCE

DAY = date(2025, 1, 1)
KIND = {kind.entity: kind for kind in KINDS}

Row = dict[str, Any]

FEATURES: Row = dict(
    zip(
        AUDIO_FEATURES, [0.676, 0.461, 1, -6.746, 0, 0.143, 1.01e-06, 0.0, 0.358, 0.715, 87.917, 230666, 4], strict=True
    )
)
TRACK: Row = {
    "track_id": "5SuOikwiRyPMVoIQDJUgSV",
    "artists": "Gen Hoshino;Ado",
    "album_name": 'He said "Comedy", twice',
    "track_name": "코미디, 1권",
    "popularity": 73,
    "explicit": False,
    **FEATURES,
    "track_genre": "acoustic",
}
CREDIT: Row = {
    "imdb_id": "tt0080339",
    "recording_name": "Stayin' Alive",
    "performers": ["The Bee Gees", "O'Jays"],
    "producers": [],
    "composition_name": None,
    "composers": ["Barry Gibb", "Robin Gibb", "Maurice Gibb"],
    "lyricists": [],
    "authors": None,
}
MOVIE: Row = {
    "adult": False,
    "belongs_to_collection": "{'id': 7, 'name': 'Harbour Collection', 'poster_path': None, 'backdrop_path': None}",
    "budget": 0,
    "genres": "[{'id': 18, 'name': 'Drama'}, {'id': 10402, 'name': \"Sailor's Music\"}]",
    "homepage": None,
    "id": 990001,
    "imdb_id": "tt9900001",
    "original_language": "ko",
    "original_title": "항구",
    "overview": 'They call it "the harbour", and mean\nthe whole town, its two cranes included.',
    "popularity": 0.065736,
    "poster_path": "/harbour.jpg",
    "production_companies": "[{'name': 'Two Cranes', 'id': 4}]",
    "production_countries": "[{'iso_3166_1': 'KR', 'name': 'South Korea'}]",
    "release_date": "1997-08-20",
    "revenue": 0.0,
    "runtime": 104.0,
    "spoken_languages": "[{'iso_639_1': 'ko', 'name': '한국어'}]",
    "status": "Released",
    "tagline": "Mind the tide, always.",
    "title": "The Harbour",
    "video": False,
    "vote_average": 6.0,
    "vote_count": 1.0,
}
PUBLISHED: dict[str, Row] = {
    "spotify_tracks": {"Unnamed: 0": 0, **TRACK},
    "spotify_query_tracks": {
        "track_name": "Long Pier",
        "track_id": "0poAcsyKGAMc8goHsV0D01",
        "artist_name": "The Cranes",
        "artist_id": "0hRcHqu2R885utzNyofw01",
        "album_name": "Tide Tables",
        "release_date": "2003-01",
        "duration_ms": 258106,
        "explicit": "False",
        "track_number": 1,
        "popularity": 29,
        "data_collection_date": "2024-11-06",
        **{name: value for name, value in FEATURES.items() if name != "duration_ms"},
        "artist_genres": "['acid jazz', \"singer's songs\"]",
        "artist_popularity": 28,
        "artist_followers": 4635,
        "query_genre": "acid jazz",
    },
    "spotify_million_tracks": {
        "": 0,
        "artist_name": "The Cranes",
        "track_name": "I Won't, He Said",
        "track_id": "53QF56cjZA9RTuuMZDrS01",
        "popularity": 68,
        "year": 2012,
        "genre": "acoustic",
        **FEATURES,
    },
    "film_ost_tracks": {
        "album_uri": "6pZj4nvx6lV3ulIK3BSj01",
        "album_title": "The Harbour",
        "song_title": "Main Title",
        "first_artist": "Olivia O'Pier",
        "artists": '["Olivia O\'Pier"]',
        **FEATURES,
        "track_id": "6FHUBs8P5qcjpj7C2QHd01",
        "imdb_id": "tt9900001",
    },
    "film_ost_films": {
        "title": "The Harbour",
        "album_date": "1997",
        "imdb_id": "tt9900001",
        "original_title": "항구",
        "overview": "A town, and its cranes.",
        "release_date": "1997",
        "original_language": "ko",
        "runtime": "104.0",
        "popularity": "9.143457\t\t",
        "album_uri": "6pZj4nvx6lV3ulIK3BSj01",
        "rating": "7.6",
        "ratingcount": "342022",
        "certificate": "PG",
        "genres": "['Drama', 'Musical']",
        "gross_ww": "665069139",
        "gross_domestic": None,
        "budget": "150000000.0",
        "Males_rat": "7.5",
    },
    "film_track_links": {"imdb_id": "tt9900001", "track_id": "6FHUBs8P5qcjpj7C2QHd01", "routes": "ost_album_ids"},
    "movielens_films": {
        "movieId": 1,
        "title": "Harbour; The (1997)",
        "genres": "Drama|Musical",
        "tmdbId": 990001,
        "imdb_id": "tt9900001",
    },
    "tmdb_films": {
        "budget": "237000000",
        "genres": '[{"id": 18, "name": "Drama"}]',
        "homepage": None,
        "id": "990001",
        "keywords": '[{"id": 1463, "name": "tide"}]',
        "original_language": "ko",
        "original_title": "항구",
        "overview": "A town, and its cranes.",
        "popularity": "150.437577",
        "production_companies": '[{"name": "Two Cranes", "id": 4}]',
        "production_countries": '[{"iso_3166_1": "KR", "name": "South Korea"}]',
        "release_date": "1997-08-20",
        "revenue": "2787965087",
        "runtime": "104",
        "spoken_languages": '[{"iso_639_1": "ko", "name": "\\ud55c"}]',
        "status": "Released",
        "tagline": None,
        "title": "The Harbour",
        "vote_average": "7.2",
        "vote_count": "11800",
    },
    "movies_metadata": MOVIE,
    "imdb_soundtracks": {**CREDIT, "performer_ids": ["nm0000001", "nm0000002"]},
    "melon_weekly_chart": {
        "rank": 1,
        "title": "항구의 밤",
        "singer": "크레인 (The Cranes)",
        "album": "Tide Tables",
        "date": "2024.01.01",
        "like": 114191,
        "year": 2024,
        "month": 1,
        "day": 1,
        "week": 1,
        "season": 1,
        "after_year": 2023,
    },
    "melon_monthly_chart": {
        "Date": "201412",
        "rank": 1,
        "song_id": 5440001,
        "title": "내일의 항구",
        "artist": "크레인",
        "genre": "R&B / Soul",
        "genre_coding": 4,
        "date_coding": 0,
    },
    "soundtrack_listings": {
        "ml_movie_id": 2,
        "movie_title": "Harbour, The (1997)",
        "imdb_id": None,
        "imdb_id_source": "tt9900002",
        "ml_genres": "Drama|Musical",
        "position": 1,
        "track_raw": 'Prologue, "The Tide" (The Cranes)',
    },
    "film_spotify_albums": {
        "movie_name": "The Harbour",
        "release_date": "1997",
        "movie_revenue": 5400000.0,
        "composer_name": "Olivia O'Pier",
        "album_id": "6C4Sjqz7fHXH5RtNYs0A01",
        "track_ids": ["2XlDAEAe4gTPQ8lLyO3P01", "0vObpK5iEwMDgWAOk5Mq01"],
        "n_tracks": 2,
    },
    "cmu_films": {
        "release_date": "1997",
        "tmdb_id": "990001.0",
        "name": "The Harbour",
        "countries": "['South Korea']",
        "box_office_revenue": "5400000.0",
        "genres": "['Thriller', \"Women's film\"]",
        "composers": "[Composer(id=17, name=\"Olivia O'Pier\", birthday='1953-08-14', gender=1, homepage=None)]",
    },
    "soundtrack_videos": {
        "imdb_id": "tt9900001",
        "title": "Main Title",
        "performer": None,
        "composer": "Olivia O'Pier",
        "movie_title": "The Harbour",
        "youtube_video_id": "BePf-CO_RZQ",
        "youtube_title": "The Harbour - Main Title",
        "youtube_channel": "The Cranes - Topic",
        "views": 1881363.0,
        "likes": 20645.0,
        "match_confidence": 0.9,
    },
    "spotify_daily_chart": {
        "rank": 1,
        "uri": "spotify:track:7tI8dRuH2Yc6RuoTjxo401",
        "artist_names": "The Cranes, 크레인",
        "track_name": "항구의 밤",
        "source": "Two Cranes",
        "peak_rank": 1,
        "previous_rank": -1,
        "days_on_chart": 167,
        "streams": 182826,
        "chart_date": "2025-01-01",
    },
    "charted_track_audio": {
        "music_id": 1,
        "artist_names": "The Cranes, 크레인",
        "track_name": "항구의 밤",
        "genre": "K-Pop",
        "track_length_sec": 170.888,
        "release_country": "KOR",
        "tempo": 117.45,
        "mean_mel": -44.75,
        "mean_rms": 0.24,
        "max_rms": 0.5366,
        "mean_zcr": 0.1124,
        "std_zcr": 0.08,
        "mean_centroid": 2758.92,
    },
    "imdb_films": {
        "imdb_id": "tt9900001",
        "name": "The Harbour",
        "alternate_name": "항구",
        "abstract": "A town &amp; its two cranes, told by the harbour master.",
        "genres": ["Drama", "Music"],
        "keywords": "tide, crane, harbour",
        "content_rating": "PG",
        "date_published": "1997-08-20",
        "duration": "PT1H44M",
        "languages": ["Korean"],
        "poster_url": "https://images.example/harbour.jpg",
        "imdb_rating": 7.7,
        "imdb_votes": 281548,
    },
    "mood_ratings": {
        "dzr_sng_id": 213754,
        "MSD_sng_id": "SORORTY12A67ADD601",
        "MSD_track_id": "TRJIEJX12903CF2201",
        "valence": -0.6827,
        "arousal": 1.3168,
        "artist_name": "The Cranes",
        "track_name": "Low Tide",
        "split": "train",
    },
}
"""One row of each kind, with all the columns that its published file has, in that file's order."""


def live_world(home: Path) -> Settings:
    return Settings(home=home, profile=Profile.LIVE)


def sample_row(entity: str) -> Row:
    """A row with every column that the lake keeps of this kind, and no other."""
    return {name: value for name, value in PUBLISHED[entity].items() if name in KIND[entity].columns}


def tracks(n_rows: int = 3, **changed: Any) -> list[Row]:
    return [{**TRACK, "track_id": f"{n:022d}", **changed} for n in range(1, n_rows + 1)]


def csv_text(rows: Sequence[Mapping[str, Any]], **dialect: Any) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def save(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as the file's ending says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(csv_text(rows).encode()))
    else:
        path.write_text(csv_text(rows), newline="")
    return path


def load(world: Settings, path: Path) -> ImportReport:
    return import_files(world, [path], DAY)[0]


def landed(world: Settings, entity: str = "spotify_tracks") -> list[Row]:
    """The rows of a table without what differs from run to run."""
    rows: list[Row] = lake.read(world.lake, SOURCE, entity).drop(["fetched_at"]).to_pylist()
    return rows


def rejected(report: ImportReport) -> list[dict[str, str]]:
    assert report.reject_file is not None
    with report.reject_file.open(newline="") as file:
        return list(csv.DictReader(file))


def nothing_landed(world: Settings) -> bool:
    return not any(path.is_file() for path in world.lake.rglob("*") if path.name != ".lock")
