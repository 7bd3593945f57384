"""One polite HTTP session per source and run: paced, honest about who asks, and never surprised by a site.

A site can refuse, stall, cut off or send nonsense: each is a named state in the answer, never an exception.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import requests
import stamina
import urllib3.exceptions
from protego import Protego
from requests.adapters import HTTPAdapter

from tasks.fetching import archive
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.classify import classify, retry_after_s
from tasks.fetching.pacing import Host
from tasks.fetching.policy import base_url, load_policies
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings

MAX_BODY_BYTES = 32 * 1024 * 1024  # after decompression; the largest real page met has 1 MB
SHORT_WAIT_S = 60.0  # a longer Retry-After ends the source's run
_SECRET_PARAMS = frozenset({"api_key", "access_token", "client_secret"})
_SCRUBBERS: dict[str, Callable[[bytes], bytes]] = {"imdb": archive.strip_request_echo}

logging.getLogger("stamina").addHandler(logging.NullHandler())  # a retry is no news for the terminal


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a site, in seconds, and how often to ask again."""

    connect_s: float
    read_s: float
    whole_s: float
    attempts: int
    pause_s: float
    longest_pause_s: float


LIVE = Patience(connect_s=10, read_s=60, whole_s=180, attempts=3, pause_s=2.0, longest_pause_s=20.0)
SANDBOX = Patience(connect_s=2, read_s=15, whole_s=30, attempts=3, pause_s=0.05, longest_pause_s=0.3)


def user_agent(settings: Settings) -> str:
    """Who asks: the program, its version and, where set, how to reach its operator."""
    try:
        release = version("ostinato")
    except PackageNotFoundError:
        release = "0"
    contact = f"; +{settings.contact}" if settings.contact else ""
    return f"Mozilla/5.0 (compatible; Ostinato/{release}{contact})"


