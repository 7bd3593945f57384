"""What `sources.toml` says is what the code does."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from http_site import Site

from tasks.fetching import policy
from tasks.fetching.http import PoliteSession
from tasks.schemas import COLLECTED_SOURCES
from tasks.settings import OstinatoError, Profile, Settings


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
    real = policy.SOURCES_FILE.read_text()
    file = tmp_path / "sources.toml"
    monkeypatch.setattr(policy, "SOURCES_FILE", file)
    misspelt, endless = (
        real.replace("[youtube]", "[youtub]"),
        real.replace("keep_for_days = 180", "keep_for_days = 999999"),
    )
    for text in ("[imdb", '[imdb]\ntraining = "perhaps"\n', "[imdb]\n", "imdb = 3\n", "", "\udcff", misspelt, endless):
        file.write_text(text, errors="surrogateescape")
        policy._read.cache_clear()
        with pytest.raises(OstinatoError, match=r"sources\.toml"):
            policy.load_policies(settings)
    policy._read.cache_clear()


def test_every_source_has_the_words_that_a_publisher_needs(tmp_path: Path) -> None:
    for source, rules in policy.load_policies(Settings(home=tmp_path, profile=Profile.LIVE)).items():
        assert rules.attribution.endswith("."), source
        assert rules.terms_url.startswith("https://") or source not in COLLECTED_SOURCES
        assert rules.robots == "obey", "only an operator can say that he has permission"
    assert "uses the TMDB API but is not endorsed or certified by TMDB" in rules_of(tmp_path, "tmdb").attribution


def rules_of(home: Path, source: str) -> policy.SourcePolicy:
    return policy.load_policies(Settings(home=home, profile=Profile.LIVE))[source]


def test_terms_that_name_a_figure_are_kept(tmp_path: Path) -> None:
    assert rules_of(tmp_path, "tmdb").keep_for == timedelta(days=180), "six months"
    assert rules_of(tmp_path, "youtube").keep_for == timedelta(days=30)
    assert rules_of(tmp_path, "musicbrainz").requests_per_second <= 1.0
    assert rules_of(tmp_path, "melon").requests_per_second <= 1.0
    for source in COLLECTED_SOURCES:
        rules = rules_of(tmp_path, source)
        assert rules.requests_per_second <= 40
        assert rules.keep_for is None or rules.fresh_for <= rules.keep_for, f"{source}: what is fresh is still kept"


def test_the_sandbox_has_no_pace_and_no_robots(tmp_path: Path) -> None:
    for rules in policy.load_policies(Settings(home=tmp_path, profile=Profile.SANDBOX)).values():
        assert (rules.requests_per_second, rules.robots, rules.training) == (math.inf, "operator-permission", "yes")


def test_the_rate_of_the_file_is_the_rate_of_the_session(
    site: Site, live: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "sources.toml"
    slow = policy.SOURCES_FILE.read_text().replace("requests_per_second = 2.0", "requests_per_second = 5.0")
    file.write_text(slow)
    monkeypatch.setattr(policy, "SOURCES_FILE", file)
    site.says("/page", b"x")
    with PoliteSession(live, "reccobeats") as session, ThreadPoolExecutor(4) as pool:
        started = time.monotonic()
        list(pool.map(session.get, [f"{site.url}/page"] * 6))
        seconds = time.monotonic() - started
    assert 5 * 0.2 <= seconds <= 5 * 0.2 * 1.3 + 0.5


def test_an_unknown_site_is_named(settings: Settings) -> None:
    misspelt = settings.model_copy(update={"sites": {**settings.sites, "mellon": "http://127.0.0.1:1"}})
    with pytest.raises(OstinatoError, match=r"OSTINATO_SITES names mellon, .* may name imdb, melon, musicbrainz"):
        PoliteSession(misspelt, "imdb")
    with pytest.raises(OstinatoError, match="OSTINATO_SITES names mellon"):
        policy.base_url(misspelt, "imdb")
