"""Which hits are kept, on real credits and tracks: the pairs of `labelled_matches.csv`, and Melon's way to write."""

from __future__ import annotations

import csv
from collections import defaultdict
from typing import Any

import duckdb
import pytest

from tasks.collecting.tracks.hits import LEAST_SCORE, best_hits, score
from tasks.collecting.tracks.questions import Question, question_of_names
from tasks.settings import PROJECT_ROOT
from tasks.sources.spotify import TrackRow

DATA = PROJECT_ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real tables (../shared/data) are not here")

_TRACKS = """
    with labelled as (
        select track_id, track_name as title, string_split(artists, ';') as artists, duration_ms
        from '{data}/spotify_tracks_114k.parquet'
        union all by name
        select track_id, track_name as title, [artist_name] as artists, duration_ms
        from '{data}/spotify_tracks_2024_146genres.parquet'
        union all by name
        select track_id, song_title as title, [first_artist] as artists, duration_ms
        from '{data}/film_ost_tracks_features.parquet'
    )
    select distinct on (track_id) * from labelled where title <> '' order by track_id, len(artists) desc, artists, title
"""
_CREDITS = """
    select imdb_id, recording_name, performers, list_concat(authors, composers, lyricists) as writers
    from '{data}/imdb_soundtracks_imdb4m.parquet'
"""


def rows(sql: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(sql.format(data=DATA)).fetchall()


@pytest.fixture(scope="module")
def tracks() -> dict[str, TrackRow]:
    return {
        track_id: TrackRow(
            track_id=track_id,
            isrc=None,
            title=title,
            artists=[artist for artist in artists if artist],
            album=None,
            released_on=None,
            duration_ms=int(duration_ms or 0) or None,
            explicit=None,
        )
        for track_id, title, artists, duration_ms in rows(_TRACKS)
    }


@pytest.fixture(scope="module")
def questions() -> dict[str, list[Question]]:
    asked: defaultdict[str, list[Question]] = defaultdict(list)
    for imdb_id, *names in rows(_CREDITS):
        question = question_of_names(*names)
        if question:
            asked[imdb_id].append(question)
    return asked


def test_almost_every_right_track_of_a_credit_is_kept(
    tracks: dict[str, TrackRow], questions: dict[str, list[Question]]
) -> None:
    with (PROJECT_ROOT / "tests/real/labelled_matches.csv").open(encoding="utf-8", newline="") as file:
        right = [row for row in csv.DictReader(file) if row["drawn"] == "first" and row["is_right"] == "true"]
    pairs = [(row["imdb_id"], tracks[row["track_id"]]) for row in right]
    best = [max(score(question, track) for question in questions[imdb_id]) for imdb_id, track in pairs]
    n_kept = sum(points >= LEAST_SCORE for points in best)
    print(f"right tracks kept: {n_kept} of {len(pairs)}")
    assert len(pairs) >= 215
    assert n_kept / len(pairs) >= 0.97


def test_of_tracks_with_the_same_title_the_performers_own_come_first(
    tracks: dict[str, TrackRow], questions: dict[str, list[Question]]
) -> None:
    """A search by title alone, over 141,000 tracks: what is kept is by the performer, whoever else sings the song."""
    by_title: defaultdict[str, list[TrackRow]] = defaultdict(list)
    for track in tracks.values():
        by_title[track["title"].lower()].append(track)
    n_asked = n_offered = n_kept = n_by_performer = 0
    for question in (one for asked in questions.values() for one in asked if not one.is_by_writer):
        offered = by_title.get(question.title.lower(), [])
        kept = best_hits(question, offered)
        n_asked, n_offered, n_kept = n_asked + bool(offered), n_offered + len(offered), n_kept + len(kept)
        words = set(question.artist.lower().split()) - {"the"}
        n_by_performer += sum(bool(words & set(" ".join(track["artists"]).lower().split())) for track in kept)
    print(f"{n_asked} credits, {n_offered} tracks of their titles, {n_kept} kept, {n_by_performer} name the performer")
    assert n_asked > 500
    assert n_kept < n_offered / 2
    assert n_by_performer / n_kept >= 0.98


@pytest.mark.parametrize(
    ("title", "artist", "found", "by"),
    [
        ("빨간 맛 (Red Flavor)", "Red Velvet (레드벨벳)", "Red Flavor", "Red Velvet"),
        ("으르렁 (Growl)", "EXO", "Growl", "EXO"),
        ("그대라는 시", "태연 (TAEYEON)", "그대라는 시", "TAEYEON"),
        ("마리아 (Maria)", "화사 (HWASA)", "Maria", "HWASA"),
        ("Round and round (Feat. 한수지)", "헤이즈 (Heize)", "Round And Round", "HEIZE"),
        ("LOVE DIVE", "IVE (아이브)", "LOVE DIVE", "IVE"),
        ("봄여름가을겨울 (Still Life)", "BIGBANG (빅뱅)", "Still Life", "BIGBANG"),
    ],
)
def test_melons_way_to_write_a_song_is_understood(title: str, artist: str, found: str, by: str) -> None:
    track = TrackRow(
        track_id="1",
        isrc=None,
        title=found,
        artists=[by],
        album=None,
        released_on=None,
        duration_ms=None,
        explicit=None,
    )
    assert best_hits(Question(title, artist), [track]) == [track]
    assert not best_hits(Question(title, artist), [{**track, "artists": ["Somebody Else"]}])
