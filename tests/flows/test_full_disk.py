"""A disk full while a catalogue is published: the old one stays served, one sentence says so, nothing is left."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import one_night
import pytest

from tasks import warehouse
from tasks.lake import utc_now, write_batch
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings

SIZE_MB = 24


def land(settings: Settings, n_tracks: int) -> None:
    rows = [
        {"track_id": f"t{n:06}", "title": f"Song {n}", "artists": [f"A{n % 9}"], "fetched_at": utc_now()}
        for n in range(n_tracks)
    ]
    write_batch(settings.lake, "spotify", "track", rows, batch_key="tracks", ingest_date=one_night.AS_OF)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Settings]:
    """A world whose catalogues lie on a file system of a few megabytes, one of them published."""
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX, threads=2)
    settings.serving.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(settings.serving)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here, so no disk can be filled")
    try:
        land(settings, 500)
        one_night.run(settings, "small")
        yield settings
    finally:
        subprocess.run(["umount", "--lazy", str(settings.serving)], check=True)


def fill_disk(serving: Path, leave_bytes: int) -> Path:
    """Take all room but `leave_bytes`."""
    free = os.statvfs(serving).f_bavail * os.statvfs(serving).f_frsize
    file = serving / "filler"
    with file.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, max(free - leave_bytes, 1))
    return file


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_wherever_the_disk_is_full_the_old_catalogue_is_served_and_nothing_is_left(small: Settings) -> None:
    served = warehouse.served_snapshot(small)
    assert served is not None
    size = sum(file.stat().st_size for file in served.iterdir())
    n_full = 0
    for share in (0.0, 0.001, 0.3, 0.6, 0.9, 0.97):
        filler = fill_disk(small.serving, int(size * share))
        with pytest.raises(OstinatoError) as said:
            warehouse.publish(small, run_id="too large", as_of=one_night.AS_OF, code_version="test")
        n_full += "No space left on device" in str(said.value)
        assert str(small.serving) in str(said.value)
        assert "the earlier one is still served" in str(said.value)
        assert warehouse.served_snapshot(small) == served
        assert warehouse.query(small, "select run_id, count(*) from snapshot, track group by all").rows == [
            ("small", 500)
        ]
        assert {path.name for path in small.serving.iterdir()} == {served.name, "current", "filler"}
        filler.unlink()
    assert n_full == 6, "each says that the disk is full"
    one_night.run(small, "after")
    assert warehouse.query(small, "select run_id from snapshot").rows == [("after",)]


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_the_command_fails_with_one_sentence_and_succeeds_once_there_is_room(small: Settings) -> None:
    def refresh() -> subprocess.CompletedProcess[str]:
        ours = ("OSTINATO_", "PREFECT_", "MLFLOW_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environment = {**kept, "OSTINATO_HOME": str(small.home), "OSTINATO_PROFILE": "sandbox", "COLUMNS": "200"}
        words = [str(PROJECT_ROOT / ".venv" / "bin" / "ostinato"), "refresh", "--skip-fetch", "--json"]
        return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=240, check=False)

    filler = fill_disk(small.serving, 100_000)
    done = refresh()
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "No space left on device" in sentence
    assert "the earlier one is still served" in sentence
    filler.unlink()
    done = refresh()
    assert done.returncode == 0, done.stderr
    assert len(warehouse.list_snapshots(small)) == 2
