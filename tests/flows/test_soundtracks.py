"""Whose music a film is: IMDb's lists while IMDb gives them, MusicBrainz' recordings for the films it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tasks import lake
from tasks.collecting.freshness import SETTLED
from tasks.collecting.report import SourceReport
from tasks.collecting.rereading import reread_pages
from tasks.collecting.soundtracks import imdb, musicbrainz
from tasks.collecting.soundtracks.imdb import collect_soundtracks
from tasks.collecting.soundtracks.musicbrainz import collect_recordings
from tasks.fetching.answer import FetchState
from tasks.fetching.policy import load_policies
from tasks.lake import utc_now
from tasks.settings import Profile, Settings

NIGHT = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def well_behaved(sandbox_sites: dict[str, str]) -> Iterator[None]:
    requests.delete(f"{sandbox_sites['sandbox']}/faults", timeout=10)
    yield
    requests.delete(f"{sandbox_sites['sandbox']}/faults", timeout=10)


def order_faults(world: Settings, **faults: dict[str, Any]) -> None:
    requests.put(f"{world.sites['sandbox']}/faults", json=faults, timeout=10).raise_for_status()


def forget_faults(world: Settings) -> None:
    requests.delete(f"{world.sites['sandbox']}/faults", timeout=10)


def asked_paths(world: Settings, site: str) -> Counter[str]:
    """Requests per path, as the sandbox counts them."""
    stats = requests.get(f"{world.sites['sandbox']}/stats", timeout=10).json()
    return Counter(stats.get(site, {}).get("paths", {}))


def truth(world: Settings) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{world.sites['sandbox']}/world", timeout=10).json()
    return found


def put_films(world: Settings, n: int | None = None, *, with_album: bool = False) -> list[str]:
    """Films as their collector lands them; returns the IMDb ids."""
    all_told = truth(world)
    albums = all_told["release_groups"]
    told = {tmdb: imdb for tmdb, imdb in all_told["films"].items() if imdb and (albums[imdb] or not with_album)}
    films = [{"tmdb_id": int(tmdb), "imdb_id": imdb, "fetched_at": utc_now()} for tmdb, imdb in list(told.items())[:n]]
    lake.write_batch(world.lake, "tmdb", "film", films, batch_key="films", ingest_date=NIGHT)
    return [str(film["imdb_id"]) for film in films]


def rows(world: Settings, source: str, entity: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.read(world.lake, source, entity).to_pylist()
    return found


def entries(world: Settings) -> list[tuple[str, int, str]]:
    """Film, position and id of every entry in the lake."""
    return sorted((row["imdb_id"], row["position"], row["entry_id"]) for row in rows(world, "imdb", "soundtrack"))


def recorded(world: Settings) -> list[tuple[str, int, str]]:
    found = rows(world, "musicbrainz", "recording")
    return sorted((row["release_group_id"], row["position"], row["recording_id"]) for row in found)


def settled(world: Settings, source: str, entity: str) -> set[str]:
    manifest = rows(world, source, "fetch")
    return {row["key"] for row in manifest if row["entity"] == entity and row["state"] in SETTLED}


def a_night(world: Settings, night: date = NIGHT) -> tuple[SourceReport, SourceReport]:
    return collect_soundtracks(world, night), collect_recordings(world, night)


# --- a night, and the ones after ---


def test_where_imdb_answers_musicbrainz_is_not_asked(world: Settings) -> None:
    films = put_films(world)
    before = asked_paths(world, "musicbrainz")
    told: list[tuple[int, int]] = []
    imdb = collect_soundtracks(world, NIGHT, lambda done, total: told.append((done, total)))
    musicbrainz = collect_recordings(world, NIGHT)
    assert (imdb.state, imdb.missing, sum(imdb.states.values())) == (FetchState.OK, {}, len(films))
    assert {film for film, _, _ in entries(world)} == {
        film for film, tracks in truth(world)["film_tracks"].items() if tracks
    }
    assert imdb.n_rows == len(entries(world)) == len(set(entries(world)))
    assert (told[0], told[-1], len(told)) == ((0, len(films)), (len(films), len(films)), len(films) + 1)
    assert (musicbrainz.states, musicbrainz.notes, musicbrainz.state) == ({}, [], FetchState.OK)
    assert asked_paths(world, "musicbrainz") == before


def test_a_list_longer_than_a_page_is_named_with_its_count(world: Settings) -> None:
    put_films(world)
    report = collect_soundtracks(world, NIGHT)
    lengths = Counter(row["imdb_id"] for row in rows(world, "imdb", "soundtrack"))
    cut = {film for film, n in lengths.items() if n == 50}
    assert cut, "the sandbox has a list of more than 50 entries"
    (note,) = report.notes
    assert all(f"{film} (50 of 5" in note for film in cut)


def test_the_second_run_of_a_night_asks_nothing_and_the_next_window_asks_again(world: Settings) -> None:
    films = put_films(world)
    order_faults(world, imdb={"kind": "blocked", "rate": 1})
    a_night(world)
    forget_faults(world)
    first = a_night(world)[0]
    assert (first.state, sum(first.states.values())) == (FetchState.OK, len(films))
    before = {site: asked_paths(world, site) for site in ("imdb", "musicbrainz")}
    again = a_night(world)
    assert {site: asked_paths(world, site) for site in before} == before
    assert [(report.states, report.n_rows, report.missing) for report in again] == [({}, 0, {})] * 2
    window = load_policies(world)["imdb"].fresh_for
    assert a_night(world, NIGHT + window - timedelta(days=1))[0].states == {}
    assert sum(a_night(world, NIGHT + window)[0].states.values()) == len(films)


# --- IMDb blocked, the normal case ---


def test_a_challenge_costs_three_requests_and_musicbrainz_brings_recordings(world: Settings) -> None:
    films = put_films(world)
    order_faults(world, imdb={"kind": "blocked", "rate": 1, "path": "/title"})
    before = asked_paths(world, "imdb")
    imdb, musicbrainz = a_night(world)

    assert (asked_paths(world, "imdb") - before).total() == 3
    assert (imdb.state, imdb.states, imdb.n_rows) == (FetchState.BLOCKED, {"blocked": 3}, 0)
    assert imdb.missing == dict.fromkeys(films, "blocked")
    assert "3 of 3 answers of IMDb were a challenge page or a refusal (HTTP 202" in imdb.notes[0]
    assert f"{len(films) - 3} films were not asked for and are left for the next one" in imdb.notes[1]
    assert settled(world, "imdb", "soundtrack") == set(), "a block is never remembered as a film without soundtrack"

    told = truth(world)
    groups = {group for film in films for group in told["release_groups"][film]}
    assert (musicbrainz.state, musicbrainz.missing) == (FetchState.OK, {})
    assert {row["release_group_id"] for row in rows(world, "musicbrainz", "recording")} == groups
    assert {(row["imdb_id"], row["release_group_id"]) for row in rows(world, "musicbrainz", "url")} == {
        (film, group) for film in films for group in told["release_groups"][film]
    }
    found = recorded(world)
    assert musicbrainz.n_rows == len(found) == len(set(found))
    with_isrc = [row for row in rows(world, "musicbrainz", "recording") if row["isrcs"]]
    assert len(with_isrc) > len(found) / 3
    assert all(row["page_sha256"] and row["title"] and row["artists"] for row in with_isrc)
    n_with = sum(bool(told["release_groups"][film]) for film in films)
    assert musicbrainz.notes == [
        f"Of {len(films)} films without a soundtrack list from IMDb or an imported table, MusicBrainz has recordings "
        f"for {n_with} and none for {len(films) - n_with}."
    ]
    states = {row["key"]: row["state"] for row in rows(world, "musicbrainz", "fetch") if row["entity"] == "url"}
    assert states == {film: "ok" if told["release_groups"][film] else "empty" for film in films}


def test_films_are_looked_up_a_hundred_at_a_time_and_albums_once(world: Settings) -> None:
    films = put_films(world)
    order_faults(world, imdb={"kind": "blocked", "rate": 1})
    before = asked_paths(world, "musicbrainz")
    a_night(world)
    a_night(world)
    asked = asked_paths(world, "musicbrainz") - before
    n_albums = len({group for film in films for group in truth(world)["release_groups"][film]})
    assert asked == {"GET /ws/2/url": -(-len(films) // 100), "GET /ws/2/release": n_albums}
    window = load_policies(world)["musicbrainz"].fresh_for
    later = a_night(world, NIGHT + window)[1]
    assert sum(later.states.values()) == asked.total(), "the next window asks again"


def test_when_imdb_answers_again_only_new_gaps_are_asked_of_musicbrainz(world: Settings) -> None:
    films = put_films(world)
    order_faults(world, imdb={"kind": "blocked", "rate": 1})
    a_night(world)
    forget_faults(world)
    imdb, musicbrainz = a_night(world, NIGHT + timedelta(days=1))
    assert sum(imdb.states.values()) == len(films)
    assert (musicbrainz.states, musicbrainz.notes) == ({}, [])


def test_the_archive_reads_anew_to_the_same_rows(world: Settings) -> None:
    put_films(world)
    order_faults(world, imdb={"kind": "blocked", "rate": 1})
    a_night(world)
    before = (recorded(world), rows(world, "musicbrainz", "url"), settled(world, "musicbrainz", "url"))
    report = reread_pages(world, "musicbrainz")
    assert (report.n_changed_batches, report.changed_states, report.n_rows) == (0, {}, report.n_rows_before)
    assert (recorded(world), rows(world, "musicbrainz", "url"), settled(world, "musicbrainz", "url")) == before


# --- faults ---

PASSING = ("limited", "blocked", "broken", "overload", "html", "cut", "torn", "slow")
HANG = pytest.param("hang", marks=pytest.mark.proof)
AT_IMDB = (*PASSING, HANG, "missing_fields", "old_markup", "changed_markup", "all")
AT_MUSICBRAINZ = (*PASSING, HANG, "missing_fields", "duplicates", "changed_markup", "all")
N_FILMS = {"hang": 8, "slow": 20, "limited": 20}  # each of these faults costs time


def assert_told(report: SourceReport) -> None:
    """Whatever is missing is missing for a reason that the notes give."""
    reasons = {
        "blocked": "refusal",
        "limited": "long wait",
        "broken": "server fault",
        "unreachable": "cannot be reached",
    }
    told = " ".join(report.notes)
    for state in set(report.missing.values()):
        assert reasons[state] in told


@pytest.mark.parametrize("kind", AT_IMDB)
def test_imdb_with_a_fault_at_every_fifth_request_loses_nothing_unnamed(world: Settings, kind: str) -> None:
    films = put_films(world, N_FILMS.get(kind))
    order_faults(world, imdb={"kind": kind, "rate": 0.2})
    report = collect_soundtracks(world, NIGHT)
    print(f"{kind}: {report.states}, {len(report.missing)} missing")
    done = settled(world, "imdb", "soundtrack")
    assert done.isdisjoint(report.missing)
    assert done | report.missing.keys() == set(films)
    assert_told(report)

    forget_faults(world)
    collect_soundtracks(world, NIGHT)
    assert settled(world, "imdb", "soundtrack") == set(films), "the next run asks for what failed"
    assert len(set(entries(world))) == len(entries(world))
    if kind in (*PASSING, "hang"):
        assert entries(world) == whole_lists(world, films)


@pytest.mark.parametrize("kind", AT_MUSICBRAINZ)
def test_musicbrainz_with_a_fault_at_every_fifth_request_loses_nothing_unnamed(world: Settings, kind: str) -> None:
    films = put_films(world, N_FILMS.get(kind))
    order_faults(world, musicbrainz={"kind": kind, "rate": 0.2})
    report = collect_recordings(world, NIGHT)
    print(f"{kind}: {report.states}, {len(report.missing)} missing")
    albums = {row["release_group_id"] for row in rows(world, "musicbrainz", "url")}
    assert settled(world, "musicbrainz", "url") | (report.missing.keys() & set(films)) == set(films)
    assert settled(world, "musicbrainz", "release") | (report.missing.keys() - set(films)) == albums
    assert_told(report)

    forget_faults(world)
    collect_recordings(world, NIGHT)
    assert settled(world, "musicbrainz", "url") == set(films), "the next run asks for what failed"
    assert len(set(recorded(world))) == len(recorded(world))
    if kind in (*PASSING, "hang"):
        groups = {group for film in films for group in truth(world)["release_groups"][film]}
        assert {group for group, _, _ in recorded(world)} == groups


def whole_lists(world: Settings, films: list[str]) -> list[tuple[str, int, str]]:
    """What an unbroken run of another home brings."""
    other = world.model_copy(update={"home": world.home / "unbroken"})
    put_films(other, len(films))
    collect_soundtracks(other, NIGHT)
    return entries(other)


@pytest.mark.parametrize("site", ["imdb", "musicbrainz"])
def test_a_site_out_of_reach_is_a_state_and_costs_its_own_rows(world: Settings, site: str) -> None:
    films = put_films(world)
    order_faults(world, imdb={"kind": "blocked", "rate": 1})
    away = world.model_copy(update={"sites": world.sites | {site: "http://127.0.0.1:9"}})
    reports = dict(zip(("imdb", "musicbrainz"), a_night(away), strict=True))
    assert reports[site].state is FetchState.UNREACHABLE
    assert reports[site].missing == dict.fromkeys(films, "unreachable")
    assert "cannot be reached" in " ".join(reports[site].notes)
    if site == "imdb":
        assert recorded(world), "MusicBrainz helps out whatever keeps IMDb away"


def test_a_long_wait_is_told_and_kept_by_the_next_run(world: Settings) -> None:
    films = put_films(world, 5)
    live = world.model_copy(update={"profile": Profile.LIVE, "contact": "test@example.org"})
    put_films(live, 5)
    order_faults(
        world,
        imdb={"kind": "limited", "rate": 1, "retry_after_s": 86_400, "path": "/title"},
        musicbrainz={"kind": "limited", "rate": 1, "retry_after_s": 86_400},
    )
    for report in a_night(live):
        assert (report.state, report.states) == (FetchState.LIMITED, {"limited": 1})
        assert report.missing == dict.fromkeys(films, "limited")
        assert "come back after 20" in report.notes[-1]
    forget_faults(world)
    before = {site: asked_paths(world, site) for site in ("imdb", "musicbrainz")}
    for report in a_night(live):
        assert (report.state, report.states) == (FetchState.LIMITED, {})
        assert "come back after 20" in report.notes[-1]
    assert {site: asked_paths(world, site) for site in before} == before


# --- stopped half-way ---

RUN = """
import os, signal, sys
from datetime import date
from tasks.collecting.soundtracks.musicbrainz import collect_recordings
from tasks.collecting.soundtracks.imdb import collect_soundtracks
from tasks.settings import load_settings

