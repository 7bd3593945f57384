"""Pages that have not changed are confirmed by the site, not sent again; their bodies lie once, in the archive."""

from __future__ import annotations

import gzip
import multiprocessing
import sqlite3
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from http_site import Site

from tasks.fetching import archive, cache
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.cache import Entries, cache_file
from tasks.fetching.http import PoliteSession
from tasks.settings import Profile, Settings

PAGE = "<html>빗속에서</html>".encode() * 100


def holds(site: Site, body: bytes = PAGE, path: str = "/page", **validators: str) -> list[int]:
    """A page that is sent whole only to those who do not have it; the list fills with the statuses of its answers."""
    sent: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = (handler.headers.get("If-None-Match"), handler.headers.get("If-Modified-Since"))
        named = (validators.get("ETag"), validators.get("Last_Modified"))
        is_known = any(value is not None and value == known for value, known in zip(asked, named, strict=True))
        sent.append(304 if is_known else 200)
        handler.send_response(sent[-1])
        for name, value in validators.items():
            handler.send_header(name.replace("_", "-"), value)
        if not is_known:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if not is_known:
            handler.wfile.write(body)

    site.paths[path] = answer
    return sent


def ask(settings: Settings, site: Site, path: str = "/page", headers: Mapping[str, str] | None = None) -> Answer:
    """One answer of a session of its own, as of another night."""
    with PoliteSession(settings, "tmdb") as session:
        return session.get(f"{site.url}{path}", headers=headers)


def n_entries(settings: Settings) -> int:
    with sqlite3.connect(cache_file(settings)) as db:
        return int(db.execute("select count(*) from entry").fetchone()[0])


@pytest.mark.parametrize(
    "validators", [{"ETag": '"v1"'}, {"ETag": 'W/"v1"'}, {"Last_Modified": "Sat, 21 Nov 2026 03:00:00 GMT"}]
)
def test_an_unchanged_page_is_confirmed_and_given_from_the_archive(
    site: Site, settings: Settings, validators: dict[str, str]
) -> None:
    sent = holds(site, Content_Type="text/html; charset=utf-8", **validators)
    first, second = ask(settings, site), ask(settings, site)
    assert sent == [200, 304]
    assert (first.status, first.was_revalidated, first.n_wire_bytes) == (200, False, len(PAGE))
    assert (second.state, second.reason) == (FetchState.OK, "")
    assert (second.status, second.was_revalidated, second.n_wire_bytes) == (304, True, 0)
    assert (second.body, second.sha256, second.text) == (first.body, first.sha256, first.text)
    assert second.fetched_at > first.fetched_at
    assert second.manifest_row("page", "1")["page_sha256"] == first.sha256
    assert len([file for file in archive.every_file(settings.pages) if file.sha256]) == 1


def test_a_changed_page_comes_whole_and_takes_the_place_of_the_old(site: Site, settings: Settings) -> None:
    holds(site, b"old", ETag='"1"')
    ask(settings, site)
    sent = holds(site, b"new", ETag='"2"')
    assert [ask(settings, site).body for _ in range(2)] == [b"new", b"new"]
    assert sent == [200, 304]


def test_a_page_without_a_validator_is_asked_for_whole(site: Site, settings: Settings) -> None:
    site.says("/page", PAGE)
    for _ in range(2):
        assert ask(settings, site).status == 200
    assert n_entries(settings) == 0


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (404, {}),
        (403, {}),
        (500, {}),
        (200, {"x_amzn_waf_action": "captcha"}),
        (200, {"Cache_Control": "private, no-store"}),
    ],
)
def test_only_a_whole_page_that_may_be_kept_is_cached(
    site: Site, settings: Settings, status: int, headers: dict[str, str]
) -> None:
    site.says("/page", b"x", status, ETag='"1"', **headers)
    ask(settings, site)
    assert n_entries(settings) == 0


def test_a_page_that_was_cut_off_is_not_cached(site: Site, settings: Settings) -> None:
    site.says("/page", gzip.compress(PAGE)[:-30], ETag='"1"', Content_Encoding="gzip")
    assert ask(settings, site).state is FetchState.BROKEN
    assert n_entries(settings) == 0


def test_a_server_fault_does_not_cost_what_is_cached(site: Site, settings: Settings) -> None:
    holds(site, ETag='"1"')
    ask(settings, site)
    site.says("/page", b"x", 502)
    assert ask(settings, site).state is FetchState.BROKEN, "a kept page never passes for an answer"
    assert holds(site, ETag='"1"') == [] and ask(settings, site).was_revalidated


def test_nobody_there_is_not_answered_from_the_cache(site: Site, settings: Settings) -> None:
    holds(site, ETag='"1"')
    ask(settings, site)
    site.paths["/page"] = lambda handler: setattr(handler, "close_connection", True)
    assert ask(settings, site).state is FetchState.BROKEN


@pytest.mark.parametrize("way", ["expired", "damaged"])
def test_a_page_that_the_archive_has_lost_is_asked_for_whole(site: Site, settings: Settings, way: str) -> None:
    sent = holds(site, ETag='"1"')
    sha256 = ask(settings, site).sha256
    assert sha256
    if way == "expired":
        archive.delete(settings.pages, sha256)
    else:
        archive.page_path(settings.pages, sha256).write_bytes(b"rot")
    assert ask(settings, site).status == 200
    assert archive.load(settings.pages, sha256) == PAGE
    assert ask(settings, site).was_revalidated
    assert sent == [200, 200, 304]


