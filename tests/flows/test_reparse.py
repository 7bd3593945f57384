"""A mended parser reaches what was fetched before: the archive is read anew, nobody is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
import requests
import zstandard

from tasks import lake
from tasks.collecting import rereading
from tasks.collecting.charts.nightly import collect_charts
from tasks.collecting.features.chain import collect_features
from tasks.collecting.films.collect import collect_films
from tasks.collecting.made_up import set_clock
from tasks.collecting.rereading import REREADERS, Reread, reread_pages
from tasks.collecting.soundtracks.imdb import collect_soundtracks
from tasks.collecting.soundtracks.musicbrainz import collect_recordings
from tasks.collecting.tracks.search import collect_tracks
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.schemas import COLLECTED_SOURCES
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings
from tasks.sources import imdb, melon
from tasks.sources.parsed import Parsed
from tasks.warehouse import world_lock

AS_OF = date(2026, 11, 20)
N_FILMS = 12


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory, sandbox_sites: dict[str, str]) -> Iterator[Settings]:
    """A night of all sources, IMDb blocked for some films so that MusicBrainz was asked too."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, profile=Profile.SANDBOX, sites=sandbox_sites, max_workers=4)
    control = sandbox_sites["sandbox"]
    set_clock(settings, AS_OF)  # other tests move it
    collect_films(settings, AS_OF, N_FILMS)
    requests.put(f"{control}/faults", json={"imdb": {"kind": "blocked", "times": 2}}, timeout=10).raise_for_status()
    collect_soundtracks(settings, AS_OF)
    collect_recordings(settings, AS_OF)
    collect_charts(settings, AS_OF)
    collect_tracks(settings, AS_OF)
    collect_features(settings, AS_OF)
    requests.delete(f"{control}/faults", timeout=10)
    yield settings


