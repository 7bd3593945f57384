"""Keys reach the sites that they are for, and nothing else: no file of the home, no log, no line of the terminal."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from tasks.settings import PROJECT_ROOT, SECRETS, Settings

PLANTED = {f"OSTINATO_{name.upper()}": f"planted-{name.replace('_', '-')}-9f2c41" for name in SECRETS}


def texts_of(file: Path) -> Iterator[bytes]:
    """The content of a file in every form in which a key could be read from it."""
    raw = file.read_bytes()
    yield raw
    if file.suffix == ".zst":
        yield zstandard.ZstdDecompressor().decompress(raw, max_output_size=64 * 2**20)
    if file.suffix == ".parquet":
        yield str(pq.read_table(file, partitioning=None).to_pydict()).encode()
    if raw.startswith(b"SQLite format 3"):
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            yield "\n".join(database.iterdump()).encode(errors="replace")


def places_of(secret: str, home: Path) -> list[str]:
    """The files below `home` that hold a secret."""
    needle = secret.encode()
    files = (file for file in home.rglob("*") if file.is_file() and not file.is_symlink())
    return [str(file.relative_to(home)) for file in files if any(needle in text for text in texts_of(file))]


def test_the_search_for_secrets_finds_one(tmp_path: Path) -> None:
    (tmp_path / "page.zst").write_bytes(zstandard.ZstdCompressor().compress(b"<p>planted</p>"))
    with sqlite3.connect(tmp_path / "some.db") as database:
        database.execute("create table note (text)")
        database.execute("insert into note values ('it was planted here')")
    assert sorted(places_of("planted", tmp_path)) == ["page.zst", "some.db"]


@pytest.mark.proof
def test_no_key_is_found_anywhere_after_a_refresh(world: Settings) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OSTINATO_")},
        **PLANTED,
        "OSTINATO_HOME": str(world.home),
        "OSTINATO_SITES": world.model_dump_json(include={"sites"})[len('{"sites":') : -1],
        "PREFECT_LOGGING_LEVEL": "DEBUG",
    }
    command = [sys.executable, "-m", "ostinato.cli", "refresh", "--profile", "sandbox", "--films", "20"]
    run = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for name, secret in PLANTED.items():
        assert secret not in run.stdout + run.stderr, name
        assert places_of(secret, world.home) == [], name
