"""YouTube videos for tracks without a Spotify page: within the day's searches, and only videos that fit."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from scripted_site import Said, ScriptedSite, scripted_site

from tasks import lake, warehouse
from tasks.collecting.charts.nightly import collect_charts
from tasks.collecting.videos import (
    MAX_SEARCHES_A_DAY,
    collect_videos,
    fitting_video,
    next_day,
    reread_video,
    searches_today,
)
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.fetching.http import LIVE
from tasks.lake import utc_now
from tasks.settings import Profile, Settings, today
from tasks.sources.youtube import VideoRow

AS_OF = date(2024, 11, 20)
KEY = "AIza-the-key"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose catalogue serves 12 charted songs, two recordings, and a track that has a page on Spotify."""
    home = tmp_path_factory.mktemp("published")
    settings = Settings(home=home, profile=Profile.SANDBOX)
    place = {"chart": "month", "scope": "GN0000", "album": None, "fetched_at": utc_now()}
    charted = [(f"2024-{month:02}", rank) for month in range(1, 13) for rank in range(1, month + 1)]
    rows = [
        {
            **place,
            "period": period,
            "rank": rank,
            "song_id": f"{rank:03}",
            "title": f"Song {rank:03}",
            "artists": ["IU"],
        }
        for period, rank in charted
    ]
    lake.write_batch(settings.lake, "melon", "chart", rows, batch_key="m", ingest_date=AS_OF)
    known = {"release_group_id": "g", "release_id": "r", "artists": ["Hans Zimmer"], "fetched_at": utc_now()}
    recordings = [
        {**known, "position": 1, "recording_id": "a", "isrcs": ["USAAA2400001"], "title": "Time"},
        {**known, "position": 2, "recording_id": "b", "isrcs": [], "title": "Dust"},
        {**known, "position": 3, "recording_id": "c", "isrcs": ["USAAA2400003"], "title": "On Spotify"},
    ]
    lake.write_batch(settings.lake, "musicbrainz", "recording", recordings, batch_key="r", ingest_date=AS_OF)
    track = {"track_id": "x", "isrc": "USAAA2400003", "title": "On Spotify", "artists": ["Hans Zimmer"]}
    track |= {"fetched_at": utc_now()}
    lake.write_batch(settings.lake, "spotify", "track", [track], batch_key="t", ingest_date=AS_OF)
    warehouse.build(settings)
    warehouse.publish(settings, run_id="r", as_of=AS_OF, code_version="test")
    return home


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    with scripted_site() as scripted:
        scripted.script = youtube
        yield scripted


