"""The list of one night as it is read: each page asked for once, each film listed once, landed as it grows."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeAlias

from tasks.collecting.batches import with_provenance
from tasks.collecting.films.batch import FilmBatch
from tasks.collecting.freshness import SETTLED
from tasks.collecting.report import FINE, SourceReport
from tasks.fetching import archive
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.settings import Settings
from tasks.sources.parsed import Parsed
from tasks.sources.tmdb import parse_list
from tasks.sources.tmdb_api import ListedFilm
from tasks.sources.tmdb_discover import FILMS_A_PAGE, MAX_PAGES

FAILURES_IN_A_ROW = 2  # of list pages, after which the rest is not asked for; one more would close the host to films
SERVER_FAULTS_IN_A_ROW = 3  # the same where the server failed, which is more likely to pass
IDLE_PAGES = 3  # pages in a row without a new film: a list that turns in circles has ended

_NO_LIST = (FetchState.MISSING, FetchState.EMPTY)
_NO_PAGE = (FetchState.MISSING,)

AskPage: TypeAlias = Callable[[], tuple[Answer, Parsed[ListedFilm]]]
ParseList: TypeAlias = Callable[[bytes, str], Parsed[ListedFilm]]


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of the list, fresh from the site or from the archive; its rows say where they were read."""

    key: str
    state: FetchState
    reason: str
    rows: list[dict[str, Any]]
    body: bytes
    is_server_fault: bool = False

    @property
    def most_in_a_row(self) -> int:
        """How many failures like this one, in a row, end the reading of a list."""
        return SERVER_FAULTS_IN_A_ROW if self.is_server_fault else FAILURES_IN_A_ROW


Listed: TypeAlias = tuple[ListPage, dict[str, Any]]
"""A row and the page it stands on."""


