"""The Movies Dataset: as published, three of its rows are broken in two by line breaks that no quotes hold."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from dataset_files import MOVIE, PUBLISHED, Row, csv_text, landed, live_world, load, nothing_landed, rejected, save

from tasks.settings import OstinatoError, Settings

BREAK = "\u2028"  # stands for the bare line break until the file is written
TAIL = " - told by the harbour master"


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return live_world(tmp_path / "home")


def movies(n_rows: int) -> list[Row]:
    return [{**MOVIE, "id": n, "imdb_id": f"tt{n:07d}"} for n in range(1, n_rows + 1)]


def as_published(rows: list[Row], broken: set[int], line_break: str = "\r") -> str:
    """The file's text, with a bare line break in the overviews of the rows `broken` (from 0)."""
    tails = {
        n: {**row, "overview": f"A town and its cranes.{BREAK}{TAIL}"} for n, row in enumerate(rows) if n in broken
    }
    return csv_text([tails.get(n, row) for n, row in enumerate(rows)], lineterminator="\n").replace(BREAK, line_break)


@pytest.mark.parametrize("line_break", ["\r", "\n", "\r\n"], ids=["CR", "LF", "CRLF"])
def test_a_broken_row_lands_by_its_first_half_and_its_second_is_rejected(
    world: Settings, tmp_path: Path, line_break: str
) -> None:
    (tmp_path / "movies_metadata.csv").write_text(as_published(movies(4), {1}, line_break), newline="")
    report = load(world, tmp_path / "movies_metadata.csv")
    assert (report.entity, report.n_rows, report.reasons) == ("movies_metadata", 4, {"id is not a whole number": 1})
    second = rejected(report)[0]
    assert second["row"] == "3"
    shifted = json.loads(second["text"])
    assert (shifted["id"], shifted["adult"]) == ("1997-08-20", TAIL)
    films = landed(world, "movies_metadata")
    assert [film["id"] for film in films] == [1, 2, 3, 4]
    whole, half = films[0], films[1]
    assert {name for name in half if half[name] == whole[name] is not None} == {
        *("adult", "budget", "genres", "original_language", "original_title")
    }
    assert half["imdb_id"] == "tt0000002"
    assert half["overview"] is None  # it breaks off in there
    assert half["title"] is None


def test_pandas_sees_and_writes_the_same(world: Settings, tmp_path: Path) -> None:
    text = as_published(movies(4), {1})
    pd.read_csv(io.StringIO(text)).to_csv(tmp_path / "again.csv", index=False)
    assert len((tmp_path / "again.csv").read_text().split(TAIL)[0].splitlines()) > 3
    report = load(world, tmp_path / "again.csv")
    assert (report.n_rows, report.reasons) == (4, {"id is not a whole number": 1})
    assert [row["row"] for row in rejected(report)] == ["3"]
    assert [film["id"] for film in landed(world, "movies_metadata")] == [1, 2, 3, 4]


def test_the_whole_size_lands_but_for_the_shifted_rows(world: Settings, tmp_path: Path) -> None:
    rows = movies(45_463)
    broken = {19_729, 29_501, 35_584}  # so that pandas counts their second halves as rows 19730, 29503 and 35587
    for n in range(30):  # some ids come twice
        rows[1_000 + n] = {**rows[n], "popularity": 0.1}
    for n in range(17):
        rows[2_000 + n]["imdb_id"] = None if n % 2 else "0"
    (tmp_path / "movies.gz").write_bytes(gzip.compress(as_published(rows, broken).encode(), 1))
    report = load(world, tmp_path / "movies.gz")
    assert (report.n_rows, report.n_rejected) == (45_463, 3)
    assert [int(row["row"]) - 1 for row in rejected(report)] == [19_730, 29_503, 35_587]
    films = landed(world, "movies_metadata")
    assert [film["id"] for film in films] == [row["id"] for row in rows]
    assert sum(film["imdb_id"] is None for film in films) == 17
    assert sum(film["title"] is None for film in films) == 3


