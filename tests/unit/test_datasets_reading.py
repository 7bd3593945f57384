"""However a file is written, every row of it is read under its number, or rejected under it."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_files import CREDIT, DAY, TRACK, csv_text, landed, live_world, load, rejected, save, tracks
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.settings import OstinatoError, Settings
from tasks.sources.datasets import import_files


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return live_world(tmp_path / "home")


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    found = []
    for ending in ("parquet", "csv", "csv.gz"):
        world = live_world(tmp_path / ending)
        load(world, save(tmp_path / f"tracks.{ending}", tracks()))
        found.append(landed(world))
    assert found[0] == found[1] == found[2]
    assert found[0] == [{**row, "page_sha256": None} for row in tracks()]


@pytest.mark.parametrize(
    "content",
    [
        csv_text(tracks()).encode("utf-8-sig"),
        csv_text(tracks(), lineterminator="\r\n").encode(),
        csv_text(tracks(), delimiter=";").encode(),
        csv_text(tracks(), delimiter="\t").encode(),
        csv_text(tracks(), quoting=csv.QUOTE_ALL).encode(),
        b"\n\n" + csv_text(tracks()).encode().replace(b"\n", b"\n\n"),
        csv_text(tracks()).encode().rstrip(),
        gzip.compress(csv_text(tracks()[:1]).encode()) + gzip.compress(csv_text(tracks()).split("\n", 2)[2].encode()),
        pd.DataFrame(tracks()).to_csv().encode(),
    ],
    ids=["BOM", "CRLF", "semicolon", "tab", "quoted", "blank lines", "no last newline", "two gzip parts", "pandas"],
)
def test_the_ways_to_write_a_csv(world: Settings, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tracks.txt"
    path.write_bytes(content)
    report = load(world, path)
    assert (report.n_rows, report.n_rejected) == (3, 0)
    assert landed(world) == [{**row, "page_sha256": None} for row in tracks()]


def test_a_cell_may_hold_line_breaks(world: Settings, tmp_path: Path) -> None:
    name = 'Symphony\r\nNo. 1,\n"Titan"'
    load(world, save(tmp_path / "tracks.csv", tracks(track_name=name)))
    assert [row["track_name"] for row in landed(world)] == [name] * 3


def test_lists_land_alike_from_csv_and_parquet(tmp_path: Path) -> None:
    for ending in ("csv", "parquet"):
        world = live_world(tmp_path / ending)
        load(world, save(tmp_path / f"credits.{ending}", [CREDIT]))
        assert landed(world, "imdb_soundtracks") == [{**CREDIT, "page_sha256": None}]


def test_shifted_empty_and_cut_rows(world: Settings, tmp_path: Path) -> None:
    lines = csv_text(tracks(5)).splitlines()
    shifted = lines[2].split(",")
    lines[2] = ",".join([*shifted[:1], *shifted[2:], shifted[1]])
    lines[3] = "," * (len(TRACK) - 1)
    lines[4] = lines[4].replace('"코미디, 1권"', "코미디, 1권")
    lines[5] = lines[5][:40]
    (tmp_path / "tracks.csv").write_text("\n".join(lines))
    report = load(world, tmp_path / "tracks.csv")
    assert (report.n_rows, report.n_rejected) == (1, 4)
    reasons = {int(row["row"]): row["reason"] for row in rejected(report)}
    assert set(reasons) == {2, 3, 4, 5}
    assert reasons[3] == "track_id is missing"
    assert reasons[4] == f"the row has {len(TRACK) + 1} fields, not {len(TRACK)}"
    assert "fields" in reasons[5]
    assert rejected(report)[3]["text"] == lines[5]


def test_text_that_is_not_utf_8_is_never_guessed(world: Settings, tmp_path: Path) -> None:
    text = csv_text([*tracks(1), *tracks(1, track_name="Beyoncé"), *tracks(1, artists="Céline")])
    (tmp_path / "latin.csv").write_bytes(text.replace("코미디, 1권", "x").encode("cp1252"))
    report = load(world, tmp_path / "latin.csv")
    assert report.reasons == {"track_name is not text in UTF-8": 1, "artists is not text in UTF-8": 1}
    assert r"Beyonc\xe9" in rejected(report)[0]["text"]
    table = pa.table({"track_id": [b"a1", b"\xe9"], "imdb_id": ["tt1", "tt2"], "routes": [b"\xff", b"x"]})
    wrong = pa.StringArray.from_buffers(2, *table["routes"].chunk(0).buffers()[1:])
    pq.write_table(
        table.set_column(2, "routes", wrong).append_column("n", pa.array([1, 2])), tmp_path / "links.parquet"
    )
    with pytest.raises(OstinatoError, match="none of its 2 rows"):
        load(world, tmp_path / "links.parquet")


def test_a_broken_line_that_is_not_utf_8_is_counted_too(world: Settings, tmp_path: Path) -> None:
    lines = csv_text(tracks(3)).encode().splitlines()
    lines[2] = b"Beyonc\xe9,1"
    (tmp_path / "latin.csv").write_bytes(b"\n".join(lines))
    report = load(world, tmp_path / "latin.csv")
    assert (report.n_rows, report.n_rejected) == (2, 1)
    assert rejected(report)[0]["text"] == r"Beyonc\xe9,1"


def test_a_quote_that_is_never_closed_is_told(world: Settings, tmp_path: Path) -> None:
    lines = csv_text(tracks(4)).splitlines()
    lines[3] = lines[3].replace("acoustic", '"acoustic')
    (tmp_path / "tracks.csv").write_text("\n".join(lines))
    report = load(world, tmp_path / "tracks.csv")
    assert (report.n_rows, report.n_rejected) == (2, 1)
    assert "quote that is not closed" in next(iter(report.reasons))


@settings(max_examples=40, deadline=None)
@given(
    faults=st.lists(st.sampled_from(["", "cell", "fields", "blank"]), min_size=1, max_size=60),
    quote=st.booleans(),
    n_above=st.integers(0, 3),
)
def test_every_row_is_either_landed_or_rejected_under_its_number(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str], quote: bool, n_above: int
) -> None:
    home = tmp_path_factory.mktemp("rows")
    world = live_world(home)
    header, line = csv_text(tracks(1), quoting=csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL).splitlines()
    wrong = {"": line, "cell": line.replace("0.676", "high"), "fields": f"{line},1", "blank": ""}
    (home / "tracks.csv").write_text("\n".join([*[""] * n_above, header, line, *(wrong[fault] for fault in faults)]))
    report = load(world, home / "tracks.csv")
    rows = [fault for fault in ["", *faults] if fault != "blank"]
    assert report.n_rows == rows.count("")
    expected = [n for n, fault in enumerate(rows, start=1) if fault]
    assert [int(row["row"]) for row in (rejected(report) if expected else [])] == expected


def test_row_numbers_and_memory_hold_across_blocks(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sources.datasets.reading.BLOCK_BYTES", 2_000)
    monkeypatch.setattr("tasks.sources.datasets.reading.BATCH_ROWS", 10)
    rows = [row if n % 7 else {**row, "energy": "high"} for n, row in enumerate(tracks(200), start=1)]
    lines = csv_text(rows).splitlines()
    for n in range(5, 201, 11):
        lines[n] = "cut"
    (tmp_path / "tracks.csv").write_text("\n".join(lines))
    told: list[tuple[int, int]] = []
    report = import_files(world, [tmp_path / "tracks.csv"], DAY, lambda done, total: told.append((done, total)))[0]
    wrong = {n for n in range(1, 201) if n % 7 == 0 or n % 11 == 5}
    assert [int(row["row"]) for row in rejected(report)] == sorted(wrong)
    assert [row["track_id"] for row in landed(world)] == [f"{n:022d}" for n in range(1, 201) if n not in wrong]
    size = (tmp_path / "tracks.csv").stat().st_size
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == (size, size)
