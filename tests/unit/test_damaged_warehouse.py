"""A warehouse whose file is damaged, as a kill can leave it, is built anew from the lake without anybody's help."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from sql_world import land, rows, spotify_track

from tasks.settings import OstinatoError, Profile, Settings
from tasks.warehouse import build, open_warehouse
from tasks.warehouse.connection import is_damage

HEADERS, BLOCK = 3 * 4096, 256 * 1024  # bytes, of DuckDB's files


def damage(file: Path) -> None:
    """Change a byte of every block: a checksum tells DuckDB."""
    content = bytearray(file.read_bytes())
    for start in range(HEADERS, len(content), BLOCK):
        content[start + 100] ^= 255
    file.write_bytes(content)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX, threads=2)
    land(settings, {("spotify", "track"): [spotify_track("one", "One", ["Somebody"])]})
    build(settings)
    return settings


def test_the_next_build_sets_a_damaged_file_aside_and_makes_all_of_it_again(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    damage(settings.warehouse_file)
    with (
        pytest.raises(OstinatoError, match="if it is damaged, run `ostinato build`"),
        open_warehouse(settings, read_only=True),
    ):
        pass
    build(settings)
    with open_warehouse(settings, read_only=True) as con:
        assert rows(con, "select track_id, title from marts.track") == [("one", "One")]
    assert "was damaged and is built anew" in caplog.text
    assert settings.warehouse_file.with_name("warehouse.duckdb.damaged").is_file()


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_a_file_that_was_cut_is_built_anew_as_well(settings: Settings, share: float) -> None:
    file = settings.warehouse_file
    os.truncate(file, int(file.stat().st_size * share))
    build(settings)
    with open_warehouse(settings, read_only=True) as con:
        assert rows(con, "select track_id from marts.track") == [("one",)]
    assert file.with_name("warehouse.duckdb.damaged").is_file()


def test_a_cut_file_of_the_lake_is_no_damage_of_the_warehouse(settings: Settings) -> None:
    (batch,) = settings.lake.rglob("*.parquet")
    os.truncate(batch, batch.stat().st_size // 2)
    with pytest.raises(OstinatoError):
        build(settings)
    assert not settings.warehouse_file.with_name("warehouse.duckdb.damaged").exists()
    cut = duckdb.IOException(f'IO Error: Could not read enough bytes from file "{batch}": attempted to read 9 bytes')
    assert not is_damage(cut, settings.warehouse_file)


READER = """
import duckdb, sys, time
con = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def reader(settings: Settings, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-c", READER, str(settings.warehouse_file), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield process
        process.kill()


def test_a_writer_waits_for_a_reader_of_another_process(settings: Settings) -> None:
    with reader(settings, 2.0):
        build(settings, anew=True)


def test_a_reader_that_stays_is_named_and_nothing_is_called_damaged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.warehouse.connection.OPEN_S", 0.5)
    with (
        reader(settings, 60.0) as process,
        pytest.raises(OstinatoError, match=rf"is read by another process \(PID {process.pid}\); run this again"),
    ):
        build(settings)
    assert settings.warehouse_file.is_file()


@pytest.mark.parametrize("as_sentence", [True, False])
def test_damage_that_is_met_later_fails_that_run_and_not_the_next(settings: Settings, *, as_sentence: bool) -> None:
    met = duckdb.IOException("IO Error: Corrupt database file: computed checksum 1 does not match stored checksum 2")
    assert is_damage(met)
    with pytest.raises((OstinatoError, duckdb.Error)), open_warehouse(settings):
        if as_sentence:
            raise OstinatoError("The SQL model marts.track failed.") from met
        raise met
    assert not settings.warehouse_file.exists()
    build(settings)
    with open_warehouse(settings, read_only=True) as con:
        assert rows(con, "select track_id from marts.track") == [("one",)]
