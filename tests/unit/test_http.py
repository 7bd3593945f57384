"""The polite session against a real HTTP server that misbehaves on purpose."""

from __future__ import annotations

import gzip
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tasks.fetching import archive, http, policy
from tasks.fetching.answer import FetchState
from tasks.fetching.http import PoliteSession
from tasks.settings import OstinatoError, Profile, Settings

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Site(ThreadingHTTPServer):
    """A site whose paths behave as a test tells them to; it counts what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.paths: dict[str, Behaviour] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def says(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.paths[path] = answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked[path] += 1
        self.server.headers.append(dict(self.headers))
        length = int(self.headers.get("Content-Length") or 0)
        self.posted = self.rfile.read(length)
        behave = self.server.paths.get(path)
        if behave is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            behave(self)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(site: Site, tmp_path: Path) -> Settings:
    """A sandbox world whose IMDb and ReccoBeats are the misbehaving server."""
    sites = {"imdb": site.url, "reccobeats": site.url, "tmdb": site.url, "tmdb_api": site.url}
    return Settings(home=tmp_path, profile=Profile.SANDBOX, sites=sites)


@pytest.fixture
def live(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same server asked by the live profile's rules, with the sandbox's short pauses."""
    monkeypatch.setattr(http, "LIVE", http.SANDBOX)
    return Settings(**{**settings.model_dump(), "profile": Profile.LIVE})


def test_a_page_comes_whole_and_is_archived(site: Site, settings: Settings) -> None:
    body = "빗속에서 &amp; 🌧".encode() * 1000
    site.says("/page", gzip.compress(body), Content_Encoding="gzip", Content_Type="text/html; charset=utf-8")
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page", params={"language": "ko"})
    assert (answer.state, answer.status, answer.reason) == (FetchState.OK, 200, "")
    assert answer.body == body
    assert answer.text.startswith("빗속에서")
    assert answer.url == f"{site.url}/page?language=ko"
    assert answer.sha256
    assert archive.load(settings.pages, answer.sha256) == body
    assert answer.fetched_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("status", "body", "headers", "state"),
    [
        (202, b"", {"x_amzn_waf_action": "challenge"}, FetchState.BLOCKED),
        (200, b"<html>ok</html>", {"x_amzn_waf_action": "captcha"}, FetchState.BLOCKED),
        (200, b"  \n", {}, FetchState.BLOCKED),
        (403, b"no", {}, FetchState.BLOCKED),
        (401, b"{}", {}, FetchState.BLOCKED),
        (406, b"", {}, FetchState.BLOCKED),
        (404, b"gone", {}, FetchState.MISSING),
        (204, b"", {}, FetchState.EMPTY),
        (400, b"?", {}, FetchState.BROKEN),
        (502, b"bad gateway", {}, FetchState.BROKEN),
        (429, b"slow down", {"Retry_After": "86000"}, FetchState.LIMITED),
    ],
)
def test_every_answer_has_a_state(
    site: Site, settings: Settings, status: int, body: bytes, headers: dict[str, str], state: FetchState
) -> None:
    site.says("/page", body, status, **headers)
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page")
    assert (answer.state, answer.status) == (state, status)
    assert answer.reason


def test_a_server_fault_is_asked_again_and_a_refusal_is_not(site: Site, settings: Settings) -> None:
    site.says("/fault", b"x", 503)
    site.says("/refused", b"x", 403)
    with PoliteSession(settings, "imdb") as session:
        session.get(f"{site.url}/fault")
        session.get(f"{site.url}/refused")
    assert site.asked["/fault"] == http.SANDBOX.attempts
    assert site.asked["/refused"] == 1


def test_a_fault_that_passes_is_not_seen(site: Site, settings: Settings) -> None:
    def once_bad(handler: BaseHTTPRequestHandler) -> None:
        site.says("/page", b"fine")
        handler.close_connection = True  # breaks off without an answer

    site.paths["/page"] = once_bad
    with PoliteSession(settings, "imdb") as session:
        assert session.get(f"{site.url}/page").state is FetchState.OK
    assert site.asked["/page"] == 2


def test_a_body_that_is_cut_off_is_broken(site: Site, settings: Settings) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"<html>half a pa")
        handler.close_connection = True

    site.paths["/page"] = cut
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page")
    assert answer.state is FetchState.BROKEN
    assert "cut off" in answer.reason


