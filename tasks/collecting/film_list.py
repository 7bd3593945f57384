"""TMDB's list of popular films, scrolled in a real browser to as many films as were asked for."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import date, timedelta

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.webdriver import WebDriver

from tasks import lake
from tasks.collecting.batches import land, n_rows_of, read_since, with_provenance
from tasks.collecting.freshness import settled_keys
from tasks.collecting.report import Progress, SourceReport
from tasks.fetching import archive
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.browser import open_browser
from tasks.fetching.classify import classify
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import Settings
from tasks.sources.tmdb import parse_list

_COUNT = """
const ids = Array.from(document.querySelectorAll('a[href^="/movie/"]'), a => a.getAttribute('href').match(/^\\/movie\\/(\\d+)/));
return new Set(ids.filter(Boolean).map(match => match[1])).size;
"""  # noqa: E501
_SCROLL = """
window.scrollTo(0, 0);
window.scrollTo(0, document.body.scrollHeight);
window.dispatchEvent(new Event('scroll'));
const more = document.querySelector('p.load_more a, a.load_more, button.load_more');
if (more && more.offsetParent !== null) more.click();
"""
_STATUS = "return (performance.getEntriesByType('navigation')[0] || {}).responseStatus || 0;"
_FAILED = "return document.documentURI.startsWith('chrome-error:');"
_N_PAGES = """
const pages = Array.from(document.querySelectorAll('div[id^="page_"]'), page => Number(page.id.slice(5)) || 0);
return Math.max(0, ...pages);
"""
_ENDED = "return Array.from(document.querySelectorAll('div[id^=\"page_\"]')).some(page => !page.children.length);"
_NOBODY_THERE = frozenset(
    ("ERR_CONNECTION_REFUSED", "ERR_NAME_NOT_RESOLVED", "ERR_ADDRESS_UNREACHABLE", "ERR_INTERNET_DISCONNECTED")
)
ATTEMPTS = 2  # time-outs and broken connections are TMDB's common failures
_PASSING = (FetchState.BROKEN, FetchState.UNREACHABLE, FetchState.LIMITED)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a list may take to grow, how often to look, and how long to wait before another try, in seconds."""

    growth_s: float
    poll_s: float
    pause_s: float


LIVE = Patience(growth_s=12, poll_s=0.25, pause_s=10)
SANDBOX = Patience(growth_s=3, poll_s=0.02, pause_s=0.2)


def collect_list(
    settings: Settings, session: PoliteSession, as_of: date, max_films: int, progress: Progress | None = None
) -> tuple[SourceReport, list[int]]:
    """The ids of the first `max_films` popular films, in list order; the list of a night is read once.

    The rows land in `tmdb/list`. A list that ends early is no fault: it is said in the report. One that the site
    cuts short is: what came is kept, under the state that cut it, and the next run asks again.
    """
    report = SourceReport("tmdb", "list")
    tonight = timedelta(days=1)
    key = f"popular-{max_films}"
    batch_key = f"list-{as_of.isoformat()}-{max_films}"
    if key in settled_keys(settings, "tmdb", "list", as_of, tonight):
        report.n_rows = n_rows_of(settings.lake, "tmdb", "list", batch_key)
        return report.close(), _listed_ids(settings, as_of, max_films)
    url = f"{base_url(settings, 'tmdb')}/movie?language=en-US"
    answer = _scrolled(settings, session, url, max_films, progress)
    parsed = parse_list(answer.body, url)
    state, reason = (parsed if answer.state is FetchState.OK else answer).state, answer.reason or parsed.reason
    films = parsed.rows[:max_films]
    manifest = [answer.manifest_row("list", key, state, reason)]
    land(settings.lake, "tmdb", {"list": with_provenance(films, answer), "fetch": manifest}, batch_key, as_of)
    report.count(answer, state)
    report.n_rows = len(films)
    if state is not FetchState.OK and films:
        report.notes.append(
            f"TMDB's list of films stopped at {len(films)} of the {max_films} asked for ({state}: {reason}); "
            "run `ostinato refresh` again later."
        )
    elif state is not FetchState.OK:
        report.notes.append(f"TMDB's list of films was not read: {reason}; run `ostinato refresh` again later.")
    elif len(films) < max_films:
        report.notes.append(f"TMDB's list ended at {len(films)} of the {max_films} films asked for.")
    return report.close(), [film["tmdb_id"] for film in films]


def _listed_ids(settings: Settings, as_of: date, max_films: int) -> list[int]:
    """The ids that this night's list already brought."""
    rows = read_since(settings.lake, "tmdb", "list", ["tmdb_id"], as_of)
    return list(dict.fromkeys(rows.column("tmdb_id").to_pylist()))[:max_films]


