"""Real IMDb soundtrack pages: every entry of all 15, credit lines exact, from the data and from the drawn list."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.fetching.answer import FetchState
from tasks.fetching.scrub import strip_request_echo
from tasks.sources.imdb import parse_soundtrack

PAGES = Path(__file__).parents[2].parent / "shared" / "pages" / "imdb"
pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason=f"no saved pages in {PAGES}")


def pages() -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    expected = json.loads((PAGES / "expected_soundtracks.json").read_text())
    for name, truth in expected.items():
        yield name, gzip.decompress((PAGES / f"{name}.gz").read_bytes()), truth


def test_every_entry_of_every_page(capsys: pytest.CaptureFixture[str]) -> None:
    n_pages = n_entries = n_lines = 0
    started = time.perf_counter()
    for name, body, truth in pages():
        parsed = parse_soundtrack(body)
        assert parsed.state is FetchState.OK, name
        assert [row["entry_id"] for row in parsed.rows] == [entry["id"] for entry in truth["entries"]], name
        assert [row["title"] for row in parsed.rows] == [entry["title"].strip() for entry in truth["entries"]], name
        assert [row["lines"] for row in parsed.rows] == [entry["lines"] for entry in truth["entries"]], name
        assert [row["position"] for row in parsed.rows] == list(range(1, len(truth["entries"]) + 1))
        assert {row["imdb_id"] for row in parsed.rows} == {truth["imdb_id"]}
        assert parsed.n_expected == truth["total"] == len(parsed.rows)
        n_pages += 1
        n_entries += len(parsed.rows)
        n_lines += sum(len(row["lines"]) for row in parsed.rows)
    took_ms = (time.perf_counter() - started) * 1000 / n_pages
    with capsys.disabled():
        print(
            f"\nIMDb: {n_entries} entries with {n_lines} lines on {n_pages} pages, all exact; {took_ms:.1f} ms a page"
        )
    assert (n_pages, n_entries) == (15, 122)


def test_the_drawn_list_holds_the_same() -> None:
    for name, body, _ in pages():
        drawn = re.sub(rb'<script id="__NEXT_DATA__".*?</script>', b"", body, flags=re.DOTALL)
        assert parse_soundtrack(drawn).rows == parse_soundtrack(body).rows, name


def test_what_the_page_echoes_is_stripped_and_nothing_else() -> None:
    for name, body, _ in pages():
        stripped = strip_request_echo(body)
        assert b'"requestContext":{}' in stripped, name
        assert b'"ipAddress"' not in stripped, name
        assert parse_soundtrack(stripped) == parse_soundtrack(body), name


def test_performers_agree_with_the_read_of_others() -> None:
    """Where IMDb4M's own reader found performers on these pages, ours finds the same."""
    import pyarrow.parquet as pq

    table = PAGES.parents[1] / "data" / "imdb_soundtracks_imdb4m.parquet"
    if not table.exists():
        pytest.skip(f"no table {table}")
    theirs = pq.read_table(table, columns=["imdb_id", "recording_name", "performers"]).to_pylist()
    wanted = {(row["imdb_id"], row["recording_name"]): row["performers"] for row in theirs if row["performers"]}
    compared = 0
    for _, body, _ in pages():
        rows = parse_soundtrack(body).rows
        titles = [row["title"] for row in rows]
        for row in (row for row in rows if titles.count(row["title"]) == 1):
            names = wanted.get((str(row["imdb_id"]), str(row["title"])))
            ours = [name for credit in row["credits"] if credit["role"] == "performed_by" for name in credit["names"]]
            if names and len(names) == len(ours):
                assert sorted(names) == sorted(ours), row["title"]
                compared += 1
    assert compared >= 60


def test_a_title_page_with_its_teaser_is_refused() -> None:
    body = gzip.decompress((PAGES / "reference_tt0133093_next_data.json.gz").read_bytes())
    parsed = parse_soundtrack(body)
    assert (parsed.rows, parsed.state) == ([], FetchState.BROKEN)


def test_cut_and_spoiled_pages_never_pass_for_empty() -> None:
    name, body, truth = next(pages())
    for size in range(0, len(body), len(body) // 40):
        parsed = parse_soundtrack(body[:size])
        is_whole = len(parsed.rows) == truth["total"]  # cut behind the data
        assert is_whole or (not parsed.rows and parsed.state in (FetchState.BROKEN, FetchState.BLOCKED)), (name, size)
    spoiled = body.replace(b'"listContent"', b'"listContents"')
    assert len(parse_soundtrack(spoiled).rows) == truth["total"]
