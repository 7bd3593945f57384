"""What a site echoes of its caller never reaches the disk, in whatever way it writes it."""

from __future__ import annotations

import base64
import html
import json
import logging
from urllib.parse import quote

import pytest
from http_site import Site
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tasks.fetching import archive
from tasks.fetching.agent import user_agent
from tasks.fetching.http import PoliteSession
from tasks.fetching.scrub import Scrubber, cookie_values, keep_secrets_out_of_logs, strip_request_echo, without_secrets
from tasks.settings import Settings

SECRET = 's3cr=t/&k"ey+'
KEYED = Settings(
    tmdb_api_key=SecretStr("tmdb-key-0001"),
    spotify_client_id=SecretStr("spotify-id-0002"),
    spotify_client_secret=SecretStr(SECRET),
    youtube_api_key=SecretStr("youtube-key-0003"),
    contact="https://study.example.org/who?me",
)


def clean(body: bytes, **exchange: object) -> bytes:
    return Scrubber(KEYED, user_agent(KEYED)).clean(body, **exchange)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "way",
    [
        SECRET,
        quote(SECRET, safe=""),
        html.escape(SECRET),
        json.dumps(SECRET),
        base64.b64encode(f"spotify-id-0002:{SECRET}".encode()).decode(),
        "tmdb-key-0001",
        "youtube-key-0003",
        "https://study.example.org/who?me",
        quote("https://study.example.org/who?me", safe=""),
        r"https:\/\/study.example.org\/who?me",
        user_agent(KEYED).removeprefix("Mozilla/5.0 "),
    ],
)
def test_every_way_of_writing_a_secret_is_found(way: str) -> None:
    cleaned = clean(f'<p title="{way}">before {way} after</p>'.encode())
    assert way.strip('"').encode() not in cleaned
    assert cleaned.count(b"[removed]") == 2
    assert b"before" in cleaned
    assert b"after" in cleaned


def test_what_this_exchange_alone_knew_is_found_too() -> None:
    cleaned = clean(
        b"key one-time-key, token bearer-token-9, cookie crumbs-1234, short abc",
        url="https://x.org/a?api_key=one-time-key&q=short",
        authorization="Bearer bearer-token-9",
        cookies=cookie_values(["id=crumbs-1234; Path=/", "tiny=abc"]),
    )
    assert cleaned == b"key [removed], token [removed], cookie [removed], short abc"


def test_a_page_without_echoes_keeps_every_byte() -> None:
    page = "<html>compatible Mozilla/5.0 api_key study.example version 1.2.3.4 빗속에서</html>".encode() + b"\xff\x00"
    assert clean(page) is page


@pytest.mark.parametrize(
    ("body", "cleaned"),
    [
        (b'{"ipAddress": "203.0.113.9", "a": 1}', b'{"ipAddress": "", "a": 1}'),
        (b'{"clientIp":"2001:db8::7","zip":"1"}', b'{"clientIp":"","zip":"1"}'),
        (b'{"remote_addr" : "203.0.113.9"}', b'{"remote_addr" : ""}'),
        (b'{"ip":"203.0.113.9"}', b'{"ip":""}'),
        (b'{"a": {"requestContext": {"headers": {"cookie": "x}"}}}}', b'{"a": {"requestContext": {}}}'),
    ],
)
def test_the_callers_address_is_taken_out_of_pages(body: bytes, cleaned: bytes) -> None:
    assert clean(body) == cleaned


def test_in_an_error_every_address_may_be_the_callers() -> None:
    error = b"<p>Your IP: 203.0.113.9</p><p>2001:db8:85a3:0:0:8a2e:370:7334</p><p>at 12:30:45</p>"
    assert clean(error, is_page=False) == b"<p>Your IP: 0.0.0.0</p><p>0.0.0.0</p><p>at 12:30:45</p>"


def test_an_echo_of_the_caller_is_not_kept(site: Site, settings: Settings) -> None:
    known = settings.model_copy(update={"contact": "me@study.example", "tmdb_api_key": SecretStr("tmdb-key-0001")})
    agent = user_agent(known)
    site.says(
        "/page", f"you are {agent}, cookie a-fresh-cookie, key tmdb-key-0001".encode(), Set_Cookie="s=a-fresh-cookie"
    )
    site.says("/error", b"tmdb-key-0001 from 203.0.113.9", 400)
    with PoliteSession(known, "tmdb") as session:
        bodies = [
            session.get(f"{site.url}{path}", params={"api_key": "tmdb-key-0001"}).body for path in ("/page", "/error")
        ]
    assert bodies == [
        b"you are Mozilla/5.0 (compatible; [removed], cookie [removed], key [removed]",
        b"[removed] from 0.0.0.0",
    ]
    kept = {archive.load(known.pages, file.sha256) for file in archive.every_file(known.pages) if file.sha256}
    assert kept == set(bodies)


@pytest.mark.parametrize(
    ("url", "params", "shown"),
    [
        ("https://x.org/a", {"api_key": "1", "page": 2}, "https://x.org/a?page=2"),
        ("https://x.org/a?KEY=1&b=%2C&token=3", None, "https://x.org/a?b=%2C"),
        ("https://x.org/a?api%5Fkey=1", None, "https://x.org/a"),
        ("https://me:pw@x.org:8/a#key=1", None, "https://x.org:8/a"),
        ("https://x.org/a", {"ids": ["1", "2"], "none": None}, "https://x.org/a?ids=1&ids=2"),
        (
            "https://x.org/a?b=1",
            {"client_secret": "s", "access_token": "t", "c": "이"},
            "https://x.org/a?b=1&c=%EC%9D%B4",
        ),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, params: dict[str, object] | None, shown: str) -> None:
    assert without_secrets(url, params) == shown


@given(st.binary(max_size=300))
def test_any_bytes_can_be_cleaned(noise: bytes) -> None:
    body = noise + b'"requestContext": {' + noise
    assert strip_request_echo(body).startswith(strip_request_echo(noise)[:1])
    clean(body + b'"ip": "' + noise, is_page=False, cookies=cookie_values([noise.decode("latin-1")]))


def test_many_echoes_cost_little() -> None:
    for body in (
        b'"requestContext":{' * 300_000,
        b'"requestContext":{"a":"' + b"\\" * 3_000_000,
        b'"ip":"' * 1_000_000,
    ):
        assert len(clean(body)) <= len(body)


def test_a_library_that_logs_an_address_logs_no_key(caplog: pytest.LogCaptureFixture) -> None:
    keep_secrets_out_of_logs()
    keep_secrets_out_of_logs()
    logger = logging.getLogger("urllib3.connectionpool")
    ours = [
        filtering for filtering in logger.filters if type(filtering).__module__ == keep_secrets_out_of_logs.__module__
    ]
    assert len(ours) == 1  # MLflow, once imported, has one of its own
    with caplog.at_level(logging.DEBUG):
        logger.debug('%s "GET %s HTTP/1.1" %d', "https://x.org", "/a?api_key=one&page=2&TOKEN=two", 200)
    assert 'GET /a?api_key=[removed]&page=2&TOKEN=[removed] HTTP/1.1" 200' in caplog.text
