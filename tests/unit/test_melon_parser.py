"""Melon's pages, hand-made: each trap of the markup by itself."""

from __future__ import annotations

import csv
from datetime import date, datetime

import pytest

from tasks.fetching.answer import FetchState
from tasks.settings import PROJECT_ROOT, today
from tasks.sources.melon import parse_chart, parse_song
from tasks.sources.melon_address import ChartPlace, age_url, chart_place, month_url, song_url, top100_url

ARTIST = """<a href="javascript:melon.link.goArtistDetail('{n}');">{name}</a>"""


def chart_row(
    rank: int, *, number: str = 'data-song-no="{n}"', title: str | None = None, artists: str | None = None
) -> str:
    n = 30000000 + rank
    shown = title or f"""<a href="javascript:melon.play.playSong('1903',{n});">Song {rank}</a>"""
    names = artists if artists is not None else ARTIST.format(n=rank, name=f"Singer {rank}")
    return f"""<tr class="lst50" id="lst50" {number.format(n=n)}>
      <td><span class="rank ">{rank}</span><span class="none">위</span><span class="rank_wrap">0</span></td>
      <td><div class="ellipsis rank01"><span>{shown}</span></div>
      <div class="ellipsis rank02">{names}<span class="checkEllipsis" style="display:none">{names}</span></div>
      <div class="ellipsis rank03"><a href="javascript:melon.link.goAlbumDetail('9');">Album {rank} </a></div></td>
    </tr>"""


def chart_page(rows: list[str], head: str = "") -> str:
    return f"<html><body>{head}<table>{''.join(rows)}</table></body></html>"


def full_chart(**first_row: str) -> str:
    return chart_page([chart_row(1, **first_row)] + [chart_row(rank) for rank in range(2, 101)])


def test_a_full_chart_gives_every_row_with_hidden_copies_left_out() -> None:
    two = ARTIST.format(n=1, name="창모 (CHANGMO)") + ", " + ARTIST.format(n=2, name="Hash &amp; Swan")
    parsed = parse_chart(full_chart(artists=two))
    assert (parsed.state, len(parsed.rows), parsed.is_cut) == (FetchState.OK, 100, False)
    assert parsed.rows[0] == {
        "chart": None,
        "scope": None,
        "period": None,
        "rank": 1,
        "song_id": "30000001",
        "title": "Song 1",
        "artists": ["창모 (CHANGMO)", "Hash & Swan"],
        "album": "Album 1",
    }


@pytest.mark.parametrize(
    ("first_row", "song_id"),
    [
        ({"number": ""}, "30000001"),  # from playSong in the link
        ({"number": "", "title": "<span>Withdrawn</span>"}, None),
        ({"number": "", "title": """<b onclick="melon.link.goSongDetail('77');">Withdrawn</b>"""}, "77"),
        ({"number": "", "title": '<input name="input_check" value="88">Withdrawn'}, "88"),
    ],
)
def test_the_song_number_is_found_wherever_the_page_keeps_it(first_row: dict[str, str], song_id: str | None) -> None:
    assert parse_chart(full_chart(**first_row)).rows[0]["song_id"] == song_id


def test_a_song_that_may_not_be_played_keeps_its_title_without_the_age_mark() -> None:
    title = '<span class="icon_song age_19">19금</span><span class="disabled">노땡큐 (Feat. MINO)</span>'
    assert parse_chart(full_chart(title=title)).rows[0]["title"] == "노땡큐 (Feat. MINO)"


def test_ranks_are_read_not_counted() -> None:
    parsed = parse_chart(chart_page([chart_row(rank) for rank in range(100, 0, -1)]))
    assert [row["rank"] for row in parsed.rows] == list(range(1, 101))


def test_a_compilation_has_no_artists() -> None:
    assert parse_chart(full_chart(artists="Various")).rows[0]["artists"] == []


def test_a_short_chart_is_cut_and_a_shorter_one_broken() -> None:
    cut = parse_chart(chart_page([chart_row(rank) for rank in range(1, 51)]))
    assert (cut.state, cut.is_cut, cut.n_expected) == (FetchState.OK, True, 100)
    broken = parse_chart(chart_page([chart_row(rank) for rank in range(1, 50)]))
    assert (broken.state, broken.rows) == (FetchState.BROKEN, [])
    assert "49 chart rows" in broken.reason


