"""IMDb's soundtrack page: the embedded JSON first, the drawn list as a fall-back, and the layout of before 2023.

An empty or challenge page is *blocked*, never "a film without soundtrack"; only a page that says so itself is
empty. The first load holds at most 50 entries: where the page's own total is larger, the list is cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tasks.fetching.answer import FetchState
from tasks.sources.imdb_drawn import drawn_film, drawn_list, drawn_total, legacy_list
from tasks.sources.imdb_entry import RawEntry, SoundtrackEntry, entry_rows, film_id, too_long
from tasks.sources.json_body import MAX_JSON_BYTES, count, object_of, objects, shown
from tasks.sources.parsed import Parsed
from tasks.sources.reading import is_cut_off, looks_refused, to_text, to_tree

__all__ = ["SoundtrackEntry", "parse_soundtrack"]

_EMBEDDED = re.compile(r"<script\b[^>]{0,200}\bid\s*=\s*[\"']?__NEXT_DATA__\b[^>]{0,200}>", re.IGNORECASE)
_CONTENT = '"pageProps":{"contentData":'
_KIND = '"page":"'
_DECODER = json.JSONDecoder()
_PROMISED = re.compile(r'"soundtrack":\{"total":(\d{1,6})\b')
_REFUSED_CODES = ("FORBIDDEN", "UNAUTHENTICATED", "UNAUTHORIZED")


def parse_soundtrack(body: bytes | str, url: str | None = None) -> Parsed[SoundtrackEntry]:
    """All entries of a soundtrack page, of its embedded JSON alone, or of a GraphQL answer that a browser saved.

    `url` gives the film's id where the page does not say it.
    """
    text = to_text(body)
    if len(text) > MAX_JSON_BYTES:
        return Parsed([], FetchState.BROKEN, f"{len(text):,} characters, which no page has")
    embedded = _embedded(text)
    if embedded is None:
        return _from_dom(text, url, "the page has no embedded data")
    data = _quick_data(embedded) or _whole_data(embedded)
    if data is None:
        return _from_dom(text, url, "the embedded data cannot be read")
    if wrong := _other_page(data):
        return wrong
    parsed = _from_json(data, url)
    if parsed.state is not FetchState.BROKEN or embedded is text:
        return parsed
    drawn = _from_dom(text, url, parsed.reason)
    return drawn if drawn.rows else parsed


def _embedded(text: str) -> str | None:
    """The embedded JSON of a page; a body that is itself JSON is taken whole."""
    if text[:100].lstrip().startswith("{"):
        return text
    near = text.find("__NEXT_DATA__")
    opened = _EMBEDDED.search(text, max(near - 250, 0)) if near >= 0 else None
    return text[opened.end() :].partition("</script>")[0] if opened else None


def _quick_data(embedded: str) -> dict[str, Any] | None:
    """The part that holds the list, a tenth of the embedded data; most of the rest is translations."""
    start, kind = embedded.find(_CONTENT), embedded.rfind(_KIND)
    if start < 0 or kind < start:
        return None
    try:
        content, _ = _DECODER.raw_decode(embedded, start + len(_CONTENT))
        page, _ = _DECODER.raw_decode(embedded, kind + len(_KIND) - 1)
    except (ValueError, RecursionError):
        return None
    return {"props": {"pageProps": {"contentData": content}}, "page": page}


def _whole_data(embedded: str) -> dict[str, Any] | None:
    try:
        data = json.loads(embedded)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _from_json(data: Mapping[str, Any], url: str | None) -> Parsed[SoundtrackEntry]:
    """The first list in the data that can be read; a list without entries is one only where its total says so."""
    content = _content(data)
    answer = object_of(content.get("data")) or object_of(data.get("data"))
    title = object_of(answer.get("title"))
    section, connection = object_of(content.get("section")), object_of(title.get("soundtrack"))
    asked = object_of(data.get("query")).get("tconst")
    imdb_id = film_id(object_of(content.get("entityMetadata")).get("id"), title.get("id"), url, asked)
    for entries, total in _lists(section, connection):
        if too_many := too_long(entries):
            return too_many
        if any(name is not None for _, name, _ in entries) or (not entries and total is not None):
            return _counted(entry_rows(imdb_id, entries), total)
    promised = _total(section.get("total"), connection.get("total"))
    return _fault(data) or Parsed([], FetchState.BROKEN, "the embedded data hold no list that can be read", promised)


def _content(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return object_of(object_of(object_of(data.get("props")).get("pageProps")).get("contentData"))


def _lists(section: Mapping[str, Any], connection: Mapping[str, Any]) -> Iterator[tuple[list[RawEntry], int | None]]:
    """The list in the two forms that the page's data have it in, with its total."""
    if isinstance(section.get("items"), list):
        yield (
            [_entry(item) for item in objects(section["items"])],
            _total(section.get("total"), connection.get("total")),
        )
    if isinstance(connection.get("edges"), list):
        yield [_entry(node) for node in _nodes(connection)], _total(connection.get("total"), _at_least(connection))


