"""Matching on tables small enough to read: the track that a credit means, and those that only look like it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.matching import MATCHES, best_only, match, match_all
from tasks.matching.deciding import REVIEW_AT, score
from tasks.settings import Profile, Settings
from tasks.warehouse import open_warehouse

STRS = pa.list_(pa.string())
QUERY = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("performers", STRS),
        ("writers", STRS),
        ("film_title", pa.string()),
        ("film_year", pa.int32()),
    ]
)
TRACK = pa.schema(
    [
        ("track_id", pa.string()),
        ("title", pa.string()),
        ("artists", STRS),
        ("album", pa.string()),
        ("release_year", pa.int32()),
    ]
)


def credit(
    title: str, *performers: str, film: str | None = None, year: int | None = None, writers: tuple[str, ...] = ()
) -> dict[str, Any]:
    who = {"id": "c", "title": title, "performers": performers, "writers": writers}
    return who | {"film_title": film, "film_year": year}


def tracks(*rows: tuple[str, str, str], year: int | None = None) -> pa.Table:
    """Tracks of (title, artists by `;`, album), named t0, t1, ..., all of one year."""
    return pa.Table.from_pylist(
        [
            {
                "track_id": f"t{place}",
                "title": title,
                "artists": artists.split(";"),
                "album": album,
                "release_year": year,
            }
            for place, (title, artists, album) in enumerate(rows)
        ],
        schema=TRACK,
    )


def found(query: dict[str, Any], *rows: tuple[str, str, str]) -> dict[str, tuple[str, bool]]:
    """Method and decision by track id."""
    pairs = match(pa.Table.from_pylist([query], schema=QUERY), tracks(*rows)).to_pylist()
    return {pair["track_id"]: (pair["match_method"], pair["is_match"]) for pair in pairs}


def matched(query: dict[str, Any], *rows: tuple[str, str, str]) -> set[str]:
    return {track_id for track_id, (_, is_match) in found(query, *rows).items() if is_match}


@pytest.mark.parametrize(
    ("query", "track"),
    [
        (credit("Don't You (Forget About Me)", "Simple Minds"), ("Don´t You - Remastered", "Simple Minds", "")),
        (credit("Hush-a-Bye", "The Mystics"), ("Hushabye", "Mystics", "")),
        (credit("Reeling in the Years", "Steely Dan"), ("Reelin' In The Years", "Steely Dan", "")),
        (credit("Closer", "The Chainsmokers"), ("Closer (feat. Halsey)", "The Chainsmokers;Halsey", "")),
        (credit("Purple Haze", "The Jimi Hendrix Experience"), ("Purple Haze", "Jimi Hendrix", "")),
        (credit("Feel the Night", "Baxter Robertson"), ("Feel The Night", "Baxter Robinson", "")),
        (credit("Fly Me to the Moon", "Jung Hoyeon", "Joo Won Shin"), ("Fly Me To The Moon", "Joo Won Shin", "")),
        (credit("Let It Go", "Idina Menzel (as Elsa)"), ('Let It Go - From "Frozen"', "Idina Menzel", "")),
        (credit("좋은 날", "아이유"), ("좋은 날", "아이유 (IU)", "")),
        (credit("좋은 날", "아이유 (IU)"), ("좋은 날", "IU", "")),
        (credit("빨간 맛 (Red Flavor)", "레드벨벳 (Red Velvet)"), ("Red Flavor", "Red Velvet", "")),
        (credit("예뻤어", "DAY6 (데이식스)"), ("예뻤어 You Were Beautiful", "DAY6", "")),
        (credit("Make Em Laugh", "Donald O Connor"), ("Make 'Em Laugh", "Donald O'Connor", "")),
        (credit("In the Way You Use It", "Eric Clapton"), ("In the Way That You Use It", "Eric Clapton", "")),
        (credit("Escape", film="Prisoners"), ("Escape", "X", "Prisoners (Original Motion Picture Soundtrack)")),
        (credit("Earth", film="Gladiator"), ('Earth - From "Gladiator" Soundtrack', "Hans Zimmer", "Epic Scores")),
    ],
)
def test_spellings_of_one_song_match(query: dict[str, Any], track: tuple[str, str, str]) -> None:
    assert matched(query, track) == {"t0"}


@pytest.mark.parametrize(
    ("query", "track"),
    [
        (credit("Home", "Edward Sharpe"), ("Home", "Michael Bublé", "")),
        (credit("Main Title", film="Jaws"), ("Main Title", "John Williams", "Star Wars (Original Soundtrack)")),
        (credit("Main Title", "John Williams", film="Jaws"), ("Main Title", "John Williams", "Star Wars")),
        (credit("Some Rare Words Nobody Else Sings"), ("Some Rare Words Nobody Else Sings", "X", "")),
        (credit("Habanera", writers=("Georges Bizet",), film="Up"), ("Habanera", "Georges Bizet", "Best of Opera")),
        (
            credit("Belle", "Paige O'Hara", film="Beauty"),
            ("Belle", "Emma Watson", "Beauty (Motion Picture Soundtrack)"),
        ),
        (credit("Master of Puppets", "Metallica"), ("Master of Puppets (Live in Mexico)", "Metallica", "")),
        (credit("Dragula (Hot Rod Herman Mix)", "Rob Zombie"), ("Dragula", "Rob Zombie", "")),
        (credit("Naatu Naatu", "Rahul"), ("Naatu Naatu (Hindi)", "Rahul", "")),
        (credit("Main Title", film="Jaws"), ("Main Title", "John Williams", "")),
        (credit("Main Title", writers=("John Williams",), film="Jaws"), ("Main Title", "John Williams", "Themes")),
        (credit("End Credits", film="Jaws", year=1975), ("End Credits", "X", "Heat (Soundtrack)")),
        (credit("Hymn", film="Titanic"), ('Hymn (From "Titanic")', "Jacob's Piano", "")),
        (credit("Love Theme", film="Paradiso"), ("Love Theme (3rd Version)", "X", "Paradiso (Soundtrack)")),
        (credit("Waltz No. 2", "Someone"), ("Waltz No. 1", "Someone", "")),
        (credit("Officially Missing You", "Geeks"), ("Officially Missing You, Too", "Geeks", "")),
        (credit("Carol", "Chorus"), ("Carol", "Chorus", "")),
        (credit("John", "John"), ("John", "John Lennon", "")),
        (credit("", "Nobody"), ("", "Nobody", "")),
    ],
)
def test_what_only_looks_alike_does_not_match(query: dict[str, Any], track: tuple[str, str, str]) -> None:
    assert matched(query, track) == set()


def test_doubtful_pairs_are_kept_for_review_only_where_nothing_matches() -> None:
    live, studio = ("Alabama - Live", "John Coltrane", ""), ("Alabama", "John Coltrane", "")
    assert found(credit("Alabama", "John Coltrane"), live) == {"t0": ("title_performer", False)}
    assert found(credit("Alabama", "John Coltrane"), live, studio) == {"t1": ("title_performer", True)}


def test_every_release_of_the_best_recording_matches_and_a_duet_does_not() -> None:
    query = credit("The Christmas Song", "Nat 'King' Cole")
    rows = [
        ("The Christmas Song", "Nat King Cole", "A"),
        ("The Christmas Song (Merry Christmas To You) - Remastered", "Nat King Cole", "B"),
        ("The Christmas Song", "Nat King Cole;John Legend", "C"),
    ]
    assert matched(query, *rows) == {"t0", "t1"}
    assert matched(query, rows[2]) == {"t0"}  # alone, the duet is the best there is


def test_the_films_own_album_makes_up_for_a_version_note_but_not_for_the_performer_as_well() -> None:
    live = ("Love of My Life - Live at Rock in Rio", "Queen", "Bohemian Rhapsody (The Original Soundtrack)")
    assert matched(credit("Love of My Life", "Queen", film="Bohemian Rhapsody"), live) == {"t0"}
    japanese = ("Strange Things - Japanese Version", "Diamond Yukai", "Toy Story (Original Motion Picture Soundtrack)")
    assert found(credit("Strange Things", film="Toy Story"), japanese) == {"t0": ("title_album", False)}


@pytest.mark.parametrize(
    ("film", "album", "expected"),
    [
        (2017, 2017, ("title_album", True)),
        (2017, 2019, ("title_album", True)),
        (2017, None, ("title_album", True)),
        (None, 2017, ("title_album", True)),
        (1991, 2017, ("title_album", False)),  # the remake's, or a late reissue: for a person to say
        (2017, 1991, None),  # no film's album comes out years before it
    ],
)
def test_an_album_of_the_films_name_is_its_own_only_around_its_year(
    film: int | None, album: int | None, expected: tuple[str, bool] | None
) -> None:
    query = pa.Table.from_pylist([credit("Belle", film="Beauty and the Beast", year=film)], schema=QUERY)
    pairs = match(query, tracks(("Belle", "X", "Beauty and the Beast (Soundtrack)"), year=album)).to_pylist()
    assert [(pair["match_method"], pair["is_match"]) for pair in pairs] == [expected] * (expected is not None)


@pytest.mark.parametrize(("film", "released"), [(1994, 1955), (1994, 2022), (None, 1955), (1994, None)])
def test_the_year_says_nothing_of_a_performers_song(film: int | None, released: int | None) -> None:
    query = pa.Table.from_pylist([credit("Life Is but a Dream", "The Harptones", year=film)], schema=QUERY)
    (pair,) = match(query, tracks(("Life Is but a Dream", "The Harptones", "Hits"), year=released)).to_pylist()
    assert (pair["match_score"], pair["is_match"]) == (1.0, True)


def test_an_instrumental_of_the_score_matches_where_the_plain_title_is_missing() -> None:
    query = credit("The House", film="Home Alone")
    album = "Home Alone (Original Motion Picture Soundtrack)"
    rows = [("The House - Instrumental", "John Williams", album), ("The House", "John Williams", album)]
    assert matched(query, rows[0]) == {"t0"}
    assert matched(query, *rows) == {"t1"}


def test_scores_reach_below_what_is_worth_a_look_and_agree_with_the_matches() -> None:
    query = pa.Table.from_pylist([credit("Home", "Edward Sharpe")], schema=QUERY)
    sides = query, tracks(("Home", "Edward Sharpe", "A"), ("Home", "Edwin Starr", "B"))
    scores = {pair["track_id"]: pair["match_score"] for pair in score(*sides, floor=0.3).to_pylist()}
    kept = match(*sides).to_pylist()
    assert set(scores) == {"t0", "t1"}
    assert {pair["track_id"]: pair["match_score"] for pair in kept} == {"t0": scores["t0"]} == {"t0": 1.0}
    assert scores["t1"] < REVIEW_AT


@pytest.mark.parametrize("charted", ["아이유", "IU", "아이유 (IU)", "IU (아이유)", "아이유(IU)"])
@pytest.mark.parametrize("named", ["아이유", "IU", "아이유 (IU)"])
def test_korean_and_english_names_of_one_artist_match_once_any_credit_gives_both(charted: str, named: str) -> None:
    """Nothing but a credit that has both names says that they are one artist."""
    queries = [credit("좋은 날", charted) | {"id": "a"}, credit("분홍신", "아이유 (IU)") | {"id": "b"}]
    pairs = match(pa.Table.from_pylist(queries, schema=QUERY), tracks(("좋은 날", named, "Real"))).to_pylist()
    assert [(pair["id"], pair["is_match"]) for pair in pairs] == [("a", True)]


def test_a_title_that_names_the_film_needs_the_writer_as_artist() -> None:
    query = credit("Dawn", film="Pride & Prejudice", writers=("Dario Marianelli",))
    rows = [('Dawn - From "Pride & Prejudice"', artist, "Piano") for artist in ("Dario Marianelli", "Lang Lang")]
    assert matched(query, *rows) == {"t0"}


def test_a_spelling_learned_from_one_credit_serves_all_others() -> None:
    queries = pa.Table.from_pylist(
        [credit("하나", "태연 (TAEYEON)") | {"id": "a"}, credit("사계 (Four Seasons)", "태연") | {"id": "b"}],
        schema=QUERY,
    )
    pairs = match(queries, tracks(("Four Seasons", "TAEYEON", ""))).to_pylist()
    assert [(pair["id"], pair["is_match"]) for pair in pairs] == [("b", True)]


def test_a_song_gets_its_best_track_alone() -> None:
    query = credit("Hello", "Adele")
    pairs = match(pa.Table.from_pylist([query], schema=QUERY), tracks(("Hello", "Adele", "A"), ("Hello", "Adele", "B")))
    assert best_only(pairs)["track_id"].to_pylist() == ["t0"]


def test_empty_tables_give_an_empty_answer() -> None:
    assert match(QUERY.empty_table(), TRACK.empty_table()).schema == MATCHES
    assert match(pa.Table.from_pylist([credit("A", "B")], schema=QUERY), TRACK.empty_table()).num_rows == 0
    nulls = [{"id": "n", "title": None, "performers": None, "writers": None, "film_title": None}]
    assert match(pa.Table.from_pylist(nulls, schema=QUERY), tracks(("A", "B", ""))).num_rows == 0


WORDS = st.sampled_from(["Love", "Home", "Main Title", "사랑 (Love)", "Love - Live", "Homes"])
PEOPLE = st.lists(st.sampled_from(["Ann Lee", "Anne Lee", "아이유 (IU)", "IU", "Chorus"]), max_size=2)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(WORDS, PEOPLE), max_size=6), st.lists(st.tuples(WORDS, PEOPLE), max_size=8), st.randoms())
def test_the_answer_does_not_depend_on_order_or_threads(
    asked: list[tuple[str, list[str]]], known: list[tuple[str, list[str]]], shuffler: random.Random
) -> None:
    queries = [credit(title, *people) | {"id": str(place)} for place, (title, people) in enumerate(asked)]
    rows = [
        {"track_id": str(place), "title": title, "artists": people, "album": None}
        for place, (title, people) in enumerate(known)
    ]
    in_order = match(pa.Table.from_pylist(queries, schema=QUERY), pa.Table.from_pylist(rows, schema=TRACK), threads=1)
    shuffler.shuffle(queries)
    shuffler.shuffle(rows)
    mixed = match(pa.Table.from_pylist(queries, schema=QUERY), pa.Table.from_pylist(rows, schema=TRACK), threads=2)
    assert mixed.equals(in_order)
    scores = in_order["match_score"].to_pylist()
    assert all(0 <= score <= 1 for score in scores)


def test_the_step_writes_the_matches_of_all_sources_and_of_the_cleared_ones(tmp_path: Path) -> None:
    world = Settings(home=tmp_path, profile=Profile.SANDBOX)
    with open_warehouse(world) as con:
        con.execute("""
            create schema core;
            create table core.film as select 'tt1' as film_id, 'Frozen' as title, null::varchar as original_title,
                2013 as year;
            create table core.soundtrack_credit as select 'c1' as credit_id, 'tt1' as film_id, 'Let It Go' as title,
                ['Idina Menzel'] as performers, []::varchar[] as writers, null::varchar as recording_mbid;
            create table core.chart_song as select 's1' as song_key, 'Let It Go' as title, ['Idina Menzel'] as artists;
            create table core.track as select unnest(['a', 'b']) as track_id, 'Let It Go' as title,
                ['Idina Menzel'] as artists, 'Frozen (Original Motion Picture Soundtrack)' as album,
                '2013-11-25' as released_on;
            insert into core.soundtrack_credit values
                ('c2', 'tt1', 'Epilogue', [], [], null), ('c3', 'tt1', 'Epilogue', [], [], 'a recording');
            insert into core.track values ('e', 'Epilogue', ['Christophe Beck'], null, null);
            create table core.film_track_link as
                select 'tt1' as film_id, 'e' as track_id, 'ost_album_features' as route;
            create schema trainable;
            create view trainable.film as from core.film;
            create view trainable.soundtrack_credit as from core.soundtrack_credit;
            create view trainable.chart_song as from core.chart_song where false;
            create view trainable.track as from core.track where track_id <> 'b';
            create view trainable.film_track_link as from core.film_track_link;
        """)
    report = match_all(world)
    assert (report.n_credits, report.n_credits_matched, report.n_links, report.n_doubtful) == (2, 2, 3, 0)
    assert (report.n_songs, report.n_songs_matched) == (1, 1)
    assert report.methods == {"title_performer": 2, "title_album": 1}
    with open_warehouse(world, read_only=True) as con:
        assert con.execute("select credit_id, track_id, is_match from matching.credit_track order by 2").fetchall() == [
            ("c1", "a", True),
            ("c1", "b", True),
            ("c2", "e", True),
        ]
        assert con.execute("select song_key, track_id from matching.chart_track").fetchall() == [("s1", "a")]
        trainable = "select credit_id, track_id from matching.trainable_credit_track order by 2"
        assert con.execute(trainable).fetchall() == [("c1", "a"), ("c2", "e")]
        assert con.execute("select * from matching.trainable_chart_track").fetchall() == []
