"""Melon's charts and song pages: HTML in, rows out.

The row markup has held since 2018 (`tr.lst50` for ranks 1 to 50, `tr.lst100` beyond), so that one parser reads
the TOP100, the day, week and month charts and the age charts, which are fragments without a head. Pages are large
and many: lxml alone reads one in some 20 ms, a tenth of what BeautifulSoup takes.
"""

from __future__ import annotations

import re
from typing import TypedDict

from lxml import etree, html

from tasks.fetching.answer import FetchState
from tasks.sources.melon_address import ChartPlace, chart_place, song_id_of_address
from tasks.sources.parsed import Parsed

CHART_LENGTH = 100
SHORTEST_CHART = 50  # fewer rows are a failed page, never a short chart

_SONG_CALL = re.compile(r"goSongDetail\(\s*'?(\d+)|playSong\(\s*'[^']*'\s*,\s*'?(\d+)")
_PAGE_DAY = re.compile(r"(\d{4})\.(\d{2})(?:\.(\d{2}))?")
_PAGE_HOUR = re.compile(r"^\s*(\d{1,2}):\d{2}\s*$")
_HIDDEN_CLASSES = ("none", "checkEllipsis", "bullet_icons", "icon_song")  # labels for screen readers, the age mark
_IS_HIDDEN = " or ".join(f"contains(concat(' ', @class, ' '), ' {name} ')" for name in _HIDDEN_CLASSES)
_VISIBLE_TEXT = f".//text()[not(ancestor::*[{_IS_HIDDEN}])]"


class ChartRow(TypedDict):
    """One place of one chart; `chart`, `scope` and `period` are null where neither page nor address says them."""

    chart: str | None
    scope: str | None
    period: str | None
    rank: int
    song_id: str | None
    title: str
    artists: list[str]
    album: str | None


class SongRow(TypedDict):
    """One song page; `genres` as Melon writes them, in English until about 2018 and in Korean since."""

    song_id: str | None
    title: str
    artists: list[str]
    album: str | None
    released_on: str | None
    genres: list[str]


def parse_chart(body: bytes | str, url: str | None = None) -> Parsed[ChartRow]:
    """Read a chart of any kind; 50 to 99 rows are a cut list, fewer a broken page.

    Ranks are read from the page and rows sorted by them: the order in the markup is not promised.
    """
    page = _read_page(body)
    if page is None:
        return Parsed([], FetchState.BROKEN, "not an HTML page")
    if _is_error_page(page):
        return Parsed([], FetchState.BROKEN, "Melon's overload page in place of the chart")
    place = chart_place(url) if url else _place_on_page(page)
    place = ChartPlace(place.chart, place.scope, place.period or _period_on_page(page, place.chart))
    found = [
        _chart_row(row, place) for row in page.xpath("//tr[contains(@class, 'lst50') or contains(@class, 'lst100')]")
    ]
    rows = sorted((row for row in found if row is not None), key=lambda row: row["rank"])
    if len(rows) < SHORTEST_CHART:
        return Parsed([], FetchState.BROKEN, f"{len(rows)} chart rows where a Melon chart has {CHART_LENGTH}")
    return Parsed(rows, FetchState.OK, n_expected=CHART_LENGTH)


def parse_song(body: bytes | str, url: str | None = None) -> Parsed[SongRow]:
    """Read a song page; facts go by their label (`dt`), never by position."""
    page = _read_page(body)
    if page is None:
        return Parsed([], FetchState.BROKEN, "not an HTML page")
    if _is_error_page(page):
        return Parsed([], FetchState.BROKEN, "Melon's overload page in place of the song")
    section = _first(page, "//div[contains(@class, 'section_info')][.//div[contains(@class, 'song_name')]]")
    title = "" if section is None else _visible_text(_first(section, ".//div[contains(@class, 'song_name')]"))
    if section is None or not title:
        return Parsed([], FetchState.BROKEN, "no song on the page: not a Melon song page")
    facts = _labelled_facts(section)
    row = SongRow(
        song_id=song_id_of_address(url) or song_id_of_address(_own_address(page)) or _song_id(section),
        title=title,
        artists=[
            name for link in section.xpath(".//a[contains(@class, 'artist_name')]") if (name := _artist_name(link))
        ],
        album=facts.get("앨범"),
        released_on=_iso_date(facts.get("발매일")),
        genres=split_genres(facts.get("장르")),
    )
    return Parsed([row], FetchState.OK, n_expected=1)


def split_genres(text: str | None) -> list[str]:
    """Separate the genres of a song page: Melon puts commas between them, and slashes inside them.

    >>> split_genres("발라드, 국내드라마")
    ['발라드', '국내드라마']
    >>> split_genres("R&B / Soul"), split_genres("랩/힙합,인디음악"), split_genres("-")
    (['R&B / Soul'], ['랩/힙합', '인디음악'], [])
    """
    parts = (part.strip() for part in (text or "").split(","))
    return [part for part in parts if part and part != "-"]


def _place_on_page(page: html.HtmlElement) -> ChartPlace:
    """The kind that the page itself names by its open tab or own address; a class code is nowhere shown."""
    tabs = page.xpath("//li[contains(concat(' ', @class, ' '), ' on ')]/a[starts-with(@href, '/chart/')]/@href")
    address = tabs[0] if tabs else _own_address(page)
    return ChartPlace(chart=chart_place(address).chart if address else None)


