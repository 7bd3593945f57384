"""Melon's charts and song pages: HTML in, rows out.

The row markup has held since 2018 (`tr.lst50` for ranks 1 to 50, `tr.lst100` beyond), so that one parser reads
the TOP100, the day, week and month charts and the age charts, which are fragments without a head. Pages are large
and many: lxml alone reads one in some 20 ms, a tenth of what BeautifulSoup takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict

from lxml.etree import XPath

from tasks.fetching.answer import FetchState
from tasks.sources.melon_address import ChartPlace, chart_place, period_fault, real_period, song_id_of_address
from tasks.sources.parsed import Parsed
from tasks.sources.reading import (
    MAX_PAGE_BYTES,
    has_class,
    is_cut_off,
    looks_refused,
    read_date,
    text_of,
    to_text,
    to_tree,
)

CHART_LENGTH = 100
SHORTEST_CHART = 50  # fewer rows are a failed page, never a short chart
_LONGEST_CHART = 1000  # rows; whatever has more is no chart, and reading it would only cost time

_SONG_CALL = re.compile(r"goSongDetail\(\s*'?(\d{1,19})\b|playSong\(\s*'[^']*'\s*,\s*'?(\d{1,19})\b")
_SONG_NUMBER = re.compile(r"[0-9]{1,19}")
_PAGE_DAY = re.compile(r"([0-9]{4})\.([0-9]{2})(?:\.([0-9]{2}))?")
_PAGE_HOUR = re.compile(r"^\s*([0-9]{1,2}):[0-9]{2}\s*$")
_CLASS_ASKED = re.compile(r"[?&]classCd=(\w{1,12})")

_LONGEST_FACT = 1000  # characters

_HIDDEN = frozenset(("none", "checkEllipsis", "bullet_icons", "icon_song"))  # for screen readers, and the age mark
_ERROR_BLOCK = XPath("/descendant::div[contains(@class, 'sys_error')]")
_ROWS = XPath("/descendant::tr[contains(@class, 'lst50') or contains(@class, 'lst100')]")
_CELLS = XPath(
    ".//*[self::span or self::div][contains(@class, 'rank')]"
)  # rank, rank01 title, rank02 artists, rank03 album
_LINK = XPath(".//a[not(ancestor::*[contains(@class, 'checkEllipsis')])]")
_NUMBERS = XPath(".//input[@name='input_check']/@value | .//@data-song-no")
_CALLS = XPath(".//@href | .//@onclick")
_OPEN_TABS = XPath(f"/descendant::li[{has_class('on')}]/a[starts-with(@href, '/chart/')]/@href")
_DAYS = XPath(f"/descendant::span[{has_class('year')} or {has_class('datelk')}]")
_HOURS = XPath(f"/descendant::span[{has_class('hour')}]")
_OWN_ADDRESS = XPath("/descendant::meta[@property='og:url']/@content")
_SONG = XPath("(/descendant::div[contains(@class, 'section_info')][.//div[contains(@class, 'song_name')]])[1]")
_SONG_NAME = XPath(".//div[contains(@class, 'song_name')]")
_SONG_ARTISTS = XPath(".//a[contains(@class, 'artist_name')]")
_LABELS = XPath(".//dl/dt")


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

    Ranks are read from the page and rows sorted by them: the order in the markup is not promised. An address that
    asks for a period that cannot be gives no rows.
    """
    if url and (fault := period_fault(url)):
        return Parsed([], FetchState.BROKEN, fault)
    page = to_tree(body)
    if page is None or _ERROR_BLOCK(page):
        return _no_such_page(body, page, "chart")
    places = _ROWS(page)
    if len(places) > _LONGEST_CHART:
        return Parsed([], FetchState.BROKEN, f"{len(places):,} rows where a Melon chart has {CHART_LENGTH}")
    place = _place(page, url)
    by_rank: dict[int, ChartRow] = {}
    for row in (_chart_row(row, place) for row in places):
        if row is not None:
            by_rank.setdefault(row["rank"], row)
    rows = [by_rank[rank] for rank in sorted(by_rank)]
    if len(rows) < SHORTEST_CHART:
        if not places and looks_refused(to_text(body)):
            return _no_such_page(body, None, "chart")
        return Parsed([], FetchState.BROKEN, f"{len(rows)} chart rows where a Melon chart has {CHART_LENGTH}")
    if not any(row["artists"] for row in rows) or not any(row["song_id"] for row in rows):
        return Parsed([], FetchState.BROKEN, "no row names its artists or its song's number: the markup has changed")
    cut = f"{len(rows)} of {CHART_LENGTH} places" if len(rows) < CHART_LENGTH else ""
    return Parsed(rows, FetchState.OK, cut, n_expected=CHART_LENGTH)


def parse_song(body: bytes | str, url: str | None = None) -> Parsed[SongRow]:
    """Read a song page; facts go by their label (`dt`), never by position."""
    page = to_tree(body)
    if page is None or _ERROR_BLOCK(page):
        return _no_such_page(body, page, "song")
    section = next(iter(_SONG(page)), None)
    title = _visible_text(_SONG_NAME(section)[0]) if section is not None else None
    if section is None or title is None:
        if looks_refused(to_text(body)):
            return _no_such_page(body, None, "song")
        return Parsed([], FetchState.BROKEN, "no song on the page: not a Melon song page")
    if is_cut_off(body):
        return Parsed([], FetchState.BROKEN, "the page is cut off, so its facts may be too")
    facts = _labelled_facts(section)
    row = SongRow(
        song_id=song_id_of_address(url) or song_id_of_address(_own_address(page)) or _song_id(section),
        title=title,
        artists=list(dict.fromkeys(name for link in _SONG_ARTISTS(section)[:100] if (name := _artist_name(link)))),
        album=facts.get("앨범"),
        released_on=read_date(facts.get("발매일")),
        genres=split_genres(facts.get("장르")),
    )
    return Parsed([row], FetchState.OK, n_expected=1)


