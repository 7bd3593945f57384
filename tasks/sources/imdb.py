"""IMDb's soundtrack page: the embedded JSON first, the drawn list as a fall-back.

An empty or challenge page is *blocked*, never "a film without soundtrack"; only a page that says so itself is
empty. The first load holds at most 50 entries: where the page's own total is larger, the list is cut.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any, TypedDict

import lxml.html

from tasks.fetching.answer import FetchState
from tasks.sources.credits import Credit, Segment, plain_text, read_credits, read_line
from tasks.sources.parsed import Parsed
from tasks.sources.reading import looks_refused, text_of, to_text, to_tree

_EMBEDDED = re.compile(r"<script[^>]{0,200}\bid=[\"']?__NEXT_DATA__\b[^>]{0,200}>", re.IGNORECASE)
_FILM_ID = re.compile(r"\btt\d{7,10}\b")
_ENTRIES = (
    '//*[@data-testid="sub-section"]//li[@data-testid="list-item" or @data-testid="expandable-list-item"]'
    '[starts-with(@id, "sn")]'
)
_LABEL = './/*[contains(concat(" ", normalize-space(@class), " "), " ipc-metadata-list-item__label ")]'
_LINES = './/*[contains(concat(" ", normalize-space(@class), " "), " ipc-html-content-inner-div ")]'


class SoundtrackEntry(TypedDict):
    """One piece of music in a film, as its page credits it."""

    imdb_id: str | None
    position: int  # from 1, in page order
    entry_id: str | None
    title: str | None
    credits: list[Credit]
    lines: list[str]


def parse_soundtrack(body: bytes | str, url: str | None = None) -> Parsed[SoundtrackEntry]:
    """All entries of a soundtrack page, or of its embedded JSON alone.

    `url` gives the film's id where the page does not say it.
    """
    text = to_text(body)
    embedded = _embedded(text)
    if embedded is None:
        return _from_dom(text, url, "the page has no embedded data")
    try:
        data = json.loads(embedded)
    except (ValueError, RecursionError):
        return _from_dom(text, url, "the embedded data cannot be read")
    return _from_json(data, url)


def _embedded(text: str) -> str | None:
    """The embedded JSON of a page; a body that is itself JSON is taken whole."""
    if text.lstrip().startswith("{"):
        return text
    opened = _EMBEDDED.search(text)
    return text[opened.end() :].partition("</script>")[0] if opened else None


def _from_json(data: Any, url: str | None) -> Parsed[SoundtrackEntry]:
    kind = _get(data, "page")
    if isinstance(kind, str) and not kind.rstrip("/").endswith("/soundtrack"):
        return _wrong_page(f"this is the page {kind}, not a soundtrack page")
    content = _get(data, "props", "pageProps", "contentData")
    section = _get(content, "section")
    if not isinstance(section, dict):
        teaser = _get(data, "props", "pageProps", "mainColumnData")
        if isinstance(teaser, dict):
            return _wrong_page("this is a title page: it shows one piece as a teaser, not the list")
        return _wrong_page("the page holds no soundtrack section")
    items = section.get("items")
    items = items if isinstance(items, list) else []
    imdb_id = _film_id(_get(content, "entityMetadata", "id"), url, _get(data, "query", "tconst"))
    rows = [_entry(imdb_id, n, item) for n, item in enumerate(items, 1) if isinstance(item, dict)]
    total = section.get("total")
    return _counted(rows, total if isinstance(total, int) and total >= 0 else None)


def _wrong_page(reason: str) -> Parsed[SoundtrackEntry]:
    return Parsed([], FetchState.BROKEN, f"{reason}; fetch /title/<id>/soundtrack/")


def _counted(rows: list[SoundtrackEntry], total: int | None) -> Parsed[SoundtrackEntry]:
    if rows:
        cut = f"{len(rows)} of {total} entries; the rest is loaded by script" if len(rows) < (total or 0) else ""
        return Parsed(rows, FetchState.OK, cut, total)
    if total:
        return Parsed([], FetchState.BROKEN, f"the page promises {total} entries and holds none", total)
    return Parsed([], FetchState.EMPTY, "the film has no soundtrack list", 0)


def _entry(imdb_id: str | None, position: int, item: dict[str, Any]) -> SoundtrackEntry:
    content = item.get("listContent")
    content = content if isinstance(content, list) else []
    lines = [read_line(line["html"]) for line in content if isinstance(_get(line, "html"), str)]
    return _row(imdb_id, position, item.get("id"), item.get("rowTitle"), lines)


def _row(imdb_id: str | None, position: int, entry_id: Any, title: Any, lines: list[list[Segment]]) -> SoundtrackEntry:
    return {
        "imdb_id": imdb_id,
        "position": position,
        "entry_id": entry_id if isinstance(entry_id, str) else None,
        "title": (html.unescape(title).strip() or None) if isinstance(title, str) else None,
        "credits": read_credits(lines),
        "lines": [line for line in map(plain_text, lines) if line],
    }


def _from_dom(text: str, url: str | None, fault: str) -> Parsed[SoundtrackEntry]:
    """The entries as drawn: folded ones too, but not the contribution row, which has no `sn` id."""
    tree = to_tree(text)
    entries = tree.xpath(_ENTRIES) if tree is not None else []
    if not entries and looks_refused(text):
        return Parsed([], FetchState.BLOCKED, "an empty or challenge page in place of the soundtrack page")
    if "</html>" not in text[-2000:].lower() and "<html" in text[:2000].lower():
        return Parsed([], FetchState.BROKEN, f"{fault}: it is cut off, so the list may be too")
    if not entries:
        return Parsed([], FetchState.BLOCKED, f"{fault} and draws no list: not the page that was asked for")
    links = tree.xpath('string(//link[@rel="canonical"]/@href)') if tree is not None else ""
    imdb_id = _film_id(links, url)
    rows = [_drawn_entry(imdb_id, n, entry) for n, entry in enumerate(entries, 1)]
    return Parsed(rows, FetchState.OK, f"{fault}; read from the drawn list")


def _drawn_entry(imdb_id: str | None, position: int, entry: Any) -> SoundtrackEntry:
    label = entry.xpath(_LABEL)
    lines = [read_line(lxml.html.tostring(line, encoding="unicode", with_tail=False)) for line in entry.xpath(_LINES)]
    return _row(imdb_id, position, entry.get("id"), text_of(label[0]) if label else None, lines)


def _film_id(*places: Any) -> str | None:
    """The first film id in these places; leading zeros are kept."""
    found = (_FILM_ID.search(place) for place in places if isinstance(place, str))
    return next((match[0] for match in found if match), None)


def _get(data: Any, *path: str) -> Any:
    """The value below nested objects, or None where one of them is not there or no object."""
    for key in path:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data
