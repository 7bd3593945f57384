"""The lake on an object store: a real S3 server on this machine, the same tables as from a folder."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks import lake, lake_lock
from tasks.lake import batch_files, landing, list_batches, open_batch, read, remove, sweep_leftovers, write_batch
from tasks.matching import match_all
from tasks.places import is_remote
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings, load_settings
from tasks.warehouse import Phase, build, lake_fingerprint, open_warehouse
from tasks.warehouse.making import How
from tasks.warehouse.state import content_revision

sys.path.append(str(PROJECT_ROOT / "bench"))
from support import made_up_lake

DAY = date(2026, 1, 2)
ROW = {"track_id": "t1", "title": "Song", "artists": ["IU"], "fetched_at": datetime(2026, 1, 2, tzinfo=UTC)}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server that lives as long as these tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api", timeout=5)
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def remote(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an empty lake in a bucket of its own, found through the environment alone."""
    for name in [name for name in os.environ if name.startswith(("OSTINATO_", "AWS_"))]:
        monkeypatch.delenv(name)
    bucket = "b" + tmp_path.name.replace("_", "-").lower()[-40:]
    given = {
        "AWS_ACCESS_KEY_ID": "key'of test",
        "AWS_SECRET_ACCESS_KEY": "s3cret'value",
        "AWS_ENDPOINT_URL": server,
        "AWS_DEFAULT_REGION": "us-east-1",
        "OSTINATO_LAKE": f"s3://{bucket}/music",
        "OSTINATO_HOME": str(tmp_path / "home"),
        "OSTINATO_PROFILE": "live",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    settings.lake.fs.mkdir(bucket)  # type: ignore[attr-defined]
    return settings


def objects(settings: Settings) -> list[str]:
    root: Any = settings.lake
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_batches_land_replace_and_go(remote: Settings) -> None:
    assert is_remote(remote.lake)
    assert str(remote.lake).endswith("/music/live"), "each world has its own"
    path = write_batch(remote.lake, "spotify", "track", [ROW], batch_key="a b", ingest_date=DAY)
    assert path is not None
    assert batch_files(remote.lake, "spotify", "track") == [path]
    later = {**ROW, "title": "Song, again"}
    write_batch(
        remote.lake,
        "spotify",
        "track",
        [later, {**later, "track_id": "t2"}],
        batch_key="a b",
        ingest_date=date(2026, 1, 3),
    )
    assert read(remote.lake, "spotify", "track", ["title"]).column("title").to_pylist() == ["Song, again"] * 2
    [held] = list_batches(remote.lake)
    assert held.path.parent.name == "ingest_date=2026-01-03"
    assert objects(remote) == [f"spotify/track/ingest_date=2026-01-03/{held.path.name}"], (
        "no lock, journal or part is left"
    )
    remove(held.path)
    assert objects(remote) == []


def test_several_batches_land_all_or_none(remote: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    moves: list[Path] = []
    move = lake_lock._move

    def stop_at_second(aside: Path) -> None:
        moves.append(aside)
        if len(moves) == 2:
            raise KeyboardInterrupt
        move(aside)

    def land_both(title: str) -> None:
        batches: list[lake.Batch] = []
        with landing(batches):
            for entity in ("track", "search"):
                schema = lake.LAKE_SCHEMAS[("spotify", entity)]
                batch = lake.Batch(lake.batch_path(remote.lake, "spotify", entity, "both", DAY), schema)
                batches.append(batch)
                batch.write(lake._to_table([{**ROW, "title": title, "asked_title": title}], schema))

    land_both("first")
    monkeypatch.setattr(lake_lock, "_move", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        land_both("second")
    monkeypatch.setattr(lake_lock, "_move", move)
    assert read(remote.lake, "spotify", "track", ["title"]).column("title").to_pylist() == ["second"]
    assert read(remote.lake, "spotify", "search", ["asked_title"]).column("asked_title").to_pylist() == ["second"]
    assert len(objects(remote)) == 2


def test_what_fails_while_it_is_written_leaves_nothing(remote: Settings) -> None:
    with (
        pytest.raises(RuntimeError),
        open_batch(remote.lake, "spotify", "track", batch_key="x", ingest_date=DAY) as batch,
    ):
        batch.write(lake._to_table([ROW], batch.schema))
        raise RuntimeError
    assert objects(remote) == []
    assert sweep_leftovers(remote.lake) == 0


def test_writers_in_many_threads_lose_nothing(remote: Settings) -> None:
    def write(number: int) -> None:
        row = {**ROW, "track_id": f"t{number}"}
        write_batch(remote.lake, "spotify", "track", [row], batch_key=f"{number}", ingest_date=DAY)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert set(read(remote.lake, "spotify", "track", ["track_id"]).column("track_id").to_pylist()) == {
        f"t{number}" for number in range(6)
    }
    assert len(objects(remote)) == 6


def test_a_lock_that_a_killed_writer_left_is_taken_over_and_its_promise_kept(remote: Settings) -> None:
    kill_when_moving = (
        "import os, signal\nfrom tasks import lake_lock\nfrom tasks.lake import write_batch\n"
        "from tasks.settings import load_settings\nfrom datetime import date\n"
        "lake_lock._move = lambda aside: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_batch(load_settings().lake, 'spotify', 'track', [{'track_id': 'k'}], batch_key='k', "
        "ingest_date=date(2026, 1, 2))\n"
    )
    killed = subprocess.run([sys.executable, "-c", kill_when_moving], cwd=PROJECT_ROOT, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    lock: Any = remote.lake / ".lock"
    lock.write_text(lock.read_text().replace('"since": ', '"since": 1.0, "was": '))
    assert read(remote.lake, "spotify", "track", ["track_id"]).column("track_id").to_pylist() == ["k"]
    assert len(objects(remote)) == 1


def test_the_warehouse_is_the_same_as_from_a_folder(remote: Settings, tmp_path: Path) -> None:
    here = Settings(home=tmp_path / "here", profile=Profile.LIVE, lake_address=str(tmp_path / "lake"))
    made_up_lake.base(here.lake, 300, n_days=2)
    for batch in list_batches(here.lake):
        source, entity, day, name = batch.path.parts[-4:]
        (remote.lake / source / entity / day / name).write_bytes(batch.path.read_bytes())
    contents = []
    for settings in (here, remote):
        build(settings, phase=Phase.COLLECTED)
        match_all(settings)
        build(settings)
        with open_warehouse(settings) as con:
            listed = con.execute(
                "select schema_name || '.' || table_name from duckdb_tables() "
                "where schema_name in ('core', 'features', 'marts')"
            )
            contents.append({name: content_revision(con, name) for (name,) in listed.fetchall()})
    assert contents[0] == contents[1]
    assert sum(len(list_batches(settings.lake)) for settings in (here, remote)) > 20
    assert lake_fingerprint(remote) == lake_fingerprint(remote)
    assert set(build(remote).how.values()) == {How.UNCHANGED}
    held = b"".join(file.read_bytes() for file in remote.home.rglob("*") if file.is_file())
    assert b"s3cret'value" not in held, "keys stay in memory"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OSTINATO_LAKE", "s3://no-such-bucket/x", "no-such-bucket.*bucket does not exist"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "could not be written: .*endpoint"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_sentence(
    remote: Settings, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    code = (
        "from tasks.lake import write_batch\nfrom tasks.settings import load_settings, OstinatoError\n"
        "from datetime import date\n"
        "try:\n    write_batch(load_settings().lake, 'spotify', 'track', [{'track_id': 'k'}], batch_key='k', "
        "ingest_date=date(2026, 1, 2))\nexcept OstinatoError as fault:\n    print(fault)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env=os.environ, capture_output=True, text=True
    )
    assert told.stderr == ""
    assert re.search(said, told.stdout, flags=re.IGNORECASE), told.stdout
    assert len(told.stdout.splitlines()) == 1


@pytest.mark.parametrize("address", ["ftp://host/x", "s3://", "s3:///x", "s3://key:secret@bucket/x"])
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str) -> None:
    monkeypatch.setenv("OSTINATO_LAKE", address)
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path))
    with pytest.raises(OstinatoError, match=r"^OSTINATO_LAKE cannot be used") as fault:
        load_settings()
    assert "secret@" not in str(fault.value)
