"""Archived pages expire by their source's policy."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tasks import lake
from tasks.collecting.retention import expire_pages
from tasks.fetching import archive
from tasks.fetching.answer import Answer, FetchState
from tasks.settings import Profile, Settings

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
