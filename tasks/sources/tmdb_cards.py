"""The cards of TMDB's film lists: of the known layouts by their classes, of any other by what they hold.

A card is what stands around the links to one film and no other; in it a date looks like a date, and a score like one,
whatever their classes are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from lxml.etree import XPath

from tasks.sources.reading import has_class, read_date, text_of
from tasks.sources.tmdb_api import ListedFilm, positive_score, real_overview

_FILM_LINK = re.compile(r"(?:https?://[^/]{1,100})?/movie/([0-9]{1,11})(?:-[^/?#]*)?(?:[?#].*)?", re.DOTALL)
_CARDS = XPath(
    f'/descendant::div[contains(@class, "comp:poster-card") or ({has_class("card")} and {has_class("style_1")})]'
)
_LIST_LINKS = XPath('/descendant::*[starts-with(@id, "page_") or @id="media_results"]//a[@href]')
_LINKS = XPath("descendant-or-self::a[@href]")
_HEADING, _OTHER_HEADING = XPath(".//h2"), XPath(".//h1 | .//h3 | .//h4")
_LINK_TITLE = XPath("descendant-or-self::a[@title]/@title")
_POSTER_TEXT = XPath(".//img/@alt")
_DATE = XPath(f".//span[{has_class('subheader')}] | .//*[{has_class('content')}]//p")
_TIME = XPath(".//time/@datetime")
_SCORE = XPath(".//*[@data-percent]")
_NOT_RATED = XPath('.//*[contains(@class, "icon-NR") or contains(@class, "icon-rNR")]')
_DATE_ALONE = re.compile(
    r"(?:[A-Za-z]{3,9}\.? ?)?[0-9][0-9\s.,/년월일-]{0,20}(?:[A-Za-z]{3,9}\.?,? [0-9]{4})?(?: ?\([A-Z]{2}\))?"
    r"|\([0-9]{4}\)"
)
_SCORE_ALONE = re.compile(r"([0-9]{1,3}(?:\.[0-9])?) ?%")
_LONGEST_DATE = 30  # characters, with the country
_MOST_PIECES, _MOST_LINKS = 100, 20  # of one card; a real one has five and two


def known_cards(tree: Any) -> list[Any]:
    """The cards of the layouts that are known."""
    return list(_CARDS(tree))


def list_links(tree: Any) -> list[Any]:
    """Every link within a film list."""
    return list(_LIST_LINKS(tree))


def read_cards(cards: Iterable[Any]) -> Iterator[ListedFilm]:
    """One film for each card that links to one."""
    for card in cards:
        tmdb_id = next((number for link in _LINKS(card) if (number := _link_id(link))), None)
        if tmdb_id is not None:
            yield _film(card, tmdb_id)


def read_unknown_cards(links: list[Any]) -> Iterator[ListedFilm]:
    """The films of a layout that is not known: each with the largest element that links to it and to no other film."""
    runs: list[tuple[int, list[Any]]] = []
    for link in links:
        if tmdb_id := _link_id(link):
            if not runs or runs[-1][0] != tmdb_id:
                runs.append((tmdb_id, []))
            runs[-1][1].append(link)
    above = [set(own[0].iterancestors()) | set(own[-1].iterancestors()) for _, own in runs]
    for number, (tmdb_id, own) in enumerate(runs):
        around = [*above[number - 1 : number], *above[number + 1 : number + 2]]
        cards = dict.fromkeys(_card_around(link, around) for link in own[:_MOST_LINKS])
        yield from (film for card in cards if (film := _film(card, tmdb_id))["title"])


def _card_around(link: Any, around: list[set[Any]]) -> Any:
    """The highest element above a link that is not above a neighbour's too, and is no list."""
    card = link
    for parent in link.iterancestors():
        name = parent.get("id") or ""
        if any(parent in others for others in around) or name.startswith("page_") or name == "media_results":
            break
        card = parent
    return card


def _film(card: Any, tmdb_id: int) -> ListedFilm:
    title = _title(card)
    return {"tmdb_id": tmdb_id, "title": title, "released_on": _date(card, title), "user_score": _score(card)}


def _link_id(link: Any) -> int | None:
    found = _FILM_LINK.fullmatch(link.get("href").strip())
    return int(found[1]) or None if found else None


def _title(card: Any) -> str | None:
    """The heading, else what a link is called or says, else the text in place of the poster."""
    texts = (text for read in (_headings, _LINK_TITLE, _spoken, _POSTER_TEXT, _said) for text in read(card)[:1])
    return next((" ".join(text.split()) for text in texts if text.strip()), None)


def _headings(card: Any) -> list[str]:
    return [text_of(heading) or "" for heading in (_HEADING(card) or _OTHER_HEADING(card))[:1]]


def _said(card: Any) -> list[str]:
    """What the links to the film say, but for the sentence in place of an overview."""
    links = [link for link in _LINKS(card)[:_MOST_LINKS] if _link_id(link)]
    return [text for link in links for text in _pieces(link) if real_overview(text)]


def _spoken(card: Any) -> list[str]:
    """What they say that is no score and no date."""
    return [text for text in _said(card) if text != "NR" and not _SCORE_ALONE.fullmatch(text) and not _date_alone(text)]


def _date(card: Any, title: str | None) -> str | None:
    """The date where the known layouts have it, else any text that is a date and nothing else."""
    places = (text for read in (_dated, _TIME) for text in read(card)[:3])
    known = (read_date(text) for text in places if len(text) <= _LONGEST_DATE)
    found = (_date_alone(text) for text in islice(_pieces(card), _MOST_PIECES) if text != title)
    return next((date for dates in (known, found) for date in dates if date), None)


def _dated(card: Any) -> list[str]:
    return [text_of(place) or "" for place in _DATE(card)[:3]]


def _date_alone(text: str) -> str | None:
    """The date that a text is; a bare number is none, however like a year it looks."""
    return read_date(text) if _DATE_ALONE.fullmatch(text) and not text.isdigit() else None


def _score(card: Any) -> float | None:
    """The score that is an attribute, else the text that is one and nothing else."""
    if _SCORE(card):
        return user_score(card)
    shares = (_SCORE_ALONE.fullmatch(text) for text in islice(_pieces(card), _MOST_PIECES))
    return next((positive_score(share[1]) for share in shares if share), None)


def user_score(element: Any) -> float | None:
    """The score in per cent; films that too few have rated show 0, or a sign of their own."""
    chart = next(iter(_SCORE(element)), None)
    if chart is None or _NOT_RATED(chart):
        return None
    return positive_score(chart.get("data-percent").strip(" %"))


def _pieces(element: Any) -> Iterator[str]:
    """The texts of an element, each with the marks within it: "Fight <b>Club</b>" is one."""
    if not isinstance(element.tag, str):
        return
    if (element.text or "").strip():
        yield text_of(element) or ""
        return
    for child in element:
        yield from _pieces(child)
        if (child.tail or "").strip():
            yield " ".join(child.tail.split())
