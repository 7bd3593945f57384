"""The SQL models on a small made world, built by the real runner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sql_world import (
    EARLIER,
    FEATURES,
    NOW,
    SQL_DIR,
    Row,
    fill,
    land,
    place,
    rows,
    search_row,
    seed_row,
    soundtrack,
    spotify_track,
)

from tasks.lake import write_batch
from tasks.models.features import BOUNDS
from tasks.settings import Profile, Settings
from tasks.warehouse.audit import run_checks
from tasks.warehouse.building import build
from tasks.warehouse.connection import film_genres, open_warehouse
from tasks.warehouse.models import load_models, read_model

RAW: dict[tuple[str, str], list[Row]] = {
    ("tmdb", "film"): [
        {"tmdb_id": 10, "imdb_id": "tt0000010", "title": "Old title", "genres": ["Drama"], "fetched_at": EARLIER},
        {
            "tmdb_id": 10,
            "imdb_id": "tt0000010",
            "title": "New title",
            "genres": ["Action", "Foreign"],
            "runtime_min": 0,
            "budget_usd": 0,
            "user_score": 71.0,
        },
        {"tmdb_id": 11, "imdb_id": "tt0000011", "title": "Two sources", "genres": ["Horror"]},
    ],
    ("tmdb", "list"): [{"tmdb_id": 30, "title": "Only listed", "released_on": "2026-01-01", "user_score": 55.0}],
    ("dataset", "film_ost_films"): [
        {"imdb_id": "tt0000010", "title": "x", "genres": ["Sci-Fi", "Biography", "Action"], "overview": "Elsaâ€™s"},
        {"imdb_id": "tt0000011", "title": "x", "genres": ["Biography"]},
    ],
    ("dataset", "film_ost_tracks"): [
        {
            **FEATURES,
            "imdb_id": "tt0000010",
            "track_id": "ost",
            "song_title": "Cambridge",
            "artists": ["JÃ³hann JÃ³hannsson", "Motörhead"],
            "album_title": "New title",
        }
    ],
    ("dataset", "film_track_links"): [
        {"imdb_id": "tt0000020", "track_id": "rock", "routes": "album_title,imdb_listing"},
        {"imdb_id": "tt0000011", "track_id": "spot", "routes": "album_title"},
        {"imdb_id": "tt0000020", "track_id": "nowhere described", "routes": "album_title"},
    ],
    ("dataset", "movielens_films"): [
        {"movieId": 1, "title": "Rock;The (1996)", "genres": "Children|IMAX", "tmdbId": 20, "imdb_id": "tt0000020"},
        {"movieId": 2, "title": "Postman;The (Postino;Il) (1994)", "genres": "(no genres listed)"},
        # claims a TMDB id that TMDB itself gives to another film
        {"movieId": 3, "title": "Cry;the Country (1995)", "genres": "War", "tmdbId": 10, "imdb_id": "tt0000012"},
    ],
    ("dataset", "tmdb_films"): [
        {
            "id": 20,
            "title": "The Rock",
            "genres": "[]",
            "vote_average": 6.9,
            "vote_count": 10,
            "budget": 5,
            "revenue": 0,
        }
    ],
    ("imdb", "soundtrack"): [
        soundtrack("tt0000010", 1, "Old credit", "A", fetched_at=EARLIER),
        soundtrack("tt0000010", 1, "Rock Song", "The Rockers"),
    ],
    ("dataset", "imdb_soundtracks"): [
        {"imdb_id": "tt0000020", "recording_name": "Pop Song", "performers": ["Singer"], "composers": ["C"]}
    ],
    ("spotify", "track"): [
        spotify_track("spot", "Old name", ["A"], fetched_at=EARLIER),
        spotify_track("spot", "New name", ["A", "B"]),
        spotify_track("rock", "Rock Song", ["The Rockers"]),
        spotify_track("hangul", "봄 노래", ["Singer"]),
        spotify_track("charted", "English Title", ["Idol"]),
        spotify_track("timed", "Timed Song", ["Clock"]),
    ],
    ("reccobeats", "audio_features"): [
        {**FEATURES, "track_id": "rock", "provider": "reccobeats", "energy": 0.9},
        {**FEATURES, "track_id": "spot", "provider": "reccobeats", "duration_ms": None, "time_signature": None},
        {**FEATURES, "track_id": "hangul", "provider": "reccobeats", "tempo": -1.0},
    ],
    ("dataset", "spotify_tracks"): [
        seed_row("rock", "Rock Song", "The Rockers", "hard-rock"),
        seed_row("rock", "Rock Song", "The Rockers", "hard-rock", popularity=1),
        seed_row("rock", "Rock Song", "The Rockers", "anime"),
        seed_row("rock again", "ROCK  Song!", "The Rockers", "pop"),
        seed_row("score", "Suite", "Composer;Orchestra", "classical"),
        seed_row("idol", "Seed Song", "Idol", "k-pop"),
        seed_row("timed", "Timed Song", "Clock", "folk", duration_ms=0.0),
    ],
    ("dataset", "spotify_query_tracks"): [
        search_row("soulful", "Slow Song", "Singer", "r&b"),
        search_row("soulful", "Slow Song", "Singer", "soul"),
    ],
    ("melon", "chart"): [
        place("age_year", "KPOP", "2025", 1, "101", "English Title", ["Idol"]),
        place("age_year", "POP", "2025", 1, "102", "Foreign Song", ["Singer"]),
        {**place("age_year", "POP", "2025", 2, "999", "Was second", ["Singer"]), "fetched_at": EARLIER},
        place("age_year", "POP", "2025", 2, "103", "Tied A", ["Singer"]),
        place("age_year", "POP", "2025", 2, "104", "Tied B", ["Singer"]),
    ],
    ("melon", "song"): [{"song_id": "101", "title": "English Title", "artists": ["Idol"], "genres": ["댄스", "OST"]}],
    ("dataset", "melon_weekly_chart"): [
        {"rank": 1, "title": "봄", "singer": "민니 ((여자)아이들), 15& (박지민, 백예린)", "date": "2024.01.01"}
    ],
    ("dataset", "melon_monthly_chart"): [
        {"Date": "201412", "rank": 1, "song_id": 7, "title": "T", "artist": "A & B", "genre": "POP"}
    ],
}


def tag(track_id: str, kind: str, label: str, probability: float) -> Row:
    named = {"track_id": track_id, "kind": kind, "label": label, "model": f"track-{kind}/1", "tagged_at": NOW}
    return {**named, "probability": probability, "is_tag": probability > 0.4}


def build_world(settings: Settings, *, backwards: bool = False) -> None:
    """Land, build, match, tag and build again, as a night does."""
    land(settings, RAW, backwards=backwards)
    build(settings)
    with open_warehouse(settings) as con:
        credits = dict(con.execute("select title, credit_id from core.soundtrack_credit").fetchall())
        songs = dict(con.execute("select song_id, song_key from core.chart_song").fetchall())
        found = {"match_score": 0.9, "match_method": "title_performer"}
        matched = [
            {**found, "credit_id": credits["Rock Song"], "track_id": "rock", "is_match": True},
            {**found, "credit_id": credits["Pop Song"], "track_id": "spot", "is_match": False},
        ]
        fill(con, "matching.credit_track", matched)
        fill(con, "matching.trainable_credit_track", matched)
        charted = {**found, "song_key": songs["101"], "track_id": "charted", "is_match": True}
        fill(con, "matching.chart_track", [charted])
        fill(
            con,
            "tagging.track_label",
            [
                tag("rock", "genre", "pop", 0.5),
                tag("rock", "genre", "metal", 0.5),
                tag("rock", "genre", "rock", 0.3),
                tag("rock", "mood", "sad", 0.7),
                tag("charted", "genre", "dance", 0.8),
            ],
        )
        scores: dict[str, Any] = dict.fromkeys(film_genres(), 0.125) | {"Western": 0.5}
        scored = {**scores, "track_id": "rock", "model": "film-genre/1", "tagged_at": NOW}
        fill(con, "tagging.track_film_genre", [scored])
        rules = [{"film_genre": genre, "threshold": 0.4, "training_share": 0.25} for genre in film_genres()]
        fill(con, "tagging.film_genre_rule", [{**rule, "model": "film-genre/1"} for rule in rules])
    build(settings)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A live world, so that only imported tables may be trained on."""
    folder = tmp_path_factory.mktemp("live")
    build_world(Settings(home=folder, profile=Profile.LIVE, threads=2))
    return folder