def _scrolled(
    settings: Settings, session: PoliteSession, url: str, max_films: int, progress: Progress | None
) -> Answer:
    """The list page as the browser holds it after scrolling, as an answer like any other.

    What may pass is tried again, unless TMDB has asked to be left alone; of two faulty answers the fuller one counts.
    """
    refused = session.forbidden(url)
    if refused:
        return _answer(settings, url, *refused)
    patience = SANDBOX if settings.is_sandbox else LIVE
    answers: list[Answer] = []
    for n_before in range(ATTEMPTS):
        time.sleep(patience.pause_s if n_before else 0)
        with open_browser(settings, "tmdb") as driver:
            answers.append(_read_list(driver, settings, session, url, max_films, progress, patience))
        if answers[-1].state not in _PASSING or session.is_closed:
            break
    return max(answers, key=lambda answer: (answer.state is FetchState.OK, len(answer.body)))


def _read_list(
    driver: WebDriver,
    settings: Settings,
    session: PoliteSession,
    url: str,
    max_films: int,
    progress: Progress | None,
    patience: Patience,
) -> Answer:
    try:
        session.wait_turn(url)
        driver.get(url)
        if driver.execute_script(_FAILED):
            return _answer(settings, url, *_browser_fault(driver.page_source))
        status = int(driver.execute_script(_STATUS) or 200)
        ended = _scroll(driver, session, url, max_films, progress, patience)
        body = driver.page_source.encode("utf-8", errors="replace")
    except TimeoutException:
        return _answer(settings, url, FetchState.BROKEN, "the page did not load in time")
    except WebDriverException as fault:
        return _answer(settings, url, *_browser_fault(str(fault)))
    state, reason = classify(status, {}, body)
    if state is FetchState.OK:
        state, reason = ended
    return _answer(settings, url, state, reason, status, body)


def _scroll(
    driver: WebDriver, session: PoliteSession, url: str, max_films: int, progress: Progress | None, patience: Patience
) -> tuple[FetchState, str]:
    """Scroll until the list holds `max_films` films, or has twice in a row not grown; the state that ended it."""
    n_films = _n_films(driver)
    n_idle = 0
    while 0 < n_films < max_films and n_idle < ATTEMPTS:
        session.wait_turn(url)
        driver.execute_script(_SCROLL)
        n_before, n_films = n_films, _grown(driver, n_films, patience)
        n_idle = n_idle + 1 if n_films == n_before else 0
        if progress is not None:
            progress(min(n_films, max_films), max_films)
    if not 0 < n_films < max_films or driver.execute_script(_ENDED):
        return FetchState.OK, ""
    return _why_no_more(session, url, int(driver.execute_script(_N_PAGES)) + 1)


def _why_no_more(session: PoliteSession, url: str, page: int) -> tuple[FetchState, str]:
    """Why the list did not grow to this page: OK where it has ended, else the fault that the browser met.

    A page in the browser swallows its faults, so the same fragment is asked for in the open: only one without cards
    is the end of the list.
    """
    address = url.replace("/movie?", "/discover/movie/items?")
    answer = session.post(address, data={"page": page, "sort_by": "popularity.desc"})
    parsed = parse_list(answer.body, address)
    session.heed(answer, parsed.state)
    state = parsed.state if answer.state is FetchState.OK else answer.state
    if state is FetchState.EMPTY:
        return FetchState.OK, ""
    if state in (FetchState.OK, FetchState.MISSING):  # TMDB has more, or has moved it: the list is not whole
        return FetchState.BROKEN, f"page {page} did not come into the browser"
    return state, answer.reason or parsed.reason


def _grown(driver: WebDriver, n_before: int, patience: Patience) -> int:
    """The number of films once it has grown, or when patience or the list has ended."""
    until = time.monotonic() + patience.growth_s
    while (n_films := _n_films(driver)) == n_before:
        if time.monotonic() > until or driver.execute_script(_ENDED):
            break
        time.sleep(patience.poll_s)
    return n_films


def _n_films(driver: WebDriver) -> int:
    return int(driver.execute_script(_COUNT))


def _browser_fault(text: str) -> tuple[FetchState, str]:
    """The state of a page that did not load, by Chromium's own name for the fault."""
    named = re.search(r"ERR_[A-Z_]+", text)
    name = named[0] if named else "no more than that the page failed"
    return (FetchState.UNREACHABLE if name in _NOBODY_THERE else FetchState.BROKEN), f"the browser says {name}"


def _answer(
    settings: Settings, url: str, state: FetchState, reason: str, status: int | None = None, body: bytes = b""
) -> Answer:
    sha256 = archive.store(settings.pages, body) if body else None
    return Answer(url, state, status, body, "text/html; charset=utf-8", lake.utc_now(), sha256, None, reason)
