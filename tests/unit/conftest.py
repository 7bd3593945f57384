"""What the tests of fetching share: a site that misbehaves on purpose, and worlds whose sources are that site."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from http_site import Site

from tasks.fetching import http
from tasks.settings import Profile, Settings


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A sandbox world whose IMDb, TMDB and ReccoBeats are the misbehaving server, whatever the user's environment."""
    for name in [name for name in os.environ if name.startswith("OSTINATO_")]:
        monkeypatch.delenv(name)
    sites = {"imdb": site.url, "reccobeats": site.url, "tmdb": site.url, "tmdb_api": site.url}
    return Settings(home=tmp_path, profile=Profile.SANDBOX, sites=sites)


@pytest.fixture
def live(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same server asked by the live profile's rules, with the sandbox's short pauses."""
    monkeypatch.setattr(http, "LIVE", http.SANDBOX)
    return Settings(**{**settings.model_dump(), "profile": Profile.LIVE})
