"""TMDB: list pages and fragments of both layouts, film pages in English and Korean, and the API's bodies.

A film reads the same from its page and from the API, but for what only one of them says: the IMDb id is in the
API alone. Missing values are null, never 0 and never the sentence that stands in for a missing overview.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tasks.fetching.answer import FetchState
from tasks.sources.parsed import Parsed
from tasks.sources.reading import first, has_class, looks_refused, read_date, text_of, to_text, to_tree
from tasks.sources.tmdb_api import Film, ListedFilm, once, parse_api_film, parse_api_list, positive_score, real_overview
from tasks.sources.tmdb_words import LABELS, genre_name, language_code

_FILM_LINK = re.compile(r"^(?:https?://[^/]+)?/movie/(\d+)(?:-[^/?#]*)?(?:[?#].*)?$")
_FILM_URL = re.compile(r"/movie/(\d+)")
_CARD = f'//div[contains(@class, "comp:poster-card") or ({has_class("card")} and {has_class("style_1")})]'
_PAGE = f'//*[starts-with(@id, "page_") or @id="media_results" or {has_class("media-list-results")}]'


def parse_list(body: bytes | str, url: str | None = None) -> Parsed[ListedFilm]:
    """The films of a list page, a list fragment or an API list, each once, in page order."""
    text = to_text(body)
    if text.lstrip().startswith("{"):
        return parse_api_list(text)
    tree = to_tree(text)
    rows = (once(_cards(tree)) or once(_bare_links(tree))) if tree is not None else []
    if rows:
        return Parsed(rows, FetchState.OK)
    if tree is not None and first(tree, _PAGE) is not None:
        return Parsed([], FetchState.EMPTY, "the list has ended: no cards")
    return _no_such_page(text, "film list")


def parse_film(body: bytes | str, url: str | None = None) -> Parsed[Film]:
    """The film of a film page or of the API's body; `url` gives the id where the page does not say it."""
    text = to_text(body)
    if text.lstrip().startswith("{"):
        return parse_api_film(text)
    tree = to_tree(text)
    header = first(tree, '//*[@id="original_header"]') if tree is not None else None
    title = text_of(first(header, ".//h2//a")) if header is not None else None
    if title is None:
        return _no_such_page(text, "film header")
    return Parsed([_film(tree, header, title, url)], FetchState.OK)


def _no_such_page(text: str, what: str) -> Parsed[Any]:
    """The state of a page that is not what was asked for; only such a page is searched for signs of a refusal."""
    if looks_refused(text):
        return Parsed([], FetchState.BLOCKED, f"an empty or challenge page: no {what}")
    return Parsed([], FetchState.BROKEN, f"the page holds no {what}")


def _cards(tree: Any) -> Iterator[ListedFilm]:
    for card in tree.xpath(_CARD):
        tmdb_id = next((number for link in card.xpath(".//a[@href]") if (number := _link_id(link))), None)
        if tmdb_id is None:
            continue
        released = first(card, f".//span[{has_class('subheader')}]")
        released = released if released is not None else first(card, f".//*[{has_class('content')}]//p")
        yield {
            "tmdb_id": tmdb_id,
            "title": text_of(first(card, ".//h2")) or _link_title(card),
            "released_on": read_date(text_of(released)),
            "user_score": _user_score(card),
        }


def _bare_links(tree: Any) -> Iterator[ListedFilm]:
    """Films by their links alone, for a layout that is not known yet."""
    for link in tree.xpath('//*[starts-with(@id, "page_") or @id="media_results"]//a[@href]'):
        title = link.get("title") or text_of(link)
        if (tmdb_id := _link_id(link)) and title:
            yield {"tmdb_id": tmdb_id, "title": title, "released_on": None, "user_score": None}


def _link_id(link: Any) -> int | None:
    found = _FILM_LINK.match(link.get("href").strip())
    return int(found[1]) if found and len(found[1]) < 12 else None


def _link_title(card: Any) -> str | None:
    return first(card, ".//a[@title]/@title")


def _user_score(scope: Any) -> float | None:
    """The score of a chart below this element; "NR" and 0 mean that too few have voted."""
    chart = first(scope, ".//*[@data-percent]")
    if chart is None or first(chart, f".//*[{has_class('icon-NR')}]") is not None:
        return None
    return positive_score(chart.get("data-percent"))