@pytest.fixture(scope="module")
def con(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(Settings(home=home, profile=Profile.LIVE, threads=2), read_only=True) as warehouse:
        yield warehouse


@contextmanager
def sandbox_world(home: Path, *, threads: int = 2, backwards: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = Settings(home=home, profile=Profile.SANDBOX, threads=threads)
    build_world(settings, backwards=backwards)
    with open_warehouse(settings, read_only=True) as warehouse:
        yield warehouse


def test_the_newest_reading_of_a_row_wins(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select title from marts.film where tmdb_id = 10") == [("New title",)]
    assert rows(con, "select title, artists from marts.track where track_id = 'spot'") == [("New name", ["A", "B"])]
    credits = "select title, writers from core.soundtrack_credit where source = 'imdb'"
    assert rows(con, credits) == [("Rock Song", ["W"])]
    assert rows(con, "select count(*) from staging.dataset_spotify_tracks where track_id = 'rock'") == [(2,)]


def test_film_genres_are_those_of_the_first_source_that_has_any(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select film_id, genres, genre_source from marts.film order by film_id") == [
        ("ml:2", None, None),
        ("tmdb:30", None, None),
        ("tt0000010", ["Action", "Science Fiction"], "imdb"),  # Biography has no counterpart
        ("tt0000011", ["Horror"], "tmdb"),  # IMDb has none of the 19
        ("tt0000012", ["War"], "movielens"),
        ("tt0000020", ["Family"], "movielens"),  # TMDB's list is empty
    ]


def test_a_tmdb_id_belongs_to_one_film(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select film_id from core.film where tmdb_id = 10") == [("tt0000010",)]
    assert rows(con, "select tmdb_id, movielens_id from core.film where film_id = 'tt0000012'") == [(None, 3)]


def test_missing_amounts_are_null(con: duckdb.DuckDBPyConnection) -> None:
    query = "select runtime_min, budget_usd, revenue_usd, user_score from marts.film where film_id = "
    assert rows(con, f"{query} 'tt0000010'") == [(None, None, None, 71.0)]
    assert rows(con, f"{query} 'tt0000020'") == [(None, 5, None, 69.0)]


def test_no_odd_source_value_trips_an_error_test(tmp_path: Path) -> None:
    """As the lake may hold them from a site, or from files imported before import checked for them."""
    impossible = {"runtime_min": -5, "user_score": 101.0, "budget_usd": -1, "revenue_usd": -100}
    huge = {"runtime": 1e300, "vote_average": 11.0, "vote_count": 5, "budget": -1, "revenue": -100}
    good = place("day", "KPOP", "2025-01-01", 1, "", "Unsung", [])
    weekly = {"rank": 1, "title": "T", "singer": None, "date": "2024.01.01"}
    monthly = {"Date": "2014.12", "rank": 1, "song_id": -7, "title": "T", "artist": None}
    raw: dict[tuple[str, str], list[Row]] = {
        ("tmdb", "film"): [{"tmdb_id": 1, "title": "A", **impossible}, {"tmdb_id": -1, "title": "B"}],
        ("tmdb", "list"): [{"tmdb_id": 2, "title": "C", "user_score": -1.0}, {"tmdb_id": 0, "title": "D"}],
        ("dataset", "tmdb_films"): [{"id": 3, "title": "E", **huge}, {"id": -3, "title": "F"}],
        ("dataset", "film_ost_films"): [{"imdb_id": "tt4", "title": "G", "runtime": -1e300}],
        ("dataset", "movielens_films"): [{"movieId": 5, "title": "H", "tmdbId": -5}, {"movieId": -6, "title": "I"}],
        ("melon", "chart"): [good, {**good, "rank": 2, "artists": [None]}, {**good, "rank": 0}, {**good, "title": " "}],
        ("dataset", "melon_weekly_chart"): [weekly, {**weekly, "rank": -1}, {**weekly, "date": "2024.13.45"}],
        ("dataset", "melon_monthly_chart"): [monthly, {**monthly, "rank": 0}, {**monthly, "Date": "201413"}],
        ("spotify", "track"): [spotify_track("t", "T", ["A"], duration_ms=-1)],
    }
    settings = Settings(home=tmp_path, profile=Profile.LIVE, threads=2)
    land(settings, raw)
    build(settings)
    assert [check.check for check in run_checks(settings) if check.stops_publishing] == []
    with open_warehouse(settings, read_only=True) as warehouse:
        numbers = "runtime_min, user_score, budget_usd, revenue_usd"
        assert rows(warehouse, f"select title, {numbers} from core.film order by title") == [
            (title, None, None, None, None) for title in "ACEGH"
        ]
        assert rows(warehouse, "select chart, period, rank, song_id, artists from core.chart_entry order by all") == [
            ("day", "2025-01-01", 1, None, []),
            ("day", "2025-01-01", 2, None, []),
            ("month", "2014-12", 1, None, []),
            ("week", "2024-01-01", 1, None, []),
        ]


def test_titles_are_read_as_they_were_meant(con: duckdb.DuckDBPyConnection) -> None:
    titles = rows(con, "select title, year from staging.dataset_movielens_films order by movielens_id")
    assert titles == [("The Rock", 1996), ("The Postman (Il Postino)", 1994), ("Cry, the Country", 1995)]
    assert rows(con, "select artists from core.track where track_id = 'ost'") == [(["Jóhann Jóhannsson", "Motörhead"],)]
    assert rows(con, "select overview from core.film where film_id = 'tt0000010'") == [("Elsa’s",)]


def test_origin_rule(con: duckdb.DuckDBPyConnection) -> None:
    origins = dict(rows(con, "select track_id, origin from marts.track"))
    assert origins["charted"] == "kpop"  # matched to a song of a domestic chart
    assert origins["idol"] == "kpop"  # tagged
    assert origins["hangul"] == "kpop"
    assert origins["score"] == "other"
    assert origins["melon:102"] == "pop"  # charted, as foreign
    assert origins["rock"] == "pop"


def test_a_track_has_the_genres_of_all_listings_of_its_recording(con: duckdb.DuckDBPyConnection) -> None:
    query = "select track_id, genres from features.track_genre_training order by track_id"
    assert rows(con, query) == [
        ("rock", ["pop", "rock"]),  # its own hard-rock, and pop from the other listing; anime is in no group
        ("rock again", ["pop", "rock"]),
        ("score", ["classical"]),
        ("soulful", ["r-n-b", "soul"]),
        ("timed", ["folk"]),
    ]


def test_only_cleared_sources_are_trained_on(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    query = "select film_id, track_id, film_genres, duration_ms from features.film_genre_training order by all"
    assert rows(con, query) == [
        ("tt0000010", "ost", ["Action", "Science Fiction"], 200_000.0),
        ("tt0000020", "rock", ["Family"], 200_000.0),
    ]
    timed = "select duration_ms from features.track_genre_training where track_id = 'timed'"
    assert rows(con, timed) == [(None,)]  # only Spotify knows how long it is
    with sandbox_world(tmp_path) as sandbox:  # where everything is cleared
        assert rows(sandbox, timed) == [(180_000.0,)]
        assert rows(sandbox, query) == [
            ("tt0000010", "ost", ["Action", "Science Fiction"], 200_000.0),
            ("tt0000010", "rock", ["Action", "Science Fiction"], 200_000.0),
            ("tt0000011", "spot", ["Horror"], 180_000.0),
            ("tt0000020", "rock", ["Family"], 200_000.0),
        ]


def test_features_come_from_the_first_provider_and_only_if_they_can_be(con: duckdb.DuckDBPyConnection) -> None:
    audio = "select provider, energy, tempo, duration_ms, duration_source, is_complete from features.track_audio"
    assert rows(con, f"{audio} where track_id = 'rock'") == [("dataset", 0.5, 120.0, 200_000.0, "dataset", True)]
    assert rows(con, f"{audio} where track_id = 'spot'") == [("reccobeats", 0.5, 120.0, 180_000.0, "spotify", True)]
    assert rows(con, f"{audio} where track_id = 'hangul'") == [
        ("reccobeats", 0.5, None, 200_000.0, "reccobeats", False)
    ]


def test_features_are_bounded_as_the_models_bound_them() -> None:
    header = load_models(SQL_DIR)["features.track_audio"].tests.range
    assert header == {name: [bound.low, bound.high] for name, bound in BOUNDS.items()}


def test_charted_songs_without_a_track_are_tracks_of_their_own(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select track_id from marts.track where track_id like 'melon:%' order by 1") == [
        ("melon:102",),
        ("melon:103",),
        ("melon:7",),
    ]
    entries = "select rank, song_id, track_id, genre, predicted_genre from marts.chart_entry"
    assert rows(con, f"{entries} where scope = 'KPOP'") == [(1, "101", "charted", "Dance", "dance")]
    assert rows(con, f"{entries} where scope = 'UNKNOWN'") == [(1, "7", "melon:7", "Pop", None)]
    assert rows(con, f"{entries} where chart = 'week'") == [(1, None, None, None, None)]
    assert rows(con, "select listen_url from marts.track where track_id = 'melon:7'") == [
        ("https://www.youtube.com/results?search_query=T%20A%20%26%20B",)
    ]


def test_a_place_is_that_of_the_newest_chart_and_a_tie_is_reported(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select title from marts.chart_entry where scope = 'POP' and rank = 2") == [("Tied A",)]
    assert len(rows(con, read_model(SQL_DIR / "audits" / "melon_rank_ties.sql").select)) == 1


def test_artists_split_at_commas_outside_brackets(con: duckdb.DuckDBPyConnection) -> None:
    query = "select period, artists from marts.chart_entry where chart = 'week'"
    assert rows(con, query) == [("2024-01-01", ["민니 ((여자)아이들)", "15& (박지민, 백예린)"])]


def test_film_tracks_are_known_ties_and_matched_credits(con: duckdb.DuckDBPyConnection) -> None:
    query = "select film_id, track_id, credit_title, match_score, match_method from marts.film_track order by all"
    assert rows(con, query) == [
        ("tt0000010", "ost", None, 0.95, "ost_album_features"),
        ("tt0000010", "rock", "Rock Song", 0.9, "title_performer"),
        ("tt0000011", "spot", None, 0.85, "album_title"),
        ("tt0000020", "rock", None, 0.85, "album_title"),
    ]
    assert rows(con, "select credit_title, track_title, settled from marts.match_review") == [
        ("Pop Song", "New name", None)
    ]


def test_a_track_shows_its_likeliest_label(con: duckdb.DuckDBPyConnection) -> None:
    query = "select genre, genre_probability, mood, genre_model, listen_url from marts.track where track_id = 'rock'"
    assert rows(con, query) == [("metal", 0.5, "sad", "track-genre/1", "https://open.spotify.com/track/rock")]
    assert rows(con, "select genre, mood, tagged_at from marts.track where track_id = 'spot'") == [(None, None, None)]


def test_film_genre_fit_has_a_row_per_genre(con: duckdb.DuckDBPyConnection) -> None:
    query = "select film_genre, probability, is_tag, lift from marts.film_genre_fit where track_id = 'rock' order by 1"
    fits = rows(con, query)
    assert [fit[0] for fit in fits] == film_genres()
    assert fits[-1] == ("Western", 0.5, True, 2.0)
    assert fits[0] == ("Action", 0.125, False, 0.5)


def test_audits_pass_on_the_made_world(con: duckdb.DuckDBPyConnection) -> None:
    audits = [model for model in load_models(SQL_DIR).values() if model.schema == "audits"]
    failing = {audit.table for audit in audits if audit.severity == "error" and rows(con, audit.select)}
    assert failing == set()


def test_audits_find_what_they_look_for(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX, threads=2)
    build(settings)  # an empty lake
    with open_warehouse(settings) as warehouse:
        assert rows(warehouse, read_model(SQL_DIR / "audits" / "no_tracks.sql").select) == [(0,)]
        warehouse.execute("insert into marts.film_track values ('tt1', 'nothing', null, 1.0, 'x', 'imdb')")
        warehouse.execute("insert into marts.track_tag values ('t', 'genre', 'polka', 0.5, true, 'm', now())")
        assert len(rows(warehouse, read_model(SQL_DIR / "audits" / "film_track_orphans.sql").select)) == 1
        assert len(rows(warehouse, read_model(SQL_DIR / "audits" / "tag_outside_vocabulary.sql").select)) == 1


def test_marts_are_the_same_whatever_the_order_and_the_threads(tmp_path: Path) -> None:
    tables = [model for model in load_models(SQL_DIR).values() if model.schema == "marts" and not model.is_view]
    contents = []
    for number, (threads, backwards) in enumerate([(1, False), (4, True)]):
        with sandbox_world(tmp_path / str(number), threads=threads, backwards=backwards) as warehouse:
            contents.append({mart.name: rows(warehouse, f"from {mart.name} order by all") for mart in tables})
    assert contents[0] == contents[1]


def test_a_night_that_is_run_again_counts_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX, threads=2)
    log = {"flow": "nightly-refresh", "as_of": "2026-01-02", "source": "tmdb film", "state": "ok"}
    finding = {"check": "no_tracks", "severity": "error", "as_of": "2026-01-02"}
    for run, moment in (("first", EARLIER), ("second", EARLIER + timedelta(hours=1))):
        ran = {**log, "run_id": run, "n_rows": 3, "started_at": moment, "ended_at": moment}
        checked = {**finding, "run_id": run, "failing_rows": 0, "checked_at": moment}
        for entity, row in (("run_log", ran), ("data_quality", checked)):
            write_batch(settings.lake, "ostinato", entity, [row], batch_key=run, ingest_date=date(2026, 1, 2))
    build(settings)
    with open_warehouse(settings, read_only=True) as warehouse:
        assert rows(warehouse, "select run_id, n_rows from marts.run_log") == [("second", 3)]
        assert rows(warehouse, "select run_id, failing_rows from marts.data_quality") == [("second", 0)]


def test_a_run_that_was_stopped_stays_in_the_history_of_its_night(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX, threads=2)
    for n, (run, failing_rows) in enumerate([("stopped", 7), ("clean", 0), ("newest", 0)]):
        finding = {"check": "no_tracks", "severity": "error", "as_of": "2026-01-02", "run_id": run}
        finding |= {"failing_rows": failing_rows, "checked_at": EARLIER + timedelta(hours=n)}
        write_batch(settings.lake, "ostinato", "data_quality", [finding], batch_key=run, ingest_date=date(2026, 1, 2))
        build(settings, select="marts.data_quality")
    with open_warehouse(settings, read_only=True) as warehouse:
        kept = rows(warehouse, "select run_id, failing_rows from marts.data_quality order by checked_at")
    assert kept == [("stopped", 7), ("newest", 0)]
