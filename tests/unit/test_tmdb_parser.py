"""TMDB lists of both layouts, film pages in English and Korean, and the API's bodies, in small fragments."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.fetching.answer import FetchState
from tasks.sources.tmdb import parse_film, parse_list
from tasks.sources.tmdb_api import parse_external_ids, parse_id_export

SIZES = ("w92", "w154", "w185", "w342", "w500", "w780", "original")
OLDER = """
<section id="media_results"><div class="media_items results"><div id="page_1" class="page_wrapper">
<div class="card style_1"><div class="image"><a class="image" href="/movie/550-fight-club"></a></div>
 <div class="content"><div class="user_score_chart" data-percent="84"></div>
 <h2><a href="/movie/550-fight-club">Fight Club &amp; Co</a></h2><p>Oct 15, 1999</p></div></div>
<div class="card style_1"><div class="image"><a class="image" href="/movie/12?language=en-US"></a></div>
 <div class="content"><div class="user_score_chart" data-percent="0"><span class="icon icon-NR"></span></div>
 <h2><a href="/movie/12?language=en-US">New</a></h2><p></p></div></div>
<div class="card style_1"><div class="content"><h2><a href="/movie/550-fight-club">Fight Club again</a></h2></div></div>
<div class="card style_1 filler"></div>
</div></div></section>
"""
CARD = """
<div class="comp:poster-card w-full bg-white border {shadow}">
 <a class="hover:text-tmdb-light-blue" href="https://www.themoviedb.org/movie/{number}-slug" title="{title}"></a>
 <div class="user_score_chart" data-percent="{score}"></div>
 <h2 class="font-semibold"><span>{title}</span></h2><span class="subheader">{date}</span>