def _film(tree: Any, header: Any, title: str, url: str | None) -> Film:
    facts = dict(_facts(tree))
    return {
        "tmdb_id": _page_id(tree, header, url),
        "imdb_id": None,
        "title": title,
        "original_title": facts.get("original_title"),
        "original_language": language_code(facts.get("original_language")),
        "genres": _page_genres(header),
        "runtime_min": _minutes(text_of(first(header, f".//*[{has_class('runtime')}]"))),
        "user_score": _user_score(header) or _consensus(tree),
        "overview": real_overview(text_of(first(header, f".//*[{has_class('overview')}]"))),
        "budget_usd": _dollars(facts.get("budget")),
        "revenue_usd": _dollars(facts.get("revenue")),
        "directors": _page_directors(tree),
        "cast": _unique(
            tree.xpath(f"//ol[{has_class('people')} and not({has_class('no_image')})]/li[{has_class('card')}]/p/a")
        ),
        "released_on": read_date(text_of(first(header, f".//*[{has_class('release')}]")))
        or read_date(text_of(first(header, f".//*[{has_class('release_date')}]"))),
        "poster_url": _poster(header),
    }


def _page_id(tree: Any, header: Any, url: str | None) -> int | None:
    said = first(tree, '//link[@rel="canonical"]/@href') or first(tree, '//meta[@property="og:url"]/@content')
    for place in (said, first(header, ".//h2//a/@href"), url):
        if place and (found := _FILM_URL.search(place)):
            return int(found[1])
    return None


def _page_genres(header: Any) -> list[str]:
    links = header.xpath(f".//*[{has_class('genres')}]//a")
    names = [genre_name(link.get("href"), text_of(link)) for link in links]
    return list(dict.fromkeys(name for name in names if name))


def _consensus(tree: Any) -> float | None:
    pill = first(tree, '//*[@id="consensus_pill"]')
    return _user_score(pill) if pill is not None else None


def _facts(tree: Any) -> Iterator[tuple[str, str | None]]:
    """The facts beside the page by their labels: their order changes with the film."""
    for fact in tree.xpath(f"//section[{has_class('facts')}]//p[.//bdi]"):
        label = text_of(first(fact, ".//bdi"))
        name = LABELS.get((label or "").casefold().rstrip(" :"))
        if name:
            whole = text_of(fact) or ""
            yield name, whole.removeprefix(label or "").strip(" :") or None


def _page_directors(tree: Any) -> list[str]:
    profiles = tree.xpath(f"//ol[{has_class('people')} and {has_class('no_image')}]//li[{has_class('profile')}]")
    directing = []
    for profile in profiles:
        jobs = (text_of(first(profile, f".//p[{has_class('character')}]")) or "").split(",")
        if any(job.strip().casefold() in ("director", "감독") for job in jobs):
            directing.append(first(profile, ".//p//a"))
    return _unique(directing)


def _unique(elements: list[Any]) -> list[str]:
    return list(dict.fromkeys(name for element in elements if (name := text_of(element))))


def _poster(header: Any) -> str | None:
    poster = first(header, f".//img[{has_class('poster')}]")
    if poster is None:
        return None
    places = (poster.get("src"), poster.get("data-src"), (poster.get("srcset") or "").split(" ")[0])
    return next((place for place in places if place and "/t/p/" in place), None)


def _minutes(text: str | None) -> int | None:
    """Length in minutes.

    >>> _minutes("2h 19m"), _minutes("1시간 40분"), _minutes("45m"), _minutes("0m")
    (139, 100, 45, None)
    """
    hours = re.search(r"(\d{1,3})\s*(?:h|시간)", text or "")
    minutes = re.search(r"(\d{1,4})\s*(?:m|분)", text or "")
    return (int(hours[1]) * 60 if hours else 0) + (int(minutes[1]) if minutes else 0) or None


def _dollars(text: str | None) -> int | None:
    """Whole dollars; "-" and 0 mean unknown.

    >>> _dollars("$63,000,000.00"), _dollars("-"), _dollars("$0.00")
    (63000000, None, None)
    """
    found = re.search(r"\d[\d,]*", text or "")
    return (int(found[0].replace(",", "")) or None) if found and len(found[0]) < 20 else None