def test_a_bomb_is_not_unpacked(site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1024 * 1024)
    site.says("/bomb", gzip.compress(bytes(20 * 1024 * 1024)), Content_Encoding="gzip")
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/bomb")
    assert (answer.state, answer.body, answer.sha256) == (FetchState.BROKEN, b"", None)
    assert site.asked["/bomb"] == 1, "a body that is too large stays so"


def test_a_short_wait_is_waited_for_all_threads(site: Site, settings: Settings) -> None:
    def limited_once(handler: BaseHTTPRequestHandler) -> None:
        site.says("/page", b"fine")
        handler.send_response(429)
        handler.send_header("Retry-After", "1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    site.paths["/page"] = limited_once
    started = time.monotonic()
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page")
    assert answer.state is FetchState.OK
    assert time.monotonic() - started >= 1.0
    assert not session.is_closed


def test_a_long_wait_closes_the_source(site: Site, settings: Settings) -> None:
    site.says("/page", b"", 429, Retry_After="3600")
    with PoliteSession(settings, "imdb") as session:
        started = time.monotonic()
        first = session.get(f"{site.url}/page")
        second = session.get(f"{site.url}/other")
    assert (first.state, first.retry_after_s) == (FetchState.LIMITED, 3600.0)
    assert (second.state, second.status) == (FetchState.LIMITED, None)
    assert session.closed is FetchState.LIMITED
    assert site.asked == Counter({"/page": 1})
    assert time.monotonic() - started < 5


def test_three_refusals_in_a_row_close_the_source(site: Site, settings: Settings) -> None:
    site.says("/no", b"x", 403)
    site.says("/yes", b"x")
    with PoliteSession(settings, "imdb") as session:
        states = [session.get(f"{site.url}{path}").state for path in ("/no", "/no", "/yes", "/no", "/no", "/no")]
        assert states == ["blocked", "blocked", "ok", "blocked", "blocked", "blocked"]
        last = session.get(f"{site.url}/yes")
    assert (last.state, last.status) == (FetchState.BLOCKED, None)
    assert "3 blocked answers in a row" in last.reason
    assert site.asked["/yes"] == 1


def test_the_parser_can_close_a_source_too(site: Site, settings: Settings) -> None:
    site.says("/page", b"an error page with status 200")
    with PoliteSession(settings, "imdb") as session:
        for _ in range(3):
            session.heed(session.get(f"{site.url}/page"), FetchState.BLOCKED)
        assert session.closed is FetchState.BLOCKED


def test_nobody_there_is_unreachable(settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    with PoliteSession(settings, "imdb") as session:
        answers = [session.get(f"{nobody}/page") for _ in range(4)]
    assert {answer.state for answer in answers} == {FetchState.UNREACHABLE}
    assert "not asked" in answers[-1].reason


def test_a_silent_site_is_broken(site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = http.Patience(connect_s=1, read_s=0.2, whole_s=1, attempts=2, pause_s=0.01, longest_pause_s=0.01)
    monkeypatch.setattr(http, "SANDBOX", patience)
    site.paths["/page"] = lambda handler: time.sleep(0.6)
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page")
    assert answer.state is FetchState.BROKEN
    assert "no answer within" in answer.reason
    assert site.asked["/page"] == 2


def test_an_endless_trickle_ends(site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = http.Patience(connect_s=1, read_s=1, whole_s=0.3, attempts=1, pause_s=0.01, longest_pause_s=0.01)
    monkeypatch.setattr(http, "SANDBOX", patience)

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**7))
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(bytes(70_000))
            time.sleep(0.05)

    site.paths["/page"] = trickle
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page")
    assert answer.state is FetchState.BROKEN
    assert "in time" in answer.reason


def test_robots_txt_is_obeyed_and_read_once(site: Site, live: Settings) -> None:
    site.says("/robots.txt", b"User-agent: *\nDisallow: /private\n")
    site.says("/public", b"x")
    site.says("/private/page", b"x")
    with PoliteSession(live, "imdb") as session:
        assert session.get(f"{site.url}/public").state is FetchState.OK
        refused = session.get(f"{site.url}/private/page")
    assert (refused.state, refused.status) == (FetchState.REFUSED, None)
    assert site.asked == Counter({"/robots.txt": 1, "/public": 1})


@pytest.mark.parametrize(("status", "state"), [(404, FetchState.OK), (403, FetchState.OK), (500, FetchState.REFUSED)])
def test_a_missing_robots_txt_allows_and_a_faulty_one_does_not(
    site: Site, live: Settings, status: int, state: FetchState
) -> None:
    site.says("/robots.txt", b"x", status)
    site.says("/page", b"x")
    with PoliteSession(live, "imdb") as session:
        assert session.get(f"{site.url}/page").state is state


def test_the_operators_permission_comes_before_robots_txt(
    site: Site, live: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = policy.load_policies(live)
    permitted = policies | {"imdb": policies["imdb"].model_copy(update={"robots": "operator-permission"})}
    monkeypatch.setattr(http, "load_policies", lambda settings: permitted)
    site.says("/robots.txt", b"User-agent: *\nDisallow: /\n")
    site.says("/page", b"x")
    with PoliteSession(live, "imdb") as session:
        assert session.get(f"{site.url}/page").state is FetchState.OK


def test_an_api_is_not_asked_for_robots_txt(site: Site, live: Settings) -> None:
    site.says("/robots.txt", b"User-agent: *\nDisallow: /\n")
    site.says("/audio-features", b"{}")
    with PoliteSession(live, "reccobeats") as session:
        assert session.get(f"{site.url}/audio-features").state is FetchState.OK


def test_the_pace_holds_over_threads(site: Site, live: Settings) -> None:
    site.says("/page", b"x")
    with PoliteSession(live, "imdb") as session, ThreadPoolExecutor(4) as pool:
        started = time.monotonic()
        list(pool.map(lambda _: session.get(f"{site.url}/page"), range(2)))
    assert time.monotonic() - started >= 2.0, "robots.txt and two pages at one request a second"


def test_nothing_secret_is_kept(site: Site, settings: Settings) -> None:
    page = b'<script id="__NEXT_DATA__">{"requestContext": {"ipAddress": "203.0.113.9", "headers": {"cookie": "}"}}}'
    site.says("/page", page)
    site.says("/token", b'{"access_token": "secret"}', Set_Cookie="session=1")
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page", params={"api_key": "k3y"})
        token = session.post(f"{site.url}/token", data={"grant_type": "client_credentials"}, archived=False)
        session.get(f"{site.url}/page")
    assert answer.url == f"{site.url}/page"
    assert b"203.0.113.9" not in answer.body
    assert answer.body.endswith(b'"requestContext": {}}')
    assert (token.body, token.sha256) == (b'{"access_token": "secret"}', None)
    assert "Cookie" not in site.headers[-1]


def test_the_user_agent_says_who_asks(site: Site, settings: Settings) -> None:
    site.says("/page", b"x")
    known = Settings(**{**settings.model_dump(), "contact": "me@example.org"})
    with PoliteSession(known, "imdb") as session:
        session.get(f"{site.url}/page")
    agent = site.headers[-1]["User-Agent"]
    assert "Ostinato/" in agent
    assert "+me@example.org" in agent
    assert "bot.html" not in agent


def test_the_sandbox_never_asks_a_real_site(tmp_path: Path) -> None:
    bare = Settings(home=tmp_path, profile=Profile.SANDBOX, sites={})
    with pytest.raises(OstinatoError, match="ostinato up"):
        policy.base_url(bare, "imdb")
    assert policy.base_url(Settings(home=tmp_path, profile=Profile.LIVE), "imdb") == "https://www.imdb.com"


def test_training_is_cleared_by_policy(tmp_path: Path) -> None:
    live = policy.load_policies(Settings(home=tmp_path, profile=Profile.LIVE))
    sandbox = policy.load_policies(Settings(home=tmp_path, profile=Profile.SANDBOX))
    assert set(live) == {"tmdb", "imdb", "melon", "spotify", "reccobeats", "dataset", "musicbrainz", "audio", "youtube"}
    assert {source for source, rules in live.items() if rules.may_train} == {"dataset", "musicbrainz", "audio"}
    assert all(rules.may_train for rules in sandbox.values())


def test_a_spoiled_sources_file_is_said_in_one_sentence(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sources.toml"
    monkeypatch.setattr(policy, "SOURCES_FILE", file)
    for text in ("[imdb", '[imdb]\ntraining = "perhaps"\n', "[imdb]\n", "imdb = 3\n"):
        file.write_text(text)
        policy._read.cache_clear()
        with pytest.raises(OstinatoError, match=r"sources\.toml"):
            policy.load_policies(settings)
    policy._read.cache_clear()


def test_a_damaged_archive_is_noticed(settings: Settings) -> None:
    sha256 = archive.store(settings.pages, b"a page")
    archive.page_path(settings.pages, sha256).write_bytes(b"rot")
    with pytest.raises(ValueError, match="damaged"):
        archive.load(settings.pages, sha256)
    archive.delete(settings.pages, sha256)
    with pytest.raises(FileNotFoundError):
        archive.load(settings.pages, sha256)