def _total(*said: Any) -> int | None:
    """The first of these that is a count."""
    return next((total for total in said if isinstance(total, int) and 0 <= total < 2**31), None)


def _other_page(data: Mapping[str, Any]) -> Parsed[SoundtrackEntry] | None:
    """The state of a page of another kind, which may hold a teaser of the list or a list of something else."""
    kind = data.get("page")
    if isinstance(kind, str) and not kind.rstrip("/").endswith("/soundtrack"):
        return _wrong_page(f"this is the page {shown(kind)}, not a soundtrack page")
    if isinstance(object_of(object_of(data.get("props")).get("pageProps")).get("mainColumnData"), dict):
        return _wrong_page("this is a title page: it shows one piece as a teaser, not the list")
    section = object_of(_content(data).get("contributionData")).get("contributionSection")
    if isinstance(section, str) and section != "soundtrack":
        return _wrong_page(f"this is the page of {shown(section)}, not of the soundtrack")
    return None


def _wrong_page(reason: str) -> Parsed[SoundtrackEntry]:
    return Parsed([], FetchState.BROKEN, f"{reason}; fetch /title/<id>/soundtrack/")


def _fault(data: Mapping[str, Any]) -> Parsed[SoundtrackEntry] | None:
    """The state of a GraphQL answer with errors in place of data."""
    errors = objects(data.get("errors"))
    if not errors:
        return None
    is_refused = any(object_of(error.get("extensions")).get("code") in _REFUSED_CODES for error in errors[:10])
    state = FetchState.BLOCKED if is_refused else FetchState.BROKEN
    return Parsed([], state, f"IMDb answered with an error: {shown(errors[0].get('message'))}")


def _nodes(connection: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The entries of a GraphQL connection in the form of the page's section."""
    for edge in objects(connection.get("edges")):
        node = object_of(edge.get("node"))
        comments = [{"html": comment.get("plaidHtml")} for comment in objects(node.get("comments"))]
        yield {"id": node.get("id"), "rowTitle": node.get("text"), "listContent": comments}


def _at_least(connection: Mapping[str, Any]) -> int | None:
    """How many entries there must be where no total is said: more than are here if another page follows."""
    has_more = object_of(connection.get("pageInfo")).get("hasNextPage") is True
    return len(objects(connection.get("edges"))) + 1 if has_more else None


def _counted(rows: list[SoundtrackEntry], total: int | None) -> Parsed[SoundtrackEntry]:
    if rows:
        cut = f"{len(rows)} of {total} entries; the rest is loaded by script" if len(rows) < (total or 0) else ""
        return Parsed(rows, FetchState.OK, cut, total)
    if total:
        return Parsed([], FetchState.BROKEN, f"the page promises {total} entries and holds none", total)
    return Parsed([], FetchState.EMPTY, "the film has no soundtrack list", 0)


def _entry(item: Mapping[str, Any]) -> RawEntry:
    lines = [line["html"] for line in objects(item.get("listContent")) if isinstance(line.get("html"), str)]
    return item.get("id"), item.get("rowTitle"), lines


def _from_dom(text: str, url: str | None, fault: str) -> Parsed[SoundtrackEntry]:
    """The entries as drawn, in either layout; without any, the page is blocked unless it is cut off."""
    tree = to_tree(text)
    legacy = legacy_list(tree) if tree is not None else None
    entries = legacy if legacy is not None else drawn_list(tree) if tree is not None else []
    if not entries and looks_refused(text):
        return Parsed([], FetchState.BLOCKED, "an empty or challenge page in place of the soundtrack page")
    total = _promised(text) or (drawn_total(tree, len(entries)) if tree is not None else None)
    if is_cut_off(text) and not (entries and total == len(entries)):
        return Parsed([], FetchState.BROKEN, f"{fault}: it is cut off, so the list may be too")
    if not entries and legacy is None:
        return Parsed([], FetchState.BLOCKED, f"{fault} and draws no list: not the page that was asked for")
    if refused := too_long(entries):
        return refused
    parsed = _counted(entry_rows(film_id(drawn_film(tree), url), entries), total)
    note = "" if legacy is not None else f"{fault}; read from the drawn list"
    return replace(parsed, reason="; ".join(filter(None, (note, parsed.reason))))


def _promised(text: str) -> int | None:
    """The total in embedded data that can otherwise not be read."""
    found = _PROMISED.search(text)
    return count(int(found[1])) if found else None
