"""TMDB: list pages and fragments of both layouts, film pages in English and Korean, and the API's bodies.

A film reads the same from its page and from the API, but for what only one of them says: the IMDb id is in the
API alone, and the page names the original title only where it differs from the shown one. Missing values are null,
never 0 and never the sentence that stands in for a missing overview.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml.etree import XPath

from tasks.fetching.answer import FetchState
from tasks.sources.json_body import overlong
from tasks.sources.parsed import Parsed
from tasks.sources.reading import (
    MAX_PAGE_BYTES,
    has_class,
    is_cut_off,
    is_json,
    looks_refused,
    read_date,
    text_of,
    to_text,
    to_tree,
)
from tasks.sources.tmdb_api import (
    Film,
    ListedFilm,
    once,
    parse_api_film,
    parse_api_list,
    poster_url,
    real_overview,
)
from tasks.sources.tmdb_cards import known_cards, list_links, read_cards, read_unknown_cards, user_score
from tasks.sources.tmdb_words import DIRECTING, LABELS, genre_name, language_code

_MOST_NAMES = 1000  # of a card list, a crew or a cast; the page shows a dozen

_FILM_URL = re.compile(r"/movie/([0-9]{1,11})(?![0-9])")
_LIST = XPath(f'/descendant::*[starts-with(@id, "page_") or @id="media_results" or {has_class("media-list-results")}]')
_CONTENT = XPath(".//h2 | .//img | .//a[@href]")
_HEADER = XPath('/descendant::*[@id="original_header"]')
_TITLE = XPath("(.//h2)[1]//a")
_HEADING_TEXT = XPath(f"(.//h2)[1]//text()[not(ancestor::*[{has_class('release_date')}])]")
_OWN_ADDRESS = XPath('/descendant::link[@rel="canonical"]/@href | /descendant::meta[@property="og:url"]/@content')
_GENRES = XPath(f".//*[{has_class('genres')}]//a")
_RUNTIME = XPath(f".//*[{has_class('runtime')}]")
_OVERVIEW = XPath(f".//*[{has_class('overview')}]")
_RELEASE = XPath(f".//*[{has_class('release')}] | .//*[{has_class('release_date')}]")
_POSTER = XPath(f".//img[{has_class('poster')}]")
_PILL = XPath('/descendant::*[@id="consensus_pill"]')
_FACTS = XPath(f"/descendant::section[{has_class('facts')}]//p[.//strong or .//bdi]")
_FACT_LABEL = XPath(".//bdi | .//strong[not(.//bdi)]")
_CREW = XPath(f"/descendant::ol[{has_class('people')} and {has_class('no_image')}]//li[{has_class('profile')}]")
_JOBS = XPath(f".//p[{has_class('character')}]")
_NAME = XPath(f".//p[not({has_class('character')})]//a | .//p[not({has_class('character')})]")
_CAST = XPath(f"/descendant::ol[{has_class('people')} and not({has_class('no_image')})]/li[{has_class('card')}]/p/a")


def parse_list(body: bytes | str, url: str | None = None) -> Parsed[ListedFilm]:
    """The films of a list page, a list fragment or an API list, each once, in page order."""
    if is_json(body):
        return parse_api_list(body)
    tree = to_tree(body)
    if tree is None:
        return _no_such_page(body, "film list")
    cards = known_cards(tree)
    if too_many := overlong(cards or list_links(tree), "cards"):
        return too_many
    rows = once(read_cards(cards)) or once(read_unknown_cards(list_links(tree)))
    if is_cut_off(body):
        return Parsed([], FetchState.BROKEN, f"the page is cut off after {len(rows)} films")
    if rows:
        return Parsed(rows, FetchState.OK)
    if places := _LIST(tree):
        if any(_CONTENT(place) for place in places):
            return Parsed([], FetchState.BROKEN, "the list holds cards of an unknown kind: the page has changed")
        return Parsed([], FetchState.EMPTY, "the list has ended: no cards")
    return _no_such_page(body, "film list")


def parse_film(body: bytes | str, url: str | None = None) -> Parsed[Film]:
    """The film of a film page or of the API's body; `url` gives the id where the page does not say it."""
    if is_json(body):
        return parse_api_film(body)
    tree = to_tree(body)
    header = _first(_HEADER(tree)) if tree is not None else None
    title = _title(header) if header is not None else None
    if title is None:
        return _no_such_page(body, "film header")
    if is_cut_off(body):
        return Parsed([], FetchState.BROKEN, "the page is cut off, so what it says of the film may be too")
    return Parsed([_film(tree, header, title, url)], FetchState.OK)


