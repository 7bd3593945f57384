"""What may be trained on: names, features, genres and ties that cleared sources give by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from sql_world import (
    FEATURES,
    Row,
    audio_file,
    built_world,
    failing,
    recording,
    rows,
    seed_row,
    soundtrack,
    sources_file,
    spotify_track,
)

from tasks import training
from tasks.fetching import policy
from tasks.settings import Profile, Settings
from tasks.warehouse import AuditError, build, open_warehouse, run_checks

CODE, FILE_CODE = "USABC2000001", "USABC2000002"
DRAMA = '[{"name": "Drama"}]'


def metadata(number: int, imdb_id: str | None = None) -> Row:
    return {"id": number, "imdb_id": imdb_id, "title": f"Film {number}", "genres": DRAMA}


def link(imdb_id: str, track_id: str) -> Row:
    return {"imdb_id": imdb_id, "track_id": track_id, "routes": "by hand"}


RAW: dict[tuple[str, str], list[Row]] = {
    ("dataset", "spotify_tracks"): [
        seed_row("renamed", "Cleared Song", "Cleared Artist", "jazz"),
        seed_row("namesake", "Shown Song", "Shown Artist", "rock"),
        seed_row("unnamed", None, None, "folk"),  # type: ignore[arg-type]
        seed_row("coded", "Coded Song", "Band", "folk"),
        seed_row("unmeasured", "Unmeasured", "Band", "folk", energy=None),
        seed_row("filed", "Filed", "Band", "folk", energy=None),
        seed_row("by name", "The Chase!", "Composer", "classical", duration_ms=180_000.0),
    ],
    ("spotify", "track"): [
        spotify_track("renamed", "Shown Song", ["Shown Artist"]),
        spotify_track("unnamed", "Named by Spotify", ["Shown Artist"]),
        spotify_track("coded", "Coded Song", ["Band"], isrc=CODE),
        spotify_track("filed", "Filed", ["Band"], isrc=FILE_CODE),
        spotify_track("spotify only", "Only There", ["Shown Artist"]),
    ],
    ("reccobeats", "audio_features"): [
        {**FEATURES, "track_id": track_id, "provider": "reccobeats"} for track_id in ("unmeasured", "spotify only")
    ],
    ("audio", "audio_features"): [audio_file("f", "No name of it", ["Nobody"], isrc=FILE_CODE)],
    ("dataset", "movies_metadata"): [metadata(1, "tt0000001")],
    ("dataset", "tmdb_films"): [{"id": 9, "title": "Film 9", "genres": DRAMA}],
    ("tmdb", "film"): [
        {"tmdb_id": 8, "imdb_id": "tt0000008", "title": "Film 8", "genres": ["Horror"]},
        {"tmdb_id": 9, "imdb_id": "tt0000009", "title": "Film 9", "genres": []},
    ],
    ("musicbrainz", "url"): [{"imdb_id": "tt0000001", "release_group_id": "album", "title": "Album"}],
    ("musicbrainz", "recording"): [
        recording("album", 1, "r1", "Song of this code", ["Another Spelling"], isrcs=[CODE]),
        recording("album", 2, "r2", "Shown Song", ["Shown Artist"], duration_ms=199_000),
        recording("album", 3, "r3", "The Chase", ["Composer"]),
    ],
    ("dataset", "film_track_links"): [
        link("tt0000008", "namesake"),
        link("tt0000009", "namesake"),
        link("tt0000001", "spotify only"),
    ],
    ("dataset", "imdb_soundtracks"): [
        {"imdb_id": "tt0000001", "recording_name": "Named by Spotify", "performers": ["Shown Artist"]},
        {"imdb_id": "tt0000001", "recording_name": "Coded Song", "performers": ["Band"]},
    ],
    ("imdb", "soundtrack"): [soundtrack("tt0000001", 1, "Cleared Song", "Cleared Artist")],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clearance")


@pytest.fixture(scope="module")
def live(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """With sources.toml as it stands: neither Spotify nor TMDB, IMDb or ReccoBeats are cleared."""
    with built_world(home, RAW) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def sandbox(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same rows where every source is cleared."""
    with built_world(home, RAW, profile=Profile.SANDBOX) as warehouse:
        yield warehouse


