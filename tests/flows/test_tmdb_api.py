"""Films by TMDB's API against the real sandbox: the same rows as by the site, and every fault a state."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from tasks import lake
from tasks.collecting.films import discover, night_list
from tasks.collecting.films.batch import FilmBatch
from tasks.collecting.films.collect import collect_films
from tasks.collecting.rereading import reread_pages
from tasks.fetching.answer import FetchState
from tasks.fetching.policy import load_policies
from tasks.settings import OstinatoError, Profile, Settings, today

NIGHT = date(2026, 11, 20)
V3_KEY = "0123456789abcdef0123456789abcdef"
V4_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"
PROVENANCE = ("fetched_at", "page_sha256")


@pytest.fixture(autouse=True)
def well_behaved(sandbox_sites: dict[str, str]) -> Iterator[None]:
    control = sandbox_sites["sandbox"]
    requests.delete(f"{control}/faults", timeout=10)
    requests.put(f"{control}/clock", json={"as_of": NIGHT.isoformat()}, timeout=10).raise_for_status()
    yield
    requests.delete(f"{control}/faults", timeout=10)
    requests.put(f"{control}/tmdb", json={"max_page": 500}, timeout=10).raise_for_status()


@pytest.fixture
def keyed(world: Settings) -> Settings:
    """A world whose operator has a key of TMDB's API."""
    return world.model_copy(update={"tmdb_api_key": SecretStr(V3_KEY)})