def everything(settings: Settings, source: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of a source's tables, in an order of their own."""
    tables = {reread.table for (name, _), reread in REREADERS.items() if name == source} | {"fetch"}
    return {table: sorted(lake.read(settings.lake, source, table).to_pylist(), key=repr) for table in tables}


def n_requests(sites: dict[str, str]) -> int:
    stats = requests.get(f"{sites['sandbox']}/stats", timeout=10).json()
    return sum(site["requests"] for name, site in stats.items() if name != "sandbox")


def test_every_archived_source_can_be_read_anew() -> None:
    assert {source for source, _ in REREADERS} == set(COLLECTED_SOURCES)


@pytest.mark.parametrize("source", ["tmdb", "imdb", "musicbrainz", "melon", "spotify", "reccobeats"])
def test_the_same_parser_changes_nothing_and_asks_nobody(
    collected: Settings, sandbox_sites: dict[str, str], source: str
) -> None:
    before, n_before = everything(collected, source), n_requests(sandbox_sites)
    report = reread_pages(collected, source)
    assert everything(collected, source) == before
    assert (report.n_changed_batches, dict(report.changed_states)) == (0, {})
    assert report.n_rows == report.n_rows_before
    assert report.n_pages > 0
    assert n_requests(sandbox_sites) == n_before


def test_a_mended_parser_reaches_every_page(collected: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def shouting(body: bytes, key: str, url: str) -> Parsed[Any]:
        parsed = imdb.parse_soundtrack(body, url)
        return Parsed([{**row, "title": (row["title"] or "").upper()} for row in parsed.rows], parsed.state)

    before = everything(collected, "imdb")["soundtrack"]
    monkeypatch.setitem(REREADERS, ("imdb", "soundtrack"), Reread("soundtrack", shouting))
    monkeypatch.setitem(rereading.PARSER_VERSIONS, ("imdb", "soundtrack"), 99)
    reread_pages(collected, "imdb")
    after = everything(collected, "imdb")
    assert {row["title"] for row in after["soundtrack"]} == {row["title"].upper() for row in before}
    assert {row["parser_version"] for row in after["fetch"] if row["state"] == "ok"} == {99}
    assert [row["parser_version"] for row in after["fetch"] if row["state"] == "blocked"] == [None] * 2
    monkeypatch.undo()
    reread_pages(collected, "imdb")
    assert everything(collected, "imdb")["soundtrack"] == before


def test_rows_of_an_expired_page_stay(collected: Settings) -> None:
    before = everything(collected, "melon")
    gone = next(row["page_sha256"] for row in before["song"])
    body = archive.load(collected.pages, gone)
    archive.delete(collected.pages, gone)
    report = reread_pages(collected, "melon")
    assert report.n_expired == 1
    assert everything(collected, "melon") == before
    archive.store(collected.pages, body)


def cut_off(packed: bytes) -> bytes:
    return packed[:40]


def other_content(packed: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(b"<html>another page</html>")


def huge_claim(packed: bytes) -> bytes:
    return packed[:4] + b"\xe0" + (2**45).to_bytes(8, "little") + packed[6:]


@pytest.mark.parametrize("damage", [cut_off, other_content, huge_claim, lambda packed: b""])
@pytest.mark.parametrize("source", ["melon", "tmdb"])
def test_a_damaged_page_costs_no_row_and_is_named_with_its_place(
    collected: Settings, source: str, damage: Callable[[bytes], bytes]
) -> None:
    before = everything(collected, source)
    entities = sorted({line["entity"] for line in before["fetch"]})
    lines = [[line for line in before["fetch"] if line["entity"] == entity] for entity in entities]
    of_others = [lines_of[place % len(lines_of)] for place, lines_of in enumerate(lines)]  # never a film and its ids
    damaged = [archive.page_path(collected.pages, line["page_sha256"]) for line in of_others]
    whole = {page: page.read_bytes() for page in damaged}
    for page, packed in whole.items():
        page.write_bytes(damage(packed))
    report = reread_pages(collected, source)
    assert everything(collected, source) == before
    assert report.damaged.keys() == {str(page) for page in damaged}
    assert report.n_pages > 0, "the others are read"
    assert report.n_changed_batches == 0
    (warning,) = report.warnings
    assert str(damaged[0]) in warning
    assert warning.endswith("delete these files, and the pages are fetched again when due.")
    for page, packed in whole.items():
        page.write_bytes(packed)


def reads_nothing(state: FetchState) -> Reread:
    return Reread("song", lambda body, key, url: Parsed([], state, "no song is named"))


@pytest.mark.parametrize("state", [FetchState.BROKEN, FetchState.BLOCKED, FetchState.OK, FetchState.EMPTY])
def test_a_parser_that_got_worse_empties_no_batch_and_is_told(
    collected: Settings, monkeypatch: pytest.MonkeyPatch, state: FetchState
) -> None:
    before = everything(collected, "melon")
    monkeypatch.setitem(REREADERS, ("melon", "song"), reads_nothing(state))
    report = reread_pages(collected, "melon")
    assert everything(collected, "melon") == before
    assert report.worse == {f"song {row['song_id']}": str(state) for row in before["song"]}
    assert (report.n_rows, report.n_changed_batches, report.changed_states) == (report.n_rows_before, 0, {})
    assert f"{len(report.worse):,} (song " in report.warnings[0]
    assert report.warnings[0].count("song ") == 5


def test_a_parser_that_fails_on_a_page_ends_nothing_and_names_it(
    collected: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(collected, "melon")
    song = before["song"][0]["song_id"]

    def fails(body: bytes, key: str, url: str) -> Parsed[Any]:
        if key == song:
            raise ValueError("what was never met before")
        return melon.parse_song(body, url)

    monkeypatch.setitem(REREADERS, ("melon", "song"), Reread("song", fails))
    report = reread_pages(collected, "melon")
    assert everything(collected, "melon") == before
    assert report.worse == {f"song {song}": "ValueError: what was never met before"}


def test_a_page_that_a_mended_parser_finds_empty_loses_its_rows(
    collected: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(collected, "melon")
    mistaken, broken, *others = [row["song_id"] for row in before["song"]]
    said = {mistaken: FetchState.EMPTY, broken: FetchState.BROKEN}

    def mended(body: bytes, key: str, url: str) -> Parsed[Any]:
        return Parsed([], said[key]) if key in said else melon.parse_song(body, url)

    monkeypatch.setitem(REREADERS, ("melon", "song"), Reread("song", mended))
    report = reread_pages(collected, "melon")
    after = everything(collected, "melon")
    assert {row["song_id"] for row in after["song"]} == {broken, *others}
    assert {line["key"]: line["state"] for line in after["fetch"] if line["key"] in said} == {
        mistaken: "empty",
        broken: "ok",
    }
    assert (report.worse, report.changed_states) == ({f"song {broken}": "broken"}, {"ok -> empty": 1})
    monkeypatch.undo()
    reread_pages(collected, "melon")
    assert everything(collected, "melon") == before


def test_a_backfill_and_a_reparse_keep_out_of_each_others_batches(collected: Settings) -> None:
    command = [sys.executable, "-m", "ostinato.cli", "reparse", "melon", "--profile", collected.profile]
    environment = os.environ | {"OSTINATO_HOME": str(collected.home)}
    with world_lock(collected, part="backfill"):
        refused = subprocess.run(
            command, env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
        )
    assert refused.returncode == 1
    assert "Another run works on this world" in refused.stderr
    assert subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, check=False).returncode == 0


def test_a_source_without_pages_is_one_sentence(collected: Settings) -> None:
    with pytest.raises(OstinatoError, match="name one of imdb"):
        reread_pages(collected, "dataset")
