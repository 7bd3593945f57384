"""Real pages of Melon, every field of every row against the ground truth kept beside them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tasks.fetching.answer import FetchState
from tasks.sources.melon import parse_chart, parse_song

PAGES = Path(__file__).parents[2].parent / "shared" / "pages" / "melon"
pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason="the saved pages (../shared/pages/melon) are not here")

PLACES = {  # what each page says of itself: no page names its class, and the age chart is a fragment
    "age_chart_YE_KPOP_2019_fetched_2025-07": (None, None, None),
    "top100_2018-01-23T16": ("top100", None, "2018-01-23T16"),
    "top100_2018-01-25T15": ("top100", None, "2018-01-25T15"),
}


def page(name: str) -> bytes:
    return gzip.decompress((PAGES / f"{name}.html.gz").read_bytes())


def expected(part: str) -> dict[str, Any]:
    truth = json.loads((PAGES / "expected_melon.json").read_text(encoding="utf-8"))[part]
    return {name.removesuffix(".html"): rows for name, rows in truth.items()}


def test_every_chart_row_is_exact() -> None:
    n_fields = 0
    charts = expected("charts")
    assert set(charts) == set(PLACES)
    for name, truth in charts.items():
        parsed = parse_chart(page(name))
        assert parsed.state is FetchState.OK
        assert not parsed.is_cut
        for row, true in zip(parsed.rows, truth, strict=True):
            assert (row["chart"], row["scope"], row["period"]) == PLACES[name]
            fields = {key: row[key] for key in ("rank", "title", "artists", "album")} | {"song_no": row["song_id"]}
            assert fields == {key: true[key] for key in fields}, f"{name}, rank {true['rank']}"
            n_fields += len(fields)
    print(f"{len(charts)} charts, {n_fields} of {n_fields} fields as expected")


def test_the_age_chart_takes_its_place_from_the_address() -> None:
    url = "https://www.melon.com/chart/age/list.htm?idx=1&chartType=YE&chartGenre=KPOP&chartDate=2019&moved=Y"
    row = parse_chart(page("age_chart_YE_KPOP_2019_fetched_2025-07"), url).rows[0]
    assert (row["chart"], row["scope"], row["period"]) == ("age_year", "KPOP", "2019")


def test_every_song_page_is_exact() -> None:
    songs = expected("song_details")
    for name, true in songs.items():
        (row,) = parse_song(page(name)).rows
        assert row == {
            "song_id": name.removeprefix("song_detail_"),
            "title": true["title"],
            "artists": true["artists"],
            "album": true["album"],
            "released_on": true["released"].replace(".", "-"),
            "genres": [true["genre"]],
        }
    print(f"{len(songs)} of {len(songs)} song pages as expected")


def test_the_overload_page_is_never_an_empty_chart() -> None:
    for parse in (parse_chart, parse_song):
        parsed = parse(page("error_overloaded_2025-07"))
        assert parsed.state is FetchState.BROKEN
        assert "overload" in parsed.reason


def test_a_page_cut_off_on_the_way_is_cut_or_broken() -> None:
    whole = page("top100_2018-01-23T16")
    lengths = {share: parse_chart(whole[: int(len(whole) * share)]) for share in (0.2, 0.5, 0.9)}
    assert all(parsed.is_cut or parsed.state is FetchState.BROKEN for parsed in lengths.values())
