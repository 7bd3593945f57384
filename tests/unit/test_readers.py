"""Who reads a catalogue keeps it whole: snapshots of readers are not pruned, a long-lived reader follows the link."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tasks import warehouse
from tasks.lake import utc_now, write_batch
from tasks.settings import OstinatoError, Profile, Settings
from tasks.warehouse import CatalogueReader
from tasks.warehouse.query import SPILL
from tasks.warehouse.readers import held_open

AS_OF = date(2026, 11, 20)

OTHER_TOOL = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
sys.stdin.readline()
print(con.execute("select run_id from snapshot").fetchone()[0], flush=True)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.SANDBOX, keep_snapshots=2)
    tracks = [{"track_id": f"t{n}", "title": f"Song {n}", "artists": ["IU"], "fetched_at": utc_now()} for n in range(5)]
    write_batch(settings.lake, "spotify", "track", tracks, batch_key="tracks", ingest_date=AS_OF)
    warehouse.build(settings, training=False)
    return settings


def publish(settings: Settings, run_id: str) -> Path:
    return warehouse.publish(settings, run_id=run_id, as_of=AS_OF, code_version="test").path


@contextmanager
def open_elsewhere(snapshot: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of another tool that has the database open."""
    command = [sys.executable, "-c", OTHER_TOOL, str(snapshot / "catalogue.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_a_snapshot_that_another_process_has_open_is_not_pruned_until_it_is_closed(built: Settings) -> None:
    old = publish(built, "old")
    with open_elsewhere(old) as process:
        for n in range(3):
            publish(built, f"new-{n}")
        kept = warehouse.list_snapshots(built)
        assert old in kept
        assert len(kept) == 3, "the held one and the last two"
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "old\n"
    publish(built, "newest")
    assert old not in warehouse.list_snapshots(built)
    assert not [path for path in built.serving.iterdir() if path.name.startswith(".")]


def test_looking_sees_readers_of_this_process_and_takes_their_lock_from_none(built: Settings) -> None:
    snapshot, other = publish(built, "a"), publish(built, "b")
    with duckdb.connect(str(snapshot / "catalogue.duckdb"), read_only=True):
        assert held_open([snapshot, other]) == {snapshot}
        assert held_open([snapshot, other]) == {snapshot}, "looking does not free the lock"
    assert held_open([snapshot, other]) == set()
    assert held_open([built.serving / "nowhere"]) == set()


def test_a_reader_follows_the_link_and_each_connection_reads_one_snapshot(built: Settings) -> None:
    asked = "select run_id from snapshot"
    first = publish(built, "first")
    reader = CatalogueReader(built)
    assert reader.query(asked).rows == [("first",)]
    with reader.connection() as con:
        second = publish(built, "second")
        assert reader.query(asked).rows == [("second",)]
        assert con.execute(asked).fetchall() == [("first",)]
        assert held_open([first, second]) == {first, second}
    assert held_open([first, second]) == {second}, "the last user of the first closed it"
    warehouse.rollback(built)
    assert reader.query(asked).rows == [("first",)]
    reader.close()
    assert held_open([first, second]) == set()
    assert reader.query(asked).rows == [("first",)]
    reader.close()


def test_threads_share_a_reader_while_others_publish(built: Settings) -> None:
    publish(built, "0")
    reader, stop, faults, n_read = CatalogueReader(built), threading.Event(), list[BaseException](), [0]

    def read() -> None:
        while not stop.is_set():
            try:
                with reader.connection() as con:
                    seen = {con.execute("select run_id from snapshot").fetchone() for _ in range(3)}
                assert len(seen) == 1
                n_read[0] += 1
                stop.wait(0.02)
            except BaseException as fault:
                faults.append(fault)
                return

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(5):
        publish(built, f"{n}")
    stop.set()
    for thread in threads:
        thread.join()
    reader.close()
    assert faults == []
    assert n_read[0] > 4
    assert len(warehouse.list_snapshots(built)) <= 3, "nobody holds the old ones"


def test_a_reader_of_nothing_says_so_and_reads_once_there_is_something(built: Settings, tmp_path: Path) -> None:
    with pytest.raises(OstinatoError, match="Nothing is published"):
        CatalogueReader(Settings(home=tmp_path)).query("select 1")
    gone = publish(built, "gone")
    reader = CatalogueReader(built)
    gone.rename(gone.with_name(".away"))
    with pytest.raises(OstinatoError, match="served snapshot is gone"):
        reader.query("select 1")
    gone.with_name(".away").rename(gone)
    assert reader.query("select run_id from snapshot").rows == [("gone",)]
    reader.close()


def test_what_a_killed_pruning_and_a_killed_question_left_is_swept(built: Settings) -> None:
    half = built.serving / ".leaving-20260101T000000Z"
    spilt, spilling = (built.world / f"{SPILL}{process}" for process in (2**22 + 1, os.getpid()))
    for folder in (half, spilt, spilling):
        folder.mkdir()
        (folder / "file").write_bytes(b"left over")
    publish(built, "after")
    assert not half.exists()
    assert not spilt.exists(), "no process has that number"
    assert spilling.exists()


def test_the_tenth_publish_of_a_second_is_newer_than_the_ninth(built: Settings) -> None:
    for number in (9, 10):
        (built.serving / f"20200101T000000Z-{number}").mkdir()
    names = [path.name for path in warehouse.list_snapshots(built)]
    assert names[:2] == ["20200101T000000Z-9", "20200101T000000Z-10"]
    for number in (9, 10):
        (built.serving / f"20200101T000000Z-{number}").rmdir()