class _RetryError(Exception):
    """An answer that is worth another try."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class PoliteSession:
    """Asks one source, within its policy, and classifies every answer; safe to share between threads.

    Bodies are archived and named by `Answer.sha256`. A host that answers badly several times in a row is closed
    for the run: further calls return that state at once, without a request (`Answer.status` is then null).
    """

    def __init__(self, settings: Settings, source: str, limits: Mapping[str, datetime] | None = None) -> None:
        try:
            self.policy = load_policies(settings)[source]
        except KeyError:
            raise OstinatoError(f"sources.toml has no section [{source}]; restore it from the repository.") from None
        self._settings = settings
        self._source = source
        self._patience = SANDBOX if settings.is_sandbox else LIVE
        self._scrub = _SCRUBBERS.get(source, bytes)
        self._api_hosts = {urlsplit(base_url(settings, api)).netloc for api in self.policy.apis}
        self._hosts: dict[str, Host] = {}
        for host, until in (limits or {}).items():
            self._hosts[host] = Host(self.policy.requests_per_second)
            self._hosts[host].close_until(until)
        self._robots: dict[str, Protego | tuple[FetchState, str]] = {}
        self._lock = threading.Lock()
        self._robots_lock = threading.Lock()
        self._session = self._open_session()

    def _open_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = not self._settings.is_sandbox  # a proxy has no business between us and loopback
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.update({"User-Agent": user_agent(self._settings), "Accept-Language": "en-US,en;q=0.5"})
        adapter = HTTPAdapter(pool_maxsize=self._settings.max_workers)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    @property
    def closed(self) -> FetchState | None:
        """The state that closed one of this source's hosts for the run, or None."""
        return next((host.closed for host in list(self._hosts.values()) if host.closed), None)

    @property
    def come_back_at(self) -> datetime | None:
        """When the host that asked for a long wait may be asked again; None where none did."""
        return next((host.closed_until for host in list(self._hosts.values()) if host.closed_until), None)

    @property
    def is_closed(self) -> bool:
        """True where one of this source's hosts is no longer asked in this run."""
        return self.closed is not None

    def get(
        self, url: str, *, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for a page or body. Never raises for what a site does."""
        return self._ask("GET", url, params=params, headers=headers)

    def post(
        self,
        url: str,
        *,
        data: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        archived: bool = True,
    ) -> Answer:
        """Send a form or JSON; `archived=False` keeps an answer that holds a secret, such as a token, off the disk."""
        return self._ask("POST", url, data=data, json=json, headers=headers, archived=archived)

    def heed(self, answer: Answer, state: FetchState) -> None:
        """Take the parser's word on an answer that HTTP called fine: refusals often come as ordinary pages."""
        if answer.state is FetchState.OK:
            self._host(answer.url).note(state, judge="parser")

    def wait_turn(self, url: str) -> None:
        """Take a turn of this URL's host without asking; for the browser, which asks by itself."""
        self._host(url).wait_turn()

    def forbidden(self, url: str) -> tuple[FetchState, str] | None:
        """Why robots.txt keeps this URL from being fetched, as state and sentence; None where it may be."""
        parts = urlsplit(url)
        if self.policy.robots != "obey" or parts.netloc in self._api_hosts:
            return None
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._robots_lock:
            if origin not in self._robots:
                self._robots[origin] = self._read_robots(origin)
        rules = self._robots[origin]
        if isinstance(rules, tuple):
            return rules
        if rules.can_fetch(url, "Ostinato"):
            return None
        return FetchState.REFUSED, f"robots.txt of {parts.netloc} forbids it"

    def _read_robots(self, origin: str) -> Protego | tuple[FetchState, str]:
        """The rules of a site; as RFC 9309 has it, no file allows everything and a server fault nothing."""
        answer = self._try("GET", f"{origin}/robots.txt", archived=False)
        is_absent = answer.status in (200, 204) or (answer.status is not None and 400 <= answer.status < 500)
        if answer.state is FetchState.OK:
            return Protego.parse(answer.text)
        if is_absent and answer.state in (FetchState.BLOCKED, FetchState.MISSING, FetchState.EMPTY):
            return Protego.parse("")
        state = FetchState.REFUSED if answer.state is FetchState.BROKEN else answer.state
        return state, f"robots.txt of {urlsplit(origin).netloc} could not be read ({answer.reason})"

    def _ask(self, method: str, url: str, *, archived: bool = True, **content: Any) -> Answer:
        host = self._host(url)
        if host.closed:
            return self._no_answer(url, host.closed, f"not asked: {urlsplit(url).netloc} is {host.why_closed()}")
        forbidden = self.forbidden(url)
        if forbidden:
            host.note(forbidden[0])
            return self._no_answer(url, *forbidden)
        answer = self._try(method, url, archived=archived, **content)
        host.note(answer.state)
        if answer.state is FetchState.LIMITED and answer.retry_after_s:
            host.close_until(answer.fetched_at + timedelta(seconds=answer.retry_after_s))
        return answer

    def _try(self, method: str, url: str, **content: Any) -> Answer:
        """Ask, and ask again after a server fault, a time-out or a short Retry-After."""
        patience = self._patience
        try:
            for attempt in stamina.retry_context(
                on=_RetryError,
                attempts=patience.attempts,
                timeout=None,
                wait_initial=patience.pause_s,
                wait_max=patience.longest_pause_s,
                wait_jitter=patience.pause_s,
            ):
                with attempt:
                    answer = self._once(method, url, **content)
                    if self._worth_another(answer):
                        raise _RetryError(answer)
                    return answer
        except _RetryError as last:
            return last.answer
        raise AssertionError("stamina yields at least one attempt")

    def _worth_another(self, answer: Answer) -> bool:
        if answer.state is FetchState.LIMITED:
            wait_s = 5.0 if answer.retry_after_s is None else answer.retry_after_s
            if wait_s > SHORT_WAIT_S:
                return False
            self._host(answer.url).hold(wait_s)
            return True
        is_fault = answer.state is FetchState.BROKEN and (answer.status is None or answer.status >= 500)
        return is_fault or answer.state is FetchState.UNREACHABLE

    def _once(self, method: str, url: str, *, archived: bool = True, **content: Any) -> Answer:
        self._host(url).wait_turn()
        shown = _without_secrets(url, content.get("params"))
        patience = self._patience
        try:
            with self._session.request(
                method, url, stream=True, timeout=(patience.connect_s, patience.read_s), **content
            ) as response:
                body, fault = _read_body(response, time.monotonic() + patience.whole_s)
                return self._classified(shown, response, body, fault, archived)
        except requests.RequestException as fault:
            state, reason = _transport_state(fault, patience)
            return self._no_answer(shown, state, reason)

    def _classified(self, url: str, response: requests.Response, body: bytes, fault: str, archived: bool) -> Answer:
        state, reason = classify(response.status_code, response.headers, body)
        if fault and state in (FetchState.OK, FetchState.BLOCKED) and response.status_code == 200:
            state, reason = FetchState.BROKEN, fault
        body = self._scrub(body)
        return Answer(
            url=url,
            state=state,
            status=response.status_code,
            body=body,
            content_type=response.headers.get("Content-Type", ""),
            fetched_at=utc_now(),
            sha256=archive.store(self._settings.pages, body) if archived and body else None,
            retry_after_s=retry_after_s(response.headers),
            reason=reason,
        )

    def _host(self, url: str) -> Host:
        with self._lock:
            return self._hosts.setdefault(urlsplit(url).netloc, Host(self.policy.requests_per_second))

    @staticmethod
    def _no_answer(url: str, state: FetchState, reason: str) -> Answer:
        return Answer(url, state, None, b"", "", utc_now(), None, None, reason)


def _read_body(response: requests.Response, until: float) -> tuple[bytes, str]:
    """The decompressed body, and what went wrong with it; `until` is on the monotonic clock."""
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in response.iter_content(64 * 1024):
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                return b"", f"the body is larger than {MAX_BODY_BYTES // 2**20} MB"
            if time.monotonic() > until:
                return b"".join(chunks), "the body did not end in time"
            chunks.append(chunk)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as fault:
        return b"".join(chunks), f"the body was cut off ({type(fault).__name__})"
    return b"".join(chunks), ""


def _transport_state(fault: requests.RequestException, patience: Patience) -> tuple[FetchState, str]:
    """The state of a request that brought no answer: nobody there, or somebody who broke off."""
    if isinstance(fault, requests.ReadTimeout):
        return FetchState.BROKEN, f"no answer within {patience.read_s:.0f} s"
    if isinstance(fault, requests.ConnectTimeout):
        return FetchState.UNREACHABLE, f"no connection within {patience.connect_s:.0f} s"
    cause = getattr(fault.args[0], "reason", None) if fault.args else None
    nobody_there = isinstance(cause, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.NameResolutionError))
    if nobody_there or isinstance(fault, requests.exceptions.ProxyError):
        return FetchState.UNREACHABLE, "no connection"
    return FetchState.BROKEN, f"the connection broke off ({type(fault).__name__})"


def _without_secrets(url: str, params: Mapping[str, Any] | None) -> str:
    """The URL as it may be kept: with its parameters, but without keys."""
    shown = {name: value for name, value in (params or {}).items() if name not in _SECRET_PARAMS and value is not None}
    if not shown:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(shown, doseq=True)}"
