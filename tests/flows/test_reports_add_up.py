"""What a night reports adds up: due is answered or missing, a request has an answer, what was not asked is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from scripted_site import Said, ScriptedSite, scripted_site

from tasks import lake
from tasks.collecting.charts.backfill import PastChart, backfill_charts
from tasks.collecting.charts.nightly import collect_charts
from tasks.collecting.features.chain import collect_features
from tasks.collecting.films.collect import collect_films
from tasks.collecting.freshness import limits_in_force
from tasks.collecting.made_up import set_clock
from tasks.collecting.report import SourceReport
from tasks.collecting.soundtracks.imdb import collect_soundtracks
from tasks.collecting.soundtracks.musicbrainz import collect_recordings
from tasks.collecting.tracks.search import collect_tracks
from tasks.fetching.answer import FetchState
from tasks.lake import utc_now
from tasks.settings import Profile, Settings, today

NIGHT = date(2026, 11, 20)
N_FILMS = 30
NOBODY = "http://127.0.0.1:9"  # the port of the discard service, which nobody runs any more
SITES = ("tmdb_api", "imdb", "musicbrainz", "melon", "spotify_api", "reccobeats")


@pytest.fixture
def keyed(world: Settings) -> Iterator[Settings]:
    """A world that asks TMDB by its API, so that no browser is needed."""
    faults = f"{world.sites['sandbox']}/faults"
    requests.delete(faults, timeout=10)
    set_clock(world, NIGHT)
    yield world.model_copy(update={"tmdb_api_key": SecretStr("0123456789abcdef0123456789abcdef")})
    requests.delete(faults, timeout=10)


@pytest.fixture
def forbidding() -> Iterator[ScriptedSite]:
    """A site whose robots.txt forbids everything."""

    def script(path: str, query: dict[str, str]) -> Said:
        return 200, {"Content-Type": "text/plain"}, "User-agent: *\nDisallow: /\n"

    with scripted_site() as site:
        site.script = script
        yield site


@pytest.fixture
def closed(world: Settings, forbidding: ScriptedSite) -> Settings:
    """A live world, which alone obeys robots.txt, whose sites all forbid everything."""
    sites = dict.fromkeys(("tmdb", "imdb", "melon"), forbidding.url)
    return world.model_copy(update={"profile": Profile.LIVE, "sites": sites})


def order(settings: Settings, faults: dict[str, Any]) -> None:
    requests.put(f"{settings.sites['sandbox']}/faults", json=faults, timeout=10).raise_for_status()


def a_night(settings: Settings) -> list[SourceReport]:
    """What the nightly flow collects, in its order."""
    reports = collect_films(settings, NIGHT, N_FILMS)
    reports += [collect_soundtracks(settings, NIGHT), collect_recordings(settings, NIGHT)]
    reports += collect_charts(settings, NIGHT)
    return [*reports, collect_tracks(settings, NIGHT), *collect_features(settings, NIGHT)]


def assert_adds_up(report: SourceReport) -> None:
    name = f"{report.source} {report.entity}"
    assert report.n_due == report.n_answered + len(report.missing), name
    assert report.n_pages == sum(report.states.values()), name
    assert sum(report.unasked.values()) <= len(report.missing), name
    assert report.notes or not report.missing, f"{name}: what is missing has a sentence"


STORMS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "mixed": {"*": [{"kind": kind, "rate": 0.05} for kind in ("broken", "blocked", "cut", "html", "overload")]},
    "blocked": {site: {"kind": "blocked", "rate": 1} for site in SITES},
    "blocked half-way": {site: {"kind": "blocked", "rate": 0.5} for site in SITES},
    "limited": {site: {"kind": "limited", "rate": 1, "retry_after_s": 86_400} for site in SITES},
    "broken": {site: {"kind": "html", "rate": 1} for site in SITES},
}


@pytest.mark.parametrize("storm", STORMS)
def test_a_night_adds_up_whatever_the_sites_do(keyed: Settings, storm: str) -> None:
    order(keyed, STORMS[storm])
    reports = a_night(keyed)
    for report in reports:
        assert_adds_up(report)
    requests.delete(f"{keyed.sites['sandbox']}/faults", timeout=10)
    for report in a_night(keyed):
        assert_adds_up(report)
        assert not report.missing, "the next run asks for what is missing"


def test_a_night_on_which_half_the_sites_are_gone_adds_up(keyed: Settings) -> None:
    away = keyed.model_copy(update={"sites": keyed.sites | dict.fromkeys(("imdb", "melon", "reccobeats"), NOBODY)})
    reports = {(report.source, report.entity): report for report in a_night(away)}
    for report in reports.values():
        assert_adds_up(report)
    imdb, charts = reports["imdb", "soundtrack"], reports["melon", "chart"]
    assert (imdb.state, charts.state) == (FetchState.UNREACHABLE, FetchState.UNREACHABLE)
    assert imdb.missing.keys() == set(known_films(keyed))
    assert charts.n_due == len(charts.missing) == 4


def known_films(settings: Settings) -> list[str]:
    return [film for film in lake.read(settings.lake, "tmdb", "film", ["imdb_id"])["imdb_id"].to_pylist() if film]


def test_what_robots_txt_forbids_is_no_request_and_no_answer(closed: Settings, forbidding: ScriptedSite) -> None:
    films = [{"tmdb_id": n, "imdb_id": f"tt{n:07}", "fetched_at": utc_now()} for n in range(1, 9)]
    lake.write_batch(closed.lake, "tmdb", "film", films, batch_key="films", ingest_date=NIGHT)
    imdb, (charts, songs) = collect_soundtracks(closed, NIGHT), collect_charts(closed, NIGHT)
    (past,) = backfill_charts(closed, NIGHT, date(1990, 1, 1), date(1990, 3, 1), [PastChart.MONTH])
    assert set(forbidding.paths()) == {"/robots.txt"}
    for report, n in ((imdb, 8), (charts, 4), (past, 3)):
        assert_adds_up(report)
        assert (report.state, report.n_due, report.n_pages, report.states) == (FetchState.REFUSED, n, 0, {})
        assert report.unasked == {"refused": n}
    assert (songs.state, songs.n_due) == (FetchState.REFUSED, 0)
    host = forbidding.url.removeprefix("http://")
    assert imdb.notes == [f"robots.txt of {host} forbids it; 8 films were not asked for and are left for the next one."]
    assert past.notes[-1].endswith("3 of them were not asked for.")


def test_films_that_robots_txt_forbids_are_not_answers_left_out(
    closed: Settings, forbidding: ScriptedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # no browser
    known = [{"tmdb_id": tmdb_id, "title": "Known"} for tmdb_id in range(1, 9)]
    lake.write_batch(closed.lake, "tmdb", "list", known, batch_key="yesterday", ingest_date=NIGHT - timedelta(days=1))
    listing, films = collect_films(closed, NIGHT, 8)
    assert set(forbidding.paths()) == {"/robots.txt"}
    for report in (listing, films):
        assert_adds_up(report)
        assert (report.state, report.n_pages, report.states) == (FetchState.REFUSED, 0, {})
    assert films.n_due == 8
    assert [note.partition("; ")[2] for note in films.notes] == [
        "8 films were not asked for and are left for the next one."
    ]


def test_many_films_that_did_not_come_are_counted_and_five_named(keyed: Settings) -> None:
    order(keyed, {"tmdb_api": {"kind": "html", "rate": 0.5, "path": "/movie/"}})
    _, films = collect_films(keyed, NIGHT, 60)
    (note,) = [note for note in films.notes if "answers out" in note]
    assert len(re.findall(r"\b\d{2,}\b(?! (?:more|answers))", note)) <= 5
    assert len(films.missing) > 5


# --- nothing to ask for ---


def test_without_films_their_music_is_not_asked_for_and_that_is_a_state(keyed: Settings) -> None:
    away = keyed.model_copy(update={"sites": keyed.sites | {"tmdb_api": NOBODY, "tmdb": NOBODY}})
    listing, films = collect_films(away, NIGHT, N_FILMS)
    assert (listing.state, films.state) == (FetchState.UNREACHABLE, FetchState.UNREACHABLE)
    for report, name in ((collect_soundtracks(away, NIGHT), "IMDb"), (collect_recordings(away, NIGHT), "MusicBrainz")):
        assert (report.state, report.n_pages, report.n_due) == (FetchState.IDLE, 0, 0)
        assert report.notes == [
            f"{name} had nothing to be asked for: no film with an IMDb id has been collected or imported."
        ]


# --- waits ---


def put_wait(settings: Settings, night: date, hours_ago: float, wait_s: float) -> None:
    """A line of a run that worked for `night` and was told to wait."""
    line = {
        "entity": "soundtrack",
        "key": "tt1",
        "url": "https://www.imdb.com/title/tt1/soundtrack/",
        "state": "limited",
        "fetched_at": utc_now() - timedelta(hours=hours_ago),
        "retry_after_s": wait_s,
    }
    key = f"wait-{night}-{hours_ago}"
    lake.write_batch(settings.lake, "imdb", "fetch", [line], batch_key=key, ingest_date=night)


@pytest.mark.parametrize("age_days", [0, 8, 4000, -30])
def test_a_wait_is_kept_whatever_night_the_run_worked_for(world: Settings, age_days: int) -> None:
    live = world.model_copy(update={"profile": Profile.LIVE})
    put_wait(live, today() - timedelta(days=age_days), hours_ago=2, wait_s=86_400)
    put_wait(live, today() - timedelta(days=age_days), hours_ago=20, wait_s=86_400)
    until = limits_in_force(live, "imdb")["www.imdb.com"]
    assert abs(until - utc_now() - timedelta(hours=22)) < timedelta(minutes=1)
    assert limits_in_force(live, "melon") == {}


def test_a_long_wait_outlasts_a_week_and_ends(world: Settings) -> None:
    live = world.model_copy(update={"profile": Profile.LIVE})
    put_wait(live, today() - timedelta(days=20), hours_ago=20 * 24, wait_s=30 * 86_400)
    assert set(limits_in_force(live, "imdb")) == {"www.imdb.com"}
    over = world.model_copy(update={"profile": Profile.LIVE, "home": world.home / "over"})
    put_wait(over, today(), hours_ago=25, wait_s=86_400)
    assert limits_in_force(over, "imdb") == {}