def _no_such_page(body: bytes | str, what: str) -> Parsed[Any]:
    """The state of a page that is not what was asked for; only such a page is searched for signs of a refusal."""
    if len(body) > MAX_PAGE_BYTES:
        return Parsed([], FetchState.BROKEN, f"{len(body):,} bytes, which no page has: no {what} is looked for")
    if looks_refused(to_text(body)):
        return Parsed([], FetchState.BLOCKED, f"an empty or challenge page: no {what}")
    return Parsed([], FetchState.BROKEN, f"the page holds no {what}")


def _first(found: list[Any]) -> Any | None:
    return found[0] if found else None


def _title(header: Any) -> str | None:
    """The title by its link, else the heading without the year behind it."""
    return text_of(_first(_TITLE(header))) or " ".join("".join(_HEADING_TEXT(header)).split()) or None


def _film(tree: Any, header: Any, title: str, url: str | None) -> Film:
    facts = dict(_facts(tree))
    dates = (read_date(text_of(place)) for place in sorted(_RELEASE(header), key=_is_year_alone))
    return {
        "tmdb_id": _page_id(tree, header, url),
        "imdb_id": None,
        "title": title,
        "original_title": facts.get("original_title"),
        "original_language": language_code(facts.get("original_language")),
        "genres": _page_genres(header),
        "runtime_min": _minutes(text_of(_first(_RUNTIME(header)))),
        "user_score": user_score(header) or next((score for pill in _PILL(tree) if (score := user_score(pill))), None),
        "overview": real_overview(text_of(_first(_OVERVIEW(header)))),
        "budget_usd": _dollars(facts.get("budget")),
        "revenue_usd": _dollars(facts.get("revenue")),
        "directors": _page_directors(tree),
        "cast": _unique(_CAST(tree)),
        "released_on": next((date for date in dates if date), None),
        "poster_url": next((address for poster in _POSTER(header) if (address := _poster(poster))), None),
    }


def _is_year_alone(place: Any) -> bool:
    return "release_date" in place.get("class").split()


def _page_id(tree: Any, header: Any, url: str | None) -> int | None:
    for place in (*_OWN_ADDRESS(tree)[:2], *(link.get("href") for link in _TITLE(header)[:1]), url):
        if place and (found := _FILM_URL.search(place)):
            return int(found[1]) or None
    return None


def _page_genres(header: Any) -> list[str]:
    names = [genre_name(link.get("href"), text_of(link)) for link in _GENRES(header)[:_MOST_NAMES]]
    return list(dict.fromkeys(name for name in names if name))


def _facts(tree: Any) -> Iterator[tuple[str, str | None]]:
    """The facts beside the page by their labels: their order changes with the film."""
    for fact in _FACTS(tree)[:_MOST_NAMES]:
        label = text_of(_first(_FACT_LABEL(fact))) or ""
        if name := LABELS.get(label.casefold().rstrip(" :")):
            yield name, (text_of(fact) or "").removeprefix(label).strip(" :") or None


def _page_directors(tree: Any) -> list[str]:
    directing = []
    for profile in _CREW(tree)[:_MOST_NAMES]:
        jobs = (job.strip().casefold() for place in _JOBS(profile) for job in (text_of(place) or "").split(","))
        if DIRECTING.intersection(jobs):
            directing.extend(_NAME(profile)[-1:])
    return _unique(directing)


def _unique(elements: list[Any]) -> list[str]:
    return list(dict.fromkeys(name for element in elements[:_MOST_NAMES] if (name := text_of(element))))


def _poster(image: Any) -> str | None:
    """The address of a poster: a lazy one has a picture of nothing in `src` until a script runs."""
    places = (image.get(name) for name in ("src", "data-src", "srcset", "data-srcset"))
    return next((address for place in places if (address := poster_url(place))), None)


def _minutes(text: str | None) -> int | None:
    """Length in minutes.

    >>> _minutes("2h 19m"), _minutes("1시간 40분"), _minutes("45m"), _minutes("0m")
    (139, 100, 45, None)
    """
    hours = re.search(r"([0-9]{1,3})\s{0,3}(?:h|시간)", text or "")
    minutes = re.search(r"([0-9]{1,4})\s{0,3}(?:m|분)", text or "")
    return (int(hours[1]) * 60 if hours else 0) + (int(minutes[1]) if minutes else 0) or None


def _dollars(text: str | None) -> int | None:
    """Whole dollars; "-" and 0 mean unknown.

    >>> _dollars("$63,000,000.00"), _dollars("-"), _dollars("$0.00")
    (63000000, None, None)
    """
    found = re.search(r"[0-9][0-9,]*", (text or "")[:100])
    return (int(found[0].replace(",", "")) or None) if found and len(found[0]) < 20 else None
