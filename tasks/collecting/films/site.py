"""TMDB's web site: the list by a scrolling browser or by its fragments, and the page of a film."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

from tasks.collecting.asking import ask
from tasks.collecting.films.api import LANGUAGE, of_film
from tasks.collecting.films.browser import scrolled
from tasks.collecting.films.night_list import NightList, rows_of
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import Settings
from tasks.sources.parsed import Parsed
from tasks.sources.tmdb import parse_film, parse_list
from tasks.sources.tmdb_api import Film, ListedFilm, once
from tasks.sources.tmdb_discover import FILMS_A_PAGE

_PAGE_ID = re.compile(rb'id="page_(\d{1,4})"')
_FORM = {
    "sort_by": "popularity.desc",
    "show_me": "everything",
    "include_adult": "false",
    "include_softcore": "false",
}
"""What a fragment is asked for; the site's own page sends some thirty fields, nearly all of them empty."""


class TmdbSite:
    """The site behind its polite session, within robots.txt; language and rate are the same in the browser."""

    def __init__(self, settings: Settings, session: PoliteSession) -> None:
        self.session = session
        self._settings = settings
        self._base = base_url(settings, "tmdb")

    def film(self, tmdb_id: int) -> tuple[Answer, Parsed[Film]]:
        """A film's page."""
        url = f"{self._base}/movie/{tmdb_id}"
        params = {"language": LANGUAGE}
        return ask(self.session, url, lambda body, url: of_film(tmdb_id, whole_film(body, url)), params=params)

    def scroll(self, max_films: int) -> tuple[Answer, Parsed[ListedFilm]]:
        """The list as a browser shows it after scrolling."""
        url = f"{self._base}/movie?language={LANGUAGE}"
        answer = scrolled(self._settings, self.session, url, max_films)
        if answer.state is not FetchState.OK:
            return answer, Parsed([], answer.state, answer.reason)
        return answer, whole_list(answer.body, url)

    def fragment(self, page: int) -> tuple[Answer, Parsed[ListedFilm]]:
        """One page of the list as the scrolling page asks for it; without cards where the list has ended."""
        url = f"{self._base}/discover/movie/items?language={LANGUAGE}"
        form: dict[str, Any] = {**_FORM, "page": page}
        return ask(self.session, url, whole_list, form=form)


def whole_film(body: bytes, url: str) -> Parsed[Film]:
    """A film, unless its page stops half-way: what is left of it still reads like a film that little is known of."""
    parsed = parse_film(body, url)
    is_page = not body.lstrip().startswith(b"{")
    if is_page and parsed.state is FetchState.OK and b"</html" not in body[-1000:].lower():
        return Parsed([], FetchState.BROKEN, "the page is cut off")
    return parsed


def whole_list(body: bytes, url: str) -> Parsed[ListedFilm]:
    """A page of the list, unless it stops half-way: it then has fewer or poorer films, and elements left open.

    What a browser has scrolled together can be larger than any page that a parser takes: it is read part by part.
    """
    parts = _parts(body)
    parsed = parse_list(body, url) if len(parts) < 2 else Parsed(once(chain(*parts.values())), FetchState.OK)
    is_open = body.count(b"<div") > body.count(b"</div")
    if is_open and _looks_cut(parsed.rows, FILMS_A_PAGE) and parsed.state in (FetchState.OK, FetchState.EMPTY):
        return Parsed([], FetchState.BROKEN, f"the page is cut off after {len(parsed.rows)} films")
    return parsed


def _parts(body: bytes) -> dict[int, list[ListedFilm]]:
    """The numbered parts of a list page, and the films of each."""
    pieces = _PAGE_ID.split(body)[1:]
    return {int(number): parse_list(piece).rows for number, piece in zip(pieces[::2], pieces[1::2], strict=True)}


def _looks_cut(rows: Sequence[ListedFilm], n_usual: int) -> bool:
    """Whether a part of the list has fewer films than usual, or a last one that lacks what comes last on its card."""
    return len(rows) < n_usual or rows[-1]["released_on"] is None


def reread_film(body: bytes, key: str, url: str) -> Parsed[Film]:
    """The row of an archived film, page or body of the API, as it was taken when it came."""
    return of_film(int(key), whole_film(body, url))


def reread_list(body: bytes, key: str, url: str) -> Parsed[ListedFilm]:
    """The rows of an archived list page: as many as its key (`popular-300`, `... first-7`) says were wanted."""
    parsed = whole_list(body, url)
    n_wanted = key.rpartition("-")[2]
    rows = parsed.rows[: int(n_wanted)] if n_wanted.isdigit() else parsed.rows
    return Parsed(rows, parsed.state, parsed.reason)


def read_by_site(site: TmdbSite, night: NightList) -> None:
    """List the films of the night by the browser, and by fragments what it did not bring.

    A browser that cannot be started or is turned away, and a page that stops growing in it, cost no film where the
    site lets fragments be read: the list's own way of growing, one small request a page, in the open. A night that
    has begun with fragments ends with them.
    """
    if night.knows("page 1") and not night.knows(""):
        night.read(rows_of(night.pages(site.session, "", site.fragment)))
        return
    shown = night.page("", partial(site.scroll, night.max_films), may_be_empty=False, parse=whole_list)
    night.failed.clear()
    parts = _parts(shown.body) if shown.rows else {}
    n_usual = max(map(len, parts.values()), default=FILMS_A_PAGE)
    for number, rows in parts.items():
        if _looks_cut(rows, n_usual) and not site.session.is_closed:  # on its way into the browser
            page = night.page(f"page {number}", partial(site.fragment, number))
            night.take(rows_of([page]), lambda: night.max_films)
    night.take(rows_of([shown]), lambda: night.max_films)
    if not night.is_full or night.failed:
        next_page = max(parts, default=len(shown.rows) // FILMS_A_PAGE) + 1
        night.read(rows_of(night.pages(site.session, "", site.fragment, first=next_page)))
    if shown.state is not FetchState.OK and night.films:
        night.report.notes.append(
            f"TMDB's list did not come by the browser ({shown.state}: {shown.reason}); its pages came without one."
        )