TRACKS = "select track_id, artist_key, recording_key, genres from features.track_genre_training order by track_id"
TIES = "select film_id, track_id, film_genres from features.film_genre_training order by all"


def test_tracks_are_keyed_and_labelled_by_cleared_names(
    live: duckdb.DuckDBPyConnection, sandbox: duckdb.DuckDBPyConnection
) -> None:
    assert rows(live, "select title from core.track where track_id = 'renamed'") == [("Shown Song",)]
    assert rows(live, TRACKS) == [
        ("by name", "composer", "thechase|composer", ["classical"]),
        ("coded", "band", "codedsong|band", ["folk"]),
        ("namesake", "shownartist", "shownsong|shownartist", ["rock"]),
        ("renamed", "clearedartist", "clearedsong|clearedartist", ["jazz"]),  # not the namesake's rock
    ]
    found = {track: (recording, genres) for track, _, recording, genres in rows(sandbox, TRACKS)}
    assert found["renamed"] == found["namesake"] == ("shownsong|shownartist", ["jazz", "rock"])
    assert found["unnamed"] == ("namedbyspotify|shownartist", ["folk"])
    # measured by ReccoBeats; and in the operator's own file, which Spotify's ISRC alone ties to the track
    assert found.keys() >= {"unmeasured", "filed"}


def test_a_tie_holds_by_cleared_sources_alone(
    live: duckdb.DuckDBPyConnection, sandbox: duckdb.DuckDBPyConnection
) -> None:
    cleared = [("tt0000001", "by name", ["Drama"]), ("tt0000001", "namesake", ["Drama"])]
    assert rows(live, TIES) == cleared
    linked = "select track_id, route, source from core.film_track_link where track_id = 'coded'"
    assert rows(live, linked) == [("coded", "musicbrainz", "musicbrainz")]  # a cleared source's, by Spotify's ISRC
    assert rows(sandbox, TIES) == [
        *cleared[:1],
        ("tt0000001", "coded", ["Drama"]),
        *cleared[1:],
        ("tt0000001", "spotify only", ["Drama"]),
        ("tt0000001", "unnamed", ["Drama"]),  # an imported credit, matched to the name that Spotify gives
        ("tt0000008", "namesake", ["Horror"]),
        ("tt0000009", "namesake", ["Drama"]),  # genres of an imported table, whose film TMDB's page alone ties to it
    ]


def test_what_clearing_would_bring_is_what_it_brings(
    live: duckdb.DuckDBPyConnection,
    sandbox: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offered = "select sources, n_rows from features.{}_genre_training_uncleared order by sources"
    assert rows(live, offered.format("track")) == [(["reccobeats"], 1), (["spotify"], 2)]
    assert rows(live, offered.format("film")) == [(["reccobeats", "spotify"], 1), (["spotify"], 2), (["tmdb"], 2)]
    assert rows(sandbox, offered.format("track")) == rows(sandbox, offered.format("film")) == []
    monkeypatch.setattr(policy, "SOURCES_FILE", sources_file(tmp_path, "spotify", "training", "attested"))
    with built_world(tmp_path, RAW) as cleared:
        for kind in ("track", "film"):
            counted = f"select count(*) from features.{kind}_genre_training"
            assert rows(cleared, counted)[0][0] == rows(live, counted)[0][0] + 2
        assert rows(cleared, offered.format("film")) == [(["reccobeats"], 1), (["tmdb"], 2)]


def test_a_training_row_of_an_uncleared_source_stops_training_and_no_night(
    live: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert failing(live, "uncleared_training_rows") == []
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    build(settings)
    with open_warehouse(settings) as world:
        columns = "(track_id, name_source, provider, label_source)"
        world.execute(
            f"insert into features.track_genre_training {columns} values ('t', 'spotify', 'audio', 'dataset')"
        )
    with pytest.raises(AuditError, match="uncleared_training_rows: 1 row, first training_set track_genre, track_id t"):
        training.train(settings, "track-genre", date(2026, 1, 2))
    skipped = {check.check: check.skipped for check in run_checks(settings) if check.skipped}
    assert skipped["uncleared_training_rows"] == "it is looked at before a model is trained"
    assert [check.check for check in run_checks(settings) if check.stops_publishing] == ["no_tracks"]
