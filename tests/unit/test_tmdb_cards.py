"""Cards of TMDB's lists whose classes or layout nobody knows, read by what they hold."""

from __future__ import annotations

from tasks.sources.tmdb import parse_list

CARD = """
<div class="comp:poster-card w-full"><a href="/movie/1-slug" title="B"></a>
 <div class="user_score_chart" data-percent="70"></div><h2 class="font-semibold"><span>B</span></h2>
 <span class="subheader">Oct 15, 1999</span></div>
"""
TILE = """<article class="t1"><a href="/movie/7-seven"><img alt="Seven"></a><div class="t2"><span>84%</span>
 <a href="/movie/7-seven">Seven</a><span class="t3">Oct 1, 1995</span><p>It was 2012 in town.</p></div></article>"""
LINKED = """<div class="t1"><a href="/movie/8-1917?language=ko-KR"><i data-percent="79.5"></i><b>1917</b>
 <em>2020년 2월 19일</em><p>We don't have an overview translated in English.</p></a></div>"""
NEW = """<li><a href="/movie/9"><span>NR</span><span>(2027)</span><h3>Tom &amp; Jerry &lt;Live&gt;</h3></a></li>"""
BARE = '<li><a href="/movie/10">Fight <b>Club</b></a> 15 October 1999</li>'


def listed(*cards: str) -> str:
    return f'<div id="page_2">{"".join(cards)}</div>'


def test_a_card_of_an_unknown_layout_is_read_by_what_it_holds() -> None:
    parsed = parse_list(listed(TILE, LINKED, NEW, BARE, TILE))
    assert parsed.rows == [
        {"tmdb_id": 7, "title": "Seven", "released_on": "1995-10-01", "user_score": 84.0},
        {"tmdb_id": 8, "title": "1917", "released_on": "2020-02-19", "user_score": 79.5},
        {"tmdb_id": 9, "title": "Tom & Jerry <Live>", "released_on": "2027", "user_score": None},
        {"tmdb_id": 10, "title": "Fight Club", "released_on": "1999-10-15", "user_score": None},
    ]
    assert parse_list(listed(TILE)).rows == parsed.rows[:1]


def test_a_known_card_keeps_its_date_under_another_class() -> None:
    renamed = CARD.replace("subheader", "t9").replace("</span>", "</span><p>No overview found.</p>")
    assert parse_list(listed(renamed)).rows == parse_list(listed(CARD)).rows
    assert parse_list(listed(CARD)).rows[0]["released_on"] == "1999-10-15"


def test_an_overview_on_a_card_is_neither_its_title_nor_its_date() -> None:
    words = "We don't have an overview translated in English. It is 2012."
    card = f'<div class="card style_1"><a href="/movie/3"></a><div class="content"><p>{words}</p>{{}}</div></div>'
    assert parse_list(listed(card.format("<p>May 2, 2003</p>"))).rows[0]["released_on"] == "2003-05-02"
    assert parse_list(listed(f'<a href="/movie/3">{words}</a><a href="/movie/3">Gigli</a>')).rows[0]["title"] == "Gigli"
