"""The polite session against a real HTTP server that misbehaves on purpose."""

from __future__ import annotations

import contextlib
import gzip
import logging
import shutil
import socket
import ssl
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path

import pytest
from http_site import Site
from pydantic import SecretStr

from tasks.fetching import archive, http, policy
from tasks.fetching.answer import FetchState
from tasks.fetching.http import PoliteSession
from tasks.settings import OstinatoError, Settings


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
    policies = policy.load_policies(settings)
    small = policies | {"imdb": policies["imdb"].model_copy(update={"largest_body_mb": 1})}
    monkeypatch.setattr(http, "load_policies", lambda settings: small)
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


@pytest.mark.parametrize("rule", [b"Crawl-delay: 1", b"Request-rate: 3/3s"])
def test_a_robots_txt_sets_the_pace_where_it_is_slower(
    site: Site, live: Settings, monkeypatch: pytest.MonkeyPatch, rule: bytes
) -> None:
    policies = policy.load_policies(live)
    fast = policies | {"imdb": policies["imdb"].model_copy(update={"requests_per_second": 100.0})}
    monkeypatch.setattr(http, "load_policies", lambda settings: fast)
    site.says("/page", b"x")
    site.says("/robots.txt", b"User-agent: *\n" + rule)
    with PoliteSession(live, "imdb") as session:
        session.get(f"{site.url}/page")
        started = time.monotonic()
        session.get(f"{site.url}/page")
        assert 0.9 <= time.monotonic() - started <= 1.6


def test_a_robots_txt_that_asks_for_minutes_refuses(site: Site, live: Settings) -> None:
    site.says("/robots.txt", b"User-agent: *\nCrawl-delay: 3600")
    with PoliteSession(live, "imdb") as session:
        refused = session.get(f"{site.url}/page")
    assert refused.state is FetchState.REFUSED
    assert "asks for 3600 s between requests" in refused.reason


def test_robots_txt_speaks_to_the_name_we_give(site: Site, live: Settings) -> None:
    site.says("/robots.txt", b"User-agent: Ostinato\nDisallow: /a\n\nUser-agent: AcmeStudy\nDisallow: /b\n")
    for agent, path in ((None, "/a"), ("AcmeStudy/1.0 (+https://acme.example)", "/b")):
        named = live.model_copy(update={"user_agent": agent})
        with PoliteSession(named, "imdb") as session:
            states = {which: session.forbidden(f"{site.url}{which}") for which in ("/a", "/b")}
        assert [which for which, refusal in states.items() if refusal] == [path]


def test_a_redirect_within_the_source_is_followed(site: Site, settings: Settings) -> None:
    site.says("/old", b"", 301, Location="/new?page=2")
    site.says("/new", b"the page")
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/old", headers={"Authorization": "Bearer mine"})
    assert (answer.state, answer.status, answer.body) == (FetchState.OK, 200, b"the page")
    assert answer.url == f"{site.url}/old", "what was asked is what the manifest knows it by"
    assert site.headers[-1]["Authorization"] == "Bearer mine"


def test_a_redirect_to_another_host_is_not_followed(site: Site, settings: Settings) -> None:
    elsewhere = site.url.replace("127.0.0.1", "localhost")
    site.says("/page", b"", 302, Location=f"{elsewhere}/login?api_key=secret-key-1")
    with PoliteSession(settings, "imdb") as session:
        answers = [session.get(f"{site.url}/page", params={"api_key": "secret-key-1"}) for _ in range(4)]
    assert (answers[0].state, answers[0].status) == (FetchState.BLOCKED, 302)
    assert "sends on to localhost" in answers[0].reason
    assert all("secret-key-1" not in f"{answer.url} {answer.reason}" for answer in answers)
    assert site.asked == Counter({"/page": 3}), "three in a row close the source"


def test_a_key_does_not_follow_a_redirect_to_another_host_of_the_source(site: Site, settings: Settings) -> None:
    other = site.url.replace("127.0.0.1", "localhost")
    own = settings.model_copy(update={"sites": {**settings.sites, "tmdb_api": other}})
    site.says("/page", b"", 302, Location=f"{other}/there")
    site.says("/there", b"x")
    with PoliteSession(own, "tmdb") as session:
        assert session.get(f"{site.url}/page", headers={"Authorization": "Bearer mine", "Accept": "a/b"}).body == b"x"
    assert "Authorization" not in site.headers[-1]
    assert site.headers[-1]["Accept"] == "a/b"