def _no_such_page(body: bytes | str, page: Any | None, what: str) -> Parsed[Any]:
    """The state of a page that is none, or stands in place of the one that was asked for."""
    if page is not None:
        return Parsed([], FetchState.BROKEN, f"Melon's overload page in place of the {what}")
    if len(body) > MAX_PAGE_BYTES:
        return Parsed([], FetchState.BROKEN, f"{len(body):,} bytes, which no page has: no {what} is looked for")
    if body and looks_refused(to_text(body)):
        return Parsed([], FetchState.BLOCKED, f"a refusal or challenge page in place of the {what}")
    return Parsed([], FetchState.BROKEN, "not an HTML page that can be read")


def split_genres(text: str | None) -> list[str]:
    """Separate the genres of a song page: Melon puts commas between them, and slashes inside them.

    >>> split_genres("발라드, 국내드라마")
    ['발라드', '국내드라마']
    >>> split_genres("R&B / Soul"), split_genres("랩/힙합,인디음악"), split_genres("-")
    (['R&B / Soul'], ['랩/힙합', '인디음악'], [])
    """
    parts = (part.strip() for part in (text or "")[:_LONGEST_FACT].split(","))
    return list(dict.fromkeys(part for part in parts if part and part != "-"))


def _place(page: Any, url: str | None) -> ChartPlace:
    """Kind, scope and period of a chart: as its address says, and what that leaves open as the page itself says."""
    tabs = [str(tab) for tab in _OPEN_TABS(page)[:10]]
    said = chart_place(tabs[0] if tabs else _own_address(page) or "")
    asked = chart_place(url) if url else ChartPlace(said.chart)
    scopes = (found[1] for tab in tabs if (found := _CLASS_ASKED.search(tab)))
    scope = asked.scope if url else next(scopes, None)
    return ChartPlace(asked.chart, scope, asked.period or _period_on_page(page, asked.chart))


def _period_on_page(page: Any, chart: str | None) -> str | None:
    """Day, hour or month above the chart, as in `2018.01.23` and `16:00`; of a week its first day."""
    days = [_PAGE_DAY.search(text_of(place) or "") for place in _DAYS(page)[:10]]
    found = next((day for day in days if day), None)
    if found is None:
        return None
    year, month, day = found.groups()
    if day is None or chart == "month":
        return real_period(year + month)
    hours = _HOURS(page) if chart in ("top100", None) else []
    hour = _PAGE_HOUR.match(text_of(hours[0]) or "") if hours else None
    return real_period(year + month + day + (hour[1].zfill(2) if hour else ""))


def _chart_row(row: Any, place: ChartPlace) -> ChartRow | None:
    """One row; null where it has no rank or no title, which the count of rows then tells."""
    cells = {name: cell for cell in _CELLS(row) for name in cell.get("class").split()}
    rank = re.search(r"[0-9]{1,4}", text_of(cells.get("rank")) or "")
    title = _linked_text(cells.get("rank01"))
    if not rank or not title:
        return None
    # Direct links only: a hidden copy of all artists follows in span.checkEllipsis.
    artists = cells["rank02"].iterchildren("a") if "rank02" in cells else ()
    return ChartRow(
        chart=place.chart,
        scope=place.scope,
        period=place.period,
        rank=int(rank[0]),
        song_id=_song_id(row),
        title=title,
        artists=[name for link in artists if (name := text_of(link))],
        album=_linked_text(cells.get("rank03")),
    )


def _song_id(node: Any) -> str | None:
    """The song number, from wherever this kind of page keeps it; a song withdrawn from play has no link."""
    for place in (lambda: [node.get("data-song-no", "")], lambda: _NUMBERS(node)):
        for value in place():
            if _SONG_NUMBER.fullmatch(value):
                return str(value)
    for call in _CALLS(node):
        if found := _SONG_CALL.search(call):
            return found[1] or found[2]
    return None


def _labelled_facts(section: Any) -> Mapping[str, str]:
    """The `dt`/`dd` pairs of a song page, a missing value left out."""
    facts: dict[str, str] = {}
    for label in _LABELS(section)[:100]:
        value = label.getnext()
        text = _visible_text(value) if value is not None and value.tag == "dd" else None
        if text and text != "-":
            facts.setdefault(text_of(label) or "", text)
    return facts


def _artist_name(link: Any) -> str | None:
    return " ".join((link.get("title") or "").split()) or text_of(link)


def _linked_text(cell: Any | None) -> str | None:
    """Text of the cell's link, else of the cell: a song that may not be played has a `span` in its place."""
    if cell is None:
        return None
    link = next(iter(_LINK(cell)), None)
    return text_of(link) if link is not None else _visible_text(cell)


def _visible_text(node: Any) -> str | None:
    """Text without hidden labels and icons."""
    pieces: list[str] = []
    _collect_visible(node, pieces)
    return " ".join("".join(pieces).split()) or None


def _collect_visible(node: Any, pieces: list[str]) -> None:
    """Append the texts below a node in order; trees are at most 256 deep."""
    pieces.append(node.text or "")
    for child in node:
        if isinstance(child.tag, str) and _HIDDEN.isdisjoint(child.get("class", "").split()):
            _collect_visible(child, pieces)
        pieces.append(child.tail or "")


def _own_address(page: Any) -> str | None:
    addresses = _OWN_ADDRESS(page)
    return str(addresses[0]) if addresses else None
