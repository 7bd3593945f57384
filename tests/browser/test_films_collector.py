"""The film and soundtrack collectors against the real sandbox, with the real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from tasks import lake
from tasks.collecting.films.collect import collect_films
from tasks.collecting.soundtracks.imdb import collect_soundtracks
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.fetching.browser import open_browser
from tasks.settings import OstinatoError, Settings
from tasks.sources.imdb import parse_soundtrack
from tasks.sources.tmdb import parse_film, parse_list

NIGHT = date(2026, 11, 20)

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromedriver") and (shutil.which("chromium") or shutil.which("google-chrome"))),
    reason="no Chromium with chromedriver on this machine",
)


@pytest.fixture(autouse=True)
def well_behaved(sandbox_sites: dict[str, str]) -> None:
    requests.delete(f"{sandbox_sites['sandbox']}/faults", timeout=10)


def n_requests(settings: Settings) -> Counter[str]:
    stats = requests.get(f"{settings.sites['sandbox']}/stats", timeout=10).json()
    return Counter({site: counts["requests"] for site, counts in stats.items() if site != "sandbox"})


def n_paths(settings: Settings) -> Counter[str]:
    stats = requests.get(f"{settings.sites['sandbox']}/stats", timeout=10).json()
    return Counter(stats.get("tmdb", {}).get("paths", {}))


def order_fault(settings: Settings, site: str, **fault: object) -> None:
    requests.put(f"{settings.sites['sandbox']}/faults", json={site: fault}, timeout=10).raise_for_status()


def processes_naming(folder: Path) -> list[str]:
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = cmdline.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in text:
            found.append(text.decode(errors="replace"))
    return found


def test_a_night_brings_films_and_soundtracks_once(world: Settings) -> None:
    truth = requests.get(f"{world.sites['sandbox']}/world", timeout=10).json()
    seen: list[tuple[int, int]] = []
    listing, films = collect_films(world, NIGHT, 50, progress=lambda done, total: seen.append((done, total)))
    assert (listing.state, listing.n_rows) == (FetchState.OK, 50)
    assert (films.state, films.n_rows) == (FetchState.OK, 50), films
    assert seen[-1] == (50, 50)
    rows = lake.read(world.lake, "tmdb", "film").to_pylist()
    assert {str(row["tmdb_id"]): row["imdb_id"] for row in rows}.items() <= truth["films"].items()
    assert all(row["title"] and row["directors"] and row["cast"] and row["genres"] for row in rows)
    assert {genre for row in rows for genre in row["genres"]} <= {
        genre for genres in truth["film_genres"].values() for genre in genres
    } | {genre for row in rows if row["imdb_id"] is None for genre in row["genres"]}

    soundtracks = collect_soundtracks(world, NIGHT)
    with_id = {row["imdb_id"] for row in rows if row["imdb_id"]}
    assert soundtracks.states.get("ok", 0) + soundtracks.states.get("empty", 0) == len(with_id), soundtracks
    entries = lake.read(world.lake, "imdb", "soundtrack").to_pylist()
    assert {entry["imdb_id"] for entry in entries} == {film for film in with_id if film in per_film(truth)}
    assert soundtracks.n_rows == len(entries) == len({entry["entry_id"] for entry in entries})

    before = n_requests(world)
    again = [*collect_films(world, NIGHT, 50), collect_soundtracks(world, NIGHT)]
    assert n_requests(world) - before == Counter(), "what is fresh is not asked for again"
    assert [report.n_rows for report in again[1:]] == [0, 0]
    assert lake.read(world.lake, "tmdb", "film").num_rows == 50
    assert lake.read(world.lake, "imdb", "soundtrack").num_rows == len(entries)


def per_film(truth: dict[str, dict[str, list[str]]]) -> set[str]:
    """Films whose page lists at least one piece that is on Spotify."""
    return {film for film, tracks in truth["film_tracks"].items() if tracks}


def test_the_archive_can_be_parsed_again(world: Settings) -> None:
    collect_films(world, NIGHT, 20)
    collect_soundtracks(world, NIGHT)
    manifest = lake.read(world.lake, "tmdb", "fetch").to_pylist() + lake.read(world.lake, "imdb", "fetch").to_pylist()
    parsers = {"list": parse_list, "film": parse_film, "soundtrack": parse_soundtrack}
    reread = Counter[str]()
    for page in manifest:
        assert "sandbox" not in page["url"].partition("//")[2], "the key is not kept"
        if page["entity"] in parsers and page["state"] == "ok":
            body = archive.load(world.pages, page["page_sha256"])
            reread[page["entity"]] += len(parsers[page["entity"]](body, page["url"]).rows)
    assert reread["list"] >= 20
    assert reread["film"] == 20
    assert reread["soundtrack"] == lake.read(world.lake, "imdb", "soundtrack").num_rows


def test_a_later_night_asks_again_only_for_what_is_stale(world: Settings) -> None:
    collect_films(world, NIGHT, 20)
    before = n_requests(world)
    listing, films = collect_films(world, NIGHT + timedelta(days=1), 20)
    assert listing.n_rows == 20
    assert films.n_rows == 0
    assert (n_requests(world) - before)["tmdb_api"] == 0
    _, stale = collect_films(world, NIGHT + timedelta(days=30), 20)
    assert stale.n_rows == 20


def test_a_blocked_site_is_left_alone_and_nothing_is_taken_for_empty(world: Settings) -> None:
    collect_films(world, NIGHT, 40)
    order_fault(world, "imdb", kind="blocked", times=1000, path="/title")
    before = n_requests(world)
    report = collect_soundtracks(world, NIGHT)
    asked = (n_requests(world) - before)["imdb"]
    assert report.state is FetchState.BLOCKED
    assert 3 <= asked <= 3 + world.max_workers
    assert lake.read(world.lake, "imdb", "soundtrack").num_rows == 0
    assert "challenge" in " ".join(report.notes)
    assert "left for the next one" in " ".join(report.notes)
    requests.delete(f"{world.sites['sandbox']}/faults", timeout=10)
    assert collect_soundtracks(world, NIGHT).n_rows > 0, "the next run asks again"


def test_a_wrong_key_is_said_in_one_sentence(world: Settings) -> None:
    wrong = Settings(**{**world.model_dump(), "tmdb_api_key": "wrong-key"})
    with pytest.raises(OstinatoError, match="OSTINATO_TMDB_API_KEY"):
        collect_films(wrong, NIGHT, 20)


def test_a_list_that_ends_early_is_said(world: Settings) -> None:
    n_films = requests.get(f"{world.sites['sandbox']}/world", timeout=10).json()["n_films"]
    listing, films = collect_films(world, NIGHT, n_films + 40)
    assert listing.n_rows == films.n_rows == n_films
    assert f"ended at {n_films}" in " ".join(listing.notes)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"kind": "blocked"}, FetchState.BLOCKED),
        ({"kind": "limited", "retry_after_s": 86_400}, FetchState.LIMITED),
        ({"kind": "broken"}, FetchState.BROKEN),
        ({"kind": "torn"}, FetchState.BROKEN),
        ({"kind": "html"}, FetchState.BROKEN),
        ({"kind": "changed_markup"}, FetchState.BROKEN),
    ],
)
def test_a_list_that_the_site_cuts_short_has_not_ended(
    world: Settings, fault: dict[str, object], state: FetchState
) -> None:
    order_fault(world, "tmdb", times=1000, path="/discover", **fault)
    listing, _ = collect_films(world, NIGHT, 50)
    assert (listing.state, listing.n_rows) == (state, 20)
    assert lake.read(world.lake, "tmdb", "list").num_rows == 20, "what came is kept"
    assert "stopped at 20 of the 50" in listing.notes[0]
    assert str(state) in listing.notes[0]
    requests.delete(f"{world.sites['sandbox']}/faults", timeout=10)
    listing, _ = collect_films(world, NIGHT, 50)
    assert (listing.state, listing.n_rows) == (FetchState.OK, 50), "the same night asks again"
    assert lake.read(world.lake, "tmdb", "film").num_rows == 50


@pytest.mark.parametrize("kind", ["old_markup", "duplicates", "moving", "cut"])
def test_the_browser_scrolls_either_layout_and_a_list_that_moves(world: Settings, kind: str) -> None:
    order_fault(world, "tmdb", kind=kind, rate=1 if kind != "cut" else 0.3, path="/movie" if kind != "cut" else "/disc")
    before = n_paths(world)
    listing, films = collect_films(world, NIGHT, 55)
    assert (listing.state, listing.n_rows, films.n_rows) == (FetchState.OK, 55, 55)
    listed = lake.read(world.lake, "tmdb", "list").to_pylist()
    assert len({row["tmdb_id"] for row in listed}) == len(listed) == 55
    assert all(row["title"] and row["released_on"] for row in listed)
    if kind == "old_markup":
        assert any(row["user_score"] for row in listed)
        assert (n_paths(world) - before)["POST /discover/movie/items"] >= 2, "the page has grown in the browser"


def test_the_browser_and_the_api_list_the_same_films(world: Settings) -> None:
    keyed = world.model_copy(
        update={"home": world.home.with_name("by-api"), "tmdb_api_key": SecretStr("a-key-of-ours")}
    )
    rows = []
    for settings in (world, keyed):
        collect_films(settings, NIGHT, 50)
        listed = lake.read(settings.lake, "tmdb", "list").drop_columns(["fetched_at", "page_sha256"])
        rows.append(listed.to_pylist())
    assert rows[0] == rows[1]
    assert len(rows[0]) == 50


@pytest.mark.parametrize("path", ["/movie", "/discover"])
def test_one_short_wait_does_not_cost_the_list(world: Settings, path: str) -> None:
    order_fault(world, "tmdb", kind="limited", times=1, path=path)
    listing, films = collect_films(world, NIGHT, 30)
    assert (listing.state, listing.n_rows, films.n_rows) == (FetchState.OK, 30, 30)


@pytest.mark.parametrize(
    ("kind", "words"), [("limited", "asked for a long wait"), ("broken", "were a server fault"), ("blocked", "refusal")]
)
def test_every_fault_of_imdb_is_a_sentence(world: Settings, kind: str, words: str) -> None:
    films = requests.get(f"{world.sites['sandbox']}/world", timeout=10).json()["films"]
    rows = [{"tmdb_id": int(tmdb), "imdb_id": imdb, "fetched_at": lake.utc_now()} for tmdb, imdb in films.items()]
    lake.write_batch(world.lake, "tmdb", "film", rows, batch_key="films", ingest_date=NIGHT)
    order_fault(world, "imdb", kind=kind, times=1000, path="/title", retry_after_s=86_400)
    report = collect_soundtracks(world, NIGHT)
    assert report.state is FetchState(kind)
    n_faults = report.states[kind]
    assert f"{n_faults} of {n_faults} answers of IMDb" in report.notes[0]
    assert words in report.notes[0]
    assert "run `ostinato refresh` again" in report.notes[0]


def test_an_unreachable_site_is_a_state(world: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    nowhere = Settings(**{**world.model_dump(), "sites": {**world.sites, "tmdb": nobody}})
    listing, films = collect_films(nowhere, NIGHT, 20)
    assert listing.state is FetchState.UNREACHABLE
    assert films.state is FetchState.UNREACHABLE
    assert films.n_rows == 0


def test_the_browser_leaves_nothing_behind(world: Settings) -> None:
    with pytest.raises(RuntimeError, match="in the middle"), open_browser(world, "tmdb") as driver:
        driver.get(world.sites["tmdb"] + "/movie")
        assert processes_naming(world.browser_home)
        raise RuntimeError("in the middle")
    assert processes_naming(world.browser_home) == []
    assert list(world.browser_home.iterdir()) == []


def test_what_a_killed_run_left_is_cleared_at_the_next_start(world: Settings) -> None:
    script = (
        "import os, signal\n"
        "from tasks.fetching.browser import open_browser\n"
        "from tasks.settings import Settings\n"
        f"settings = Settings(home={str(world.home)!r}, sites={world.sites!r})\n"
        "with open_browser(settings, 'tmdb') as driver:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    left = list(world.browser_home.iterdir())
    assert len(left) == 1
    assert processes_naming(left[0])
    with open_browser(world, "tmdb"):
        assert processes_naming(left[0]) == []
        assert not left[0].exists()
    assert list(world.browser_home.iterdir()) == []


def test_the_browser_of_the_sandbox_reaches_nothing_else(world: Settings) -> None:
    from selenium.common.exceptions import WebDriverException

    with open_browser(world, "tmdb") as driver, pytest.raises(WebDriverException, match="ERR_NAME_NOT_RESOLVED"):
        driver.get("http://www.themoviedb.org/movie")