collect = {"imdb": collect_soundtracks, "musicbrainz": collect_recordings}[sys.argv[1]]
last = int(sys.argv[2])
collect(load_settings(), date(2026, 11, 20), lambda done, total: done == last and os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.parametrize(("site", "last"), [("imdb", 3), ("musicbrainz", 7)])
@pytest.mark.proof
def test_a_run_killed_half_way_asks_for_nothing_twice(world: Settings, site: str, last: int) -> None:
    live = world.model_copy(update={"profile": Profile.LIVE})
    films = put_films(live, 5, with_album=True)
    before = asked_paths(world, site)
    environment = {
        **os.environ,
        "OSTINATO_HOME": str(live.home),
        "OSTINATO_PROFILE": "live",
        "OSTINATO_SITES": json.dumps(live.sites),
    }
    run = [sys.executable, "-c", RUN, site]
    assert subprocess.run([*run, str(last)], env=environment, check=False, timeout=60).returncode == -signal.SIGKILL
    n_at_kill = (asked_paths(world, site) - before).total()
    assert subprocess.run([*run, "-1"], env=environment, check=True, timeout=60).returncode == 0
    asked = asked_paths(world, site) - before
    assert asked.total() > n_at_kill
    asked.pop("GET /robots.txt", None)
    if site == "imdb":
        assert asked == {f"GET /title/{film}/soundtrack/": 1 for film in films}
    else:
        albums = {group for film in films for group in truth(world)["release_groups"][film]}
        assert asked == {"GET /ws/2/url": 1, "GET /ws/2/release": len(albums)}
        assert {group for group, _, _ in recorded(live)} == albums
        assert len(set(recorded(live))) == len(recorded(live))


def test_ctrl_c_lands_what_has_come(world: Settings) -> None:
    films = put_films(world)

    def stop_at_thirty(done: int, total: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect_soundtracks(world, NIGHT, stop_at_thirty)
    assert 30 <= len(settled(world, "imdb", "soundtrack")) <= 30 + world.max_workers
    report = collect_soundtracks(world, NIGHT)
    assert sum(report.states.values()) == len(films) - 30
    assert len(set(entries(world))) == len(entries(world))


# --- films of imported tables ---


def put_imported(world: Settings, films: list[str]) -> None:
    """MovieLens films, the last of them the newest."""
    listed = [
        {"movieId": n, "title": f"Film {n} ({1980 + n})", "genres": "Drama", "tmdbId": n, "imdb_id": film}
        for n, film in enumerate(films, start=1)
    ]
    lake.write_batch(world.lake, "dataset", "movielens_films", listed, batch_key="movielens", ingest_date=NIGHT)


def put_credits(world: Settings, film: str) -> None:
    credit = {"imdb_id": film, "recording_name": "Song", "performers": ["Singer"], "fetched_at": utc_now()}
    lake.write_batch(world.lake, "dataset", "imdb_soundtracks", [credit], batch_key="credits", ingest_date=NIGHT)


def test_a_lake_of_imported_films_alone_is_asked_for_and_those_with_credits_are_not(world: Settings) -> None:
    films = [film for film in truth(world)["films"].values() if film][:20]
    put_imported(world, films)
    put_credits(world, films[0])
    order_faults(world, imdb={"kind": "blocked", "times": 3})
    imdb, _ = a_night(world)
    assert imdb.missing == dict.fromkeys(films[1:], "blocked")
    with_album = {film for film in films[1:] if truth(world)["release_groups"][film]}
    assert {row["imdb_id"] for row in rows(world, "musicbrainz", "url")} == with_album
    again = collect_soundtracks(world, NIGHT)
    assert sum(again.states.values()) == len(films) - 1 - len(with_album), "whoever MusicBrainz credits lacks nothing"


def test_a_live_night_asks_for_a_few_imported_films_the_best_known_first(
    world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imdb, "IMPORTED_FILMS_A_NIGHT", 2)
    live = world.model_copy(update={"profile": Profile.LIVE})
    films = [f"tt999999{n}" for n in range(6)]  # which IMDb does not know: an answer, and no credits
    put_imported(live, films)
    known = [{"imdb_id": films[1], "vote_count": 900, "id": 1}, {"imdb_id": films[2], "vote_count": 20, "id": 2}]
    lake.write_batch(live.lake, "dataset", "movies_metadata", known, batch_key="known", ingest_date=NIGHT)
    report = collect_soundtracks(live, NIGHT)
    assert [row["key"] for row in rows(live, "imdb", "fetch")] == [films[1], films[2]]
    assert "left for later nights: 4;" in report.notes[-1]
    collect_soundtracks(live, NIGHT)
    assert {row["key"] for row in rows(live, "imdb", "fetch")} == {films[1], films[2], films[5], films[4]}, (
        "then the newest"
    )
    later = NIGHT + load_policies(live)["imdb"].fresh_for
    collect_soundtracks(live, later)
    assert {row["key"] for row in rows(live, "imdb", "fetch")} >= {films[3], films[0]}, "a first turn before a second"


# --- MusicBrainz that takes no look-up of many ---


@pytest.fixture
def scripted() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """A MusicBrainz that turns down more than one address at a time; yields its address and what it was asked."""
    asked: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            asked.append({**query, "user-agent": [self.headers["User-Agent"]]})
            status, body = answer(query)
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args: Any) -> None:
            pass

    def answer(query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        if "release-group" in query:
            recording = {"id": "rec-1", "title": "Song", "length": 1000, "isrcs": ["USABC1234567"]}
            release = {
                "id": "rel-1",
                "title": "Album",
                "status": "Official",
                "media": [{"tracks": [{"recording": recording}]}],
            }
            return 200, {"releases": [release]}
        if len(query["resource"]) > 1:
            return 414, {"error": "URI too long"}
        if "tt0000002" in query["resource"][0]:
            return 404, {"error": "Not Found"}
        group = {"id": "group-1", "title": "Album"}
        return 200, {"resource": query["resource"][0], "relations": [{"type": "IMDb", "release_group": group}]}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_a_server_that_takes_one_address_at_a_time_is_asked_so(
    world: Settings, scripted: tuple[str, list[dict[str, list[str]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = scripted
    monkeypatch.setattr(musicbrainz, "ADDRESSES_A_REQUEST", 2)
    put_imported(world, ["tt0000001", "tt0000002", "tt0000003", "tt0000004"])
    report = collect_recordings(world.model_copy(update={"sites": {"musicbrainz": url}}), NIGHT)
    assert [len(query.get("resource", [])) for query in asked if "resource" in query] == [2, 1, 1, 1, 1]
    assert (report.state, report.missing, report.n_rows) == (FetchState.OK, {}, 1)
    states = {row["key"]: row["state"] for row in rows(world, "musicbrainz", "fetch")}
    assert states["tt0000002"] == "missing"
    assert "Of 4 films without a soundtrack list" in report.notes[0]
    assert "MusicBrainz has recordings for 3 and none for 1." in report.notes[0]


def test_in_the_live_profile_an_operator_without_contact_is_told(
    world: Settings, scripted: tuple[str, list[dict[str, list[str]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = scripted
    monkeypatch.setattr(musicbrainz, "FILMS_A_NIGHT", 1)
    live = world.model_copy(update={"profile": Profile.LIVE, "sites": {"musicbrainz": url}})
    put_imported(live, ["tt0000001", "tt0000002"])
    report = collect_recordings(live, NIGHT)
    assert "OSTINATO_CONTACT" in report.notes[-1]
    assert "1 are still to be asked for" in report.notes[0]
    told = collect_recordings(live.model_copy(update={"contact": "ops@example.org"}), NIGHT)
    assert "OSTINATO_CONTACT" not in " ".join(told.notes)
    assert "ops@example.org" in asked[-1]["user-agent"][0]