ROW_OF_2017 = """<tr class="lst50" id="lst50"><td><input type="checkbox" name="input_check" value="{n}" /></td>
  <td><span class="rank{top}">{rank}</span><span class="none">위</span>
   <span title="2단계 상승" class="wrap_rank"><span class="icon_up">상승</span><span class="up">2</span></span></td>
  <td><a href="javascript:melon.link.goSongDetail('{n}');" class="btn btn_icon_detail">상세정보</a>
   <div class="wrap_song_info"><div class="ellipsis rank01"><span><strong>
    <a href="javascript:melon.play.playSong('1','{n}');">N분의{rank} (Feat. 다이나믹듀오)</a></strong></span></div>
   <div><div class="ellipsis rank02" ><a href="#">넉살</a>, <a href="#">한해</a><span class="checkEllipsis"
     style="display:none"><a href="#">넉살</a>, <a href="#">한해</a></span></div>
    <div class="wrap_atist" style="display:none"><ul class="list_bullet"><li><a href="#">넉살</a></li></ul></div>
    <em class="bar">|</em><div class="ellipsis rank03"><a href="#">/// (너 먹구름 비)</a></div></div></div></td></tr>"""


def test_the_rows_of_2017_with_rank_changes_and_all_in_one_cell() -> None:
    rows = [ROW_OF_2017.format(rank=rank, n=30566000 + rank, top=" top" * (rank < 4)) for rank in range(1, 101)]
    parsed = parse_chart(chart_page(rows))
    assert (len(parsed.rows), parsed.is_cut) == (100, False)
    row = parsed.rows[1]
    assert (row["rank"], row["song_id"], row["title"]) == (2, "30566002", "N분의2 (Feat. 다이나믹듀오)")
    assert (row["artists"], row["album"]) == (["넉살", "한해"], "/// (너 먹구름 비)")


def test_a_place_that_stands_twice_is_read_once() -> None:
    rows = [chart_row(rank) for rank in range(1, 101)]
    assert parse_chart(chart_page([*rows, *rows[:20]])).rows == parse_chart(chart_page(rows)).rows
    lost = parse_chart(chart_page([*rows[:80], *rows[:20]]))
    assert (len(lost.rows), lost.is_cut) == (80, True)


def test_a_challenge_is_blocked() -> None:
    challenge = "<html><title>Access Denied</title></html>"
    assert {parse(challenge).state for parse in (parse_chart, parse_song)} == {FetchState.BLOCKED}


def test_the_overload_page_is_named() -> None:
    parsed = parse_chart(chart_page([], head='<div class="sys_error">접속이 지연</div>'))
    assert parsed.state is FetchState.BROKEN
    assert "overload" in parsed.reason
    assert "overload" in parse_song('<div class="sys_error">').reason


TOP100_HEAD = """<ul><li class="first_child on"><a href="/chart/index.htm">실시간</a></li></ul>
  <span class="yyyymmdd"><span class="year">2018.01.23</span></span><span class="hour">16:00</span>"""
MONTH_HEAD = (
    """<ul><li class="on"><a href="/chart/month/index.htm">월간</a></li></ul><span class="year">2012.03</span>"""
)


DAY_2017_HEAD = """<ul><li class="first_child"><a href="/chart/index.htm">실시간</a></li>
  <li class="on"><a href="/chart/day/index.htm">일간</a></li></ul>
  <ul><li class="tab_li02"><a href="/chart/day/index.htm?classCd=DP0000">종합</a></li>
  <li class="tab_li02 on"><a href="/chart/day/index.htm?classCd=DP0200">POP</a></li></ul>
  <span class="datelk">2017.08.09</span>"""
WEEK_HEAD = """<ul><li class="on"><a href="/chart/week/index.htm">주간</a></li></ul>
  <span class="yyyymmdd"><span class="year">2018.01.15 ~ 2018.01.21</span></span>"""


