"""Tracks that Spotify's search did not bring: their names, features, labels, charts and where to hear them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sql_world import (
    EARLIER,
    FEATURES,
    Row,
    audio_file,
    built_world,
    marts_are_the_same,
    place,
    recording,
    rows,
    seed_row,
    spotify_track,
)

from tasks.settings import Profile

MAGIC, OTHER, THIRD = "USABC2000001", "USABC2000002", "USABC2000003"


def million(track_id: str, title: str, artist: str, genre: str, **more: Any) -> Row:
    names = {"track_id": track_id, "track_name": title, "artist_name": artist, "genre": genre, "year": 2019}
    return {**FEATURES, **names, **more}


def charted(day: str, rank: int, track_id: str, title: str, artists: str) -> Row:
    return {
        "chart_date": day,
        "rank": rank,
        "uri": f"spotify:track:{track_id}",
        "track_name": title,
        "artist_names": artists,
    }


def measured(track_id: str | None, provider: str, energy: float, **more: Any) -> Row:
    return {**FEATURES, "track_id": track_id, "provider": provider, "energy": energy, **more}


def video(title: str, performer: str, video_id: str, confidence: float, shown: str, channel: str = "Anyone") -> Row:
    named = {"imdb_id": "tt0000001", "title": title, "performer": performer, "youtube_video_id": video_id}
    return {**named, "match_confidence": confidence, "youtube_title": shown, "youtube_channel": channel}


RAW: dict[tuple[str, str], list[Row]] = {
    ("dataset", "spotify_million_tracks"): [
        million("m1", "Forro Song", "Singer", "forro"),
        million("m2", "Sad Song", "Singer", "songwriter", year=0),
        million("m2", "Sad Song", "Singer", "songwriter", fetched_at=EARLIER, energy=0.1),
        million("m2", "Sad Song", "Singer", "indie-pop"),
        million("m3", "Seoul Song", "Idol", "k-pop"),
        million("seed", "Less is known here", "Singer", "blues", energy=0.9),
    ],
    ("dataset", "spotify_tracks"): [
        seed_row("seed", "Seed Song", "Singer;Guest", "jazz"),
        seed_row("cue 1", "Main Title", "Composer", "classical", duration_ms=60_000.0),
        seed_row("cue 2", "Main Title", "Composer", "classical", duration_ms=90_000.0),
    ],
    ("spotify", "track"): [
        spotify_track("magic", "Magic", ["Coldplay"], isrc=MAGIC),
        spotify_track("magic single", "Magic (Single)", ["Coldplay"], isrc=MAGIC),
        spotify_track("shown by code", "Third", ["Coldplay"], isrc=THIRD),
        spotify_track("unmeasured", "Nobody measured", ["Quiet"]),
        spotify_track("approved", "Approved", ["Quiet"]),
    ],
    ("musicbrainz", "url"): [{"imdb_id": "tt0000001", "release_group_id": "g", "title": "g"}],
    ("musicbrainz", "recording"): [
        recording("g", 1, "r1", "Own Song", ["Gayageum"], isrcs=[OTHER, "ABABC2000009"]),
        recording("g", 2, "r2", "Known Video", ["Band", "Guest"]),
        recording("g", 3, "r3", "Searched Video", ["Band"]),
    ],
    ("reccobeats", "audio_features"): [
        measured("magic", "reccobeats", 0.2),
        # asked for by ISRC: answered with an id of Spotify's that nothing else names, or with none
        measured("never seen", "reccobeats", 0.3, isrc=OTHER.lower()),
        measured(None, "reccobeats", 0.35, isrc=THIRD),
    ],
    ("spotify", "audio_features"): [
        measured("approved", "spotify", 0.6, fetched_at=EARLIER),
        measured("approved", "spotify", 0.7),
        measured("magic", "spotify", 0.9),
    ],
    ("audio", "audio_features"): [
        audio_file("by code", None, [], isrc="us-abc-20-00001", energy=0.8),
        audio_file("by name", "nobody MEASURED!", ["Quiet", "Guest"], duration_ms=182_000.0, energy=0.81),
        audio_file("other length", "Nobody measured", ["Quiet"], duration_ms=280_000.0, energy=0.82),
        audio_file("cue", "Main Title", ["Composer"], duration_ms=91_000.0, energy=0.83),
        audio_file("demo", None, [], energy=0.84),
        audio_file("demo", None, [], energy=0.1, fetched_at=EARLIER),
    ],
    ("dataset", "spotify_daily_chart"): [
        charted("2025-01-01", 1, "c1", "Charted", "Tyler, The Creator, YEONJUN"),
        charted("2025.01.02", 1, "c2", "Foreign", "Bruno Mars"),
        charted("2025-01-02", 2, "seed", "Seed Song", "Singer, Guest"),
        charted("2025-01-02", 3, "c1", "Charted anew", "Tyler, The Creator, YEONJUN"),
        charted("2025-01-32", 1, "c1", "Of no day", "A"),
        charted("2025-01-02", 0, "c1", "Of no rank", "A"),
    ],
    ("dataset", "charted_track_audio"): [
        {"track_name": "Charted anew", "artist_names": "Tyler, The Creator, YEONJUN", "genre": "K-Pop"},
        {"track_name": "Foreign", "artist_names": "Bruno Mars", "genre": "Soundtrack"},
    ],
    ("melon", "chart"): [
        place("month", "GN0000", "2025-01", 1, "1", "Sole Malato", ["Domenico Modugno"]),
        place("month", "GN0000", "2025-01", 2, "2", "Magic", ["Coldplay"]),
        place("month", "GN0000", "2025-01", 3, "3", "Unsure", ["Band"]),
    ],
    ("dataset", "soundtrack_videos"): [
        video("Sole malato", "Domenico Modugno", "sole1234567", 0.9, "Domenico Modugno - Sole malato (Remastered)"),
        video("Known Video", "Band, Guest", "known123456", 0.7, "Known Video", "Band & Guest - Topic"),
        video("Known Video", "Band", "worse123456", 0.7, "Known Video (Live)", "Somebody"),
        video("Known Video", "Band", "surer-cover", 1.0, "Known Video", "Cover Artist"),
        video("Unsure", "Band", "unsure12345", 0.6, "Unsure", "Band - Topic"),
        video("Magic", "Coldplay", "magic123456", 1.0, "Magic", "Coldplay"),
    ],
    ("youtube", "search"): [
        {"track_id": "mbid:r3", "video_id": "searched-01", "state": "ok", "fetched_at": EARLIER},
        {"track_id": "mbid:r3", "video_id": "searched-02", "state": "ok"},
        {"track_id": "mbid:r2", "video_id": "not-wanted1", "state": "ok"},
        {"track_id": "melon:3", "video_id": None, "state": "empty"},
    ],
}


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with built_world(tmp_path_factory.mktemp("tracks"), RAW) as warehouse:
        yield warehouse


def one(con: duckdb.DuckDBPyConnection, table: str, track_id: str, columns: str) -> tuple[Any, ...]:
    (found,) = rows(con, f"select {columns} from {table} where track_id = '{track_id}'")
    return found


def test_the_million_table_gives_names_features_and_labels(con: duckdb.DuckDBPyConnection) -> None:
    assert one(con, "marts.track", "m1", "title, artists, released_on, origin, source") == (
        "Forro Song",
        ["Singer"],
        "2019",
        "pop",
        "dataset",
    )
    assert one(con, "marts.track", "m2", "released_on") == ("2019",)  # the other row knows the year
    assert one(con, "marts.track", "m3", "origin") == ("kpop",)
    assert one(con, "marts.track", "seed", "title, artists") == ("Seed Song", ["Singer", "Guest"])
    assert one(con, "features.track_audio", "seed", "energy, provider") == (0.5, "dataset")
    labels = "select track_id, genres from features.track_genre_training where track_id in ('m1', 'm2', 'seed')"
    assert rows(con, f"{labels} order by 1") == [
        ("m2", ["indie", "singer-songwriter"]),  # forro is in none of the 28 groups
        ("seed", ["blues", "jazz"]),
    ]


def test_each_provider_of_the_chain_is_named(con: duckdb.DuckDBPyConnection) -> None:
    audio = "features.track_audio"
    assert one(con, audio, "magic", "provider, energy") == ("reccobeats", 0.2)  # before spotify and the file
    assert one(con, audio, "approved", "provider, energy") == ("spotify", 0.7)
    assert one(con, audio, "unmeasured", "provider, energy, duration_ms") == ("audio", 0.81, 182_000.0)
    assert one(con, audio, "file:demo", "provider, energy, is_complete") == ("audio", 0.84, True)


def test_features_of_a_recording_count_for_all_its_tracks(con: duckdb.DuckDBPyConnection) -> None:
    audio = "features.track_audio"
    assert one(con, audio, "magic single", "provider, energy") == ("reccobeats", 0.2)  # before its own audio file
    assert one(con, audio, "isrc:ABABC2000009", "provider, energy") == ("reccobeats", 0.3)  # known by its second code
    assert one(con, audio, "shown by code", "provider, energy") == ("reccobeats", 0.35)
    assert rows(con, f"select * from {audio} where track_id in ('never seen', '')") == []


def test_an_audio_file_is_the_track_of_its_code_or_of_its_name_and_length(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select * from core.audio_file_track order by all") == [
        ("file:by code", "magic"),
        ("file:by code", "magic single"),
        ("file:by name", "unmeasured"),
        ("file:cue", "cue 2"),  # and not the cue of the same name in another film
    ]
    own = "select track_id, title, artists, source from marts.track where track_id like 'file:%' order by 1"
    assert rows(con, own) == [
        ("file:demo", "demo", None, "audio"),
        ("file:other length", "Nobody measured", ["Quiet"], "audio"),
    ]


def test_what_is_trained_on_was_measured_by_a_cleared_provider(
    con: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    named = [(str(row["track_id"]), row["title"], row["artists"][0]) for row in RAW["spotify", "track"]]
    # without features of their own
    labels = [seed_row(*names, "folk", energy=None, duration_ms=180_000.0) for names in named]
    raw = {key: rows for key, rows in RAW.items() if key[1] != "spotify_million_tracks"}
    raw[("dataset", "spotify_tracks")] = labels
    trained = """
        select track_id, audio.provider
        from features.track_genre_training join features.track_audio as audio using (track_id)
        order by 1
    """
    audio_files = [("file:other length", "audio"), ("unmeasured", "audio")]  # two lengths of one song
    with built_world(tmp_path_factory.mktemp("live"), raw) as live:
        assert rows(live, trained) == audio_files
    with built_world(tmp_path_factory.mktemp("sandbox"), raw, profile=Profile.SANDBOX) as sandbox:
        assert rows(sandbox, trained) == [
            ("approved", "spotify"),
            *audio_files[:1],
            ("magic", "reccobeats"),
            ("magic single", "reccobeats"),
            ("shown by code", "reccobeats"),
            *audio_files[1:],
        ]


def test_spotifys_chart_names_its_tracks(con: duckdb.DuckDBPyConnection) -> None:
    entries = "select scope, period, rank, song_id, track_id, title, artists, genre, source from marts.chart_entry"
    assert rows(con, f"{entries} where chart = 'spotify_day' order by period, rank") == [
        ("KR", "2025-01-01", 1, None, "c1", "Charted", ["Tyler, The Creator", "YEONJUN"], None, "dataset"),
        ("KR", "2025-01-02", 1, None, "c2", "Foreign", ["Bruno Mars"], "Soundtrack", "dataset"),
        ("KR", "2025-01-02", 2, None, "seed", "Seed Song", ["Singer", "Guest"], None, "dataset"),
        ("KR", "2025-01-02", 3, None, "c1", "Charted anew", ["Tyler, The Creator", "YEONJUN"], "K-Pop", "dataset"),
    ]
    assert one(con, "marts.track", "c1", "title, artists, origin, listen_url") == (
        "Charted anew",
        ["Tyler, The Creator", "YEONJUN"],
        "kpop",  # iTunes' tag; the chart itself says nothing of where a song is from
        "https://open.spotify.com/track/c1",
    )
    assert one(con, "marts.track", "c2", "origin") == ("pop",)
    assert rows(con, "select count(*) from core.chart_song where song_key like 'spotify:%'") == [(0,)]


def test_a_charted_song_is_a_track_with_a_page_before_one_without(tmp_path_factory: pytest.TempPathFactory) -> None:
    raw = {
        ("melon", "chart"): [place("month", "GN0000", "2025-01", 1, "1", "Song", ["Singer"])],
        ("spotify", "track"): [spotify_track("zzz", "Song", ["Singer"])],
        ("audio", "audio_features"): [audio_file("a", "Song", ["Singer"], duration_ms=60_000.0)],
    }
    with built_world(tmp_path_factory.mktemp("charted"), raw) as world:
        assert rows(world, "select track_id from marts.chart_entry") == [("zzz",)]


def test_where_to_hear_a_track(con: duckdb.DuckDBPyConnection) -> None:
    def url(track_id: str) -> str:
        return str(one(con, "marts.track", track_id, "listen_url")[0])

    assert url("magic") == "https://open.spotify.com/track/magic"  # before any video
    assert url("melon:1") == "https://www.youtube.com/watch?v=sole1234567"
    # An imported video comes before one that was searched for; of a surer one nothing says that the band plays there.
    assert url("mbid:r2") == "https://www.youtube.com/watch?v=known123456"
    assert url("mbid:r3") == "https://www.youtube.com/watch?v=searched-02"
    assert url("melon:3") == "https://www.youtube.com/results?search_query=Unsure%20Band"
    assert url("file:demo") == "https://www.youtube.com/results?search_query=demo"


def test_the_order_of_landing_and_the_threads_change_nothing(tmp_path: Path) -> None:
    assert marts_are_the_same(tmp_path, RAW)