@pytest.fixture
def settings(site: ScriptedSite, published: Path, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    shutil.copytree(published, home, symlinks=True)
    return Settings(home=home, profile=Profile.SANDBOX, sites={"youtube_api": site.url}, youtube_api_key=SecretStr(KEY))


def youtube(path: str, query: dict[str, str]) -> Said:
    """A cover, then the video itself; nothing that fits for every song of an even number."""
    shown = query["q"] if query["q"][-4] not in "2468" else "Something else"
    return hits(("cover", f"{query['q']} (cover)", "A Fan"), (f"v{query['q']}", f"{shown} &amp; more", "IU Official"))


def hits(*videos: tuple[str, str, str]) -> Said:
    items = [
        {"id": {"kind": "youtube#video", "videoId": video_id}, "snippet": {"title": title, "channelTitle": channel}}
        for video_id, title, channel in videos
    ]
    return 200, {}, json.dumps({"kind": "youtube#searchListResponse", "items": items})


def refusal(status: int, reason: str, message: str) -> Said:
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return status, {}, json.dumps({"error": error})


def found(settings: Settings) -> dict[str, dict[str, Any]]:
    return {row["track_id"]: row for row in lake.read(settings.lake, "youtube", "search").to_pylist()}


def asked(site: ScriptedSite) -> list[str]:
    return [query["q"] for _, query in site.asked]


def put_searches(settings: Settings, state: str, *moments: datetime) -> None:
    rows = [
        {"entity": "search", "key": str(i), "url": "u", "state": state, "status": 200, "fetched_at": moment}
        for i, moment in enumerate(moments)
    ]
    key = f"{state}-{moments[0].timestamp()}"
    lake.write_batch(settings.lake, "youtube", "fetch", rows, batch_key=key, ingest_date=AS_OF)


def test_the_most_charted_come_first_and_only_videos_that_fit_are_kept(site: ScriptedSite, settings: Settings) -> None:
    report = collect_videos(settings, AS_OF)
    songs = [f"Song {n:03} IU" for n in range(1, 13)]
    assert asked(site)[:12] == songs
    assert sorted(asked(site)[12:]) == ["Dust Hans Zimmer", "Time Hans Zimmer"]
    assert {tuple(query[name] for name in ("part", "type", "maxResults")) for _, query in site.asked} == {
        ("snippet", "video", "5")
    }
    rows = found(settings)
    assert {"isrc:USAAA2400001", "mbid:b"} < set(rows)
    assert (rows["melon:001"]["video_id"], rows["melon:001"]["state"]) == ("vSong 001 IU", "ok")
    assert rows["melon:001"]["title"] == "Song 001 IU & more"
    assert [rows["melon:002"][name] for name in ("video_id", "title", "channel", "state")] == [
        None,
        None,
        None,
        "empty",
    ]
    assert all(row["page_sha256"] for row in rows.values())
    n_found = sum(row["video_id"] is not None for row in rows.values())
    assert (report.state, report.n_rows, report.missing) == (FetchState.OK, n_found, {})
    assert report.notes == [f"YouTube has a video for {n_found} of 14 songs searched for."]
    again = collect_videos(settings, AS_OF)
    assert (len(site.asked), again.state, again.notes) == (14, FetchState.OK, [])
    collect_videos(settings, AS_OF + timedelta(days=31))  # YouTube's terms: what is kept is refreshed
    assert len(site.asked) == 28


def test_the_key_is_in_no_url_no_file_and_no_log(
    site: ScriptedSite, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    collect_videos(settings, AS_OF)
    assert {headers["X-Goog-Api-Key"] for headers in site.headers} == {KEY}
    assert not any(KEY in str(query) for _, query in site.asked)
    assert KEY not in caplog.text
    for path in settings.home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_without_a_key_or_a_catalogue_nothing_is_asked_and_nothing_is_wrong(
    site: ScriptedSite, settings: Settings, tmp_path: Path
) -> None:
    keyless = settings.model_copy(update={"youtube_api_key": None})
    new = settings.model_copy(update={"home": tmp_path / "new"})
    for world in (keyless, new):
        report = collect_videos(world, AS_OF)
        assert (report.state, report.notes, report.n_pages) == (FetchState.OK, [], 0)
    assert site.asked == []


def test_a_day_of_google_has_a_hundred_searches(site: ScriptedSite, settings: Settings) -> None:
    now = utc_now()
    put_searches(settings, "ok", *[now] * 92)
    put_searches(settings, "ok", *[now - timedelta(days=1, hours=1)] * 50)
    put_searches(settings, "broken", *[now] * 2)
    assert searches_today(settings, now) == 92 + 2 * LIVE.attempts
    report = collect_videos(settings, AS_OF)
    assert asked(site) == ["Song 001 IU", "Song 002 IU"]
    assert report.notes == [
        "YouTube has a video for 1 of 2 songs searched for; 12 wait for other days (100 searches a day)."
    ]
    assert collect_videos(settings, AS_OF).n_pages == 0
    assert (len(site.asked), MAX_SEARCHES_A_DAY) == (2, 100)


def test_googles_day_is_that_of_the_pacific_coast(settings: Settings) -> None:
    night = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)  # 23:30 on the 20th there
    put_searches(settings, "ok", night, night - timedelta(hours=20))
    assert searches_today(settings, night) == 2
    assert searches_today(settings, night + timedelta(hours=1)) == 0
    assert next_day(night) == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        refusal(403, "quotaExceeded", "The request cannot be completed because you have exceeded your quota."),
        refusal(429, "rateLimitExceeded", "Quota exceeded for quota metric 'Search Queries' and limit 'per day'."),
    ],
)
def test_a_used_quota_ends_the_run_until_the_next_day(site: ScriptedSite, settings: Settings, said: Said) -> None:
    status, _, body = said
    wait = {"Retry-After": "70000"} if status == 429 else {}
    site.script = lambda path, query: (
        (status, wait, body) if query["q"].startswith("Song 003") else youtube(path, query)
    )
    report = collect_videos(settings, AS_OF)
    assert asked(site) == ["Song 001 IU", "Song 002 IU", "Song 003 IU"]
    assert (report.state, len(report.missing), set(report.missing.values())) == (FetchState.LIMITED, 12, {"limited"})
    assert "YouTube's searches of this day are used up" in report.notes[0]
    assert report.notes[1].startswith("12 songs are left for YouTube; come back after 20")
    assert set(found(settings)) == {"melon:001", "melon:002"}


def test_a_real_world_remembers_that_the_quota_is_used(site: ScriptedSite, settings: Settings) -> None:
    (settings.home / "sandbox").rename(settings.home / "live")
    live = settings.model_copy(update={"profile": Profile.LIVE})
    site.script = lambda path, query: refusal(403, "quotaExceeded", "You have exceeded your quota.")
    assert collect_videos(live, today()).state is FetchState.LIMITED
    second = collect_videos(live, today())
    assert len(site.asked) == 1
    assert (second.state, set(second.missing.values())) == (FetchState.LIMITED, {"limited"})
    hour = f"{next_day(utc_now()).astimezone().timestamp():.0f}"
    waits = lake.read(live.lake, "youtube", "fetch", ["fetched_at", "retry_after_s"]).to_pylist()
    assert f"{waits[0]['fetched_at'].timestamp() + waits[0]['retry_after_s']:.0f}" == hour


