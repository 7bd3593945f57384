"""Which recordings have a mood to learn from, and which tracks show one."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from sql_world import FEATURES, NOW, Row, failing, fill, land, rows, seed_row, spotify_track

from tasks.settings import Profile, Settings
from tasks.warehouse import build, open_warehouse


def rating(number: int, artist: str, title: str, valence: float, arousal: float) -> Row:
    names = {"dzr_sng_id": number, "artist_name": artist, "track_name": title}
    return {**names, "valence": valence, "arousal": arousal}


RAW: dict[tuple[str, str], list[Row]] = {
    ("dataset", "mood_ratings"): [
        rating(1, "The Cranes", "Low Tide!", 1.0, 1.0),
        rating(2, "The Cranes", "High Tide", -1.0, -1.0),
        rating(3, "the cranes", "HIGH TIDE", -1.0, -2.0),  # the same song: their mean counts
        rating(4, "The Cranes", "Guest Song", 0.0, 1.0),
        rating(5, "The Cranes", "Old Song", -1.0, 1.0),
        rating(6, "The Cranes", "Live Song", 1.0, -1.0),
        rating(7, "Others", "Low Tide", 1.0, -1.0),
        rating(8, "The Cranes", "Only Shown", 1.0, 0.0),
        rating(9, "The Cranes", "Impossible", 61.0, 0.0),
        rating(10, "The Cranes", "Unmeasured", 1.0, 0.0),
        rating(11, "The Cranes", "With Reason", 1.0, -0.0001),
    ],
    ("dataset", "spotify_tracks"): [
        seed_row("low", "Low Tide", "The Cranes", "folk", valence=0.9),
        seed_row("low again", "low tide", "The Cranes;Guest", "folk", valence=0.1),
        seed_row("high", "High Tide", "The Cranes", "folk"),
        seed_row("guest", "Guest Song (feat. Guest)", "The Cranes", "folk"),
        seed_row("old", "Old Song - 2011 Remaster", "The Cranes", "folk"),
        seed_row("live", "Live Song - Live", "The Cranes", "folk"),
        seed_row("impossible", "Impossible", "The Cranes", "folk"),
        seed_row("unmeasured", "Unmeasured", "The Cranes", "folk", energy=None),
        seed_row("reason", "With Reason", "The Cranes", "folk"),
    ],
    ("spotify", "track"): [spotify_track("shown", "Only Shown", ["The Cranes"])],
    ("reccobeats", "audio_features"): [{**FEATURES, "track_id": "shown", "provider": "reccobeats"}],
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A live world: neither Spotify nor ReccoBeats are cleared for training."""
    world = Settings(home=tmp_path_factory.mktemp("moods"), profile=Profile.LIVE, threads=1)
    land(world, RAW)
    build(world)
    with open_warehouse(world) as con:
        tag = {"kind": "mood", "probability": 0.3, "model": "track-mood/2", "tagged_at": NOW}
        named = {**tag, "track_id": "low", "label": "happy", "is_tag": True}
        abstained = {**tag, "track_id": "high", "label": "sad", "is_tag": False}
        fill(con, "tagging.track_label", [named, abstained])
    build(world)
    return world


@pytest.fixture(scope="module")
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(settings, read_only=True) as warehouse:
        yield warehouse


def test_songs_are_found_by_name_one_row_a_recording(con: duckdb.DuckDBPyConnection) -> None:
    query = "select track_id, mood, round(rated_arousal, 1) from features.track_mood_training order by track_id"
    assert rows(con, query) == [
        ("guest", "dramatic", 1.0),
        ("high", "sad", -1.5),
        ("low", "happy", 1.0),
        ("old", "aggressive", 1.0),
        ("reason", "romantic", 0.0),
    ]


def test_the_feature_valence_is_not_the_rated_one(con: duckdb.DuckDBPyConnection) -> None:
    query = "select valence, rated_valence, artist_key from features.track_mood_training where track_id = 'low'"
    assert rows(con, query) == [(0.9, 1.0, "thecranes")]


def test_names_of_uncleared_sources_are_shown_and_not_learnt_from(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select mood from features.track_mood_example where track_id = 'shown'") == [("happy",)]
    assert failing(con, "uncleared_training_rows") == []


def test_a_track_of_which_the_model_is_not_sure_has_no_mood(con: duckdb.DuckDBPyConnection) -> None:
    query = "select track_id, mood, mood_model from marts.track where track_id in ('low', 'high') order by track_id"
    assert rows(con, query) == [("high", None, None), ("low", "happy", "track-mood/2")]
    assert rows(con, "select label, is_tag from marts.track_tag where track_id = 'high'") == [("sad", False)]
    assert failing(con, "genre_is_not_top_tag") == []
