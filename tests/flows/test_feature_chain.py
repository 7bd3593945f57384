"""Audio features by the chain of providers: each track asked of the first that may know it, refusals remembered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from scripted_site import Said, Script, ScriptedSite, refuse, scripted_site, token_or

from tasks import lake
from tasks.collecting.charts.nightly import collect_charts
from tasks.collecting.features.chain import REFUSED_FOR, UNKNOWN_FOR, collect_features, reread_features
from tasks.collecting.report import SourceReport
from tasks.collecting.tracks.search import collect_tracks
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.lake import utc_now
from tasks.settings import Profile, Settings, today

AS_OF = date(2024, 11, 20)
SOUND = {"danceability": 0.5, "energy": 0.5, "tempo": 120.0}


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    with scripted_site() as scripted:
        yield scripted


@pytest.fixture
def settings(site: ScriptedSite, tmp_path: Path) -> Settings:
    sites = {"reccobeats": f"{site.url}/recco", "spotify_api": f"{site.url}/spotify", "spotify_accounts": site.url}
    return Settings(home=tmp_path, profile=Profile.SANDBOX, sites=sites, max_workers=2)


def put_tracks(settings: Settings, *track_ids: str, isrc: str | None = None) -> None:
    rows = [
        {"track_id": one, "isrc": isrc, "title": "t", "artists": ["a"], "fetched_at": utc_now()} for one in track_ids
    ]
    lake.write_batch(settings.lake, "spotify", "track", rows, batch_key=f"t{track_ids[0]}", ingest_date=AS_OF)


def put_recordings(settings: Settings, *codes: list[str]) -> None:
    rows = [
        {"recording_id": str(i), "title": "t", "isrcs": one, "fetched_at": utc_now()} for i, one in enumerate(codes)
    ]
    lake.write_batch(settings.lake, "musicbrainz", "recording", rows, batch_key="r", ingest_date=AS_OF)


def reccobeats(*unknown: str) -> Script:
    """Backwards, without the unknown ones, and with one that nobody asked for; recordings under an id of its own."""

    def answer(path: str, query: dict[str, str]) -> Said:
        found = [
            {
                "id": f"uuid-{one}",
                "href": f"https://open.spotify.com/track/{spotify_id(one)}",
                "isrc": code(one),
                **SOUND,
            }
            for one in [*query["ids"].split(",")[::-1], "stray"]
            if one not in unknown
        ]
        return 200, {}, json.dumps({"content": found})

    return answer


def is_code(any_id: str) -> bool:
    return len(any_id) == 12


def spotify_id(any_id: str) -> str:
    return f"of{any_id}" if is_code(any_id) else any_id


def code(any_id: str) -> str | None:
    return any_id.lower() if is_code(any_id) else None


def approved(path: str, query: dict[str, str]) -> Said:
    """What Spotify sends to an app that may ask: all 13 features, null for ids that it does not know."""
    found = [
        {"id": one, "type": "audio_features", "duration_ms": 1000, "time_signature": 4, **SOUND}
        if one != "nobody"
        else None
        for one in query["ids"].split(",")
    ]
    return 200, {}, json.dumps({"audio_features": found})


def chain(of_reccobeats: Script, of_spotify: Script) -> Script:
    return token_or(lambda path, query: (of_reccobeats if path.startswith("/recco") else of_spotify)(path, query))


def refused(path: str, query: dict[str, str]) -> Said:
    return refuse(403, "Forbidden")


def asked(site: ScriptedSite, provider: str) -> list[str]:
    return [one for path, query in site.asked if path.startswith(f"/{provider}") for one in query["ids"].split(",")]


def stored(settings: Settings, source: str) -> dict[str, dict[str, Any]]:
    rows = lake.read(settings.lake, source, "audio_features").to_pylist()
    assert len({row["track_id"] for row in rows}) == len(rows)
    return {row["track_id"]: row for row in rows}


def states(reports: list[SourceReport]) -> list[tuple[str, str, int]]:
    return [(report.source, str(report.state), report.n_rows) for report in reports]


def test_features_are_asked_in_forties_and_unknown_tracks_not_again(site: ScriptedSite, settings: Settings) -> None:
    tracks = [f"track{i:03}" for i in range(100)]
    put_tracks(settings, *tracks)
    for table in ("spotify_tracks", "spotify_million_tracks"):
        known = {"track_id": "track001" if table == "spotify_tracks" else "track002", "fetched_at": utc_now()}
        lake.write_batch(settings.lake, "dataset", table, [known], batch_key="d", ingest_date=AS_OF)
    unknown = [one for one in tracks if one.endswith("0")]
    site.script = chain(reccobeats(*unknown), refused)
    first, _ = collect_features(settings, AS_OF)
    sizes = sorted(len(query["ids"].split(",")) for path, query in site.asked if path.startswith("/recco"))
    assert sizes == [18, 40, 40]
    assert (first.state, first.n_rows) == (FetchState.OK, 88)
    assert first.notes == ["ReccoBeats has features for 88 of 98 tracks asked for."]
    rows = stored(settings, "reccobeats")
    assert set(rows) == set(tracks) - {"track001", "track002", *unknown}
    assert {row["provider"] for row in rows.values()} == {"reccobeats"}
    assert all(row["page_sha256"] and row["duration_ms"] is None for row in rows.values())
    n_asked = len(site.asked)
    again = collect_features(settings, AS_OF + UNKNOWN_FOR)
    assert [one for path, _ in site.asked[n_asked:] if (one := path).startswith("/recco")] == []
    assert (again[0].state, again[0].notes) == (FetchState.OK, [])
    collect_features(settings, AS_OF + UNKNOWN_FOR + timedelta(days=1))
    assert sorted(asked(site, "recco")[98:]) == unknown


def test_each_track_is_asked_of_the_first_provider_that_may_know_it(site: ScriptedSite, settings: Settings) -> None:
    put_tracks(settings, "imported", "known", "rare", "nobody")
    row = {"track_id": "imported", "fetched_at": utc_now()}
    lake.write_batch(settings.lake, "dataset", "film_ost_tracks", [row], batch_key="d", ingest_date=AS_OF)
    site.script = chain(reccobeats("rare", "nobody"), approved)
    assert states(collect_features(settings, AS_OF)) == [("reccobeats", "ok", 1), ("spotify", "ok", 1)]
    assert (sorted(asked(site, "recco")), sorted(asked(site, "spotify"))) == (
        ["known", "nobody", "rare"],
        ["nobody", "rare"],
    )
    assert stored(settings, "reccobeats")["known"]["provider"] == "reccobeats"
    rare = stored(settings, "spotify")["rare"]
    assert (rare["provider"], rare["duration_ms"], rare["time_signature"]) == ("spotify", 1000, 4)
    n_asked = len(site.asked)
    assert states(collect_features(settings, AS_OF)) == [("reccobeats", "ok", 0), ("spotify", "ok", 0)]
    assert len(site.asked) == n_asked


def test_a_refusal_is_named_once_and_tried_again_after_a_week(site: ScriptedSite, settings: Settings) -> None:
    put_tracks(settings, *(f"track{i:03}" for i in range(250)))
    site.script = chain(lambda path, query: (200, {}, '{"content": []}'), refused)
    _, spotify = collect_features(settings, AS_OF)
    assert len(asked(site, "spotify")) == 100  # one call of three, and no second try of it
    assert [path for path, _ in site.asked].count("/spotify/audio-features") == 1
    assert (spotify.state, spotify.states, spotify.missing) == (FetchState.REFUSED, {"refused": 1}, {})
    assert spotify.notes == [
        "Spotify refused audio features (the provider answered 403: Forbidden), as it does to every app that it did "
        "not approve before 27 November 2024; it is asked again from 2024-11-27 on."
    ]
    manifest = lake.read(settings.lake, "spotify", "fetch").to_pylist()
    assert [(row["entity"], row["state"], row["status"]) for row in manifest] == [("audio_features", "refused", 403)]
    for night in range(1, REFUSED_FOR.days):
        _, spotify = collect_features(settings, AS_OF + timedelta(days=night))
        assert (spotify.state, spotify.n_pages, spotify.notes) == (FetchState.REFUSED, 0, [])
    assert len(asked(site, "spotify")) == 100
    site.script = chain(reccobeats(), approved)
    _, spotify = collect_features(settings, AS_OF + REFUSED_FOR)
    assert (spotify.state, spotify.n_rows) == (FetchState.OK, 250)


def test_recordings_that_spotify_does_not_show_are_asked_for_by_their_code(
    site: ScriptedSite, settings: Settings
) -> None:
    put_tracks(settings, "shown", isrc="USAAA2400001")
    put_recordings(settings, ["US-AAA-24-00001"], ["USAAA2400002", "USAAA2400003"], ["USAAA2400004"], ["none"], [])
    site.script = chain(reccobeats("USAAA2400003", "USAAA2400004"), refused)
    first, _ = collect_features(settings, AS_OF)
    assert sorted(asked(site, "recco")) == ["USAAA2400002", "USAAA2400003", "USAAA2400004", "shown"]
    rows = {track_id: row["isrc"] for track_id, row in stored(settings, "reccobeats").items()}
    assert rows == {"shown": None, "ofUSAAA2400002": "usaaa2400002"}
    assert (first.state, first.n_rows, asked(site, "spotify")) == (FetchState.OK, 2, [])
    n_asked = len(site.asked)
    collect_features(settings, AS_OF + UNKNOWN_FOR)
    assert len(site.asked) == n_asked
    collect_features(settings, AS_OF + UNKNOWN_FOR + timedelta(days=1))
    assert asked(site, "recco")[4:] == ["USAAA2400004"]  # another code of the second recording has features


def test_charted_tracks_of_imported_tables_are_asked_for_too(site: ScriptedSite, settings: Settings) -> None:
    row = {"chart_date": "2025-01-01", "rank": 1, "uri": "spotify:track:charted", "fetched_at": utc_now()}
    lake.write_batch(settings.lake, "dataset", "spotify_daily_chart", [row], batch_key="c", ingest_date=AS_OF)
    site.script = chain(reccobeats(), refused)
    collect_features(settings, AS_OF)
    assert set(stored(settings, "reccobeats")) == {"charted"}


def test_every_archived_answer_reads_again_as_it_was_kept(site: ScriptedSite, settings: Settings) -> None:
    put_tracks(settings, *(f"track{i:03}" for i in range(60)))
    put_recordings(settings, ["USAAA2400002"])
    site.script = chain(reccobeats("track005"), approved)
    collect_features(settings, AS_OF)
    for source, n_rows in (("reccobeats", 60), ("spotify", 1)):
        reread = []
        for row in lake.read(settings.lake, source, "fetch").to_pylist():
            parsed = reread_features(archive.load(settings.pages, row["page_sha256"]), row["key"], row["url"])
            assert str(parsed.state) == row["state"]
            reread += [found["track_id"] for found in parsed.rows]
        assert len(reread) == n_rows
        assert set(reread) == set(stored(settings, source))


def test_a_provider_that_blocks_leaves_tracks_to_the_next_and_for_the_next_run(
    site: ScriptedSite, settings: Settings
) -> None:
    put_tracks(settings, *(f"track{i:03}" for i in range(400)))
    site.script = chain(lambda path, query: (403, {}, "<html>no</html>"), refused)
    recco, _ = collect_features(settings, AS_OF)
    assert recco.state is FetchState.BLOCKED
    assert recco.notes == ["400 tracks got no answer from ReccoBeats; the next run asks again."]
    assert recco.missing == {f"track{i:03}": "blocked" for i in range(400)}
    site.script = chain(reccobeats(), refused)
    assert collect_features(settings, AS_OF)[0].n_rows == 400


def test_a_stop_of_a_day_says_when_to_come_back(site: ScriptedSite, settings: Settings) -> None:
    put_tracks(settings, *(f"track{i:03}" for i in range(100)))
    site.script = chain(lambda path, query: (429, {"Retry-After": "80000"}, ""), approved)
    recco, spotify = collect_features(settings, AS_OF)
    assert (recco.state, set(recco.missing.values()), len(recco.missing)) == (FetchState.LIMITED, {"limited"}, 100)
    assert recco.notes[0].startswith("100 tracks got no answer from ReccoBeats; the next run asks again; come back")
    assert (spotify.state, spotify.n_rows) == (FetchState.OK, 100)


def test_a_call_that_came_cut_is_asked_for_once_more(site: ScriptedSite, settings: Settings) -> None:
    put_tracks(settings, "track001")
    first = iter([(200, {}, '{"content": [{"id"')])
    site.script = chain(lambda path, query: next(first, None) or reccobeats()(path, query), refused)
    recco, _ = collect_features(settings, AS_OF)
    assert (recco.states, recco.n_rows, recco.missing) == ({"ok": 1}, 1, {})


def test_without_an_app_spotify_is_not_asked_and_without_tracks_nobody_is(site: ScriptedSite, tmp_path: Path) -> None:
    sites = {"reccobeats": f"{site.url}/recco", "spotify_api": f"{site.url}/spotify"}
    live = Settings(home=tmp_path, profile=Profile.LIVE, sites=sites)
    site.script = chain(reccobeats("track001"), approved)
    assert states(collect_features(live, today())) == [("reccobeats", "ok", 0), ("spotify", "ok", 0)]
    put_tracks(live, "track001")
    _, spotify = collect_features(live, today())
    assert (spotify.state, spotify.n_pages, spotify.notes) == (FetchState.REFUSED, 0, [])
    assert asked(site, "spotify") == []


@pytest.fixture
def extended(world: Settings) -> Iterator[Settings]:
    control = f"{world.sites['sandbox']}/spotify"
    requests.put(control, json={"mode": "extended"}, timeout=10).raise_for_status()
    yield world.model_copy(update={"spotify_client_id": SecretStr("me"), "spotify_client_secret": SecretStr("mine")})
    requests.put(control, json={"mode": "default"}, timeout=10).raise_for_status()


def test_in_the_sandbox_an_approved_app_gives_what_reccobeats_lacks(extended: Settings) -> None:
    collect_charts(extended, today())
    tracks = collect_tracks(extended, today())
    assert tracks.notes == ["Spotify's app is in extended mode: it may ask for 50 hits and see recording codes."]
    recco, spotify = collect_features(extended, today())
    found = set(lake.read(extended.lake, "spotify", "track", ["track_id"])["track_id"].to_pylist())
    by_recco, by_spotify = stored(extended, "reccobeats"), stored(extended, "spotify")
    assert by_recco.keys() | by_spotify.keys() == found
    assert not by_recco.keys() & by_spotify.keys()
    assert 0 < len(by_spotify) < len(found) / 4
    assert all(row["time_signature"] is not None for row in by_spotify.values())
    assert (recco.state, spotify.state) == (FetchState.OK, FetchState.OK)


def test_in_the_sandbox_an_app_in_development_is_refused_once(world: Settings) -> None:
    collect_charts(world, today())
    tracks = collect_tracks(world, today())
    assert tracks.notes == ["Spotify's app is in development mode: ten hits a search, no popularity, no batch reads."]
    recco, spotify = collect_features(world, today())
    assert (recco.state, spotify.state, spotify.n_pages) == (FetchState.OK, FetchState.REFUSED, 1)
    assert collect_features(world, today())[1].n_pages == 0