@pytest.mark.parametrize(
    ("head", "url", "place"),
    [
        (TOP100_HEAD, None, ("top100", None, "2018-01-23T16")),
        (TOP100_HEAD, "https://www.melon.com/chart/index.htm", ("top100", "GN0000", "2018-01-23T16")),
        (MONTH_HEAD, None, ("month", None, "2012-03")),
        (MONTH_HEAD, month_url("", date(2012, 2, 1)), ("month", "GN0000", "2012-02")),
        ("", age_url("https://www.melon.com", 2019, "POP"), ("age_year", "POP", "2019")),
        ("", "https://www.melon.com/chart/hot100/index.htm", (None, None, None)),
        (DAY_2017_HEAD, None, ("day", "DP0200", "2017-08-09")),
        (DAY_2017_HEAD, "https://www.melon.com/chart/day/index.htm?classCd=GN0100", ("day", "GN0100", "2017-08-09")),
        (WEEK_HEAD, None, ("week", None, "2018-01-15")),
    ],
)
def test_the_place_comes_from_the_address_and_else_from_what_the_page_says(
    head: str, url: str | None, place: tuple[str | None, str | None, str | None]
) -> None:
    row = parse_chart(chart_page([chart_row(rank) for rank in range(1, 101)], head), url).rows[0]
    assert (row["chart"], row["scope"], row["period"]) == place


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("/chart/age/list.htm?chartType=AG&chartGenre=KPOP&chartDate=1980", ("age_decade", "KPOP", "1980")),
        ("/chart/day/index.htm?classCd=DM0000", ("day", "DM0000", None)),
        ("/chart/week/index.htm?startDay=20240304&endDay=20240310", ("week", "GN0000", "2024-03-04")),
        ("/chart/search/list.htm?chartType=MO&age=2010&year=2012&mon=3&classCd=GN0100", ("month", "GN0100", "2012-03")),
        (
            "/chart/search/list.htm?chartType=WE&age=2010&day=20120304^20120310&classCd=",
            ("week", "GN0000", "2012-03-04"),
        ),
        ("https://[broken", (None, None, None)),
    ],
)
def test_addresses_of_other_charts(url: str, place: tuple[str | None, str | None, str | None]) -> None:
    assert chart_place(url) == ChartPlace(*place)


CHART = "https://www.melon.com/chart"
SEARCH = f"{CHART}/search/list.htm?chartType="


@pytest.mark.parametrize(
    ("url", "named"),
    [
        (f"{CHART}/month/index.htm?classCd=GN0000&moved=Y&rankMonth=209913", "rankMonth '209913'"),
        (f"{CHART}/month/index.htm?rankMonth=201213", "rankMonth '201213'"),
        (f"{CHART}/month/index.htm?rankMonth=2012", "rankMonth '2012'"),
        (f"{CHART}/index.htm?dayTime=2018", "dayTime '2018'"),
        (f"{CHART}/month/index.htm?rankMonth=201200", "rankMonth '201200'"),
        (f"{CHART}/month/index.htm?rankMonth=196312", "rankMonth '196312'"),
        (f"{CHART}/month/index.htm?rankMonth={today().year + 2}01", f"rankMonth '{today().year + 2}01'"),
        (f"{CHART}/month/index.htm?rankMonth=2012-03", "rankMonth '2012-03'"),
        (f"{CHART}/day/index.htm?rankDay=20230231", "rankDay '20230231'"),
        (f"{CHART}/index.htm?dayTime=2018012324", "dayTime '2018012324'"),
        (f"{CHART}/age/list.htm?chartType=YE&chartGenre=KPOP&chartDate=1963", "chartDate '1963'"),
        (f"{SEARCH}MO&age=2010&year=2012&mon=13&day=", "year and mon '201213'"),
        (f"{SEARCH}WE&age=2010&year=2012&mon=02&day=20120230^20120307", "first day '20120230'"),
        (f"{SEARCH}WE&age=2010&year=2012&mon=02&day=20120220^20120231", "last day '20120231'"),
        (f"{SEARCH}WE&age=2010&year=2012&mon=02&day=20120220^20120213", "the week 20120220 to 20120213"),
        (f"{CHART}/week/index.htm?startDay=20240304&endDay=20240331", "the week 20240304 to 20240331"),
    ],
)
def test_a_period_that_cannot_be_is_refused(url: str, named: str) -> None:
    parsed = parse_chart(full_chart(), url)
    assert (parsed.rows, parsed.state) == ([], FetchState.BROKEN)
    assert parsed.reason.startswith(f"the address asks for {named}")
    assert "; name " in parsed.reason


@pytest.mark.parametrize(
    ("url", "period"),
    [
        (f"{CHART}/age/list.htm?chartType=AG&chartGenre=KPOP&chartDate=1960", "1960"),
        (f"{CHART}/age/list.htm?chartType=YE&chartGenre=KPOP&chartDate=1964", "1964"),
        (f"{CHART}/day/index.htm?rankDay=20240229", "2024-02-29"),
        (f"{SEARCH}WE&age=2010&year=2012&mon=02&day=20120229^20120306", "2012-02-29"),
    ],
)
def test_periods_at_the_edge_are_read(url: str, period: str) -> None:
    assert parse_chart(full_chart(), url).rows[0]["period"] == period


