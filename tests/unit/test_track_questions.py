"""Which songs are searched for, in what words, and which hits are kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks import lake
from tasks.collecting.questions import Question, all_questions, question_of_credit, title_similarity
from tasks.lake import utc_now
from tasks.settings import Profile, Settings


def credit(role: str, *names: str) -> dict[str, Any]:
    return {"role": role, "names": list(names)}


@pytest.mark.parametrize(
    ("title", "credits", "artist"),
    [
        (
            "Happy",
            [credit("written_by", "A. Writer"), credit("performed_by", "Pharrell Williams", "Guest")],
            "Pharrell Williams",
        ),
        ("Happy", [credit("composed_by", "A. Composer")], "A. Composer"),
        ("Happy", [credit("produced_by", "A. Producer"), credit("performed_by")], None),
        ("Main Title", [credit("composed_by", "John Williams")], None),
        ("End Credits", [credit("written_by", "John Williams")], None),
        ("Main Title", [credit("performed_by", "The Orchestra")], "The Orchestra"),
        ("The Love Theme of Ann", [credit("composed_by", "John Williams")], "John Williams"),
        ("Happy", None, None),
        (None, [credit("performed_by", "X")], None),
    ],
)
def test_a_credit_asks_by_performer_then_writer(title: str | None, credits: Any, artist: str | None) -> None:
    question = question_of_credit(title, credits)
    assert (question.artist if question else None) == artist


def test_queries_carry_no_signs_that_mean_something_to_the_search() -> None:
    question = Question('Say "Hello": Live (Feat. MINO)', "수지 (SUZY)")
    assert question.strict_query == 'track:"Say Hello Live" artist:"수지"'
    assert question.plain_query == "Say Hello Live 수지 (SUZY)"
    assert Question("(Intro)", "(여자)아이들").strict_query == 'track:"(Intro)" artist:"아이들"'


@pytest.mark.parametrize(
    ("asked", "hit", "is_kept"),
    [
        ("Happy", "HAPPY - Remastered 2011", True),
        ("사계 (Four Seasons)", "Four Seasons", True),
        ("Four Seasons", "사계 (Four Seasons)", True),
        ("Happy", "Happy Together", False),
        ("Let It Go (Live)", "Some Other Song (Live)", False),
        ("!!!", "???", False),
    ],
)
def test_only_hits_that_resemble_are_kept(asked: str, hit: str, is_kept: bool) -> None:
    assert Question(asked, "x").resembles(hit) is is_kept, title_similarity(asked, hit)


def test_each_song_is_asked_once_however_it_is_spelt(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX)
    chart = {"chart": "month", "scope": "GN0000", "period": "2025-10", "album": None, "fetched_at": utc_now()}
    rows = [
        {**chart, "rank": 1, "song_id": "1", "title": "Don't Stop", "artists": ["아이유 (IU)"]},
        {**chart, "rank": 2, "song_id": "2", "title": "DON´T STOP", "artists": ["아이유", "Guest"]},
        {**chart, "rank": 3, "song_id": None, "title": "Compilation", "artists": []},
    ]
    entry = {"imdb_id": "tt1", "position": 1, "entry_id": "s1", "title": "Don’t stop", "lines": []}
    entry["credits"] = [credit("performed_by", "아이유")]
    lake.write_batch(settings.lake, "melon", "chart", rows, batch_key="c", ingest_date=date(2025, 11, 1))
    lake.write_batch(settings.lake, "imdb", "soundtrack", [entry], batch_key="s", ingest_date=date(2025, 11, 1))
    assert [question.title for question in all_questions(settings)] == ["Don't Stop"]