def test_a_circle_of_redirects_ends(site: Site, settings: Settings) -> None:
    site.says("/a", b"", 302, Location="/b")
    site.says("/b", b"", 302, Location="/a")
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/a")
    assert (answer.state, answer.reason) == (FetchState.BROKEN, "HTTP 302: it sends on in a circle")
    assert sum(site.asked.values()) == http.MOST_REDIRECTS + 1


def test_a_redirect_that_robots_txt_forbids_is_not_followed(site: Site, live: Settings) -> None:
    site.says("/robots.txt", b"User-agent: *\nDisallow: /private")
    site.says("/page", b"", 302, Location="/private")
    with PoliteSession(live, "imdb") as session:
        answer = session.get(f"{site.url}/page")
    assert (answer.state, answer.status) == (FetchState.REFUSED, 302)
    assert site.asked["/private"] == 0


def test_a_form_is_not_sent_on(site: Site, settings: Settings) -> None:
    site.says("/form", b"", 302, Location="/page")
    site.says("/page", b"x")
    with PoliteSession(settings, "imdb") as session:
        assert session.post(f"{site.url}/form", data={"a": 1}).state is FetchState.BROKEN
    assert site.asked["/page"] == 0


def test_many_short_waits_in_a_row_end(site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    site.says("/page", b"", 429, Retry_After="0")
    monkeypatch.setattr(http, "MOST_WAITS", 3)
    with PoliteSession(settings, "imdb") as session:
        answer = session.get(f"{site.url}/page")
        assert session.closed is FetchState.LIMITED
    assert answer.state is FetchState.LIMITED
    assert site.asked["/page"] == 3


def test_a_fault_that_names_a_wait_is_waited(site: Site, settings: Settings) -> None:
    def busy_once(handler: BaseHTTPRequestHandler) -> None:
        site.says("/page", b"fine")
        handler.send_response(503)
        handler.send_header("Retry-After", "1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    site.paths["/page"] = busy_once
    started = time.monotonic()
    with PoliteSession(settings, "imdb") as session:
        assert session.get(f"{site.url}/page").state is FetchState.OK
        assert time.monotonic() - started >= 1.0
        site.says("/page", b"", 503, Retry_After="7200")
        assert session.get(f"{site.url}/page").state is FetchState.LIMITED
        assert session.come_back_at is not None


def test_a_wait_holds_the_threads_that_already_stand_in_line(site: Site, live: Settings) -> None:
    asked_at: list[float] = []

    def limited_once(handler: BaseHTTPRequestHandler) -> None:
        asked_at.append(time.monotonic())
        handler.send_response(429 if len(asked_at) == 1 else 200)
        handler.send_header("Retry-After", "3")
        handler.send_header("Content-Length", "1")
        handler.end_headers()
        handler.wfile.write(b"x")

    site.paths["/page"] = limited_once
    with PoliteSession(live, "reccobeats") as session, ThreadPoolExecutor(3) as pool:
        assert {answer.state for answer in pool.map(session.get, [f"{site.url}/page"] * 3)} == {FetchState.OK}
    gaps = [later - earlier for earlier, later in pairwise(asked_at)]
    assert gaps[0] >= 3.0, "nobody asks within the wait"
    assert all(gap >= 0.5 for gap in gaps[1:]), "and afterwards one at a time again"


def test_those_in_line_do_not_ask_a_host_that_has_closed(site: Site, live: Settings) -> None:
    site.says("/page", b"", 429, Retry_After="86400")
    started = time.monotonic()
    with PoliteSession(live, "reccobeats") as session, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(session.get, [f"{site.url}/page"] * 8))
    assert {answer.state for answer in answers} == {FetchState.LIMITED}
    assert site.asked["/page"] == 1
    assert time.monotonic() - started < 2, "and do not wait for their turns"


def test_a_host_that_was_silent_is_asked_once_until_it_speaks(site: Site, settings: Settings) -> None:
    site.paths["/page"] = lambda handler: setattr(handler, "close_connection", True)
    site.says("/fine", b"x")
    with PoliteSession(settings, "imdb") as session:
        n_asked = []
        for path in ("/page", "/page", "/fine", "/page"):
            before = site.asked[path]
            session.get(f"{site.url}{path}")
            n_asked.append(site.asked[path] - before)
    assert n_asked == [3, 1, 1, 3]


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
def test_a_site_behind_tls_is_read_and_bounded_alike(
    site: Site, live: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    url = site.url.replace("http://127.0.0.1", "https://localhost")
    known = live.model_copy(update={"sites": {"reccobeats": url}})
    monkeypatch.setattr(http, "LIVE", http.Patience(2, 0.5, 1.0, 1, 0.01, 0.01))

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        with contextlib.suppress(OSError):
            for _ in range(50):
                handler.wfile.write(b"x")
                time.sleep(0.2)

    site.says("/page", b"fine", ETag='"1"')
    site.paths["/drip"] = drip
    with PoliteSession(known, "reccobeats") as session:
        assert "its certificate is not trusted here" in session.get(f"{url}/page").reason
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with PoliteSession(known, "reccobeats") as session:
        assert session.get(f"{url}/page").body == b"fine"
        started = time.monotonic()
        assert session.get(f"{url}/drip").reason == "the body did not end in time"
        assert time.monotonic() - started < 2


def self_signed(folder: Path) -> Path:
    """A key and a certificate for localhost in one file."""
    file, config = folder / "localhost.pem", "/CN=localhost"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", config, "-days", "2"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "key.pem"), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "key.pem").read_text())
    return file


def test_a_proxy_of_the_environment_is_used_by_the_live_profile_alone(
    site: Site, live: Settings, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, site.url)
    site.says("http://api.example.org/page", b"by proxy")
    with PoliteSession(live, "reccobeats") as session:
        assert session.get("http://api.example.org/page").body == b"by proxy"
    with PoliteSession(settings, "reccobeats") as session:
        assert session.get("http://127.0.0.1:9/page").state is FetchState.UNREACHABLE


def test_the_netrc_of_the_user_is_not_read(
    site: Site, live: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login me password netrc-password\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    site.says("/page", b"x")
    with PoliteSession(live, "reccobeats") as session:
        session.get(f"{site.url}/page")
    assert "Authorization" not in site.headers[-1]


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


def test_the_operator_may_name_himself_but_nobody_else(site: Site, settings: Settings) -> None:
    site.says("/page", b"x")
    with PoliteSession(settings.model_copy(update={"user_agent": "AcmeStudy/1.0"}), "imdb") as session:
        session.get(f"{site.url}/page")
    assert site.headers[-1]["User-Agent"] == "AcmeStudy/1.0"
    for setting, value in (
        ("user_agent", "Mozilla/5.0 (compatible; Googlebot/2.1)"),
        ("user_agent", "a\r\nX-Injected: b"),
        ("contact", "연락처"),
        ("contact", "me@example.org\n"),
    ):
        with pytest.raises(OstinatoError, match=f"OSTINATO_{setting.upper()}"):
            PoliteSession(settings.model_copy(update={setting: value}), "imdb")


def test_no_secret_reaches_a_log(site: Site, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    keyed = settings.model_copy(update={"tmdb_api_key": SecretStr("setting-key-1")})
    site.says("/page", b"x", ETag='"1"')
    site.says("/fault", b"x", 502)
    asked = {"api_key": "param-key-1", "token": "param-token-1", "page": "2"}
    with caplog.at_level(logging.DEBUG), PoliteSession(keyed, "imdb") as session:
        for path in ("/page", "/page", "/fault"):
            session.get(f"{site.url}{path}", params=asked, headers={"Authorization": "Bearer header-token-1"})
    assert "page=2" in caplog.text, "the libraries do log what is asked"
    for secret in ("param-key-1", "param-token-1", "header-token-1", "setting-key-1"):
        assert secret not in caplog.text
