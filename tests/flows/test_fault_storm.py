"""Every fault at once, and a whole site down: what can be had is had, what cannot is named, nothing comes twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from tasks import lake
from tasks.collecting.charts.nightly import collect_charts
from tasks.collecting.features.chain import collect_features
from tasks.collecting.films.collect import collect_films
from tasks.collecting.made_up import set_clock
from tasks.collecting.report import SourceReport
from tasks.collecting.soundtracks.imdb import collect_soundtracks
from tasks.collecting.soundtracks.musicbrainz import collect_recordings
from tasks.collecting.tracks.search import collect_tracks
from tasks.settings import PROJECT_ROOT, Profile, Settings

AS_OF = date(2026, 11, 20)
STATES = {"blocked", "limited", "broken", "refused", "unreachable"}
KEYS = {
    ("tmdb", "film"): "tmdb_id",
    ("imdb", "soundtrack"): "entry_id",
    ("melon", "song"): "song_id",
    ("reccobeats", "audio_features"): "track_id",
}
NOBODY = "http://127.0.0.1:9"  # the port of the discard service, which nobody runs any more


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, str]]:
    """A sandbox of the size that a refresh has by default, with half its tracks."""
    command = [sys.executable, "-m", "sandbox", "--films", "300", "--tracks", "1500", "--with-parent"]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.stdin.close()
    process.wait(timeout=20)


def collect(settings: Settings, n_films: int) -> list[SourceReport]:
    """What the nightly flow collects, in its order."""
    set_clock(settings, AS_OF)
    reports = collect_films(settings, AS_OF, n_films)
    reports += [collect_soundtracks(settings, AS_OF), collect_recordings(settings, AS_OF)]
    reports += collect_charts(settings, AS_OF)
    return [*reports, collect_tracks(settings, AS_OF), *collect_features(settings, AS_OF)]


def keys(settings: Settings, source: str, entity: str) -> list[Any]:
    key = KEYS[(source, entity)]
    return [value for value in lake.read(settings.lake, source, entity, [key])[key].to_pylist() if value is not None]


def doubled(settings: Settings) -> dict[tuple[str, str], list[Any]]:
    """Keys that a raw table holds more than once."""
    counts = {table: Counter(keys(settings, *table)) for table in KEYS}
    return {table: twice for table, n in counts.items() if (twice := [key for key, times in n.items() if times > 1])}


def listed_films(settings: Settings) -> set[str]:
    return {str(tmdb_id) for tmdb_id in lake.read(settings.lake, "tmdb", "list", ["tmdb_id"])["tmdb_id"].to_pylist()}


def refresh(home: Path, sites: dict[str, str], *more: str) -> dict[str, Any]:
    """`ostinato refresh --json` as a user runs it; it must end well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OSTINATO_", "PREFECT_"))}
    environment = {**kept, "OSTINATO_HOME": str(home), "OSTINATO_SITES": json.dumps(sites)}
    command = [sys.executable, "-m", "ostinato.cli", "refresh", "--profile", "sandbox", "--as-of", str(AS_OF), "--json"]
    done = subprocess.run(
        [*command, *more], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_refresh_of_300_films_in_a_storm_of_faults(tmp_path: Path, sites: dict[str, str]) -> None:
    control = sites["sandbox"]
    requests.put(f"{control}/faults", json={"*": {"kind": "all", "rate": 0.2}}, timeout=10).raise_for_status()
    summary = refresh(tmp_path / "home", sites, "--films", "300")
    dealt = requests.get(f"{control}/faults", timeout=10).json()
    requests.delete(f"{control}/faults", timeout=10).raise_for_status()
    assert dealt, "the storm has not blown"
    settings = Settings(home=tmp_path / "home", profile=Profile.SANDBOX, sites=sites)
    missing = {(s["source"], s["entity"]): s["missing"] for s in summary["sources"]}
    assert summary["warnings"]
    for each in summary["sources"]:
        assert each["n_due"] == each["n_answered"] + len(each["missing"]), each
        assert each["n_requests"] == sum(each["states"].values()), each
    assert set().union(*(set(states.values()) for states in missing.values())) <= STATES
    assert doubled(settings) == {}

    films = {str(tmdb_id) for tmdb_id in keys(settings, "tmdb", "film")}
    assert films
    assert listed_films(settings) == films | (missing["tmdb", "film"].keys() & listed_films(settings))
    charted = set(lake.read(settings.lake, "melon", "chart", ["song_id"])["song_id"].drop_null().to_pylist())
    assert charted == set(keys(settings, "melon", "song")) | missing["melon", "song"].keys()

    collect(settings, 300)  # the storm is over: the same night is made whole
    clean = Settings(home=tmp_path / "clean", profile=Profile.SANDBOX, sites=sites)
    reports = collect(clean, 300)
    assert {(r.source, r.entity): r.missing for r in reports if r.missing and r.state != "refused"} == {}
    assert doubled(clean) == {}
    assert set(keys(settings, "tmdb", "film")) >= {int(film) for film in listed_films(settings)}
    assert set(keys(settings, "melon", "song")) >= set(keys(clean, "melon", "song"))
    published = refresh(tmp_path / "home", sites, "--skip-fetch")["published"]["n_rows"]
    assert published["film"] == len(listed_films(settings))  # the lake keeps both readings, the catalogue one


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("down", ["tmdb", "imdb", "musicbrainz", "melon", "spotify_api", "reccobeats"])
def test_a_whole_site_down_costs_its_own_rows_alone(tmp_path: Path, sites: dict[str, str], down: str) -> None:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX, sites={**sites, down: NOBODY})
    reports = collect(settings, 40)
    source = down.removesuffix("_api")
    lost = [report for report in reports if report.source == source and report.states]
    assert {str(report.state) for report in lost} <= {"unreachable"}
    assert lost or down == "musicbrainz"  # which is asked only where IMDb gives nothing
    others = [report for report in reports if report.source != source and str(report.state) != "refused"]
    assert {(report.source, report.entity): report.missing for report in others if report.missing} == {}
    assert {str(report.state) for report in others} <= ({"ok", "idle"} if down == "tmdb" else {"ok"})
    assert doubled(settings) == {}


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_refresh_with_a_whole_site_down_publishes_the_rest(tmp_path: Path, sites: dict[str, str]) -> None:
    summary = refresh(tmp_path, {**sites, "imdb": NOBODY, "reccobeats": NOBODY}, "--films", "40")
    states = {(s["source"], s["entity"]): s["state"] for s in summary["sources"]}
    assert states["imdb", "soundtrack"] == states["reccobeats", "audio_features"] == "unreachable"
    assert states["musicbrainz", "recording"] == states["melon", "chart"] == states["tmdb", "film"] == "ok"
    assert summary["published"]["n_rows"]["film"] == 40
    assert any("IMDb" in text for text in summary["warnings"])
