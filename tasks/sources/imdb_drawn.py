"""IMDb's soundtrack list as drawn: for pages whose embedded data is missing, and the layout of before 2023."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree
from lxml.etree import XPath

from tasks.sources.imdb_entry import RawEntry
from tasks.sources.reading import has_class, text_of

_ENTRIES = XPath(
    '/descendant::*[@data-testid="sub-section"]//li[@data-testid="list-item" or @data-testid="expandable-list-item"]'
    '[starts-with(@id, "sn")]'
)
_LABEL = XPath(f".//*[{has_class('ipc-metadata-list-item__label')}]")
_LINES = XPath(f".//*[{has_class('ipc-html-content-inner-div')}]")
_OWN_ADDRESS = XPath('/descendant::link[@rel="canonical"]/@href | /descendant::meta[@property="og:url"]/@content')
_MORE = XPath(f"/descendant::*[{has_class('ipc-see-more__text')}]")
_LEGACY = XPath('/descendant::*[@id="soundtracks_content"]')
_LEGACY_ENTRIES = XPath(f".//div[{has_class('soundTrack')} and {has_class('soda')}]")
_NO_CONTENT = XPath('.//*[contains(@id, "no_content")]')
_N_MORE = re.compile(r"(\d{1,4})\s*(?:more|weitere|autres|más|mais|altri)|\+\s*(\d{1,4})", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>]*>")
_BREAK = re.compile(r"<br\b[^<>]*>", re.IGNORECASE)


def drawn_list(tree: Any) -> list[RawEntry]:
    """The entries as drawn: folded ones too, but not the contribution row, which has no `sn` id."""
    return [_drawn_entry(entry) for entry in _ENTRIES(tree)]


def drawn_film(tree: Any) -> str | None:
    """The address by which the page names itself."""
    return next(iter(_OWN_ADDRESS(tree)), None)


def drawn_total(tree: Any, n_drawn: int) -> int | None:
    """The total where the page offers to load more entries than it draws; null where it does not say."""
    for button in _MORE(tree)[:10] if n_drawn else ():
        if found := _N_MORE.search(text_of(button) or ""):
            return n_drawn + int(found[1] or found[2])
    return None


def legacy_list(tree: Any) -> list[RawEntry] | None:
    """The entries of the layout of before 2023, none where the page says that there are none; null for other layouts.

    Each is a `div.soundTrack.soda`: the title up to its first `br`, then one credit line up to each further one.
    """
    for content in _LEGACY(tree)[:1]:
        entries = [_legacy_entry(entry) for entry in _LEGACY_ENTRIES(content)]
        return entries if entries or _NO_CONTENT(content) else None
    return None


def _drawn_entry(entry: Any) -> RawEntry:
    label = next(iter(_LABEL(entry)), None)
    title = _TAG.sub("", _inner(label)) if label is not None else None
    return entry.get("id"), title, [_inner(line) for line in _LINES(entry)]


def _legacy_entry(entry: Any) -> RawEntry:
    title, *lines = _BREAK.split(_inner(entry))
    return entry.get("id"), " ".join(_TAG.sub("", title).split()), lines


def _inner(element: Any) -> str:
    """The markup of an element with all that is in it."""
    return str(etree.tostring(element, encoding="unicode", method="html", with_tail=False))
