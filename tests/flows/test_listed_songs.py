"""Songs of imported soundtrack listings: asked for in the real world where no imported track is theirs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks import lake, matching, warehouse
from tasks.collecting.asking import open_session
from tasks.collecting.tracks import listings
from tasks.collecting.tracks.listings import listed_questions
from tasks.collecting.tracks.questions import Question
from tasks.collecting.tracks.search import open_questions
from tasks.lake import utc_now
from tasks.settings import Profile, Settings

AS_OF = date(2025, 11, 20)


def put(settings: Settings, entity: str, *rows: dict[str, Any]) -> None:
    stamped = [{**row, "fetched_at": utc_now()} for row in rows]
    lake.write_batch(settings.lake, "dataset", entity, stamped, batch_key=entity, ingest_date=AS_OF)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.LIVE)
    film = {"genres": "Drama", "title": "A Film"}
    put(
        settings,
        "movielens_films",
        {**film, "movieId": 1, "tmdbId": 1, "imdb_id": "tt0000001", "title": "An Old Film (1980)"},
        {**film, "movieId": 2, "tmdbId": 2, "imdb_id": "tt0000002", "title": "A New Film (2020)"},
    )
    old, new = {"imdb_id": "tt0000001"}, {"imdb_id": "tt0000002"}
    nobody: dict[str, list[str]] = {"performers": [], "composers": [], "lyricists": [], "authors": []}
    put(
        settings,
        "imdb_soundtracks",
        {**nobody, **old, "recording_name": "Old Song", "performers": ["An Old Band"]},
        {**nobody, **new, "recording_name": "New Song", "performers": ["A New Band", "A Guest"]},
        {**nobody, **new, "recording_name": "Written Song", "authors": ["A Writer"]},
        {**nobody, **new, "recording_name": "Main Title", "composers": ["A Composer"]},
        {**nobody, **new, "recording_name": "Known Song", "performers": ["A Known Band"]},
    )
    put(settings, "spotify_tracks", {"track_id": "x" * 22, "track_name": "Known Song", "artists": "A Known Band"})
    warehouse.build(settings)
    matching.match_all(settings)
    return settings


def test_songs_without_a_track_are_asked_for_those_of_new_films_first(live: Settings) -> None:
    questions = listed_questions(live, frozenset())
    assert {question.title for question in questions[:2]} == {"New Song", "Written Song"}
    assert questions[2:] == [Question("Old Song", "An Old Band")]
    by_title = {question.title: question for question in questions}
    assert by_title["New Song"] == Question("New Song", "A New Band")
    assert by_title["Written Song"] == Question("Written Song", "A Writer", is_by_writer=True)


def test_a_night_asks_for_some_and_never_for_what_was_asked(live: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Question("New Song", "A New Band").names
    assert "New Song" not in {question.title for question in listed_questions(live, {asked})}
    monkeypatch.setattr(listings, "MAX_LISTED", 1)
    assert len(listed_questions(live, frozenset())) == 1


def test_only_the_real_world_asks_for_them_and_only_while_they_are_not_settled(live: Settings) -> None:
    row = {"asked_title": "new song", "asked_artist": "a new band", "track_ids": [], "state": "empty"}
    row |= {"fetched_at": utc_now()}
    with open_session(live, "spotify") as polite:
        before = [question.title for question in open_questions(live, AS_OF, polite)]
        sandbox = live.model_copy(update={"profile": Profile.SANDBOX})
        assert open_questions(sandbox, AS_OF, polite) == []
        lake.write_batch(live.lake, "spotify", "search", [row], batch_key="s", ingest_date=AS_OF)
        after = [question.title for question in open_questions(live, AS_OF, polite)]
    assert sorted(before) == ["New Song", "Old Song", "Written Song"]
    assert sorted(after) == ["Old Song", "Written Song"]


def test_without_a_warehouse_or_with_one_of_another_version_none_is_asked(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    assert listed_questions(settings, frozenset()) == []
    with warehouse.open_warehouse(settings) as con:
        con.execute("create table other as select 1 as one")
    assert listed_questions(settings, frozenset()) == []
