"""One polite HTTP session per source and run: paced, honest about who asks, and never surprised by a site.

A site can refuse, stall, cut off or send nonsense: each is a named state in the answer, never an exception.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import requests
import stamina
import urllib3.exceptions

from tasks.fetching import archive
from tasks.fetching.agent import PRODUCT, user_agent
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.cache import ArchiveCache, PageSession
from tasks.fetching.classify import SHORT_WAIT_S, classify, retry_after_s
from tasks.fetching.pacing import Host
from tasks.fetching.patience import LIVE, SANDBOX, Patience, is_passing, short_wait_s, transport_state
from tasks.fetching.policy import addresses, load_policies
from tasks.fetching.redirects import for_host, host_of, refusal, target_of
from tasks.fetching.robots import Robots
from tasks.fetching.scrub import Scrubber, cookie_values, keep_secrets_out_of_logs, without_secrets
from tasks.fetching.transport import ACCEPT_ENCODING, BoundedAdapter, Received
from tasks.fetching.turns import Turns
from tasks.settings import OstinatoError, Settings

__all__ = ["LIVE", "SANDBOX", "SHORT_WAIT_S", "Patience", "PoliteSession"]

MOST_WAITS = 5  # short ones in a row; a host that asks for more is left alone
MOST_REDIRECTS = 5
_READ_FINE = frozenset({FetchState.OK, FetchState.EMPTY, FetchState.MISSING})

logging.getLogger("stamina").addHandler(logging.NullHandler())  # a retry is no news for the terminal


class _RetryError(Exception):
    """An answer that is worth another try."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class PoliteSession:
    """Asks one source, within its policy, and classifies every answer; safe to share between threads.

    Bodies are archived and named by `Answer.sha256`. What a site can confirm by ETag or Last-Modified is asked so:
    an unchanged page costs no transfer, and its answer is the kept body (`Answer.was_revalidated`). A host that
    answers badly several times in a row is closed for the run: further calls return that state at once, without a
    request (`Answer.status` is then null).
    """

    def __init__(self, settings: Settings, source: str, limits: Mapping[str, datetime] | None = None) -> None:
        try:
            self.policy = load_policies(settings)[source]
        except KeyError:
            raise OstinatoError(f"sources.toml has no section [{source}]; restore it from the repository.") from None
        keep_secrets_out_of_logs()
        self._settings = settings
        self._patience = SANDBOX if settings.is_sandbox else LIVE
        self._agent = user_agent(settings)
        self._scrubber = Scrubber(settings, self._agent)
        self._api_hosts = {host_of(url) for url in addresses(settings, self.policy.apis)}
        self._own_hosts = self._api_hosts | {host_of(url) for url in addresses(settings, self.policy.sites)}
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()
        for host, until in (limits or {}).items():
            self._host(f"//{host}").close_until(until)
        self._robots = Robots(settings.user_agent or PRODUCT, self._read_robots, self._slow_down)
        self._cache = ArchiveCache(settings)
        self._session = self._open_session()

    def _open_session(self) -> PageSession:
        patience = self._patience
        headers = {"User-Agent": self._agent, "Accept-Encoding": ACCEPT_ENCODING, "Accept-Language": "en-US,en;q=0.5"}
        session = PageSession(self._cache, headers)
        session.trust_env = not self._settings.is_sandbox  # a proxy has no business between us and loopback
        adapter = BoundedAdapter(
            connect_s=patience.connect_s,
            read_s=patience.read_s,
            whole_s=patience.whole_s,
            max_bytes=self.policy.largest_body_mb * 2**20,
            clean=self._clean,
            n_connections=self._settings.max_workers,
        )
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()  # type: ignore[no-untyped-call]

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
        """Take the parser's word on an answer that HTTP called fine: refusals often come as ordinary pages.

        A body that could not be read is asked for whole the next time, not confirmed.
        """
        if answer.state is not FetchState.OK:
            return
        self._host(answer.url).note(state, judge="parser")
        if state not in _READ_FINE and answer.sha256:
            self._cache.forget(answer.sha256)

    def brought(self, url: str, status: int, body: bytes, landed_on: str) -> Answer:
        """What a browser has brought from this URL, as an answer like any other: cleaned, classified, archived.

        `landed_on` is where it ended up.
        """
        shown, content_type = without_secrets(url), "text/html; charset=utf-8"
        if len(body) > self.policy.largest_body_mb * 2**20:
            return _no_answer(shown, FetchState.BROKEN, f"the page is larger than {self.policy.largest_body_mb} MB")
        body = self._scrubber.clean(body, is_page=status == 200)
        stop = refusal("GET", url, landed_on, self._own_hosts)
        state, reason = stop or classify(status, {}, body)
        sha256 = archive.store(self._settings.pages, body) if body else None
        return Answer(shown, state, status, body, content_type, datetime.now(UTC), sha256, None, reason)

    def wait_turn(self, url: str) -> None:
        """Take a turn of this URL's host without asking; for the browser, which asks by itself."""
        self._host(url).wait_turn()

    def forbidden(self, url: str) -> tuple[FetchState, str] | None:
        """Why robots.txt keeps this URL from being fetched, as state and sentence; None where it may be."""
        if self.policy.robots != "obey" or host_of(url) in self._api_hosts:
            return None
        return self._robots.refusal(url)

    def _read_robots(self, url: str) -> Answer:
        return self._try("GET", url, archived=False)

    def _slow_down(self, url: str, interval_s: float) -> None:
        self._host(url).slow_down(interval_s)

    def _ask(self, method: str, url: str, **content: Any) -> Answer:
        host = self._host(url)
        if host.closed:
            return _not_asked(without_secrets(url, content.get("params")), host)
        forbidden = self.forbidden(url)
        if forbidden:
            host.note(forbidden[0])
            return _no_answer(without_secrets(url, content.get("params")), *forbidden, was_asked=False)
        answer = self._try(method, url, **content)
        host.note(answer.state)
        host.is_silent = answer.status is None and answer.state in (FetchState.BROKEN, FetchState.UNREACHABLE)
        if answer.state is FetchState.LIMITED and answer.retry_after_s and answer.status:
            host.close_until(answer.fetched_at + timedelta(seconds=answer.retry_after_s))
        return answer

    def _try(self, method: str, url: str, **content: Any) -> Answer:
        """Ask, and ask again after a server fault or a time-out."""
        patience, host = self._patience, self._host(url)
        try:
            for attempt in stamina.retry_context(
                on=_RetryError,
                attempts=1 if host.is_silent else patience.attempts,
                timeout=None,
                wait_initial=patience.pause_s,
                wait_max=patience.longest_pause_s,
                wait_jitter=patience.pause_s,
            ):
                with attempt:
                    answer = self._waited(method, url, **content)
                    if is_passing(answer) and not host.closed:
                        raise _RetryError(answer)
                    return answer
        except _RetryError as last:
            return last.answer
        raise AssertionError("stamina yields at least one attempt")

    def _waited(self, method: str, url: str, **content: Any) -> Answer:
        """Ask, and ask again after each short wait that the site asks for, until it has asked for too many."""
        for _ in range(MOST_WAITS):
            answer = self._once(method, url, **content)
            wait_s = short_wait_s(answer)
            if wait_s is None or self._host(url).closed:
                break
            self._host(url).hold(wait_s)
        return answer

    def _once(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        archived: bool = True,
        **content: Any,
    ) -> Answer:
        """One request, and those that the site sends it on to within the source's own hosts."""
        shown = without_secrets(url, params)
        try:
            request = self._session.prepared(method, url, headers, params=params, **content)
            for _ in range(MOST_REDIRECTS + 1):
                host = self._host(request.url or url)
                host.wait_turn()
                if host.closed:
                    return _not_asked(shown, host)
                response = self._session.fetch(request, is_cached=archived and method == "GET")
                target = target_of(response)
                if target is None:
                    return self._classified(shown, response, archived)
                stop = refusal(method, request.url or url, target, self._own_hosts) or self.forbidden(target)
                if stop:
                    return self._classified(shown, response, archived, stop)
                request = self._session.prepared("GET", target, for_host(headers, request.url or url, target))
        except requests.RequestException as fault:
            return _no_answer(shown, *transport_state(fault, patience=self._patience))
        except (urllib3.exceptions.HTTPError, ValueError) as fault:  # headers that no library foresaw
            return _no_answer(shown, FetchState.BROKEN, f"the answer could not be read ({type(fault).__name__})")
        return self._classified(shown, response, archived, (FetchState.BROKEN, "it sends on in a circle"))

    def _classified(
        self, url: str, response: requests.Response, archived: bool, verdict: tuple[FetchState, str] | None = None
    ) -> Answer:
        received: Received | None = getattr(response, "received", None)
        status, state, reason = 304, FetchState.OK, ""  # the kept body, which the site has just confirmed
        if received:
            status = response.status_code
            state, reason = classify(status, response.headers, response.content)
            if received.fault and status == 200 and state in (FetchState.OK, FetchState.BLOCKED):
                state, reason = FetchState.BROKEN, received.fault
        if verdict:
            state, reason = verdict[0], f"HTTP {status}: {verdict[1]}"
        sha256 = getattr(response, "page_sha256", None) if received else None
        if sha256 is None and archived and response.content:
            sha256 = archive.store(self._settings.pages, response.content)
        return Answer(
            url=url,
            state=state,
            status=status,
            body=response.content,
            content_type=response.headers.get("Content-Type", ""),
            fetched_at=datetime.now(UTC),
            sha256=sha256,
            retry_after_s=retry_after_s(response.headers),
            reason=reason,
            n_wire_bytes=received.n_wire_bytes if received else 0,
        )

    def _clean(self, body: bytes, response: requests.Response, set_cookies: list[str]) -> bytes:
        return self._scrubber.clean(
            body,
            url=response.request.url or "",
            authorization=str(response.request.headers.get("Authorization", "")),
            cookies=cookie_values(set_cookies),
            is_page=response.status_code == 200,
        )

    def _host(self, url: str) -> Host:
        name = host_of(url)
        with self._lock:
            if name not in self._hosts:
                folder = None if self._settings.is_sandbox else self._settings.world / "turns"
                self._hosts[name] = Host(self.policy.pace(name in self._api_hosts), Turns(folder, name))
            return self._hosts[name]


def _no_answer(url: str, state: FetchState, reason: str, *, was_asked: bool = True) -> Answer:
    return Answer(url, state, None, b"", "", datetime.now(UTC), None, None, reason, was_asked=was_asked)


def _not_asked(url: str, host: Host) -> Answer:
    state = host.closed or FetchState.REFUSED
    return _no_answer(url, state, f"not asked: {host_of(url)} is {host.why_closed()}", was_asked=False)