def test_values_land_in_the_types_of_the_lake(world: Settings, tmp_path: Path) -> None:
    load(world, save(tmp_path / "movies.csv", [MOVIE]))
    film = landed(world, "movies_metadata")[0]
    assert json.loads(film["genres"]) == [{"id": 18, "name": "Drama"}, {"id": 10402, "name": "Sailor's Music"}]
    assert json.loads(film["production_companies"]) == [{"name": "Two Cranes", "id": 4}]
    assert film["overview"] == MOVIE["overview"]
    assert (film["budget"], film["revenue"], film["runtime"]) == (0, 0, 104.0)  # 0 as published: unknown
    assert (film["adult"], film["vote_count"], film["poster_path"]) == (False, 1, "/harbour.jpg")


def test_the_five_thousand_films_of_tmdb_are_still_another_kind(world: Settings, tmp_path: Path) -> None:
    assert load(world, save(tmp_path / "five.csv", [PUBLISHED["tmdb_films"]])).entity == "tmdb_films"
    with_posters = {**PUBLISHED["tmdb_films"], "imdb_id": "tt9900001", "poster_path": "/harbour.jpg"}
    assert load(world, save(tmp_path / "more.csv", [with_posters])).entity == "movies_metadata"


def test_a_row_that_breaks_off_before_its_key_is_rejected_as_it_stands(world: Settings, tmp_path: Path) -> None:
    lines = csv_text(movies(2)).splitlines()
    text = io.StringIO()
    csv.writer(text).writerow(list(MOVIE.values())[:6])  # the last cell is its id, or the start of it
    (tmp_path / "cut.csv").write_text("\n".join([*lines, text.getvalue().strip()]))
    report = load(world, tmp_path / "cut.csv")
    assert (report.n_rows, report.reasons) == (2, {"the row has 6 fields, not 24": 1})
    assert rejected(report)[0]["text"] == text.getvalue().strip()


def test_rows_behind_a_quote_that_is_not_closed_are_not_lost_unseen(world: Settings, tmp_path: Path) -> None:
    plain = {name: None if "," in str(value) else value for name, value in MOVIE.items()} | {"overview": "A town."}
    lines = csv_text([{**plain, "id": n} for n in (1, 2, 3)]).splitlines()
    lines[2] = lines[2].replace(",A town.,", ',"A town.,')
    (tmp_path / "open.csv").write_text("\n".join(lines))
    report = load(world, tmp_path / "open.csv")
    assert (report.n_rows, report.n_rejected) == (1, 1)
    assert "quote that is not closed" in next(iter(report.reasons))
    assert lines[3][:20] in rejected(report)[0]["text"]


def test_halves_across_blocks_keep_their_numbers(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sources.datasets.reading.BLOCK_BYTES", 3_000)
    broken = {n for n in range(200) if n % 7 == 3}
    (tmp_path / "movies.csv").write_text(as_published(movies(200), broken), newline="")
    report = load(world, tmp_path / "movies.csv")
    assert [film["id"] for film in landed(world, "movies_metadata")] == list(range(1, 201))
    expected = [n + 1 + before + 1 for before, n in enumerate(sorted(broken))]
    assert [int(row["row"]) for row in rejected(report)] == expected


def test_first_halves_alone_are_no_fault_and_second_ones_alone_are_no_file(world: Settings, tmp_path: Path) -> None:
    lines = as_published(movies(2), {0, 1}).replace("\r", "\n").splitlines()
    header, first, second = lines[0], lines[1], lines[2]
    assert second.startswith(TAIL)
    (tmp_path / "first.csv").write_text("\n".join([header, first]))
    assert load(world, tmp_path / "first.csv").n_rows == 1
    (tmp_path / "second.csv").write_text("\n".join([header, second]))
    other = live_world(tmp_path / "other")
    with pytest.raises(OstinatoError, match=r"none of its 1 rows could be read \(1 times: id is not a whole number\)"):
        load(other, tmp_path / "second.csv")
    assert nothing_landed(other)