def _period_on_page(page: html.HtmlElement, chart: str | None) -> str | None:
    """Day, hour or month above the chart, as in `2018.01.23` and `16:00`."""
    days = page.xpath("//span[contains(concat(' ', @class, ' '), ' year ')]")
    found = _PAGE_DAY.search(days[0].text_content()) if days else None
    if found is None:
        return None
    year, month, day = found.groups()
    if day is None or chart == "month":
        return f"{year}-{month}"
    hours = page.xpath("//span[contains(concat(' ', @class, ' '), ' hour ')]")
    hour = _PAGE_HOUR.match(hours[0].text_content()) if hours and chart in ("top100", None) else None
    return f"{year}-{month}-{day}" + (f"T{int(hour[1]):02d}" if hour else "")


def _chart_row(row: html.HtmlElement, place: ChartPlace) -> ChartRow | None:
    """One row; null where it has no rank or no title, which the count of rows then tells."""
    rank = _first(row, ".//span[contains(concat(' ', @class, ' '), ' rank ')]")
    digits = re.sub(r"\D", "", rank.text_content()) if rank is not None else ""
    name = _first(row, ".//div[contains(concat(' ', @class, ' '), ' rank01 ')]")
    title = _linked_text(name) if name is not None else ""
    if not digits or not title:
        return None
    # Direct links only: a hidden copy of all artists follows in span.checkEllipsis.
    artists = row.xpath(".//div[contains(concat(' ', @class, ' '), ' rank02 ')]/a")
    album = _first(row, ".//div[contains(concat(' ', @class, ' '), ' rank03 ')]")
    return ChartRow(
        chart=place.chart,
        scope=place.scope,
        period=place.period,
        rank=int(digits[:4]),
        song_id=_song_id(row),
        title=title,
        artists=[name for link in artists if (name := _plain(link.text_content()))],
        album=(_linked_text(album) if album is not None else "") or None,
    )


def _song_id(node: html.HtmlElement) -> str | None:
    """The song number, from wherever this kind of page keeps it; a song withdrawn from play has no link."""
    if (number := node.get("data-song-no", "")).isdigit():
        return str(number)
    for value in node.xpath(".//input[@name='input_check']/@value | .//@data-song-no"):
        if value.isdigit():
            return str(value)
    for call in node.xpath(".//@href | .//@onclick"):
        if found := _SONG_CALL.search(call):
            return found[1] or found[2]
    return None


def _labelled_facts(section: html.HtmlElement) -> dict[str, str]:
    """The `dt`/`dd` pairs of a song page, a missing value left out."""
    facts: dict[str, str] = {}
    for label in section.xpath(".//dl/dt"):
        value = label.getnext()
        if value is not None and value.tag == "dd" and (text := _visible_text(value)) not in ("", "-"):
            facts.setdefault(_plain(label.text_content()), text)
    return facts


def _iso_date(text: str | None) -> str | None:
    """`2017.06.26` -> `2017-06-26`; Melon writes zeros, or nothing, for a month or day that it does not know."""
    found = re.match(r"(\d{4})(?:\.(\d{2}))?(?:\.(\d{2}))?", text or "")
    if found is None or found[1] == "0000":
        return None
    parts = [found[1]]
    for part in (found[2], found[3]):
        if part is None or part == "00":
            break
        parts.append(part)
    return "-".join(parts)


def _artist_name(link: html.HtmlElement) -> str:
    return _plain(link.get("title") or link.text_content())


def _linked_text(cell: html.HtmlElement) -> str:
    """Text of the cell's link, else of the cell: a song that may not be played has a `span` in its place."""
    link = _first(cell, ".//a[not(ancestor::*[contains(@class, 'checkEllipsis')])]")
    return _plain(link.text_content()) if link is not None else _visible_text(cell)


def _visible_text(node: html.HtmlElement | None) -> str:
    """Text without hidden labels and icons."""
    return "" if node is None else _plain("".join(node.xpath(_VISIBLE_TEXT)))


def _plain(text: str) -> str:
    """Text with blanks and line breaks made single blanks."""
    return " ".join(text.split())


def _first(node: html.HtmlElement, path: str) -> html.HtmlElement | None:
    found = node.xpath(path)
    return found[0] if found else None


def _own_address(page: html.HtmlElement) -> str | None:
    addresses = page.xpath("//meta[@property='og:url']/@content")
    return str(addresses[0]) if addresses else None


def _is_error_page(page: html.HtmlElement) -> bool:
    """Both error texts stand in every error page; the block that holds them is the sign."""
    return bool(page.xpath("//div[contains(@class, 'sys_error')]"))


def _read_page(body: bytes | str) -> html.HtmlElement | None:
    """The tree of a page or fragment; null where there is no markup to read."""
    raw = body.encode("utf-8", errors="replace") if isinstance(body, str) else body
    try:
        return html.document_fromstring(raw.replace(b"\0", b""), parser=html.HTMLParser(encoding="utf-8"))
    except (etree.LxmlError, ValueError):
        return None
