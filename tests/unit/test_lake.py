"""The lake keeps each batch once, whole or not at all, whoever writes at the same time."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import lake
from tasks.collecting.batches import read_batch, read_since
from tasks.schemas import COLLECTED_SOURCES, LAKE_SCHEMAS
from tasks.settings import OstinatoError

DAY, NEXT_DAY = date(2025, 1, 1), date(2025, 1, 2)
CREDITS = [{"role": "performed_by", "names": ["Blondie", "김건모"]}]


def credit(title: str, imdb_id: str = "tt0080339") -> dict[str, Any]:
    return {"imdb_id": imdb_id, "position": 1, "title": title, "credits": CREDITS, "fetched_at": lake.utc_now()}


def land(home: Path, *titles: str, key: str = "films", day: date = DAY) -> Path | None:
    rows = [credit(title) for title in titles]
    return lake.write_batch(home, "imdb", "soundtrack", rows, batch_key=key, ingest_date=day)


def titles(home: Path) -> list[str]:
    return sorted(lake.read(home, "imdb", "soundtrack", ["title"])["title"].to_pylist())


def leftovers(home: Path) -> list[Path]:
    return list(home.rglob("*.part"))


def test_what_was_written_is_read_back_in_the_schema(tmp_path: Path) -> None:
    path = land(tmp_path, "One Way or Another", "첫인상")
    assert path is not None
    assert path.parent == tmp_path / "imdb" / "soundtrack" / "ingest_date=2025-01-01"
    table = lake.read(tmp_path, "imdb", "soundtrack")
    assert table.schema.equals(LAKE_SCHEMAS[("imdb", "soundtrack")])
    assert table["credits"].to_pylist() == [CREDITS, CREDITS]
    assert table["lines"].null_count == 2


def test_a_batch_of_the_same_key_replaces_the_earlier_one(tmp_path: Path) -> None:
    land(tmp_path, "a", "b")
    land(tmp_path, "c")
    assert titles(tmp_path) == ["c"]
    land(tmp_path, "d", key="other films")
    assert titles(tmp_path) == ["c", "d"]


@pytest.mark.parametrize("day", [NEXT_DAY, date(2024, 12, 31)])
def test_it_is_replaced_on_another_day_too(tmp_path: Path, day: date) -> None:
    land(tmp_path, "a", "b")
    path = land(tmp_path, "c", day=day)
    assert titles(tmp_path) == ["c"]
    assert lake.batch_files(tmp_path, "imdb", "soundtrack") == [path]


def test_no_rows_make_no_file_and_leave_the_earlier_batch(tmp_path: Path) -> None:
    assert land(tmp_path) is None
    assert lake.batch_files(tmp_path, "imdb", "soundtrack") == []
    land(tmp_path, "a")
    assert land(tmp_path) is None
    assert titles(tmp_path) == ["a"]


def test_a_batch_that_fails_half_way_leaves_the_earlier_one(tmp_path: Path) -> None:
    land(tmp_path, "a")
    more = lake.read(tmp_path, "imdb", "soundtrack")
    with (
        pytest.raises(RuntimeError, match="cut off"),
        lake.open_batch(tmp_path, "imdb", "soundtrack", batch_key="films", ingest_date=DAY) as batch,
    ):
        batch.write(more)
        assert leftovers(tmp_path)
        assert titles(tmp_path) == ["a"]
        raise RuntimeError("cut off")
    assert titles(tmp_path) == ["a"]
    assert leftovers(tmp_path) == []


def test_a_row_that_does_not_fit_lands_nothing(tmp_path: Path) -> None:
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        lake.write_batch(tmp_path, "imdb", "soundtrack", [{"position": "first"}], batch_key="films", ingest_date=DAY)
    assert list(tmp_path.rglob("*.parquet")) == []


def test_an_unknown_table_is_a_fault_of_the_code(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        lake.write_batch(tmp_path, "imdb", "poem", [], batch_key="x", ingest_date=DAY)


def test_a_batch_may_come_in_pieces(tmp_path: Path) -> None:
    land(tmp_path, "a")
    piece = lake.read(tmp_path, "imdb", "soundtrack")
    with lake.open_batch(tmp_path, "imdb", "soundtrack", batch_key="films", ingest_date=DAY) as batch:
        for _ in range(3):
            batch.write(piece)
    assert batch.n_rows == 3
    assert titles(tmp_path) == ["a", "a", "a"]


@given(keys=st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=6, unique=True))
def test_two_keys_never_share_a_file(keys: list[str]) -> None:
    paths = [lake.batch_path(Path("lake"), "imdb", "soundtrack", key, DAY) for key in keys]
    assert len(set(paths)) == len(keys)
    for path in paths:
        assert path.parent == Path("lake/imdb/soundtrack/ingest_date=2025-01-01")
        assert len(path.name.encode()) < 200
        assert not path.name.startswith(".")


def _land_often(home: Path, day: date, n_times: int, start: Barrier) -> None:
    start.wait(timeout=60)
    for _ in range(n_times):
        land(home, f"written on {day}", "and more", day=day)


def test_two_processes_with_one_key_leave_one_batch(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    writers = [context.Process(target=_land_often, args=(tmp_path, day, 200, start)) for day in (DAY, NEXT_DAY)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(lake.batch_files(tmp_path, "imdb", "soundtrack")) == 1
    assert lake.read(tmp_path, "imdb", "soundtrack").num_rows == 2
    assert leftovers(tmp_path) == []


def test_threads_of_one_process_do_not_write_into_each_other(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda n: land(tmp_path, *[f"{n}"] * 50), range(40)))
    assert len(set(paths)) == 1
    found = titles(tmp_path)
    assert len(found) == 50
    assert len(set(found)) == 1


def test_every_raw_table_is_a_view_even_where_nothing_has_landed(tmp_path: Path) -> None:
    con = duckdb.connect()
    lake.attach_raw(con, tmp_path)
    for (source, entity), schema in LAKE_SCHEMAS.items():
        described = con.execute(f"describe raw.{source}_{entity}").fetchall()
        assert [(row[0], row[1].replace('"', "")) for row in described] == [
            (field.name, _duckdb_name(field.type)) for field in schema
        ]
        assert con.execute(f"select count(*) from raw.{source}_{entity}").fetchone() == (0,)


def test_a_view_with_rows_has_the_same_columns_as_an_empty_one(tmp_path: Path) -> None:
    con = duckdb.connect()
    lake.attach_raw(con, tmp_path)
    empty = con.execute("describe raw.imdb_soundtrack").fetchall()
    land(tmp_path, "a", "b")
    lake.attach_raw(con, tmp_path)
    assert con.execute("describe raw.imdb_soundtrack").fetchall() == empty
    assert con.execute("select credits[1].names[2] from raw.imdb_soundtrack").fetchall() == [("김건모",)] * 2
    land(tmp_path, "c", key="more films")
    assert con.execute("select count(*) from raw.imdb_soundtrack").fetchone() == (3,)


def test_a_batch_from_before_a_column_was_added_has_null_there(tmp_path: Path) -> None:
    path = land(tmp_path, "a")
    assert path is not None
    pq.write_table(pq.read_table(path, partitioning=None).drop(["lines", "entry_id"]), path)
    con = duckdb.connect()
    lake.attach_raw(con, tmp_path)
    assert con.execute("select title, lines, entry_id from raw.imdb_soundtrack").fetchall() == [("a", None, None)]
    land(tmp_path, "b", key="newer films")
    assert titles(tmp_path) == ["a", "b"]
    assert lake.read(tmp_path, "imdb", "soundtrack").schema.equals(LAKE_SCHEMAS[("imdb", "soundtrack")])


def test_a_manifest_from_before_it_named_waits_and_parsers_still_reads(tmp_path: Path) -> None:
    new = ["retry_after_s", "parser_version"]
    for source in COLLECTED_SOURCES:
        for key in ("old", "new"):
            row = {"entity": "page", "key": key, "url": "http://x/", "state": "ok", "fetched_at": lake.utc_now()}
            row |= dict.fromkeys(new, 7 if key == "new" else None)
            path = lake.write_batch(tmp_path, source, "fetch", [row], batch_key=key, ingest_date=DAY)
            assert path is not None
            if key == "old":
                pq.write_table(pq.read_table(path, partitioning=None).drop(new), path)
    con = duckdb.connect()
    lake.attach_raw(con, tmp_path)
    for source in COLLECTED_SOURCES:
        found = con.execute(f"select key, {', '.join(new)} from raw.{source}_fetch order by key").fetchall()
        assert found == [("new", 7.0, 7), ("old", None, None)]
        for since, keys in ((DAY, {"old", "new"}), (NEXT_DAY, set())):
            read = read_since(tmp_path, source, "fetch", ["key", *new], since)
            assert read.schema.types == [LAKE_SCHEMAS[(source, "fetch")].field(name).type for name in ("key", *new)]
            assert set(read["key"].to_pylist()) == keys
        assert read_batch(tmp_path, source, "fetch", "old")["parser_version"].to_pylist() == [None]
        assert lake.read(tmp_path, source, "fetch")["parser_version"].null_count == 1


def test_a_manifest_that_is_damaged_is_one_sentence(tmp_path: Path) -> None:
    path = lake.write_batch(tmp_path, "imdb", "fetch", [{"entity": "page"}], batch_key="x", ingest_date=DAY)
    assert path is not None
    path.write_bytes(b"rot")
    with pytest.raises(OstinatoError, match=r"damaged.*delete it"):
        read_since(tmp_path, "imdb", "fetch", ["entity"], DAY)


def test_a_lake_may_lie_where_a_path_has_odd_signs(tmp_path: Path) -> None:
    home = tmp_path / "it's [my] *lake*"
    land(home, "a")
    con = duckdb.connect()
    lake.attach_raw(con, home)
    assert con.execute("select title from raw.imdb_soundtrack").fetchall() == [("a",)]


def test_a_lake_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    with pytest.raises(OstinatoError, match=r"could not be written: Not a directory.*OSTINATO_HOME"):
        land(tmp_path / "home", "a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_lake_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(OstinatoError, match=r"could not be written: Permission denied.*OSTINATO_HOME"):
        land(tmp_path / "lake", "a")


@contextmanager
def files_no_larger_than(n_bytes: int) -> Iterator[None]:
    """Stand in for a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("n_bytes", [0, 1_000])
