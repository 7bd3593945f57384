"""The list of popular films by TMDB's API: discover, page by page, or the daily export of all ids.

Which of the two, and why:

- **Tonight's list comes from discover.** Twenty films a page cost a twentieth of what the films themselves cost, and
  its rows have title, date and score. The export is one file, but it holds every film there is (some 12 MB packed)
  with no more than id, original title and popularity, so that it saves little and tells less.
- **Beyond 10,000 films, where discover refuses to turn the page, the export is the list**: one request in place of
  hundreds of date windows, and a list that does not move while it is read.
- **For a night in the past the export of that day is the list too**, since discover knows today's popularity alone.
- **Where the export cannot be had** (TMDB keeps three months of them), discover is read in windows of the release
  date, each narrow enough for 500 pages and read only as far as its films are popular enough. A film without a
  release date is in no window.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

from tasks.collecting.asking import ask, open_session
from tasks.collecting.films.api import TmdbApi, Window
from tasks.collecting.films.night_list import Listed, ListPage, NightList, rows_of
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.policy import base_url
from tasks.lake import utc_now
from tasks.settings import Settings, today
from tasks.sources.parsed import Parsed
from tasks.sources.tmdb_api import ListedFilm, parse_id_export
from tasks.sources.tmdb_discover import FILMS_A_PAGE, MAX_PAGES, read_frame

EXPORT_DAYS = 4  # the export of a day comes at about 08:00 UTC, and now and then one is left out
EXPORT_HOUR = timedelta(hours=8)  # UTC
FIRST_RELEASE = date(1870, 1, 1)
YEARS_AHEAD = 10  # of films that are announced
_DAY = timedelta(days=1)


def read_by_api(settings: Settings, api: TmdbApi, night: NightList) -> None:
    """List the films of the night by the API, in the way that the module's text gives reasons for."""
    is_past = not settings.is_sandbox and night.as_of < today()  # the sandbox's clock stands at the night
    wants_export = night.max_films > MAX_PAGES * FILMS_A_PAGE or is_past
    if not (wants_export and read_export(settings, night)):
        night.read(_discovered(api, night))


def _discovered(api: TmdbApi, night: NightList) -> Iterator[Listed]:
    """Popular films, the most popular first; windows take over where discover turns no further page."""
    first = night.page("page 1", partial(api.popular, 1), may_be_empty=False)
    is_cut = _n_pages(first) > MAX_PAGES
    if not is_cut or night.max_films <= MAX_PAGES * FILMS_A_PAGE:
        yield from rows_of(night.pages(api.session, "", api.popular, n_pages_of=_n_pages))
    if is_cut:
        last = date(night.as_of.year + YEARS_AHEAD, 12, 31)
        windows = [_by_popularity(_window(api, night, window)) for window in _split(api, night, (FIRST_RELEASE, last))]
        yield from (listed for _, listed in heapq.merge(*windows, key=lambda ranked: -ranked[0]))


def _split(api: TmdbApi, night: NightList, window: Window) -> Iterator[Window]:
    """The windows within this one that discover shows to the end; a single day is left as it is."""
    first, last = window
    page = night.page(f"{_name(window)} page 1", partial(api.popular, 1, window))
    if _n_pages(page) <= MAX_PAGES or first == last or api.session.is_closed:
        yield window
        return
    middle = first + (last - first) // 2
    yield from _split(api, night, (first, middle))
    yield from _split(api, night, (middle + _DAY, last))


def _window(api: TmdbApi, night: NightList, window: Window) -> Iterator[ListPage]:
    ask_page = partial(_popular_within, api, window)
    return night.pages(api.session, f"{_name(window)} ", ask_page, n_pages_of=_n_pages)


def _popular_within(api: TmdbApi, window: Window, page: int) -> tuple[Answer, Parsed[ListedFilm]]:
    return api.popular(page, window)


def _by_popularity(pages: Iterator[ListPage]) -> Iterator[tuple[float, Listed]]:
    """Rows with their popularity; a window's next page is asked for only when its turn comes."""
    for page in pages:
        popularity = read_frame(page.body).popularity
        for row in page.rows:
            yield popularity.get(row["tmdb_id"], 0.0), (page, row)


def _name(window: Window) -> str:
    return f"{window[0]} to {window[1]}"


def _n_pages(page: ListPage) -> int:
    return read_frame(page.body).n_pages


def read_export(settings: Settings, night: NightList) -> bool:
    """List films by the export of the night, or of the days before where that one is not there; whether it came.

    In a session of its own: what becomes of this host says nothing about the API.
    """
    newest, parse = _newest_export(settings, night.as_of), partial(first_of_export, night.max_films)
    with open_session(settings, "tmdb") as session:
        for day in (newest - n_before * _DAY for n_before in range(EXPORT_DAYS)):
            url = f"{base_url(settings, 'tmdb_files')}/movie_ids_{day:%m_%d_%Y}.json.gz"
            page = night.export(f"export {day}", partial(ask, session, url, parse), parse)
            night.take(rows_of([page]), lambda: night.max_films)
            if page.state is not FetchState.MISSING:
                break
    if page.state is not FetchState.OK:
        night.report.notes.append(
            f"TMDB's export of all ids as of {night.as_of} was not read ({page.state}: {page.reason}), so the list is "
            "that of the hour at which it was asked for; exports are kept for three months."
        )
    return page.state is FetchState.OK


def _newest_export(settings: Settings, as_of: date) -> date:
    """The newest day up to `as_of` whose export can be there by now."""
    return as_of if settings.is_sandbox else min(as_of, (utc_now() - EXPORT_HOUR).date())


def first_of_export(n_films: int, body: bytes, url: str | None = None) -> Parsed[ListedFilm]:
    """The most popular films of an export, as rows of a list; their title is the original one."""
    parsed = parse_id_export(body, url)
    films = {film["tmdb_id"]: film for film in parsed.rows}.values()
    popular = heapq.nlargest(n_films, films, key=lambda film: film["popularity"] or 0.0)
    rows = [
        ListedFilm(tmdb_id=film["tmdb_id"], title=film["original_title"], released_on=None, user_score=None)
        for film in popular
    ]
    return Parsed(rows, parsed.state, parsed.reason)


def reread_export(body: bytes, key: str, url: str) -> Parsed[ListedFilm]:
    """The rows of an archived export; its key (`popular-20000 export 2026-11-20`) says how many were kept."""
    return first_of_export(int(key.split()[0].removeprefix("popular-")), body, url)
