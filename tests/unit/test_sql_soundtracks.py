"""Which track is in which film: MusicBrainz' recordings, imported album lists and albums, and how sure each tie is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sql_world import (
    EARLIER,
    FEATURES,
    NOW,
    Row,
    built_world,
    failing,
    marts_are_the_same,
    recording,
    rows,
    seed_row,
    spotify_track,
)

USA, KOR = "USABC2000001", "KRABC2000002"
FILM_GENRES = '[{"name": "Drama"}]'


def album_of(imdb_id: str, group: str, **more: Any) -> Row:
    return {"imdb_id": imdb_id, "release_group_id": group, "title": group, **more}


def listed(film: int, title: str, position: int, entry: str) -> Row:
    named = {"ml_movie_id": film, "movie_title": title, "imdb_id": f"tt00000{film}", "position": position}
    return {**named, "track_raw": entry}


def searched(film: str, album: str, *track_ids: str) -> Row:
    return {"movie_name": film, "release_date": "2001", "album_id": album, "track_ids": list(track_ids)}


def metadata(number: int, title: str, year: int) -> Row:
    named = {"id": number, "imdb_id": f"tt00000{number}", "title": title, "release_date": f"{year}-01-01"}
    return {**named, "genres": FILM_GENRES}


RAW: dict[tuple[str, str], list[Row]] = {
    ("dataset", "movies_metadata"): [
        metadata(10, "The Waltz", 1990),
        metadata(11, "Peter Pan", 1953),
        metadata(12, "Peter Pan", 2003),
        metadata(13, "Hamlet", 1990),
        metadata(14, "Hamlets", 1991),
        metadata(20, "Left", 2001),
        metadata(21, "Right", 2001),
        metadata(22, "Alone", 2001),
    ],
    ("musicbrainz", "url"): [
        album_of("tt0000010", "gone", fetched_at=EARLIER),  # no longer related
        album_of("tt0000010", "waltz"),
        album_of("tt0000010", "more"),
        album_of("tt0000014", "hamlets"),
    ],
    ("musicbrainz", "recording"): [
        recording("gone", 1, "r0", "Unrelated", ["A"]),
        recording("waltz", 9, "r9", "Of another edition", ["A"], fetched_at=EARLIER),
        recording("waltz", 1, "r1", "Known Song", ["Singer"], isrcs=["us-abc-20-00001", "GBXYZ1900009", "nonsense"]),
        recording("waltz", 2, "r2", "Korean Song", ["Gayageum"], isrcs=[KOR]),
        recording("waltz", 3, "r3", "Main Title", ["Composer"], released_on="1990-05"),
        recording("waltz", 4, "r1", "Known Song", ["Singer"], isrcs=[USA]),
        recording("more", 1, "r1", "Known Song", ["Singer"], isrcs=[USA]),
        # One composer's cues of one name in two films: their lengths tell which is on Spotify.
        recording("more", 2, "r5", "The Chase", ["Composer"], duration_ms=181_500),
        recording("hamlets", 1, "r6", "The Chase", ["Composer"], duration_ms=90_000),
    ],
    ("spotify", "track"): [
        # An app in development mode saw no code when it asked again.
        spotify_track("known", "Known Song (Live)", ["Singer"], isrc=USA, fetched_at=EARLIER),
        spotify_track("known", "Known Song", ["Singer"]),
        spotify_track("release", "Known Song - Remastered", ["Singer"], isrc=USA),
    ],
    ("dataset", "spotify_tracks"): [
        seed_row("titled", "Main Title", "Somebody", "classical"),
        seed_row("chase", "The Chase!", "Composer;Orchestra", "classical", duration_ms=180_000.0),
        seed_row("caramel", "Caramel", "Suzanne Vega", "folk"),
        seed_row("neverland", "Neverland", "James Newton Howard", "classical"),
        seed_row("shared", "Ghost Song", "Ophelia", "folk"),
        seed_row("album", "Album Song", "Band", "rock"),
        seed_row("split", "Split Song", "Band", "rock"),
    ],
    ("dataset", "soundtrack_listings"): [
        listed(10, "Waltz, The (1990)", 1, "Main Title"),
        listed(10, "Waltz, The (1990)", 2, "SIDE A: Caramel  (Suzanne Vega) *"),
        listed(10, "Waltz, The (1990)", 3, '"Bubbles" - Bush'),
        listed(10, "Waltz, The (1990)", 4, "Main Title (Extended Version)"),
        listed(10, "Waltz, The (1990)", 5, "Promised Land (Club Mix) (Joe Smooth, Anthony Thomas)"),
        listed(10, "Waltz, The (1990)", 6, "Sunlight (composed by Jesse, performed by The Youngbloods)"),
        listed(10, "Waltz, The (1990)", 7, '"Hoedown"'),
        listed(11, "Peter Pan (1953)", 1, "Neverland (James Newton Howard)"),  # the album of 2003
        listed(13, "Hamlet (1990)", 1, "Ghost Song (Ophelia)"),
        listed(14, "Hamlets (1991)", 1, "Ghost Song (Ophelia)"),
    ],
    ("dataset", "film_spotify_albums"): [
        searched("Left", "split album", "split"),
        searched("Right", "split album", "split"),
        searched("Alone", "own album", "album", "album", "nowhere described"),
        searched("Nowhere", "lost album", "album"),  # leads to no film
    ],
    ("dataset", "cmu_films"): [
        {"tmdb_id": f"{number}.0", "name": name, "release_date": "2001"}
        for number, name in ((20, "Left"), (21, "Right"), (22, "Alone"))
    ],
    ("dataset", "film_track_links"): [
        {"imdb_id": "tt0000020", "track_id": "split", "routes": "ost_album_ids"},  # knows of no other film
        {"imdb_id": "tt0000022", "track_id": "titled", "routes": "by hand,album_title"},
        {"imdb_id": "tt0000010", "track_id": "caramel", "routes": "album_title"},
    ],
    ("reccobeats", "audio_features"): [{**FEATURES, "track_id": "known", "provider": "reccobeats"}],
}


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with built_world(tmp_path_factory.mktemp("soundtracks"), RAW) as warehouse:
        yield warehouse


def ties(con: duckdb.DuckDBPyConnection, film_id: str) -> list[tuple[Any, ...]]:
    columns = "track_id, credit_title, match_method, source, round(match_score, 4)"
    return rows(con, f"select {columns} from marts.film_track where film_id = '{film_id}' order by track_id")


def test_a_recording_is_every_track_of_its_code_else_a_track_of_its_own(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select * from core.musicbrainz_recording_track order by all") == [
        ("r0", "mbid:r0", True),
        ("r1", "known", False),
        ("r1", "release", False),
        ("r2", f"isrc:{KOR}", True),
        ("r3", "mbid:r3", True),
        ("r5", "chase", False),
        ("r6", "mbid:r6", True),
    ]
    own = "select track_id, isrc, title, artists, released_on, source from marts.track where contains(track_id, ':')"
    assert rows(con, f"{own} order by track_id") == [
        (f"isrc:{KOR}", KOR, "Korean Song", ["Gayageum"], None, "musicbrainz"),
        ("mbid:r0", None, "Unrelated", ["A"], None, "musicbrainz"),
        ("mbid:r3", None, "Main Title", ["Composer"], "1990-05", "musicbrainz"),
        ("mbid:r6", None, "The Chase", ["Composer"], None, "musicbrainz"),
    ]


def test_musicbrainz_ties_a_films_albums_as_they_are_now(con: duckdb.DuckDBPyConnection) -> None:
    from_musicbrainz = [tie for tie in ties(con, "tt0000010") if tie[3] == "musicbrainz"]
    assert from_musicbrainz == [
        ("chase", "The Chase", "musicbrainz", "musicbrainz", 1.0),
        (f"isrc:{KOR}", "Korean Song", "musicbrainz", "musicbrainz", 1.0),
        ("known", "Known Song", "musicbrainz", "musicbrainz", 1.0),
        ("mbid:r3", "Main Title", "musicbrainz", "musicbrainz", 1.0),
        ("release", "Known Song", "musicbrainz", "musicbrainz", 1.0),
    ]
    assert ties(con, "tt0000014") == [("mbid:r6", "The Chase", "musicbrainz", "musicbrainz", 1.0)]
    credits = "select recording_mbid, performers from core.soundtrack_credit where listed_by = 'musicbrainz'"
    assert rows(con, f"{credits} and film_id = 'tt0000010' order by 1") == [
        ("r1", ["Singer"]),
        ("r2", ["Gayageum"]),
        ("r3", ["Composer"]),
        ("r5", ["Composer"]),
    ]


def test_performers_are_read_out_of_a_lists_entries(con: duckdb.DuckDBPyConnection) -> None:
    credits = "select title, performers from core.soundtrack_credit where listed_by = 'soundtrack_net'"
    assert rows(con, f"{credits} order by position") == [
        ("Main Title", []),
        ("Caramel", ["Suzanne Vega"]),
        ("Bubbles", ["Bush"]),
        ("Main Title (Extended Version)", []),
        ("Promised Land (Club Mix)", ["Joe Smooth", "Anthony Thomas"]),
        ("Sunlight", ["The Youngbloods"]),
        ("Hoedown", []),
    ]


def test_a_title_alone_ties_no_track_to_a_film(con: duckdb.DuckDBPyConnection) -> None:
    assert "titled" not in [tie[0] for tie in ties(con, "tt0000010")]


def test_a_list_may_be_anothers_so_that_its_matches_count_less(con: duckdb.DuckDBPyConnection) -> None:
    (caramel,) = [tie for tie in ties(con, "tt0000010") if tie[0] == "caramel"]
    assert caramel == ("caramel", "Caramel", "title_performer", "dataset", 0.91)  # surer than album_title's 0.85


def test_lists_of_films_with_a_later_namesake_and_shared_lists_are_left_out(con: duckdb.DuckDBPyConnection) -> None:
    assert ties(con, "tt0000011") == ties(con, "tt0000013") == []
    assert "shared" not in [tie[0] for tie in ties(con, "tt0000014")]
    assert [row[0] for row in sorted(failing(con, "soundtrack_lists_left_out"))] == [11, 13, 14]


def test_each_route_has_its_measured_score_and_a_shared_album_ties_nothing(con: duckdb.DuckDBPyConnection) -> None:
    assert ties(con, "tt0000022") == [
        ("album", None, "ost_album_ids", "dataset", 0.92),
        ("titled", None, "by hand", "dataset", 1.0),  # the operator's own word
    ]
    assert ties(con, "tt0000020") == ties(con, "tt0000021") == [], "at most one film's: likelier wrong than right"
    assert failing(con, "albums_of_several_films") == [("split album", ["Left (2001)", "Right (2001)"])]
    unknown = [("Alone (2001)", "nowhere described")]
    assert failing(con, "links_to_unknown_tracks") == unknown


def test_only_likely_ties_with_cleared_features_are_trained_on(con: duckdb.DuckDBPyConnection) -> None:
    trained = "select film_id, track_id, route from features.film_genre_training order by all"
    assert rows(con, trained) == [
        ("tt0000010", "caramel", "album_title"),
        ("tt0000010", "chase", "musicbrainz"),
        ("tt0000022", "album", "ost_album_ids"),
        ("tt0000022", "titled", "by hand"),
    ]
    # known to MusicBrainz, which is cleared, but measured by ReccoBeats, which is not
    assert rows(con, "select provider from features.track_audio where track_id = 'known'") == [("reccobeats",)]


def test_a_code_that_leads_to_another_song_is_reported(con: duckdb.DuckDBPyConnection) -> None:
    assert failing(con, "isrc_titles_differ") == []


def test_the_audits_of_ties_find_what_they_look_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    raw = {
        ("musicbrainz", "url"): [album_of(f"tt00001{number:02}", "everywhere") for number in range(31)],
        ("musicbrainz", "recording"): [recording("everywhere", 1, "r1", "One Song", ["A"], isrcs=[USA])],
        ("spotify", "track"): [spotify_track("t", "Another Song", ["A"], isrc=USA, fetched_at=NOW)],
    }
    with built_world(tmp_path_factory.mktemp("audits"), raw) as world:
        assert failing(world, "isrc_titles_differ") == [("r1", "One Song", "t", "Another Song")]
        assert failing(world, "tracks_in_many_films") == [("t", 31)]


def test_the_order_of_landing_and_the_threads_change_nothing(tmp_path: Path) -> None:
    assert marts_are_the_same(tmp_path, RAW)