def test_a_full_disk_is_one_sentence_and_leaves_the_earlier_batch(tmp_path: Path, n_bytes: int) -> None:
    land(tmp_path, "a")
    with (
        files_no_larger_than(n_bytes),
        pytest.raises(OstinatoError, match=r"films\.parquet could not be written: .*OSTINATO_HOME") as fault,
    ):
        land(tmp_path, *[f"{n}" for n in range(10_000)])
    assert "\n" not in str(fault.value)
    assert titles(tmp_path) == ["a"]
    assert leftovers(tmp_path) == []


def test_leftovers_of_killed_writers_are_swept_and_nothing_else(tmp_path: Path) -> None:
    path = land(tmp_path, "a")
    assert path is not None
    old, new = path.with_name(".b.parquet.0f.part"), path.with_name(".c.parquet.0f.part")
    for file in (old, new, path.with_name("kept.part")):
        file.write_bytes(b"PAR1")
    two_hours_ago = time.time() - 7200
    for file in (old, path, path.with_name("kept.part")):
        os.utime(file, (two_hours_ago, two_hours_ago))
    assert lake.sweep_leftovers(tmp_path) == 1
    assert set(leftovers(tmp_path)) == {new, path.with_name("kept.part")}
    assert titles(tmp_path) == ["a"]
    assert lake.sweep_leftovers(tmp_path / "nowhere") == 0


@pytest.mark.parametrize("content", [b"", b"title\na\n", b"PAR1" + bytes(100)], ids=["empty", "text", "cut"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    land(tmp_path, "a")
    damaged = land(tmp_path, "b", key="more films")
    assert damaged is not None
    damaged.write_bytes(content)
    sentence = rf"The lake file {damaged} is damaged \(.+\); delete it: .* imported again\."
    with pytest.raises(OstinatoError, match=sentence) as fault:
        lake.attach_raw(duckdb.connect(), tmp_path)
    assert "\n" not in str(fault.value)
    with pytest.raises(OstinatoError, match=sentence):
        titles(tmp_path)
    damaged.unlink()
    lake.attach_raw(duckdb.connect(), tmp_path)
    assert titles(tmp_path) == ["a"]


def _duckdb_name(arrow: pa.DataType) -> str:
    return lake.duckdb_type(arrow).replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
