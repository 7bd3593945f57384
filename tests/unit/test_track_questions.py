"""Which songs are searched for, in what words, and which hits are kept, best first."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks import lake
from tasks.collecting.tracks.hits import KEPT, LEAST_SCORE, best_hits, score, title_similarity
from tasks.collecting.tracks.questions import Question, all_questions, distinct, question_of_credit
from tasks.lake import utc_now
from tasks.settings import Profile, Settings
from tasks.sources.spotify import TrackRow

CODE = "KRA301900001"


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


def hit(title: str, *artists: str, track_id: str = "1", isrc: str | None = None, ms: int | None = None) -> TrackRow:
    return TrackRow(
        track_id=track_id,
        isrc=isrc,
        title=title,
        artists=list(artists),
        album=None,
        released_on=None,
        duration_ms=ms,
        explicit=None,
    )


@pytest.mark.parametrize(
    ("asked", "artist", "found", "artists", "is_kept"),
    [
        ("Happy", "Pharrell Williams", "HAPPY - Remastered 2011", ["Pharrell Williams"], True),
        ("Happy", "Pharrell Williams", "Happy", ["Some Tribute Band"], False),  # the title alone is not the song
        ("Happy", "Pharrell Williams", "Happy Together", ["Pharrell Williams"], False),
        ("Let It Go (Live)", "X", "Some Other Song (Live)", ["X"], False),
        ("!!!", "X", "???", ["X"], False),
        ("사계 (Four Seasons)", "태연 (TAEYEON)", "Four Seasons", ["TAEYEON"], True),
        ("Four Seasons", "TAEYEON", "사계 (Four Seasons)", ["태연"], True),  # artists that cannot be compared
        ("사랑", "임재현", "Love", ["Lim Jae Hyun"], False),  # nothing that can be compared
        ("Purple Haze", "Jimi Hendrix", "Purple Haze", ["The Jimi Hendrix Experience"], True),
        ("Scarborough Fair", "Simon & Garfunkel", "Scarborough Fair", ["Simon", "Garfunkel"], True),
    ],
)
def test_only_hits_that_are_the_song_are_kept(
    asked: str, artist: str, found: str, artists: list[str], is_kept: bool
) -> None:
    one = hit(found, *artists)
    assert bool(best_hits(Question(asked, artist), [one])) is is_kept, score(Question(asked, artist), one)


def test_the_performer_of_a_song_known_by_its_writer_may_be_anyone() -> None:
    song = hit("Hurt", "Johnny Cash")
    assert not best_hits(Question("Hurt", "Trent Reznor"), [song])
    assert best_hits(Question("Hurt", "Trent Reznor", is_by_writer=True), [song]) == [song]


def test_a_recording_code_vouches_for_other_spellings_but_not_for_another_song() -> None:
    asked = Question("사랑", "임재현", isrcs=(CODE,))
    assert [row["isrc"] for row in best_hits(asked, [hit("Love", "Lim Jae Hyun")], isrc=CODE)] == [CODE]
    english = Question("Love", "Lim Jae Hyun", isrcs=(CODE,))
    assert best_hits(english, [hit("The Lovers", "Lim Jae Hyun")], isrc=CODE)
    assert best_hits(english, [hit("Love", "PSY")], isrc=CODE)
    assert not best_hits(english, [hit("Gangnam Style", "PSY")], isrc=CODE)
    assert not best_hits(english, [hit("Gangnam Style")], isrc=CODE)


def test_a_code_is_filled_only_where_the_search_was_by_it_and_never_overwritten() -> None:
    asked = Question("Happy", "Pharrell Williams", isrcs=("USQ4E1300686",))
    bare, coded = (
        hit("Happy", "Pharrell Williams"),
        hit("Happy", "Pharrell Williams", track_id="2", isrc="GBAAA1300001"),
    )
    assert [row["isrc"] for row in best_hits(asked, [bare, coded])] == [None, "GBAAA1300001"]
    assert [row["isrc"] for row in best_hits(asked, [bare, coded], isrc="USQ4E1300686")] == [
        "USQ4E1300686",
        "GBAAA1300001",
    ]
    assert bare["isrc"] is None


def test_hits_come_best_first_by_length_and_version_and_no_more_than_can_be_of_use() -> None:
    asked = Question("Happy", "Pharrell Williams", duration_ms=233_000)
    hits = [
        hit("Happy - Live at Home", "Pharrell Williams", track_id="live", ms=233_000),
        hit("Happy", "Pharrell Williams", track_id="long", ms=250_000),
        hit("Happy", "Pharrell Williams", track_id="right", ms=232_000),
        hit("Happy", "Pharrell Williams", track_id="right", ms=232_000),
        hit("Happy", "Leona Lewis", track_id="other", ms=233_000),
    ]
    assert [row["track_id"] for row in best_hits(asked, hits)] == ["right", "live", "long"]
    many = [hit("Happy", "Pharrell Williams", track_id=str(n)) for n in range(50)]
    assert [row["track_id"] for row in best_hits(asked, many)] == [str(n) for n in range(KEPT)]


def test_a_score_is_a_share_whatever_is_compared() -> None:
    texts = ["", "!!!", "Happy", "사계 (Four Seasons)", "Don't You (Forget About Me) - Live"]
    for title in texts[1:]:
        for other in texts:
            for by_code in (True, False):
                asked = Question(title, "아이유 (IU)", (CODE,), 1_000)
                assert 0.0 <= score(asked, hit(other, ms=1_000), is_by_isrc=by_code) <= 1.0
    assert score(Question("Happy", "IU"), hit("Happy", "IU")) == 1.0 > LEAST_SCORE
    assert title_similarity("Happy", "") == 0.0


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


def put_recordings(settings: Settings, *recordings: dict[str, Any]) -> None:
    blank = {"release_group_id": "g", "release_id": "r", "album": "A", "released_on": None, "fetched_at": utc_now()}
    rows = [{**blank, "position": i, "recording_id": str(i), **one} for i, one in enumerate(recordings, start=1)]
    lake.write_batch(settings.lake, "musicbrainz", "recording", rows, batch_key="r", ingest_date=date(2025, 11, 1))


def test_recordings_bring_their_code_and_length_to_the_song(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX)
    entry = {"imdb_id": "tt1", "position": 1, "entry_id": "s1", "title": "Hurt", "lines": []}
    entry |= {"credits": [credit("performed_by", "Johnny Cash")], "fetched_at": utc_now()}
    lake.write_batch(settings.lake, "imdb", "soundtrack", [entry], batch_key="s", ingest_date=date(2025, 11, 1))
    cue = {"title": "Main Title", "artists": ["Hans Zimmer"], "duration_ms": 100_000}
    put_recordings(
        settings,
        {"title": "Hurt", "artists": ["Johnny Cash"], "isrcs": ["bad", "us-am1-02-00001"], "duration_ms": 218_000},
        {**cue, "isrcs": ["USAAA1000001"]},
        {**cue, "isrcs": ["USAAA1000002"]},
        {**cue, "isrcs": []},  # fits any of his films
        {"title": "Time", "artists": ["Hans Zimmer"], "isrcs": None, "duration_ms": None},
        {"title": "Nameless", "artists": [], "isrcs": ["USAAA1000003"], "duration_ms": None},
    )
    assert all_questions(settings) == [
        Question("Hurt", "Johnny Cash", ("USAM10200001",), 218_000),
        Question("Main Title", "Hans Zimmer", ("USAAA1000001",), 100_000),
        Question("Main Title", "Hans Zimmer", ("USAAA1000002",), 100_000),
        Question("Time", "Hans Zimmer"),
    ]


def test_recordings_that_share_a_code_are_one_and_bring_all_their_codes() -> None:
    first, second, third, fourth = (f"USAAA100000{n}" for n in range(1, 5))
    asked = [
        Question("Time", "Hans Zimmer", codes)
        for codes in ((), (first,), (fourth,), (first, second), (second, third), (third,))
    ]
    assert [one.isrcs for one in distinct(asked)] == [(first, second, third), (fourth,)]


def test_queries_go_from_the_surest_to_the_widest_and_the_text_of_a_question_holds_it_all() -> None:
    asked = Question("Hurt", "Johnny Cash", ("USAM10200001",), 218_000)
    assert asked.queries == ["isrc:USAM10200001", 'track:"Hurt" artist:"Johnny Cash"', "Hurt Johnny Cash"]
    for question in (asked, Question('사계\t"x" (y)', "태연"), Question("Hurt", "T. Reznor", is_by_writer=True)):
        assert Question.from_text(question.to_text()) == question
    for text in ("", "track:hurt", "[1]", '{"title": 1, "artist": "x"}', '{"title": "x"}', '{"title": "x", "y": 1}'):
        assert Question.from_text(text) is None