@pytest.mark.parametrize(
    "said",
    [
        refusal(400, "badRequest", "API key not valid. Please pass a valid API key."),
        refusal(403, "accessNotConfigured", "YouTube Data API v3 has not been used in project 1 before."),
    ],
)
def test_a_wrong_key_is_told_and_tried_once(site: ScriptedSite, settings: Settings, said: Said) -> None:
    site.script = lambda path, query: said
    report = collect_videos(settings, AS_OF)
    assert len(site.asked) == 1
    assert (report.state, len(report.missing)) == (FetchState.BLOCKED, 14)
    assert "OSTINATO_YOUTUBE_API_KEY" in report.notes[0]
    assert KEY not in report.notes[0]


def test_a_search_that_breaks_is_named_and_the_others_go_on(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (200, {}, "<html>") if query["q"].startswith("Song 001") else youtube(path, query)
    report = collect_videos(settings, AS_OF)
    assert report.missing == {"melon:001": "broken"}
    assert len(found(settings)) == 13


def test_every_archived_search_reads_again_as_it_was_kept(settings: Settings) -> None:
    collect_videos(settings, AS_OF)
    rows = found(settings)
    for row in lake.read(settings.lake, "youtube", "fetch").to_pylist():
        parsed = reread_video(archive.load(settings.pages, row["page_sha256"]), row["key"], row["url"])
        assert str(parsed.state) == row["state"]
        (kept,) = parsed.rows
        assert {name: rows[kept["track_id"]][name] for name in kept} == kept
    assert reread_video(b"{}", "melon:1", "").state is FetchState.BROKEN


@pytest.mark.parametrize(
    ("title", "artist", "video", "channel", "fits"),
    [
        ("라일락", "아이유 (IU)", "[MV] IU(아이유) _ LILAC(라일락)", "1theK (원더케이)", True),
        ("마음을 드려요", "아이유 (IU)", "IU - 마음을드려요 (사랑의 불시착 OST)", "Stone Music", True),
        ("Ditto", "NewJeans", "NewJeans (뉴진스) 'Ditto' Official MV (side A)", "HYBE LABELS", True),
        ("Time", "Hans Zimmer", "Time", "Hans Zimmer - Topic", True),
        ("Time", "Hans Zimmer", "Hans Zimmer - Timeless", "WaterTower Music", False),
        ("Time", "Hans Zimmer", "Time (Piano Cover)", "Hans Zimmer Fans", False),
        ("Time", "Hans Zimmer", "Time", "Pink Floyd", False),
        ("봄", "박봄", "박봄 봄 노래방 MR", "TJ", False),
        ("U", "Super Junior", "Super Junior - Sorry Sorry", "SM", False),
        ("Karaoke", "Drake", "Drake - Karaoke", "Drake", True),
        ("사랑", "임재현", "Love", "임재현", False),
    ],
)
def test_a_video_fits_that_names_song_and_artist(title: str, artist: str, video: str, channel: str, fits: bool) -> None:
    hit = VideoRow(video_id="v", title=video, channel=channel)
    assert (fitting_video(title, [artist], [hit]) is hit) is fits


def test_a_live_take_stands_back_behind_the_recording() -> None:
    live = VideoRow(video_id="1", title="Hurt - Live at Folsom", channel="Johnny Cash")
    plain = VideoRow(video_id="2", title="Johnny Cash - Hurt (Official Music Video)", channel="JohnnyCashVEVO")
    assert fitting_video("Hurt", ["Johnny Cash"], [live, plain]) is plain
    assert fitting_video("Hurt", ["Johnny Cash"], [live]) is live
    assert fitting_video("Hurt - Live at Folsom", ["Johnny Cash"], [plain, live]) is live


def test_in_the_sandbox_most_charted_songs_have_a_video(world: Settings) -> None:
    with_key = world.model_copy(update={"youtube_api_key": SecretStr("a-key-of-its-own")})
    collect_charts(with_key, today())
    warehouse.build(with_key)
    warehouse.publish(with_key, run_id="r", as_of=today(), code_version="test")
    report = collect_videos(with_key, today())
    print(report.notes)
    assert (report.state, report.n_pages, report.missing) == (FetchState.OK, MAX_SEARCHES_A_DAY, {})
    assert report.n_rows >= 0.7 * MAX_SEARCHES_A_DAY
    assert collect_videos(with_key, today()).n_pages == 0