</div>
"""


def newer(*cards: str, number: int = 2) -> str:
    links = '<a href="/movie/now-playing">Now</a><a href="/movie/550/watch">Watch</a>'
    return f'{links}<div id="page_{number}">{"".join(cards)}</div>'


def test_the_older_layout() -> None:
    parsed = parse_list(OLDER)
    assert parsed.state is FetchState.OK
    assert parsed.rows == [
        {"tmdb_id": 550, "title": "Fight Club & Co", "released_on": "1999-10-15", "user_score": 84.0},
        {"tmdb_id": 12, "title": "New", "released_on": None, "user_score": None},
    ]


def test_the_layout_of_2026_as_a_list_fragment() -> None:
    cards = (
        CARD.format(number=1, shadow="shadow-lg", title="기생충 🎬", score="85.3", date="2019년 5월 30일"),
        CARD.format(number=2, shadow="shadow-sm", title="B", score="0", date="10월 15, 1999"),
    )
    assert parse_list(newer(*cards)).rows == [
        {"tmdb_id": 1, "title": "기생충 🎬", "released_on": "2019-05-30", "user_score": 85.3},
        {"tmdb_id": 2, "title": "B", "released_on": "1999-10-15", "user_score": None},
    ]


def test_a_layout_not_known_yet_is_read_by_its_links() -> None:
    body = newer('<article><a href="/movie/7-seven"><img alt=""></a><a href="/movie/7-seven">Seven</a></article>')
    assert [(row["tmdb_id"], row["title"]) for row in parse_list(body).rows] == [(7, "Seven")]


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (newer(), FetchState.EMPTY),
        (b"", FetchState.BLOCKED),
        ("<html><title>Access Denied</title></html>", FetchState.BLOCKED),
        ("<html><h1>Oops! We can't find the page</h1></html>", FetchState.BROKEN),
        ('{"page": 500, "results": [], "total_pages": 500}', FetchState.EMPTY),
        ('{"success": false, "status_code": 25, "status_message": "Too many"}', FetchState.LIMITED),
        ('{"status_code": 7, "status_message": "Invalid API key", "success": false}', FetchState.BLOCKED),
        ('{"results": [{"id"', FetchState.BROKEN),
    ],
)
def test_a_list_without_films_has_a_state(body: bytes | str, state: FetchState) -> None:
    parsed = parse_list(body)
    assert (parsed.rows, parsed.state) == ([], state)


FILM = """
<html><head><link rel="canonical" href="https://www.themoviedb.org/movie/550-fight-club"></head><body>
<section class="inner_content movie_content"><section id="original_header">
<img class="poster w-full" src="data:image/gif;base64,R0" data-src="https://image.tmdb.org/t/p/w500/poster.jpg">
<h2><a href="/movie/550-fight-club">{title}</a> <span class="tag release_date">(1999)</span></h2>
<div class="facts"><span class="certification">18</span><span class="release">{release}</span>
<span class="genres"><a href="/genre/18-drama/movie">{drama}</a>,&nbsp;<a href="/genre/878-sf/movie">SF</a></span>
<span class="runtime">{runtime}</span></div>
<div id="consensus_pill"><div class="user_score_chart" data-percent="{score}"></div></div>
<h3 class="tagline">Mischief.</h3><div class="overview"><p>{overview}</p></div>
<ol class="people no_image">
<li class="profile"><p><a href="/person/1">David Fincher</a></p><p class="character">Director</p></li>
<li class="profile"><p><a href="/person/2">Jo Art</a></p><p class="character">Art Director, Writer</p></li>
<li class="profile"><p><a href="/person/3">Second One</a></p><p class="character">Writer, Director</p></li></ol>
</section></section>
<ol class="people scroller"><li class="card"><a href="/person/4"><img></a><p><a href="/person/4">Brad Pitt</a></p>
<p class="character">Tyler</p></li><li class="filler view_more"><p><a href="/movie/550/cast">View More</a></p></li></ol>
<section class="facts left_column"><h4><bdi>Facts</bdi></h4>{facts}</section></body></html>
"""


def fact(label: str, value: str) -> str:
    return f"<p><strong><bdi>{label}</bdi></strong> {value}</p>"


ENGLISH = {
    "title": "Fight Club",
    "release": " 10/15/1999 (US) ",
    "drama": "Drama",
    "runtime": "2h 19m",
    "score": "84",
    "overview": "A ticking-time-bomb insomniac &amp; more.",
    "facts": fact("Status", "Released")
    + fact("Original Language", "English")
    + fact("Budget", "$63,000,000.00")
    + fact("Revenue", "$100,853,753.00"),
}
KOREAN = {
    "title": "파이트 클럽",
    "release": "1999-10-15 (KR)",
    "drama": "드라마",
    "runtime": "139분",
    "score": "84",
    "overview": "한국어로 등록된 개요가 없습니다. 개요를 추가하여 데이터베이스 확장에 참여해 주세요.",
    "facts": fact("원제", "Fight Club")
    + fact("상태", "개봉됨")
    + fact("원어", "영어")
    + fact("제작비", "$63,000,000.00")
    + fact("수익", "-"),
}
READ = {
    "tmdb_id": 550,
    "imdb_id": None,
    "title": "Fight Club",
    "original_title": None,
    "original_language": "en",
    "genres": ["Drama", "Science Fiction"],
    "runtime_min": 139,
    "user_score": 84.0,
    "overview": "A ticking-time-bomb insomniac & more.",
    "budget_usd": 63_000_000,
    "revenue_usd": 100_853_753,
    "directors": ["David Fincher", "Second One"],
    "cast": ["Brad Pitt"],
    "released_on": "1999-10-15",
    "poster_url": "https://image.tmdb.org/t/p/w500/poster.jpg",
}


def test_a_film_page_in_english() -> None:
    assert parse_film(FILM.format(**ENGLISH)).rows == [READ]


def test_a_film_page_in_korean() -> None:
    expected = READ | {"title": "파이트 클럽", "original_title": "Fight Club", "overview": None, "revenue_usd": None}
    assert parse_film(FILM.format(**KOREAN)).rows == [expected]


OF_2021 = """
<main><section class="inner_content movie_content"><section id="original_header" class="images inner">
<img class="poster lazyload" data-src="https://www.themoviedb.org/t/p/w300_and_h450_bestv2/a1.jpg"
 data-srcset="https://www.themoviedb.org/t/p/w300_and_h450_bestv2/a1.jpg 1x, /t/p/w600_and_h900_bestv2/a1.jpg 2x">
<h2 class="10"><a href="/movie/633802"> Dark
 Spell </a> <span class="tag release_date">(2021)</span></h2>