def test_a_page_that_names_an_impossible_day_has_no_period() -> None:
    head = '<span class="yyyymmdd"><span class="year">2018.13.40</span></span>'
    assert parse_chart(chart_page([chart_row(rank) for rank in range(1, 101)], head)).rows[0]["period"] is None


def test_top100_of_an_hour_reads_back() -> None:
    assert chart_place(top100_url("https://x", datetime(2018, 1, 23, 16))).period == "2018-01-23T16"


SONG = """<div class="section_info"><div class="song_name"><strong class="none">곡명</strong>
   <span class="bullet_icons age_19"><span class="none">19금</span></span> Song &amp; Dance </div>
  <div class="artist"><a class="artist_name" title="수지 (SUZY)"><span>수지</span></a>
   <a class="artist_name"><span>백현</span></a></div>
  <dl class="list"><dt>장르</dt><dd>{genre}</dd><dt>앨범</dt><dd><a href="#">Faces</a></dd>
   <dt>발매일</dt><dd>{released}</dd></dl></div>"""


@pytest.mark.parametrize(
    ("released", "iso"),
    [("2018.01.22", "2018-01-22"), ("2018.01.00", "2018-01"), ("1985", "1985"), ("1985.00.00", "1985"), ("-", None)],
)
def test_song_page_facts_go_by_label(released: str, iso: str | None) -> None:
    parsed = parse_song(SONG.format(genre="발라드, 국내드라마", released=released), song_url("", "30851703"))
    assert parsed.rows == [
        {
            "song_id": "30851703",
            "title": "Song & Dance",
            "artists": ["수지 (SUZY)", "백현"],
            "album": "Faces",
            "released_on": iso,
            "genres": ["발라드", "국내드라마"],
        }
    ]


def test_a_song_page_that_stops_half_way_is_broken() -> None:
    page = f"<html><body>{SONG.format(genre='발라드', released='2018')}</body></html>"
    assert parse_song(page).state is FetchState.OK
    assert parse_song(page.removesuffix("</dl></div></body></html>")).state is FetchState.BROKEN


def test_genres_have_one_name_each_whatever_the_language() -> None:
    with (PROJECT_ROOT / "sql" / "vocabularies" / "melon_genre.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    name_of = {row["name"]: row["melon_genre"] for row in rows}
    assert len(name_of) == len(rows)
    for korean, english in [
        ("발라드", "Ballad"), ("댄스", "Dance"), ("랩/힙합", "Rap / Hip-hop"), ("R&B/Soul", "R&B / Soul"),
        ("인디음악", "Indie"), ("록/메탈", "Rock"), ("성인가요/트로트", "Trot"), ("포크/블루스", "Folk"),
        ("POP", "Pop"),
        ("일렉트로니카", "Electronica"), ("국내드라마", "Drama"), ("국내영화", "Korean Movie"), ("재즈", "Jazz"),
        ("국외영화", "Foreign Movie"), ("애니메이션/웹툰", "Animation"), ("게임", "Game"), ("뮤지컬", "Musical"),
        ("클래식", "Classical"), ("뉴에이지", "New Age"), ("J-POP", "J-pop"), ("CCM", "CCM"), ("국악", "Traditional"),
        ("키즈", "Children"), ("태교", "Children"), ("종교음악", "Religious"), ("월드뮤직", "World Music"),
    ]:  # fmt: skip
        assert name_of[korean] == name_of[english] == english
    of_a_screen = {row["melon_genre"] for row in rows if row["is_soundtrack"] == "true"}
    assert of_a_screen == {"OST", "Drama", "Korean Movie", "Foreign Movie", "Animation", "Game", "Musical"}


def test_a_chart_is_no_song_page_and_a_song_page_no_chart() -> None:
    assert parse_song(full_chart()).state is FetchState.BROKEN
    assert parse_chart(SONG).state is FetchState.BROKEN


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", "\ud800", b"{}", "<div class=song_name>" * 50_000, "<!--", b"\0" * 9]
)
def test_hostile_bodies_are_states(body: bytes | str) -> None:
    assert parse_chart(body).state is FetchState.BROKEN
    assert parse_song(body).state is FetchState.BROKEN
