"""Identity: which tracks are one recording, who gives a track which genre, which ids of films contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sql_world import (
    FEATURES,
    Row,
    built_world,
    failing,
    marts_are_the_same,
    place,
    recording,
    rows,
    search_row,
    seed_row,
    spotify_track,
)

FIRST, SECOND, THIRD, FOURTH = "USAAA2000001", "USAAA2000002", "USAAA2000003", "USAAA2000004"
OWN, OWN_TOO, LOW, HIGH = "USBBB2000001", "USBBB2000002", "USCCC2000001", "USCCC2000002"


def timed(track_id: str, title: str, artists: str, duration_ms: int | None, **more: Any) -> Row:
    return spotify_track(track_id, title, artists.split(";"), duration_ms=duration_ms, **more)


RAW: dict[tuple[str, str], list[Row]] = {
    ("spotify", "track"): [
        timed("coded", "Hit", "Band", 180_000, isrc=FIRST, released_on="2001-05"),
        timed("remaster", "Hit - 2011 Remaster", "Band", 191_000, isrc=FIRST, released_on="1999"),
        timed("no code", "HIT!", "Band", 181_500),
        timed("too long", "Hit", "Band", 182_100),  # within 2 s of `no code` but not of the track that has the code
        timed("live", "Hit (Live)", "Band", 180_000),
        timed("remix", "Hit - Remix", "Band", 180_000),
        timed("instrumental", "Hit (Instrumental)", "Band", 180_000),
        timed("duet", "Hit", "Band;Guest", 180_000),
        timed("by second code", "Other Name", "Band", 100_000, isrc=SECOND),
        timed("by third code", "Third Name", "Band", 120_000, isrc=THIRD),
        timed("by fourth code", "Hit", "Band", 300_000, isrc=FOURTH),
        timed("take 1", "Take", "Band", 100_000),
        timed("take 2", "Take", "Band", 102_000),
        timed("take 3", "Take", "Band", 104_000),
        timed("take 4", "Take", "Band", 106_001),
        timed("low", "Two Codes", "Band", 200_000, isrc=LOW),
        timed("high", "Two Codes", "Band", 201_000, isrc=HIGH),
        timed("as long", "Two Codes", "Band", 201_000),
        timed("between", "Two Codes", "Band", 200_400),
        timed("only one", "Known Length", "Band", 150_000),
        timed("untimed", "Known Length", "Band", None),
        timed("untimed take", "Take", "Band", None),
        timed("untimed of code", "Two Codes", "Band", None, isrc=LOW),
        timed("untimed cue 1", "Cue", "Composer", None),
        timed("untimed cue 2", "Cue", "Composer", None),
        timed("twice matched", "Charted", "Idol", 180_000),
    ],
    ("musicbrainz", "url"): [{"imdb_id": "tt0000001", "release_group_id": "g", "title": "g"}],
    ("musicbrainz", "recording"): [
        # A chain: what has the second code has the first, what has the third has the second.
        recording("g", 1, "r1", "Hit", ["Band"], isrcs=[SECOND, FIRST]),
        recording("g", 2, "r2", "Hit", ["Band"], isrcs=[SECOND, THIRD]),
        recording("g", 3, "r3", "Own", ["Nobody Else"], isrcs=[OWN_TOO, OWN]),
    ],
    ("dataset", "spotify_tracks"): [
        seed_row("coded", "Hit", "Band", "techno"),
        seed_row("coded", "Hit", "Band", "house"),
        seed_row("coded", "Hit", "Band", "anime"),
        seed_row("remaster", "Hit - 2011 Remaster", "Band", "rock"),
        seed_row("nameless 1", None, None, "folk"),  # type: ignore[arg-type]
        seed_row("nameless 2", None, None, "folk"),  # type: ignore[arg-type]
    ],
    ("dataset", "spotify_query_tracks"): [
        search_row("coded", "Hit", "Band", "rock", artist_genres=["jazz", "rock"]),
        search_row("coded", "Hit", "Band", "hard-rock"),
    ],
    ("dataset", "spotify_million_tracks"): [
        {**FEATURES, "track_id": "coded", "track_name": "Hit", "artist_name": "Band", "genre": "house", "year": 2001},
        {**FEATURES, "track_id": "take 1", "track_name": "Take", "artist_name": "Band", "genre": "soul", "year": 2001},
    ],
    ("dataset", "spotify_daily_chart"): [
        {"chart_date": day, "rank": 1, "uri": "spotify:track:coded", "track_name": "Hit", "artist_names": "Band"}
        for day in ("2025-01-01", "2025-01-02")
    ],
    ("dataset", "charted_track_audio"): [{"track_name": "Hit", "artist_names": "Band", "genre": "Hip-Hop/Rap"}],
    ("melon", "chart"): [
        place("month", "GN0000", "2025-01", 1, "1", "Charted", ["Idol"]),
        place("month", "GN0000", "2025-01", 2, "2", "CHARTED", ["Idol"]),
    ],
    ("melon", "song"): [
        {"song_id": number, "title": "Charted", "artists": ["Idol"], "genres": ["랩/힙합", "발라드", "R&B/Soul"]}
        for number in ("1", "2")
    ],
}


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with built_world(tmp_path_factory.mktemp("identity"), RAW) as warehouse:
        yield warehouse


def recordings(con: duckdb.DuckDBPyConnection, *track_ids: str) -> list[str]:
    found = dict(rows(con, "select track_id, recording_id from core.track_recording"))
    return [found[track_id] for track_id in track_ids]


def known_by(con: duckdb.DuckDBPyConnection, *track_ids: str) -> list[str]:
    found = dict(rows(con, "select track_id, known_by from core.track_recording"))
    return [found[track_id] for track_id in track_ids]


def test_tracks_of_one_code_are_one_recording_whatever_their_names(con: duckdb.DuckDBPyConnection) -> None:
    assert recordings(con, "coded", "remaster") == [f"isrc:{FIRST}"] * 2
    assert recordings(con, "by fourth code") == [f"isrc:{FOURTH}"]  # two codes of one name stay two
    assert recordings(con, "untimed of code") == [f"isrc:{LOW}"]
    assert known_by(con, "coded", "by fourth code", "untimed of code") == ["isrc"] * 3


def test_codes_that_musicbrainz_gives_to_one_recording_are_one(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select * from core.recording_code order by isrc") == [
        (SECOND, FIRST),
        (THIRD, FIRST),
        (OWN_TOO, OWN),
    ]
    assert recordings(con, "by second code", "by third code") == [f"isrc:{FIRST}"] * 2
    assert recordings(con, f"isrc:{OWN}") == [f"isrc:{OWN}"]


def test_a_track_without_a_code_is_the_recording_of_its_name_and_length(con: duckdb.DuckDBPyConnection) -> None:
    assert recordings(con, "no code", "too long") == [f"isrc:{FIRST}", "too long"]
    assert known_by(con, "no code", "too long") == ["code_of_name", "nothing"]
    # Of two codes that of the same length, else the first.
    assert recordings(con, "as long", "between") == [f"isrc:{HIGH}", f"isrc:{LOW}"]


def test_versions_and_other_artists_are_other_recordings(con: duckdb.DuckDBPyConnection) -> None:
    others = ("live", "remix", "instrumental", "duet", "nameless 1", "nameless 2")
    assert recordings(con, *others) == list(others)


def test_lengths_of_one_name_are_followed_in_steps_of_two_seconds(con: duckdb.DuckDBPyConnection) -> None:
    takes = ("take 1", "take 2", "take 3", "take 4")
    assert recordings(con, *takes) == ["take 1"] * 3 + ["take 4"]
    assert known_by(con, *takes) == ["name"] * 3 + ["nothing"]


def test_a_track_of_unknown_length_joins_a_name_that_is_one_recording(con: duckdb.DuckDBPyConnection) -> None:
    assert recordings(con, "only one", "untimed") == ["only one"] * 2
    assert known_by(con, "only one", "untimed") == ["nothing", "name_alone"]
    alone = ("untimed take", "untimed cue 1", "untimed cue 2")
    assert recordings(con, *alone) == list(alone)
    assert known_by(con, *alone) == ["nothing"] * 3


def test_a_recording_has_the_names_of_its_earliest_release_and_what_all_of_them_have(
    con: duckdb.DuckDBPyConnection,
) -> None:
    columns = "title, artists, n_tracks, isrcs, duration_ms, released_on, genres"
    assert rows(con, f"select {columns} from core.recording where recording_id = 'isrc:{FIRST}'") == [
        (
            "Hit - 2011 Remaster",
            ["Band"],
            5,
            [FIRST, SECOND, THIRD],
            191_000,
            "1999",
            ["electronic", "hip-hop", "rock"],  # and not the jazz of the artist
        )
    ]
    assert rows(con, f"select {columns} from core.recording where recording_id = 'take 1'") == [
        ("Take", ["Band"], 3, [], 100_000, "2001", ["soul"])
    ]
    assert rows(con, f"select isrcs from core.recording where recording_id = 'isrc:{OWN}'") == [([OWN, OWN_TOO],)]
    totals = "select sum(n_tracks) = (select count(*) from core.track) from core.recording"
    assert rows(con, totals) == [(True,)]


def test_published_tracks_say_their_recording(con: duckdb.DuckDBPyConnection) -> None:
    query = "select track_id from marts.track where recording_id = 'take 1' order by 1"
    assert rows(con, query) == [("take 1",), ("take 2",), ("take 3",)]
    assert rows(con, "select count(*) from marts.track where recording_id is null") == [(0,)]


def test_each_genre_of_a_track_says_who_told_it(con: duckdb.DuckDBPyConnection) -> None:
    told = "select genre, told_by, source, labels from core.track_genre where track_id = {!r} order by told_by, genre"
    assert rows(con, told.format("coded")) == [
        ("jazz", "artist_genre", "dataset", ["jazz"]),
        ("rock", "artist_genre", "dataset", ["rock"]),
        ("electronic", "genre_seed", "dataset", ["house", "techno"]),  # anime is in none of the groups
        ("hip-hop", "itunes", "dataset", ["itunes:hip-hop/rap"]),
        ("electronic", "million_tracks", "dataset", ["house"]),
        ("rock", "search_word", "dataset", ["hard-rock", "rock"]),
    ]
    # Two songs of Melon are the track, of which Ballad is in no group.
    assert rows(con, told.format("twice matched")) == [
        ("hip-hop", "melon_page", "melon", ["melon:rap-/-hip-hop"]),
        ("r-n-b", "melon_page", "melon", ["melon:r&b-/-soul"]),
    ]


def test_a_charts_own_genre_counts_where_the_songs_page_was_not_read(tmp_path: Path) -> None:
    chart = {"Date": "201412", "rank": 1, "song_id": 7, "title": "Charted", "artist": "Idol", "genre": "Rock"}
    raw = {
        ("dataset", "melon_monthly_chart"): [chart],
        ("spotify", "track"): [spotify_track("t", "Charted", ["Idol"])],
    }
    with built_world(tmp_path, raw) as world:
        told = "select track_id, genre, told_by, source from core.track_genre"
        assert rows(world, told) == [("t", "rock", "melon_chart", "dataset")]


def test_training_takes_the_genres_of_lists_and_searches_alone(con: duckdb.DuckDBPyConnection) -> None:
    trained = "select track_id, genres from features.track_genre_example order by track_id"
    labelled = dict(rows(con, trained))
    assert labelled["coded"] == ["electronic", "rock"]
    assert labelled["remaster"] == ["rock"]  # of another recording_key, though not of another recording
    assert "twice matched" not in labelled


FILMS: dict[tuple[str, str], list[Row]] = {
    ("tmdb", "film"): [
        {"tmdb_id": 1, "imdb_id": "tt0000001", "title": "Of TMDB", "genres": []},
        {"tmdb_id": 4, "imdb_id": "tt0000004", "title": "Claims it first", "genres": []},
        {"tmdb_id": 5, "imdb_id": "tt0000004", "title": "Claims it too", "genres": []},
    ],
    ("dataset", "movies_metadata"): [
        {"id": 1, "imdb_id": "tt0000011", "title": "Of 2017", "genres": "[]", "adult": False},
        {"id": 2, "imdb_id": "tt0000002", "title": "Agreed", "genres": "[]", "adult": False},
    ],
    ("dataset", "movielens_films"): [
        {"movieId": 10, "title": "Agreed (2000)", "genres": "War", "tmdbId": 2, "imdb_id": "tt0000002"},
        {"movieId": 11, "title": "Agreed again (2000)", "genres": "War", "tmdbId": 2, "imdb_id": "tt0000002"},
        {"movieId": 12, "title": "Other number (2000)", "genres": "War", "tmdbId": 3, "imdb_id": "tt0000001"},
        {"movieId": 13, "title": "Lost its partner (2000)", "genres": "War", "tmdbId": 5, "imdb_id": "tt0000005"},
    ],
}


def test_contradictions_about_ids_say_who_won(tmp_path: Path) -> None:
    with built_world(tmp_path, FILMS) as world:
        assert rows(world, "select * from core.film_id_conflict order by all") == [
            ("imdb", "tt0000001", "tmdb", "1", "tmdb", "3", "movielens", "tt0000001"),
            ("imdb", "tt0000002", "movielens", "10", "movielens", "11", "movielens", "tt0000002"),
            ("imdb", "tt0000004", "tmdb", "4", "tmdb", "5", "tmdb", "tt0000004"),
            ("imdb", "tt0000005", "tmdb", None, None, "5", "movielens", "tt0000005"),
            ("tmdb", "1", "imdb", "tt0000001", "tmdb", "tt0000011", "movies_metadata", "tt0000001"),
        ]
        assert len(failing(world, "film_ids_contradict")) == 5
        ids = "select film_id, tmdb_id from marts.film where tmdb_id in (1, 2, 4, 5) order by tmdb_id"
        assert rows(world, ids) == [("tt0000001", 1), ("tt0000002", 2), ("tt0000004", 4), ("tmdb:5", 5)]


def test_films_that_sources_agree_on_are_no_contradiction(tmp_path: Path) -> None:
    raw = {key: found[1:2] if key[1] == "movies_metadata" else found[:1] for key, found in FILMS.items()}
    with built_world(tmp_path, raw) as world:
        assert failing(world, "film_ids_contradict") == []


def test_the_order_of_landing_and_the_threads_change_nothing(tmp_path: Path) -> None:
    assert marts_are_the_same(tmp_path, RAW)