def test_what_the_parser_could_not_read_is_asked_for_whole(site: Site, settings: Settings) -> None:
    sent = holds(site, ETag='"1"')
    with PoliteSession(settings, "tmdb") as session:
        for state in (FetchState.OK, FetchState.EMPTY, FetchState.BROKEN, FetchState.OK):
            session.heed(session.get(f"{site.url}/page"), state)
    assert sent == [200, 304, 304, 200]


def test_forms_tokens_and_robots_are_never_cached(site: Site, live: Settings) -> None:
    for path in ("/robots.txt", "/token", "/page"):
        site.says(path, b"User-agent: *\nAllow: /", ETag='"1"')
    with PoliteSession(live, "tmdb") as session:
        session.post(f"{site.url}/token", archived=False)
        session.post(f"{site.url}/page", data={"page": 1})
        assert session.forbidden(f"{site.url}/page") is None
    assert n_entries(live) == 0
    assert len(list(archive.every_file(live.pages))) == 1, "the form's answer alone is kept"


def test_what_may_be_answered_differently_has_an_entry_of_its_own(site: Site, settings: Settings) -> None:
    sent = holds(site, ETag='"1"')
    ask(settings, site)
    ask(settings, site, headers={"Accept-Language": "ko"})
    ask(settings, site, "/page?language=ko")
    assert sent == [200, 200, 200]
    ask(settings, site, headers={"Authorization": "Bearer secret-of-today"})
    assert sent[-1] == 304, "another key asks for the same page"


def test_nothing_secret_lies_in_the_world(site: Site, settings: Settings) -> None:
    site.says("/page", PAGE, ETag='"1"', Set_Cookie="session=cookie-value-123")
    with PoliteSession(settings, "tmdb") as session:
        session.get(
            f"{site.url}/page", params={"api_key": "key-value-1234"}, headers={"Authorization": "Bearer a-token"}
        )
        session.get(f"{site.url}/page", params={"api_key": "key-value-1234"})
        files = [path for path in settings.world.rglob("*") if path.is_file()]
        assert cache_file(settings) in files
        for path in files:
            content = path.read_bytes()
            assert not any(secret in content for secret in (b"cookie-value-123", b"key-value-1234", b"a-token"))


def test_threads_share_the_cache(site: Site, settings: Settings) -> None:
    for number in range(40):
        holds(site, f"page {number}".encode() * 50, f"/page/{number}", ETag=f'"{number}"')
    with PoliteSession(settings, "tmdb") as session, ThreadPoolExecutor(8) as pool:
        for statuses in ({200}, {304}):
            urls = [f"{site.url}/page/{number}" for number in range(40)]
            assert {answer.status for answer in pool.map(session.get, urls)} == statuses


def _fetch_all(
    home: Path, url: str, together: Barrier, statuses: multiprocessing.SimpleQueue[list[int | None]]
) -> None:
    settings = Settings(home=home, profile=Profile.SANDBOX, sites={"tmdb": url, "tmdb_api": url})
    together.wait()
    with PoliteSession(settings, "tmdb") as session:
        statuses.put([session.get(f"{url}/page/{number}").status for number in range(30)])


def test_processes_share_the_cache(site: Site, settings: Settings) -> None:
    for number in range(30):
        holds(site, f"page {number}".encode() * 50, f"/page/{number}", ETag=f'"{number}"')
    context = multiprocessing.get_context("fork")
    together, statuses = context.Barrier(4), context.SimpleQueue()
    workers = [context.Process(target=_fetch_all, args=(settings.home, site.url, together, statuses)) for _ in range(4)]
    for worker in workers:
        worker.start()
    found = [statuses.get() for _ in workers]
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    assert {status for each in found for status in each} <= {200, 304}
    assert n_entries(settings) == 30
    assert ask(settings, site, "/page/7").was_revalidated


def test_a_file_that_is_no_database_is_made_anew(site: Site, settings: Settings) -> None:
    settings.world.mkdir(parents=True)
    cache_file(settings).write_bytes(b"no database at all" * 1000)
    sent = holds(site, ETag='"1"')
    assert [ask(settings, site).state for _ in range(2)] == [FetchState.OK] * 2
    assert sent == [200, 304]


def test_a_cache_that_is_in_use_elsewhere_costs_no_page(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sent = holds(site, ETag='"1"')
    ask(settings, site)
    monkeypatch.setattr(cache, "_BUSY_S", 0.1)
    with (
        sqlite3.connect(cache_file(settings), isolation_level=None) as other,
        PoliteSession(settings, "tmdb") as session,
    ):
        other.execute("begin immediate")
        holds(site, b"new", ETag='"2"')
        assert [session.get(f"{site.url}/page").body for _ in range(2)] == [b"new", b"new"]
        other.execute("rollback")
    assert sent == [200]
    assert "fetched whole in this run" in caplog.text


def test_entries_go_with_their_bodies_and_with_age(site: Site, settings: Settings) -> None:
    for name in ("lost", "old", "kept"):
        holds(site, name.encode(), f"/{name}", ETag=f'"{name}"')
        answer = ask(settings, site, f"/{name}")
        if name == "lost":
            archive.delete(settings.pages, answer.sha256 or "")
    entries = Entries(cache_file(settings))
    entries.run(
        "update entry set used_at_s = ? where etag = ?", (time.time() - 86_400 * (cache.UNUSED_DAYS + 1), '"old"')
    )
    assert entries.prune(settings.pages) == 2
    assert entries.run("select etag from entry") == [('"kept"',)]
    entries.close()
