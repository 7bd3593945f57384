"""Recording codes of Spotify's tracks: what one answer told is not lost by another that tells less."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from scripted_site import Said, ScriptedSite, scripted_site, token_or

from tasks import lake
from tasks.collecting.rereading import reread_pages
from tasks.collecting.tracks.search import collect_tracks
from tasks.lake import utc_now
from tasks.settings import Profile, Settings
from tasks.warehouse.connection import SQL_DIR

AS_OF = date(2024, 11, 20)
NEXT_SEASON = AS_OF + timedelta(days=200)  # every question is asked again
CODE, OTHER = "KRA302400001", "KRA302400002"


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    with scripted_site() as scripted:
        yield scripted


@pytest.fixture
def settings(site: ScriptedSite, tmp_path: Path) -> Settings:
    sites = dict.fromkeys(("spotify_api", "spotify_accounts"), site.url)
    return Settings(home=tmp_path, profile=Profile.SANDBOX, sites=sites, max_workers=2)


def put_charted(settings: Settings, *titles: str) -> None:
    place = {"chart": "month", "scope": "GN0000", "period": "2024-10", "album": None, "fetched_at": utc_now()}
    rows = [
        {**place, "rank": rank, "song_id": str(rank), "title": title, "artists": ["IU"]}
        for rank, title in enumerate(titles, start=1)
    ]
    lake.write_batch(settings.lake, "melon", "chart", rows, batch_key="m", ingest_date=AS_OF)


def put_recording(settings: Settings, title: str, *isrcs: str) -> None:
    row = {"release_group_id": "g", "release_id": "r", "position": 1, "recording_id": title, "isrcs": list(isrcs)}
    row |= {"title": title, "artists": ["IU"], "duration_ms": 200_000, "fetched_at": utc_now()}
    lake.write_batch(settings.lake, "musicbrainz", "recording", [row], batch_key=title, ingest_date=AS_OF)


def one_track(isrc: str | None = None) -> Said:
    """The song, whatever was asked for; an app in development mode sees no code."""
    shown = {"external_ids": {"isrc": isrc}} if isrc else {}
    item = {"id": "id1", "name": "Song", "artists": [{"name": "IU"}], **shown}
    return 200, {}, json.dumps({"tracks": {"items": [item], "total": 1}})


def codes(settings: Settings) -> list[tuple[str, str | None]]:
    """Tracks and codes as the warehouse takes them in."""
    con = duckdb.connect()
    lake.attach_raw(con, settings.lake, {"raw.spotify_track"})
    select = (SQL_DIR / "staging" / "spotify_track.sql").read_text(encoding="utf-8")
    found: list[tuple[str, Any]] = con.sql(select).project("track_id, isrc").fetchall()
    return found


@pytest.mark.parametrize("titles", [("Song", "Song!", "Song (Live)"), ("Song (Live)", "Song")])
def test_a_song_found_by_its_code_and_by_its_names_keeps_the_code(
    site: ScriptedSite, settings: Settings, titles: tuple[str, ...]
) -> None:
    put_charted(settings, *titles)
    put_recording(settings, "Song", CODE)
    site.script = token_or(lambda path, query: one_track())
    collect_tracks(settings, AS_OF)
    assert [query["q"] for path, query in site.asked if path == "/search" and "isrc:" in query["q"]] == [f"isrc:{CODE}"]
    assert codes(settings) == [("id1", CODE)]
    reread_pages(settings, "spotify")
    assert codes(settings) == [("id1", CODE)]


def test_a_code_is_kept_when_spotify_does_not_show_it_again(site: ScriptedSite, settings: Settings) -> None:
    put_charted(settings, "Song")
    for night, shown in ((AS_OF, CODE), (NEXT_SEASON, None)):
        site.script = token_or(lambda path, query, shown=shown: one_track(shown))
        assert collect_tracks(settings, night).n_rows == 1
        assert codes(settings) == [("id1", CODE)]
    reread_pages(settings, "spotify")
    assert codes(settings) == [("id1", CODE)]


def test_a_code_that_comes_to_be_known_later_is_added_once(site: ScriptedSite, settings: Settings) -> None:
    site.script = token_or(lambda path, query: one_track())
    put_charted(settings, "Song")
    assert collect_tracks(settings, AS_OF).n_rows == 1
    assert codes(settings) == [("id1", None)]
    put_recording(settings, "Song", CODE)
    assert collect_tracks(settings, AS_OF).n_rows == 1
    put_recording(settings, "Song (Live)", OTHER)
    assert collect_tracks(settings, AS_OF).n_rows == 0
    assert codes(settings) == [("id1", CODE)]
