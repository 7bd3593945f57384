"""A run killed between any two steps of build and publish leaves the served catalogue readable and unchanged."""

from __future__ import annotations

import signal
from pathlib import Path

import duckdb
import pytest
from one_night import AS_OF, forks, run_to_step

from tasks import lake, warehouse
from tasks.lake import utc_now
from tasks.settings import Settings


def run(settings: Settings, killed_at_step: int) -> int | None:
    process = forks.Process(target=run_to_step, args=(settings, f"run-{killed_at_step}", killed_at_step))
    process.start()
    process.join(120)
    return process.exitcode


def land_tracks(settings: Settings, n_tracks: int) -> None:
    rows = [
        {
            "track_id": f"track{number:04}",
            "title": f"Song {number}",
            "artists": [f"Artist {number % 7}"],
            "duration_ms": 200_000,
            "fetched_at": utc_now(),
        }
        for number in range(n_tracks)
    ]
    lake.write_batch(settings.lake, "spotify", "track", rows, batch_key="tracks", ingest_date=AS_OF)


def served(settings: Settings) -> tuple[Path, int]:
    folder = warehouse.served_snapshot(settings)
    assert folder is not None
    with duckdb.connect(str(folder / "catalogue.duckdb"), read_only=True) as con:
        row = con.execute("select count(*) from track").fetchone()
    assert row is not None
    parquet = duckdb.sql(f"select count(*) from '{folder / 'track.parquet'}'").fetchone()
    assert parquet == row
    return folder, int(row[0])


@pytest.mark.proof
@pytest.mark.timeout(1500)
def test_a_kill_at_any_step_leaves_the_served_catalogue_and_the_next_run_succeeds(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    land_tracks(settings, 40)
    assert run(settings, killed_at_step=0) == 0
    before = served(settings)
    assert before[1] == 40

    land_tracks(settings, 50)
    step = n_killed = 0
    while True:
        step += 1
        outcome = run(settings, killed_at_step=step)
        if outcome == 0:
            break
        assert outcome == -signal.SIGKILL
        n_killed += 1
        after = served(settings)
        if after[0] != before[0]:
            # only a kill after the switch may show the new catalogue, and then it is whole
            assert after[1] == 50
            before = after
        else:
            assert after == before
        if step % 4 == 0:
            assert run(settings, killed_at_step=0) == 0, f"the run after a kill at step {step} failed"
            before = served(settings)
            assert before[1] == 50
    assert n_killed > 20
    assert served(settings)[1] == 50
    debris = [path.name for path in settings.serving.iterdir() if path.name.startswith(".")]
    assert debris == []
    assert len(warehouse.list_snapshots(settings)) <= settings.keep_snapshots
