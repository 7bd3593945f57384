"""What sites and older imports may have left in the raw tables: nothing of it may stop publishing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sql_world import FEATURES, Row, land, recording, rows

from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import Profile, Settings
from tasks.warehouse.audit import run_checks
from tasks.warehouse.building import build
from tasks.warehouse.connection import open_warehouse

HUGE, NEGATIVE = 2**62, -(2**62)
TABLES = [
    ("musicbrainz", "url"),
    ("musicbrainz", "recording"),
    ("spotify", "audio_features"),
    ("youtube", "search"),
    ("audio", "audio_features"),
    ("dataset", "spotify_million_tracks"),
    ("dataset", "movies_metadata"),
    ("dataset", "soundtrack_listings"),
    ("dataset", "film_spotify_albums"),
    ("dataset", "cmu_films"),
    ("dataset", "soundtrack_videos"),
    ("dataset", "spotify_daily_chart"),
    ("dataset", "charted_track_audio"),
    ("dataset", "imdb_films"),
    ("dataset", "mood_ratings"),
]


def filled(key: tuple[str, str], number: int, text: str) -> Row:
    """A row of one raw table in which every number and every text is the same."""
    values: dict[str, Any] = {
        "int64": number,
        "double": float(number),
        "bool": number > 0,
        "string": text,
        "list<element: string>": [text, None],
        "list<item: string>": [text, None],
    }
    columns = (field for field in LAKE_SCHEMAS[key] if field.name not in ("fetched_at", "page_sha256"))
    return {field.name: values[str(field.type)] for field in columns}


@pytest.mark.parametrize("text", [" ", "tt1", "(", "2025-13-45", "\\", "🙂"])
def test_no_odd_value_trips_an_error_test(tmp_path: Path, text: str) -> None:
    odd = [(number, text) for number in (0, HUGE, NEGATIVE)]
    raw = {key: [filled(key, *values) for values in odd] + [{}] for key in TABLES}
    settings = Settings(home=tmp_path, profile=Profile.LIVE, threads=2)
    land(settings, raw)
    build(settings)
    stopping = {check.check: check.sample for check in run_checks(settings) if check.stops_publishing}
    stopping.pop("no_tracks", None)
    assert stopping == {}


def test_what_cannot_be_is_null_or_left_out(tmp_path: Path) -> None:
    metadata = {"id": 1, "title": "A", "runtime": 1e300, "budget": -1, "vote_average": 11.0, "vote_count": 5}
    raw: dict[tuple[str, str], list[Row]] = {
        ("dataset", "movies_metadata"): [{**metadata, "poster_path": "nan", "genres": "no JSON"}, {"id": -1}],
        ("dataset", "cmu_films"): [{"tmdb_id": "nan", "name": "A", "release_date": "2001"}],
        ("dataset", "film_spotify_albums"): [{"movie_name": "A", "release_date": "soon", "album_id": "a"}],
        ("musicbrainz", "recording"): [recording("g", 1, "r", "T", ["A", " "], duration_ms=-1, isrcs=["none", None])],
        ("dataset", "spotify_million_tracks"): [{**FEATURES, "track_id": "t", "track_name": "T", "tempo": -5.0}],
        ("youtube", "search"): [{"track_id": "t", "video_id": "<script>"}],
    }
    settings = Settings(home=tmp_path, profile=Profile.LIVE, threads=2)
    land(settings, raw)
    build(settings)
    with open_warehouse(settings, read_only=True) as con:
        film = "select title, runtime_min, budget_usd, user_score, poster_url, genres from core.film"
        assert rows(con, film) == [("A", None, None, None, None, None)]
        tracks = "select track_id, artists, duration_ms, isrc from core.track order by 1"
        assert rows(con, tracks) == [("mbid:r", ["A"], None, None), ("t", None, 200_000, None)]
        assert rows(con, "select tempo, is_complete from features.track_audio") == [(None, False)]
        assert rows(con, "select video_id from staging.youtube_search") == [(None,)]
        assert (
            rows(con, "from staging.dataset_cmu_films") == rows(con, "from staging.dataset_film_spotify_albums") == []
        )