@pytest.fixture
def without_browser(world: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A world on a machine without a browser."""
    monkeypatch.setenv("PATH", str(world.home / "no-programs"))
    return world


def order(settings: Settings, faults: dict[str, Any]) -> None:
    requests.put(f"{settings.sites['sandbox']}/faults", json=faults, timeout=10).raise_for_status()


def end_faults(settings: Settings) -> None:
    requests.delete(f"{settings.sites['sandbox']}/faults", timeout=10).raise_for_status()


def paths_asked(settings: Settings) -> Counter[str]:
    stats = requests.get(f"{settings.sites['sandbox']}/stats", timeout=10).json()
    sites = ("tmdb", "tmdb_api", "tmdb_files")
    return Counter({f"{site} {path}": n for site in sites for path, n in stats.get(site, {}).get("paths", {}).items()})


def n_asked(settings: Settings, before: Counter[str], part: str) -> int:
    return sum(n for path, n in (paths_asked(settings) - before).items() if part in path)


def rows_by_id(settings: Settings, entity: str) -> dict[int, dict[str, Any]]:
    rows = lake.read(settings.lake, "tmdb", entity).to_pylist()
    assert len(rows) == len({row["tmdb_id"] for row in rows}), "no film twice"
    return {row["tmdb_id"]: {name: row[name] for name in row if name not in PROVENANCE} for row in rows}


def n_films_of(settings: Settings) -> int:
    return int(requests.get(f"{settings.sites['sandbox']}/world", timeout=10).json()["n_films"])


def at(settings: Settings, folder: str) -> Settings:
    return settings.model_copy(update={"home": settings.home.with_name(folder)})


def test_the_rows_are_the_same_by_the_api_and_by_the_site(keyed: Settings, without_browser: Settings) -> None:
    by_site = at(without_browser, "by-site")
    n_films = n_films_of(keyed)
    before = paths_asked(keyed)
    assert [report.n_rows for report in collect_films(keyed, NIGHT, n_films)] == [n_films, n_films]
    assert n_asked(keyed, before, "tmdb ") == 0, "the site is left alone"
    assert n_asked(keyed, before, "tmdb_api ") == -(-n_films // 20) + n_films, "one request a film, one a list page"
    assert [report.n_rows for report in collect_films(by_site, NIGHT, n_films)] == [n_films, n_films]

    listed, scraped_list = rows_by_id(keyed, "list"), rows_by_id(by_site, "list")
    assert list(listed) == list(scraped_list), "the order too"
    assert listed == scraped_list
    films, scraped = rows_by_id(keyed, "film"), rows_by_id(by_site, "film")
    assert films.keys() == scraped.keys() == listed.keys()
    for tmdb_id, film in films.items():
        page = scraped[tmdb_id]
        if page["original_title"] is None:  # the page names it only where it differs from the title
            assert film["original_title"] == film["title"]
            film["original_title"] = None
        assert film == page, "every other field is the same"
    assert any(film["imdb_id"] for film in films.values())
    assert any(film["original_title"] for film in films.values())


@pytest.mark.parametrize("key", [V3_KEY, V4_TOKEN])
def test_a_key_of_either_version_opens_the_api_and_is_kept_nowhere(world: Settings, key: str) -> None:
    settings = world.model_copy(update={"tmdb_api_key": SecretStr(key)})
    reports = collect_films(settings, NIGHT, 20)
    assert [report.n_rows for report in reports] == [20, 20]
    assert key not in repr(reports)
    manifest = lake.read(settings.lake, "tmdb", "fetch").to_pylist()
    assert all(line["url"].startswith(settings.sites["tmdb_api"]) for line in manifest)
    assert key not in repr(manifest)
    for file in settings.home.rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes(), file


def test_a_wrong_key_is_one_sentence_whatever_it_is_for(world: Settings) -> None:
    wrong = world.model_copy(update={"tmdb_api_key": SecretStr("wrong-key")})
    with pytest.raises(OstinatoError, match=r"^TMDB's API refused the key \(HTTP 401\); set OSTINATO_TMDB_API_KEY"):
        collect_films(wrong, NIGHT, 20)


def test_what_is_fresh_is_not_asked_for_again_whichever_way_it_came(keyed: Settings, without_browser: Settings) -> None:
    collect_films(keyed, NIGHT, 20)
    before = paths_asked(keyed)
    assert [report.n_rows for report in collect_films(keyed, NIGHT, 20)] == [20, 0]
    assert paths_asked(keyed) == before, "nothing at all on the same night"
    assert collect_films(without_browser, NIGHT + timedelta(days=1), 20)[1].n_rows == 0, "nor by the other way"
    assert collect_films(keyed, NIGHT + timedelta(days=30), 20)[1].n_rows == 20


def test_a_key_that_comes_later_brings_the_imdb_ids(keyed: Settings, without_browser: Settings) -> None:
    order(keyed, {"tmdb_api": {"kind": "broken", "rate": 1}})
    _, films = collect_films(without_browser, NIGHT, 20)
    assert films.n_rows == 20, "the API's outage costs no page"
    assert set(films.missing) == {f"{tmdb_id} external_ids" for tmdb_id in rows_by_id(keyed, "film")}
    assert {film["imdb_id"] for film in rows_by_id(keyed, "film").values()} == {None}
    end_faults(keyed)
    _, films = collect_films(keyed, NIGHT, 20)
    assert films.n_rows == 20
    assert any(film["imdb_id"] for film in rows_by_id(keyed, "film").values()), "the same batch, now with ids"


def test_windows_bring_what_lies_beyond_the_last_page(keyed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    n_films = n_films_of(keyed)
    expected = [film["id"] for film in popular(keyed)]
    requests.put(f"{keyed.sites['sandbox']}/tmdb", json={"max_page": 1}, timeout=10).raise_for_status()
    monkeypatch.setattr(discover, "MAX_PAGES", 1)
    monkeypatch.setattr(night_list, "MAX_PAGES", 1)
    order(keyed, {"tmdb_files": {"kind": "blocked", "rate": 1}})
    before = paths_asked(keyed)
    listing, films = collect_films(keyed, NIGHT, 45)
    assert (listing.state, listing.n_rows, films.n_rows) == (FetchState.OK, 45, 45)
    assert list(rows_by_id(keyed, "list")) == expected[:45], "the most popular first, over all windows"
    assert n_asked(keyed, before, "discover") <= n_films
    assert "export of all ids" in listing.notes[0]
    assert "blocked" in listing.notes[0]
    lines = [line["key"] for line in lake.read(keyed.lake, "tmdb", "fetch").to_pylist() if line["entity"] == "list"]
    assert len(lines) == len(set(lines))

    again = at(keyed, "all-films")
    assert collect_films(again, NIGHT, n_films + 100)[0].n_rows == n_films, "windows leave nobody out"


def test_an_export_is_the_list_where_discover_ends(keyed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "MAX_PAGES", 1)
    before = paths_asked(keyed)
    listing, films = collect_films(keyed, NIGHT, 30)
    assert (listing.state, listing.n_rows, films.n_rows) == (FetchState.OK, 30, 30)
    assert n_asked(keyed, before, "discover") == 0
    assert n_asked(keyed, before, "tmdb_files") == 2, "that of the night is not there yet, that of the day before is"
    listed, films_there = rows_by_id(keyed, "list"), rows_by_id(keyed, "film")
    assert listed.keys() == films_there.keys()
    assert all(row["title"] == films_there[tmdb_id]["original_title"] for tmdb_id, row in listed.items())

    before = paths_asked(keyed)
    assert collect_films(keyed, NIGHT, 30)[0].n_rows == 30
    assert paths_asked(keyed) == before, "read again from the archive"
    report = reread_pages(keyed, "tmdb")
    assert (report.n_rows_before, report.n_rows, report.n_changed_batches) == (60, 60, 0)


def test_the_list_of_a_past_night_is_that_of_its_day(keyed: Settings) -> None:
    live = keyed.model_copy(update={"profile": Profile.LIVE})
    night = today() - timedelta(days=3)
    requests.put(f"{keyed.sites['sandbox']}/clock", json={"as_of": today().isoformat()}, timeout=10)
    before = paths_asked(keyed)
    listing, _ = collect_films(live, night, 2)
    assert (listing.state, listing.n_rows) == (FetchState.OK, 2)
    assert n_asked(keyed, before, "discover") == 0
    assert [path for path in paths_asked(keyed) - before if "tmdb_files" in path] == [
        f"tmdb_files GET /p/exports/movie_ids_{night:%m_%d_%Y}.json.gz"
    ]


def popular(settings: Settings) -> list[dict[str, Any]]:
    """All films as discover lists them."""
    url, films = f"{settings.sites['tmdb_api']}/discover/movie", []
    for page in range(1, -(-n_films_of(settings) // 20) + 1):
        answer = requests.get(url, params={"api_key": V3_KEY, "page": page, "language": "en-US"}, timeout=10)
        films += answer.json()["results"]
    return films


@pytest.mark.parametrize("kind", ["duplicates", "moving"])
def test_a_list_that_moves_doubles_nothing(keyed: Settings, without_browser: Settings, kind: str) -> None:
    order(keyed, {site: {"kind": kind, "rate": 1} for site in ("tmdb", "tmdb_api")})
    for settings in (keyed, at(without_browser, "by-site")):
        listing, films = collect_films(settings, NIGHT, 50)
        assert listing.state is films.state is FetchState.OK
        assert len(rows_by_id(settings, "list")) == listing.n_rows >= 40
        assert len(rows_by_id(settings, "film")) == films.n_rows == listing.n_rows


FAULTS = [
    ({"kind": "limited", "retry_after_s": 86_400}, FetchState.LIMITED),
    ({"kind": "blocked"}, FetchState.BLOCKED),
    ({"kind": "broken"}, FetchState.BROKEN),
    ({"kind": "overload"}, FetchState.BROKEN),
    ({"kind": "html"}, FetchState.BROKEN),
    ({"kind": "cut"}, FetchState.BROKEN),
    ({"kind": "torn"}, FetchState.BROKEN),
    ({"kind": "changed_markup"}, FetchState.BROKEN),
]


@pytest.mark.parametrize(("fault", "state"), FAULTS, ids=[str(fault["kind"]) for fault, _ in FAULTS])
@pytest.mark.parametrize("way", ["tmdb_api", "tmdb"])
def test_films_that_do_not_come_are_named_and_come_the_next_time(
    keyed: Settings, without_browser: Settings, way: str, fault: dict[str, Any], state: FetchState
) -> None:
    settings = keyed if way == "tmdb_api" else without_browser
    order(settings, {way: {**fault, "rate": 1, "path": "/movie/"}})
    listing, films = collect_films(settings, NIGHT, 40)
    assert (listing.state, listing.n_rows) == (FetchState.OK, 40)
    assert (films.state, films.n_rows) == (state, 0)
    assert films.missing == {str(tmdb_id): str(state) for tmdb_id in rows_by_id(settings, "list")}
    assert str(state) in films.notes[0]
    if state is FetchState.LIMITED:
        assert "come back after" in films.notes[-1]
    end_faults(settings)
    _, films = collect_films(settings, NIGHT, 40)
    assert (films.state, films.n_rows, films.missing) == (FetchState.OK, 40, {})
    assert rows_by_id(settings, "film").keys() == rows_by_id(settings, "list").keys()


@pytest.mark.parametrize(("fault", "state"), FAULTS, ids=[str(fault["kind"]) for fault, _ in FAULTS])
def test_a_list_that_does_not_come_costs_no_known_film(
    keyed: Settings, fault: dict[str, Any], state: FetchState
) -> None:
    collect_films(keyed, NIGHT, 30)
    order(keyed, {"tmdb_api": {**fault, "times": 40, "path": "/discover"}})
    later = NIGHT + timedelta(days=40)
    listing, films = collect_films(keyed, later, 30)
    assert (listing.state, listing.n_rows) == (state, 0)
    assert listing.missing["list page 1"] == str(state)
    assert "TMDB's list of films was not read" in listing.notes[0]
    assert "with 30 films known from earlier nights in place of the others" in listing.notes[0]
    if state is FetchState.LIMITED:
        assert films.n_rows == 0
        assert "come back after" in listing.notes[0]
        assert len(films.missing) == 30
    else:
        assert films.n_rows == 30, "yesterday's list is kept up with"
    end_faults(keyed)
    listing, _ = collect_films(keyed, later, 30)
    assert (listing.state, listing.n_rows) == (FetchState.OK, 30), "the same night asks again"


@pytest.mark.parametrize(("kind", "times"), [("html", 2), ("cut", 2), ("broken", 3), ("blocked", 1)])
@pytest.mark.parametrize("way", ["tmdb_api", "tmdb"])
def test_a_list_page_that_fails_in_passing_comes_in_the_end(
    keyed: Settings, without_browser: Settings, way: str, kind: str, times: int
) -> None:
    settings = keyed if way == "tmdb_api" else without_browser
    order(settings, {way: {"kind": kind, "times": times, "path": "/discover"}})
    n_films = n_films_of(settings)
    listing, films = collect_films(settings, NIGHT, n_films)
    assert (listing.state, listing.n_rows, listing.missing) == (FetchState.OK, n_films, {})
    assert films.n_rows == n_films


def test_films_that_fail_in_passing_come_in_the_end(keyed: Settings, without_browser: Settings) -> None:
    kinds = ["broken", "blocked", "cut", "torn", "overload", "html", "changed_markup"]
    orders = [{"kind": kind, "rate": 0.03, "path": "/movie/"} for kind in kinds]
    order(keyed, {"tmdb": orders, "tmdb_api": orders})
    for settings in (keyed, at(without_browser, "by-site")):
        _, films = collect_films(settings, NIGHT, 60)
        lost = {name for name in films.missing if name.isdigit()}
        assert set(films.states) > {"ok"}
        assert films.n_rows == 60 - len(lost) >= 58, "what failed is asked for once more"
        assert rows_by_id(settings, "film").keys() == rows_by_id(settings, "list").keys() - set(map(int, lost))


def test_a_body_without_what_was_asked_for_is_named(keyed: Settings) -> None:
    order(keyed, {"tmdb_api": {"kind": "missing_fields", "times": 1, "path": "/movie/"}})
    _, films = collect_films(keyed, NIGHT, 20)
    assert (films.n_rows, films.missing) == (20, {}), "asked for once more, it came whole"
    order(keyed, {"tmdb_api": {"kind": "missing_fields", "rate": 1, "path": "/movie/"}})
    _, films = collect_films(keyed, NIGHT + timedelta(days=40), 20)
    assert films.n_rows == 20
    assert films.missing
    assert set(films.missing.values()) == {"broken"}
    assert {name.split()[1] for name in films.missing} <= {"credits", "external_ids"}


def test_a_whole_site_that_is_down_is_a_state(keyed: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/3"
    collect_films(keyed, NIGHT, 20)
    nowhere = keyed.model_copy(update={"sites": {**keyed.sites, "tmdb_api": nobody}})
    before = paths_asked(keyed)
    listing, films = collect_films(nowhere, NIGHT + timedelta(days=40), 20)
    assert listing.state is films.state is FetchState.UNREACHABLE
    assert films.missing.keys() == set(map(str, rows_by_id(keyed, "film")))
    assert paths_asked(keyed) == before, "who has a key has chosen the API: its outage is waited out"


@pytest.mark.parametrize("way", ["tmdb_api", "tmdb"])
def test_a_film_that_is_gone_is_named_and_not_asked_for_again(
    keyed: Settings, without_browser: Settings, way: str
) -> None:
    settings = keyed if way == "tmdb_api" else without_browser
    known = [{"tmdb_id": tmdb_id, "title": "Gone"} for tmdb_id in (1, *list(rows_of_world(settings))[:5])]
    lake.write_batch(settings.lake, "tmdb", "list", known, batch_key="yesterday", ingest_date=NIGHT - timedelta(days=1))
    order(settings, {way: {"kind": "blocked", "times": 10, "path": "/discover"}})
    _, films = collect_films(settings, NIGHT, 6)
    assert (films.state, films.n_rows, films.n_answered, films.missing) == (FetchState.OK, 5, 6, {})
    assert films.notes[-1] == "TMDB has no page any more of films that it listed: 1."
    before = paths_asked(settings)
    _, films = collect_films(settings, NIGHT, 6)
    assert (films.n_rows, films.missing) == (0, {})
    assert n_asked(settings, before, "/3/movie/" if way == "tmdb_api" else "GET /movie/") == 0


def rows_of_world(settings: Settings) -> dict[int, str | None]:
    """TMDB id -> IMDb id of all films."""
    films = requests.get(f"{settings.sites['sandbox']}/world", timeout=10).json()["films"]
    return {int(tmdb_id): imdb_id for tmdb_id, imdb_id in films.items()}


@pytest.mark.parametrize("kind", ["slow", "hang", "limited"])
def test_a_wait_that_is_short_costs_no_film(keyed: Settings, kind: str) -> None:
    order(keyed, {"tmdb_api": [{"kind": kind, "times": 1, "path": path} for path in ("/discover", "/movie/")]})
    listing, films = collect_films(keyed, NIGHT, 20)
    assert (listing.state, listing.n_rows, films.state, films.n_rows) == (FetchState.OK, 20, FetchState.OK, 20)
    assert films.missing == {}


def test_the_api_is_asked_faster_than_the_site_and_no_faster_than_its_rate(keyed: Settings) -> None:
    live = keyed.model_copy(update={"profile": Profile.LIVE})
    rules = load_policies(live)["tmdb"]
    assert rules.pace(is_api=False) == 1.0
    requests.put(f"{keyed.sites['sandbox']}/clock", json={"as_of": today().isoformat()}, timeout=10)
    started = time.monotonic()
    _, films = collect_films(live, today(), 40)
    seconds = time.monotonic() - started
    assert films.n_rows == 40
    assert 40 / rules.pace(is_api=True) <= seconds < 40 / rules.pace(is_api=False)


class NotThere(BaseHTTPRequestHandler):
    """A site that knows no page."""

    def do_GET(self) -> None:
        body = b"<html><body>Oops! We can't find the page you're looking for</body></html>"
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test is not asked for a log."""


@pytest.mark.parametrize("way", ["tmdb_api", "tmdb"])
def test_a_list_cannot_be_missing(keyed: Settings, without_browser: Settings, way: str) -> None:
    settings = keyed if way == "tmdb_api" else without_browser
    server = ThreadingHTTPServer(("127.0.0.1", 0), NotThere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    moved = settings.model_copy(update={"sites": {**settings.sites, way: f"http://127.0.0.1:{server.server_port}"}})
    try:
        listing, _ = collect_films(moved, NIGHT, 20)
    finally:
        server.shutdown()
        server.server_close()
    assert listing.state is FetchState.BROKEN
    assert "HTTP 404, which a list page cannot be" in listing.notes[0]
    listing, _ = collect_films(settings, NIGHT, 20)
    assert (listing.state, listing.n_rows) == (FetchState.OK, 20), "the same night asks again"


RUN = """
from datetime import date
from tasks.collecting.films.collect import collect_films
from tasks.settings import load_settings
collect_films(load_settings(), date.fromisoformat("2026-11-20"), 60)
"""


@pytest.mark.proof
def test_a_killed_run_goes_on_where_it_stopped(keyed: Settings) -> None:
    order(keyed, {"tmdb_api": {"kind": "slow", "rate": 1, "path": "/movie/"}})
    before = paths_asked(keyed)
    environment = {
        **os.environ,
        "OSTINATO_HOME": str(keyed.home),
        "OSTINATO_PROFILE": "sandbox",
        "OSTINATO_SITES": str(keyed.sites).replace("'", '"'),
        "OSTINATO_MAX_WORKERS": "4",
        "OSTINATO_TMDB_API_KEY": V3_KEY,
    }
    process = subprocess.Popen([sys.executable, "-c", RUN], env=environment)
    until = time.monotonic() + 60
    while n_asked(keyed, before, "/movie/") < 30 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    manifest = lake.read(keyed.lake, "tmdb", "fetch").to_pylist()
    settled = {int(entry["key"]) for entry in manifest if entry["entity"] == "film"}
    landed = set(lake.read(keyed.lake, "tmdb", "film")["tmdb_id"].to_pylist())
    assert 10 <= len(settled) < 60
    assert settled <= landed, "rows land before the manifest"
    end_faults(keyed)
    listing, films = collect_films(keyed, NIGHT, 60)
    assert listing.n_rows == 60
    assert films.n_rows == 60 - len(settled), "what is settled is not asked for again"
    assert n_asked(keyed, before, "/discover") == 3, "no list page is"
    assert len(set(lake.read(keyed.lake, "tmdb", "film")["tmdb_id"].to_pylist())) == 60
    assert len(rows_by_id(keyed, "list")) == 60


def line(key: str, state: str, sha256: str) -> dict[str, Any]:
    return {
        "entity": "film",
        "key": key,
        "url": f"https://api.themoviedb.org/3/movie/{key}",
        "state": state,
        "fetched_at": lake.utc_now(),
        "page_sha256": sha256,
        "is_page": True,
    }


def test_a_batch_that_comes_back_with_less_keeps_what_it_had(tmp_path: Path) -> None:
    with FilmBatch(tmp_path, "film", "films-1", NIGHT) as batch:
        batch.add([{"tmdb_id": 1, "title": "One"}, {"tmdb_id": 2, "title": "Two"}], [])
        batch.add([], [line("1", "ok", "a"), line("2", "ok", "b"), line("3", "broken", "c")])
    with FilmBatch(tmp_path, "film", "films-1", NIGHT) as batch:
        batch.add([{"tmdb_id": 1, "title": "One, anew"}], [line("1", "ok", "d"), line("2", "blocked", "e")])
        batch.add([{"tmdb_id": 3, "title": "Three"}], [line("3", "ok", "f")])
    rows = {row["tmdb_id"]: row["title"] for row in lake.read(tmp_path, "tmdb", "film").to_pylist()}
    assert rows == {1: "One, anew", 2: "Two", 3: "Three"}
    manifest = lake.read(tmp_path, "tmdb", "fetch").to_pylist()
    assert {entry["key"]: (entry["state"], entry["page_sha256"]) for entry in manifest} == {
        "1": ("ok", "d"),
        "2": ("ok", "b"),
        "3": ("ok", "f"),
    }
    assert all(entry["parser_version"] for entry in manifest)


@pytest.mark.parametrize("way", ["tmdb_api", "tmdb"])
def test_reading_the_archive_anew_changes_nothing(keyed: Settings, without_browser: Settings, way: str) -> None:
    settings = keyed if way == "tmdb_api" else without_browser
    order(settings, {way: [{"kind": "cut", "rate": 0.2}, {"kind": "duplicates", "rate": 1, "path": "/discover"}]})
    collect_films(settings, NIGHT, 50)
    before = rows_by_id(settings, "list"), rows_by_id(settings, "film")
    report = reread_pages(settings, "tmdb")
    assert report.changed_states == Counter(), "what was cut off stays broken"
    assert report.n_changed_batches == 0
    assert report.n_pages >= 50
    assert (rows_by_id(settings, "list"), rows_by_id(settings, "film")) == before
