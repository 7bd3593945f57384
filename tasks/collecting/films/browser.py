"""TMDB's list of popular films, scrolled in a real browser to as many films as were asked for."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.webdriver import WebDriver

from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.browser import open_browser
from tasks.fetching.http import PoliteSession
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings

# Both card layouts link each film twice or thrice; links to a film's parts, such as /movie/550/watch, are no films.
_COUNT = """
const paths = Array.from(document.querySelectorAll('a[href*="/movie/"]'), link => link.pathname);
const ids = paths.map(path => path.match(/^\\/movie\\/(\\d+)(-[^\\/]*)?$/)).filter(Boolean).map(match => match[1]);
return new Set(ids).size;
"""
_SCROLL = """
window.scrollTo(0, 0);
window.scrollTo(0, document.body.scrollHeight);
window.dispatchEvent(new Event('scroll'));
const more = document.querySelector('p.load_more a, a.load_more, button.load_more');
if (more && more.offsetParent !== null) more.click();
"""
_STATUS = "return (performance.getEntriesByType('navigation')[0] || {}).responseStatus || 0;"
_FAILED = "return document.documentURI.startsWith('chrome-error:');"
_ENDED = "return Array.from(document.querySelectorAll('div[id^=\"page_\"]')).some(page => !page.children.length);"
_NOBODY_THERE = frozenset(
    ("ERR_CONNECTION_REFUSED", "ERR_NAME_NOT_RESOLVED", "ERR_ADDRESS_UNREACHABLE", "ERR_INTERNET_DISCONNECTED")
)
MOST_FILMS = 2_000  # a longer list makes the browser slow and its page larger than any answer may be
ATTEMPTS = 2  # time-outs and broken connections are TMDB's common failures
_PASSING = (FetchState.BROKEN, FetchState.UNREACHABLE, FetchState.LIMITED)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a page may take to load and a list to grow, how often to look, and when to try again; in seconds."""

    load_s: float
    growth_s: float
    poll_s: float
    pause_s: float


LIVE = Patience(load_s=60, growth_s=12, poll_s=0.25, pause_s=10)
SANDBOX = Patience(load_s=10, growth_s=1.5, poll_s=0.02, pause_s=0.2)


def scrolled(settings: Settings, session: PoliteSession, url: str, max_films: int) -> Answer:
    """The list page as the browser holds it after scrolling, as an answer like any other.

    A page that did not load is tried once more, unless TMDB has asked to be left alone. Where no browser can be
    started the answer is broken and says why: the list can be had without one, as can what lies beyond the films
    that a browser holds with ease.
    """
    refused = session.forbidden(url)
    if refused:
        return _no_answer(url, *refused, was_asked=False)
    patience = SANDBOX if settings.is_sandbox else LIVE
    for n_before in range(ATTEMPTS):
        time.sleep(patience.pause_s if n_before else 0)
        try:
            with open_browser(settings, "tmdb") as driver:
                answer = _read_list(driver, session, url, min(max_films, MOST_FILMS), patience)
        except OstinatoError as fault:
            return _no_answer(url, FetchState.BROKEN, str(fault).rstrip("."), was_asked=False)
        if answer.state not in _PASSING or session.is_closed:
            break
    return answer


def _read_list(driver: WebDriver, session: PoliteSession, url: str, max_films: int, patience: Patience) -> Answer:
    try:
        session.wait_turn(url)
        driver.set_page_load_timeout(patience.load_s)
        driver.get(url)
        if driver.execute_script(_FAILED):
            return _no_answer(url, *_browser_fault(driver.page_source))
        status = int(driver.execute_script(_STATUS) or 200)
        _scroll(driver, session, url, max_films, patience)
        body, landed_on = driver.page_source.encode("utf-8", errors="replace"), driver.current_url
    except TimeoutException:
        return _no_answer(url, FetchState.BROKEN, "the page did not load in time")
    except WebDriverException as fault:
        return _no_answer(url, *_browser_fault(str(fault)))
    return session.brought(url, status, body, landed_on)


def _scroll(driver: WebDriver, session: PoliteSession, url: str, max_films: int, patience: Patience) -> None:
    """Scroll until the list holds `max_films` films, or has twice in a row not grown."""
    n_films = _n_films(driver)
    n_idle = 0
    while 0 < n_films < max_films and n_idle < ATTEMPTS and not driver.execute_script(_ENDED):
        session.wait_turn(url)
        driver.execute_script(_SCROLL)
        n_before, n_films = n_films, _grown(driver, n_films, patience)
        n_idle = n_idle + 1 if n_films == n_before else 0


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


def _no_answer(url: str, state: FetchState, reason: str, *, was_asked: bool = True) -> Answer:
    return Answer(url, state, None, b"", "", utc_now(), None, None, reason, was_asked=was_asked)