<div class="facts"><span class="certification">16+</span><span class="release"> 02/11/2021 (RU) </span>
<span class="genres"><a href="/genre/27-horror/movie">Horror</a>,&nbsp;<a href="/genre/1-new/movie">Brand New</a></span>
<span class="runtime"> 90m </span></div>
<div class="consensus"><div class="user_score_chart" data-percent="69.0"><span class="icon icon-r69"></span></div>
</div><div class="overview"><p></p></div></section></section></main>
<section class="facts left_column"><h4>Facts</h4><p class="wrap"><strong>Original Title</strong> Приворот</p>
<p><strong>Status</strong> Released</p><p><strong>Original Language</strong> Russian</p>
<p><strong>Budget</strong> -</p></section>
"""


def test_a_film_page_of_2021() -> None:
    row = parse_film(OF_2021).rows[0]
    assert {name: value for name, value in row.items() if value} == {
        "tmdb_id": 633802,
        "title": "Dark Spell",
        "original_title": "Приворот",
        "original_language": "ru",
        "genres": ["Horror", "Brand New"],
        "runtime_min": 90,
        "user_score": 69.0,
        "released_on": "2021-02-11",
        "poster_url": "https://image.tmdb.org/t/p/w500/a1.jpg",
    }
    unrated = OF_2021.replace("icon-r69", "icon-rNR").replace("69.0", "1.0")
    assert parse_film(unrated).rows[0]["user_score"] is None


@pytest.mark.parametrize(
    "sentence",
    [
        "We don't have an overview translated in English. Help us expand our database by adding one.",
        "We don’t have an overview.",
        "한국어로 등록된 개요가 없습니다.",
        "이 영화의 개요가 없습니다. 개요를 추가해 주세요.",
        "한국어로 번역된 개요가 없습니다. 데이터베이스를 확장할 수 있도록 추가해 주세요.",
        "일본어로 번역된 내용이 없습니다.",
        "개요를 찾을 수 없습니다.",
        "등록된 줄거리가 없어요",
        "이 영화는 한국어 줄거리가 아직 등록되지 않았습니다.",
        "줄거리 정보 없음",
        "No overview found.",
        "We don't have an overview translated in Korean.",
        "Sorry! We do not have any overview.",
        "There is no overview available.",
        "This movie has no overview yet.",
        "Overview not available",
        "N/A",
    ],
)
def test_the_sentence_for_a_missing_overview_is_not_stored(sentence: str) -> None:
    assert parse_film(FILM.format(**ENGLISH | {"overview": sentence})).rows[0]["overview"] is None
    assert parse_film(json.dumps(API | {"overview": sentence})).rows[0]["overview"] is None


@pytest.mark.parametrize(
    "words",
    [
        "Sadly, we don't have an overview of it.",
        "A tale without overview.",
        "No description fits the man who comes to town.",
        "The synopsis is not what it seems.",
        "줄거리 없는 삶을 사는 남자가 있다.",
        "아무런 소개가 없는 남자가 나타난다.",
    ],
)
def test_an_overview_that_speaks_of_overviews_is_kept(words: str) -> None:
    assert parse_film(FILM.format(**ENGLISH | {"overview": words})).rows[0]["overview"] == words


@pytest.mark.parametrize(
    ("src", "stored"),
    [
        *((f"https://image.tmdb.org/t/p/{size}/a.jpg", f"https://image.tmdb.org/t/p/{size}/a.jpg") for size in SIZES),
        ("https://image.tmdb.org/t/p/w600_and_h900_face/a.jpg", "https://image.tmdb.org/t/p/w500/a.jpg"),
        ("//media.themoviedb.org/t/p/w300_and_h450_bestv2/a.png?v=1", "https://image.tmdb.org/t/p/w500/a.png"),
        ("data:image/gif;base64,R0", None),
    ],
)
def test_posters_of_every_size(src: str, stored: str | None) -> None:
    page = FILM.format(**ENGLISH).replace("https://image.tmdb.org/t/p/w500/poster.jpg", src)
    assert parse_film(page).rows[0]["poster_url"] == stored


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_page_that_stops_half_way_is_broken(share: float) -> None:
    film = FILM.format(**ENGLISH)
    cut = parse_film(film[: int(len(film) * share)])
    assert (cut.rows, cut.state) == ([], FetchState.BROKEN)
    films = f"<html><body>{OLDER}</body></html>"
    assert len(parse_list(films).rows) == 2
    assert parse_list(films[: int(len(films) * share)]).state is FetchState.BROKEN


def test_a_song_is_no_film() -> None:
    assert parse_film('{"id": 3135556, "title": "Harder Better Faster Stronger"}').state is FetchState.BROKEN


def test_what_is_missing_is_null() -> None:
    bare = '<section id="original_header"><h2><a href="/x">Bare</a></h2></section>'
    row = parse_film(bare).rows[0]
    assert row["title"] == "Bare"
    assert {name: value for name, value in row.items() if value} == {"title": "Bare"}
    assert [name for name, value in row.items() if value == []] == ["genres", "directors", "cast"]
    assert parse_film(bare, "https://www.themoviedb.org/movie/77-bare").rows[0]["tmdb_id"] == 77
    unrated = FILM.format(**ENGLISH | {"score": "0", "runtime": "", "release": "", "facts": fact("Budget", "$0.00")})
    row = parse_film(unrated).rows[0]
    assert (row["user_score"], row["runtime_min"], row["budget_usd"], row["released_on"]) == (None, None, None, "1999")


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b"", FetchState.BLOCKED),
        ("<html><title>Just a moment...</title></html>", FetchState.BLOCKED),
        ("<html><h2><a>Popular</a></h2></html>", FetchState.BROKEN),
        ('{"success": false, "status_code": 34, "status_message": "not found"}', FetchState.MISSING),
        ('{"id": 5}', FetchState.BROKEN),
        ("{", FetchState.BROKEN),
    ],
)
def test_a_page_without_a_film_has_a_state(body: bytes | str, state: FetchState) -> None:
    parsed = parse_film(body)
    assert (parsed.rows, parsed.state) == ([], state)


API: dict[str, Any] = {
    "id": 550,
    "imdb_id": "tt0137523",
    "title": "Fight Club",
    "original_title": "Fight Club",
    "original_language": "en",
    "genres": [{"id": 18, "name": "드라마"}, {"id": 878, "name": "SF"}],
    "runtime": 139,
    "vote_average": 8.438,
    "vote_count": 29_000,
    "overview": "A ticking-time-bomb insomniac & more.",
    "budget": 63_000_000,
    "revenue": 100_853_753,
    "release_date": "1999-10-15",
    "poster_path": "/poster.jpg",
    "credits": {
        "cast": [{"name": "Brad Pitt", "order": 0}],
        "crew": [
            {"name": "David Fincher", "job": "Director"},
            {"name": "Jo Art", "job": "Art Direction"},
            {"name": "Second One", "job": "Director"},
        ],
    },
}


def test_the_api_reads_as_the_page_does() -> None:
    only_there = {"imdb_id": "tt0137523", "original_title": "Fight Club"}
    assert parse_film(json.dumps(API)).rows == [READ | only_there]
    listed = parse_list(json.dumps({"results": [API, API, None, {"id": "x"}]})).rows
    assert listed == [{"tmdb_id": 550, "title": "Fight Club", "released_on": "1999-10-15", "user_score": 84.0}]


@pytest.mark.parametrize("title", ["Tom & Jerry <Live>", "<3", "A <b> C", "5 < 6 > 4"])
def test_signs_in_a_title_of_the_api_are_words(title: str) -> None:
    assert parse_film(json.dumps(API | {"title": title})).rows[0]["title"] == title
    assert parse_list(json.dumps({"results": [API | {"title": title}]})).rows[0]["title"] == title


def test_what_the_api_does_not_know_is_null() -> None:
    unknown = {"runtime": 0, "budget": 0, "revenue": 0, "vote_average": 0.0, "overview": "", "release_date": ""}
    row = parse_film(json.dumps({"id": 5, "title": "T", "imdb_id": "", "poster_path": None, **unknown})).rows[0]
    assert {name for name, value in row.items() if value} == {"tmdb_id", "title"}


def test_external_ids() -> None:
    assert parse_external_ids('{"id": 550, "imdb_id": "tt0137523"}').rows == [{"tmdb_id": 550, "imdb_id": "tt0137523"}]
    assert parse_external_ids('{"id": 550, "imdb_id": ""}').rows == [{"tmdb_id": 550, "imdb_id": None}]
    assert parse_external_ids('{"success": false, "status_code": 34}').state is FetchState.MISSING
    assert parse_external_ids("").state is FetchState.BROKEN


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*API, "name", "job"]), inner),
    max_leaves=10,
)


@given(changes=st.dictionaries(st.sampled_from([*API, "results", "status_code", "success", "external_ids"]), JUNK))
def test_no_body_makes_it_fail(changes: dict[str, Any]) -> None:
    body = json.dumps(API | changes)
    for parse in (parse_film, parse_list, parse_external_ids):
        parse(body)


@given(text=st.text(max_size=120), tags=st.lists(st.sampled_from(FILM.splitlines() + OLDER.splitlines()), max_size=12))
def test_no_page_makes_it_fail(text: str, tags: list[str]) -> None:
    body = text.join(tags)
    parse_film(body)
    parse_list(body)


EXPORT = """
{"adult":false,"id":3924,"original_title":"Blondie","popularity":1.5,"video":false}
{"adult":true,"id":3925,"original_title":"X","popularity":1,"video":false}
{"adult":false,"id":3926,"original_title":"Music videos","popularity":1,"video":true}
{"adult":false,"id":3927,"original_title":"기생충","popularity":null,"video":false}
"""


def test_the_id_export_packed_and_unpacked() -> None:
    expected = [
        {"tmdb_id": 3924, "original_title": "Blondie", "popularity": 1.5},
        {"tmdb_id": 3927, "original_title": "기생충", "popularity": None},
    ]
    for body in (EXPORT, EXPORT.encode(), gzip.compress(EXPORT.encode())):
        parsed = parse_id_export(body)
        assert (parsed.rows, parsed.state) == (expected, FetchState.OK)


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b"", FetchState.BROKEN),
        (EXPORT.encode()[:150], FetchState.BROKEN),
        (gzip.compress(EXPORT.encode(), mtime=0)[:60], FetchState.BROKEN),
        (b"\x1f\x8bnonsense", FetchState.BROKEN),
        (b"<html>", FetchState.BROKEN),
    ],
)
def test_half_an_id_export_is_broken(body: bytes, state: FetchState) -> None:
    parsed = parse_id_export(body)
    assert (parsed.rows, parsed.state) == ([], state)