class NightList:
    """What is known of this night's list of popular films.

    Every page is a line of the manifest with a key of its own, so that a run that was killed asks only for pages
    that have not come, and reads the others from the archive. A film that turns up on two pages, since the list
    moves while it is read, counts once. The first `max_films` films are kept: of a page that was not used to its end
    the key says how far (`... first-7`), so that reading it anew keeps the same films.
    """

    def __init__(self, settings: Settings, as_of: date, max_films: int) -> None:
        self.as_of = as_of
        self.max_films = max_films
        self.report = SourceReport("tmdb", "list")
        self.films: dict[int, dict[str, Any]] = {}
        self.failed: dict[str, tuple[ListPage, AskPage]] = {}
        self.stopped: tuple[FetchState, str] | None = None
        self.unread: list[str] = []
        self._settings = settings
        self._batch = FilmBatch(settings.lake, "list", f"list-{as_of.isoformat()}-{max_films}", as_of)
        self._pages: dict[str, ListPage] = {}
        self._n_used: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._batch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key, page in self._pages.items():
            if page.state is FetchState.OK and self._n_used.get(key, 0) < len(page.rows) and kind is None:
                self._batch.rename("list", key, f"{key} first-{self._n_used.get(key, 0)}")
        self._batch.__exit__(kind, fault, trace)

    @property
    def is_full(self) -> bool:
        """True where as many films are listed as were asked for."""
        return len(self.films) >= self.max_films

    @property
    def n_pages(self) -> int:
        """Pages of the list that this run has, fresh from the site or from earlier on this night."""
        return len(self._pages)

    def knows(self, name: str) -> bool:
        """Whether that page came earlier on this night."""
        return self._remembered("list", self._key(name), parse_list) is not None

    def page(self, name: str, ask_page: AskPage, may_be_empty: bool = True, parse: ParseList = parse_list) -> ListPage:
        """A page by its name: as it came before on this night, else as the site sends it now.

        A list page cannot be missing, nor can a first page be empty: a site that says so is broken, or another one.
        """
        page = self._page("list", name, ask_page, parse, _NO_PAGE if may_be_empty else _NO_LIST)
        if page.state in FINE:
            self.failed.pop(name, None)
        else:
            self.failed[name] = page, ask_page
        return page

    def export(self, name: str, ask_page: AskPage, parse: ParseList) -> ListPage:
        """A list in one file, which may be missing; the rest is as with a page."""
        return self._page("id_export", name, ask_page, parse)

    def _page(
        self, entity: str, name: str, ask_page: AskPage, parse: ParseList, broken: Container[FetchState] = ()
    ) -> ListPage:
        key = self._key(name)
        if page := self._pages.get(key) or self._remembered(entity, key, parse):
            self._pages[key] = page
            return page
        answer, parsed = ask_page()
        state, reason = parsed.state, parsed.reason
        if state in broken:
            state, reason = FetchState.BROKEN, f"{reason}, which a list page cannot be"
        self._batch.add([], [answer.manifest_row(entity, key, state, reason)])
        self.report.count(answer, state)
        is_server_fault = answer.state is FetchState.BROKEN
        page = ListPage(key, state, reason, with_provenance(parsed.rows, answer), answer.body, is_server_fault)
        if state in FINE:
            self._pages[key] = page
        return page

    def _key(self, name: str) -> str:
        return f"popular-{self.max_films} {name}".strip()

    def _remembered(self, entity: str, key: str, parse: ParseList) -> ListPage | None:
        """The page that came earlier on this night, if the archive still has it."""
        for (kind, asked), line in self._batch.asked.items():
            if kind == entity and asked.partition(" first-")[0] == key and line["state"] in SETTLED:
                try:
                    body = archive.load(self._settings.pages, line["page_sha256"] or "")
                except (FileNotFoundError, ValueError):
                    return None
                origin = {"fetched_at": line["fetched_at"], "page_sha256": line["page_sha256"]}
                rows = [{**row, **origin} for row in parse(body, line["url"]).rows]
                return ListPage(key, FetchState(line["state"]), line["reason"], rows, body)
        return None

    def pages(
        self,
        session: PoliteSession,
        name: str,
        ask_page: Callable[[int], tuple[Answer, Parsed[ListedFilm]]],
        first: int = 1,
        n_pages_of: Callable[[ListPage], int] | None = None,
    ) -> Iterator[ListPage]:
        """Pages in order until the list has ended, turns in circles, or fails twice in a row; its length is theirs."""
        number, n_pages, n_failed, n_idle = first, MAX_PAGES, 0, 0
        while number <= min(n_pages, MAX_PAGES) and n_idle < IDLE_PAGES:
            page = self._next(f"{name}page {number}", partial(ask_page, number), number > 1 or bool(name))
            if page.state is FetchState.EMPTY:
                return
            if page.state is FetchState.OK:
                n_pages = n_pages_of(page) if n_pages_of else n_pages
                n_before, n_failed = len(self.films), 0
                yield page
                n_idle = n_idle + 1 if len(self.films) == n_before and not n_pages_of else 0
            elif session.is_closed or (n_failed := n_failed + 1) >= page.most_in_a_row:
                self.stopped = page.state, page.reason
                last = min(n_pages, -(-self.max_films // FILMS_A_PAGE))
                self.unread += [f"{name}page {unread}" for unread in range(number + 1, last + 1)]
                return
            number += 1

    def _next(self, name: str, ask_page: AskPage, may_be_empty: bool) -> ListPage:
        """The page of that name; one that has just failed is not asked for again at once."""
        return self.failed[name][0] if name in self.failed else self.page(name, ask_page, may_be_empty)

    def read(self, rows: Iterator[Listed]) -> None:
        """List films until there are enough. A page that failed is asked once more; the next ones make up for it."""
        self.take(rows, lambda: self.max_films - FILMS_A_PAGE * len(self.failed))
        for name, (_, ask_page) in list(self.failed.items()):
            if not self.stopped:
                self.take(rows_of([self.page(name, ask_page)]), lambda: self.max_films)
        self.take(rows, lambda: self.max_films)

    def take(self, rows: Iterator[Listed], n_wanted: Callable[[], int]) -> None:
        """List the films of these rows, each once, while there are fewer than wanted."""
        while len(self.films) < n_wanted() and (listed := next(rows, None)):
            page, row = listed
            self._n_used[page.key] = self._n_used.get(page.key, 0) + 1
            if row["tmdb_id"] not in self.films:
                self.films[row["tmdb_id"]] = row
                self._batch.add([row], [])


def rows_of(pages: Iterable[ListPage]) -> Iterator[Listed]:
    """The rows of these pages, each with its page."""
    return ((page, row) for page in pages for row in page.rows)
