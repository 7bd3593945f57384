"""Who reads the lake finds it still, who writes it waits a moment, and batches of one landing are all there or none."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pytest

from tasks import lake, lake_lock
from tasks.lake_lock import read_lock, write_lock
from tasks.settings import OstinatoError, Settings
from tasks.warehouse import lake_fingerprint, open_warehouse
from tasks.warehouse.building import build

DAY = date(2025, 1, 1)
Lock = Callable[[Path], AbstractContextManager[None]]


def land(home: Path, n_rows: int, day: date = DAY, key: str = "songs") -> Path:
    rows = [
        {"chart": "month", "scope": "KPOP", "period": "2024-12", "rank": rank, "title": f"one of {n_rows}"}
        for rank in range(1, n_rows + 1)
    ]
    path = lake.write_batch(home, "melon", "chart", rows, batch_key=key, ingest_date=day)
    assert path is not None
    return path


def n_rows_in(home: Path) -> int:
    return lake.read(home, "melon", "chart", ["rank"]).num_rows


# --- the lock ---


@pytest.mark.parametrize("hold", [read_lock, write_lock])
def test_who_moves_or_deletes_files_waits_for_readers_and_writers(tmp_path: Path, hold: Lock) -> None:
    path = land(tmp_path, 1)
    with ThreadPoolExecutor(2) as pool:
        with hold(tmp_path):
            landing, removing = pool.submit(land, tmp_path, 2, key="more songs"), pool.submit(lake.remove, path)
            for waiting in (landing, removing):
                with pytest.raises(TimeoutError):
                    waiting.result(timeout=0.1)
            assert lake.batch_files(tmp_path, "melon", "chart") == [path]
        landing.result(timeout=30)
        removing.result(timeout=30)
    assert n_rows_in(tmp_path) == 2


def test_readers_do_not_wait_for_each_other(tmp_path: Path) -> None:
    land(tmp_path, 3)
    with ThreadPoolExecutor(1) as pool, read_lock(tmp_path):
        assert pool.submit(n_rows_in, tmp_path).result(timeout=30) == 3
        with read_lock(tmp_path):
            lake.attach_raw(duckdb.connect(), tmp_path)


def test_readers_wait_for_a_writer(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    land(settings.lake, 3)
    readers: list[Callable[[], object]] = [
        lambda: n_rows_in(settings.lake),
        lambda: lake.attach_raw(duckdb.connect(), settings.lake),
        lambda: lake_fingerprint(settings),
    ]
    with ThreadPoolExecutor(3) as pool:
        with write_lock(settings.lake):
            waiting = [pool.submit(read) for read in readers]
            time.sleep(0.2)
            assert not any(one.done() for one in waiting)
        for one in waiting:
            one.result(timeout=30)


def test_what_is_already_gone_may_be_removed(tmp_path: Path) -> None:
    path = land(tmp_path, 1)
    for _ in range(2):
        lake.remove(path)
    assert n_rows_in(tmp_path) == 0


def _land_and_remove(home: Path, stop: Event) -> None:
    for number in range(1_000_000):
        if stop.is_set():
            return
        path = land(home, number % 900 + 1, DAY + timedelta(days=number % 2))
        if number % 5 == 0:
            lake.remove(path)


@pytest.mark.proof
def test_a_build_succeeds_while_another_process_replaces_and_deletes_what_it_reads(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    writer = context.Process(target=_land_and_remove, args=(settings.lake, stop))
    writer.start()
    try:
        for _ in range(8):
            build(settings, select="staging.melon_chart")
            with open_warehouse(settings, read_only=True) as con:
                found = con.execute("select distinct title from staging.melon_chart").fetchall()
            assert len(found) <= 1, "rows of one batch"
    finally:
        stop.set()
        writer.join(timeout=60)
    assert writer.exitcode == 0


# --- all or none ---


def land_three(home: Path) -> None:
    schema = lake.LAKE_SCHEMAS[("melon", "chart")]
    table = lake.read(home, "melon", "chart").slice(0, 1)
    batches = [lake.Batch(lake.batch_path(home, "melon", "chart", f"new {n}", DAY), schema) for n in range(3)]
    with lake.landing(batches):
        for batch in batches:
            batch.write(table)


@pytest.mark.parametrize("n_moved", [0, 1, 2])
@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(5, "Input/output error")], ids=["stop", "disk"])
@pytest.mark.parametrize("takes_next", [n_rows_in, lake.sweep_leftovers, lambda home: land(home, 1)])
def test_moves_that_were_cut_short_are_made_by_whoever_comes_next(
    tmp_path: Path,
    n_moved: int,
    fault: BaseException,
    takes_next: Callable[[Path], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    land(tmp_path, 1)
    move, moved = lake_lock._move, []

    def move_some(aside: Path) -> None:
        if len(moved) == n_moved:
            raise fault
        moved.append(aside)
        move(aside)

    with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, OstinatoError)):
        patch.setattr(lake_lock, "_move", move_some)
        land_three(tmp_path)
    for part in tmp_path.rglob("*.part"):
        os.utime(part, (0, 0))
    takes_next(tmp_path)
    assert len(lake.batch_files(tmp_path, "melon", "chart")) == 4
    assert n_rows_in(tmp_path) == 4
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"\n",
        b"melon\n",
        b"melon\nand no more\n",
        b"\xff\xfe\n",
        b"/etc/.x.parquet.aa.part\nand no more\n",
        b"../.x.parquet." + 32 * b"a" + b".part\nand no more\n",
        b"melon/chart/ingest_date=2024-01-01/.lost.parquet." + 32 * b"a" + b".part\nand no more\n",
    ],
)
def test_a_journal_that_is_not_whole_moves_nothing_and_is_named(tmp_path: Path, journal: bytes) -> None:
    path = land(tmp_path, 1)
    (tmp_path / ".landing").write_bytes(journal)
    with pytest.raises(OstinatoError, match=r"\.landing names no batches that could be landed.*delete it"):
        n_rows_in(tmp_path)
    (tmp_path / ".landing").unlink()
    assert lake.batch_files(tmp_path, "melon", "chart") == [path]


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: object, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OstinatoError, match=r"\.lock cannot be locked \(No locks available\).*OSTINATO_HOME"):
        land(tmp_path, 1)


def test_a_landing_whose_journal_cannot_be_written_lands_none(tmp_path: Path) -> None:
    land(tmp_path, 1)
    (tmp_path / ".landing.part").mkdir()
    with pytest.raises(OstinatoError, match="could not be written: Is a directory"):
        land_three(tmp_path)
    assert n_rows_in(tmp_path) == 1
    assert [path.name for path in tmp_path.rglob("*.part")] == [".landing.part"]


def test_a_landing_that_fails_before_the_moves_lands_none(tmp_path: Path) -> None:
    path = land(tmp_path, 1)
    batches = [lake.Batch(path.with_name(f"{n}.parquet"), lake.LAKE_SCHEMAS[("melon", "chart")]) for n in range(2)]
    with pytest.raises(RuntimeError), lake.landing(batches):
        for batch in batches:
            batch.write(lake.read(tmp_path, "melon", "chart"))
        raise RuntimeError("cut off")
    assert n_rows_in(tmp_path) == 1
    assert list(tmp_path.rglob("*.part")) == []


def test_batches_without_rows_land_no_file(tmp_path: Path) -> None:
    path = land(tmp_path, 1)
    with lake.landing([lake.Batch(path.with_name("none.parquet"), lake.LAKE_SCHEMAS[("melon", "chart")])]):
        pass
    assert lake.batch_files(tmp_path, "melon", "chart") == [path]
