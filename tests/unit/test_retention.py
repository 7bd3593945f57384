"""Archived pages go by their source's policy, when nobody names them, and when room runs short."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from http_site import Site

from tasks import lake
from tasks.collecting import retention
from tasks.collecting.retention import expire_pages, expire_rows
from tasks.fetching import archive
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.cache import Entries, cache_file
from tasks.fetching.http import PoliteSession
from tasks.settings import PROJECT_ROOT, Profile, Settings

NIGHT = date(2026, 11, 20)


def fetch(settings: Settings, source: str, body: bytes, night: date) -> str:
    sha256 = archive.store(settings.pages, body)
    answer = Answer("http://x/", FetchState.OK, 200, body, "text/html", lake.utc_now(), sha256, None, "")
    rows = [answer.manifest_row("page", "1")]
    lake.write_batch(settings.lake, source, "fetch", rows, batch_key=f"{night}-{sha256}", ingest_date=night)
    return sha256


def test_pages_expire_by_the_policy_of_their_source(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    old, again, young = (fetch(settings, "tmdb", body, NIGHT - timedelta(days=181)) for body in (b"a", b"b", b"c"))
    fetch(settings, "tmdb", b"b", NIGHT - timedelta(days=10))
    fetch(settings, "tmdb", b"c", NIGHT - timedelta(days=180))
    for_good = fetch(settings, "reccobeats", b"d", NIGHT - timedelta(days=2000))
    assert expire_pages(settings, NIGHT) == 1
    assert expire_pages(settings, NIGHT) == 0
    assert not archive.page_path(settings.pages, old).exists()
    assert all(archive.page_path(settings.pages, sha256).exists() for sha256 in (again, young, for_good))
    assert lake.read(settings.lake, "tmdb", "fetch").num_rows == 5


def test_what_youtube_told_goes_after_its_thirty_days(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    for days in (31, 30):
        night = NIGHT - timedelta(days=days)
        fetch(settings, "youtube", f"{days}".encode(), night)
        row = {"track_id": "melon:1", "video_id": f"v{days}", "state": "ok", "fetched_at": lake.utc_now()}
        lake.write_batch(settings.lake, "youtube", "search", [row], batch_key=str(night), ingest_date=night)
    assert expire_rows(settings, NIGHT) == 2
    assert lake.read(settings.lake, "youtube", "search", ["video_id"])["video_id"].to_pylist() == ["v30"]
    assert lake.read(settings.lake, "youtube", "fetch").num_rows == 1


def made_old(settings: Settings, sha256: str, seconds: float) -> Path:
    """Set back the clock of one archived page."""
    path = archive.page_path(settings.pages, sha256)
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_a_page_of_two_sources_stays_as_long_as_either_may_keep_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    shared = fetch(settings, "tmdb", b"shared", NIGHT - timedelta(days=400))
    fetch(settings, "reccobeats", b"shared", NIGHT - timedelta(days=400))
    assert expire_pages(settings, NIGHT) == 0
    assert archive.has(settings.pages, shared)


def test_a_body_that_a_killed_run_left_goes_after_a_day(site: Site, settings: Settings) -> None:
    site.says("/page", b"fetched and never landed", ETag='"1"')
    script = (
        "import os, signal\n"
        "from tasks.fetching.http import PoliteSession\n"
        "from tasks.settings import Settings\n"
        f"settings = Settings(home={str(settings.home)!r}, profile='sandbox', sites={settings.sites!r})\n"
        "session = PoliteSession(settings, 'imdb')\n"
        f"print(session.get({site.url + '/page'!r}).sha256, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    sha256 = killed.stdout.strip()
    assert archive.has(settings.pages, sha256)
    assert expire_pages(settings, NIGHT) == 0, "it may be about to land"
    made_old(settings, sha256, retention.ORPHAN_S + 60)
    assert expire_pages(settings, NIGHT) == 1
    assert not archive.has(settings.pages, sha256)
    with PoliteSession(settings, "imdb") as session:
        assert session.get(f"{site.url}/page").status == 200, "the HTTP cache does not remember it"


def test_a_page_that_is_named_is_no_orphan_however_old(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    sha256 = fetch(settings, "musicbrainz", b"named", NIGHT - timedelta(days=3000))
    made_old(settings, sha256, 86_400 * 3000)
    assert expire_pages(settings, NIGHT) == 0


def test_a_file_that_was_never_finished_goes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    sha256 = fetch(settings, "tmdb", b"whole", NIGHT)
    half = archive.page_path(settings.pages, sha256).with_name(f".{sha256}.1.abcd")
    half.write_bytes(b"half")
    assert expire_pages(settings, NIGHT) == 0, "its writer may still be at it"
    os.utime(half, (1.0, 1.0))
    assert expire_pages(settings, NIGHT) == 1
    assert not half.exists()
    assert archive.has(settings.pages, sha256)


def test_the_oldest_pages_make_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    pages = [fetch(settings, "reccobeats", os.urandom(50_000), NIGHT) for _ in range(4)]
    again = Answer("http://x/", FetchState.OK, 304, b"", "", lake.utc_now(), pages[0], None, "")
    rows = [again.manifest_row("page", "1")]
    lake.write_batch(settings.lake, "reccobeats", "fetch", rows, batch_key="again", ingest_date=NIGHT)
    small = settings.model_copy(update={"pages_max_gb": 0.000110})
    assert expire_pages(small, NIGHT) == 2
    assert [archive.has(settings.pages, sha256) for sha256 in pages] == [True, False, False, True]
    assert "OSTINATO_PAGES_MAX_GB" in caplog.text
    assert expire_pages(small, NIGHT) == 0


def test_the_http_cache_forgets_what_expires(site: Site, live: Settings) -> None:
    site.says("/page", b"a page of TMDB", ETag='"1"')
    with PoliteSession(live, "tmdb") as session:
        answer = session.get(f"{site.url}/page")
    rows = [answer.manifest_row("page", "1")]
    lake.write_batch(live.lake, "tmdb", "fetch", rows, batch_key="x", ingest_date=NIGHT)
    for night, n_left in ((NIGHT + timedelta(days=180), 1), (NIGHT + timedelta(days=181), 0)):
        assert expire_pages(live, night) == 1 - n_left
        entries = Entries(cache_file(live))
        assert entries.run("select count(*) from entry") == [(n_left,)]
        entries.close()
