"""What tests share: the sandbox and PostgreSQL as processes of their own, and a world of their own to collect into."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest

from tasks.settings import PROJECT_ROOT, Profile, Settings

START_S = 60  # two seconds when nothing else runs


@pytest.fixture(scope="session")
def sandbox_sites() -> Iterator[dict[str, str]]:
    """Base URLs by site name of a small sandbox (60 films, 600 tracks) that lives as long as the test session."""
    command = [sys.executable, "-m", "sandbox", "--films", "60", "--tracks", "600", "--with-parent"]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline() if ready else b""
        assert line, f"the sandbox did not start within {START_S} s (exit status {process.poll()})"
        yield json.loads(line)
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def world(tmp_path: Path, sandbox_sites: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an empty sandbox world in a folder of its own, whatever the user's environment says."""
    for name in [name for name in os.environ if name.startswith("OSTINATO_")]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home", profile=Profile.SANDBOX, sites=sandbox_sites, max_workers=4)


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.PostgresServer]:
    """A PostgreSQL server that lives as long as the test session."""
    programs = postgres_server.programs()
    if programs is None:
        pytest.skip(postgres_server.MISSING)
    with postgres_server.running(programs) as server:
        yield server


@pytest.fixture
def shared(tmp_path: Path, postgres: postgres_server.PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A live world whose warehouse lies in DuckLake, its catalogue in a new database of PostgreSQL."""
    for name in [name for name in os.environ if name.startswith("OSTINATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    database = postgres.make_database(f"lake_{uuid.uuid4().hex[:8]}")
    return Settings(
        home=tmp_path / "home",
        profile=Profile.LIVE,
        threads=2,
        warehouse=f"ducklake:postgres:{database}",
        warehouse_data=str(tmp_path / "data"),
    )
