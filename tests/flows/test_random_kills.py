"""Fifty nights killed at random moments: never a torn catalogue, never a lost snapshot, always a clean next run.

About once in a hundred kills DuckDB leaves a warehouse of which a checksum is wrong. Where that is seen as the file is
opened, the same night builds it anew; where it is met later, that night fails with a sentence and the next one does.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from pathlib import Path

import duckdb
import one_night
import pytest

from tasks import warehouse
from tasks.settings import PROJECT_ROOT, Settings

sys.path.append(str(PROJECT_ROOT / "bench"))
from support import made_up_lake

N_TRACKS = 2_000
N_KILLS = 50
CLEAN_EVERY = 10
SHARE = 0.002  # of the tracks, new in each night


def night(settings: Settings, run_id: str, *, anew: bool, kill_after_s: float | None = None) -> int | None:
    """Run a night in a process of its own, perhaps killed; its exit code."""
    process = one_night.forks.Process(target=one_night.run, args=(settings, run_id), kwargs={"anew": anew})
    process.start()
    process.join(kill_after_s)
    if process.is_alive() and kill_after_s is not None:
        process.kill()
    process.join(120)
    return process.exitcode


def was_set_aside(settings: Settings) -> bool:
    """Whether a damaged warehouse was found since this was last asked."""
    damaged = settings.warehouse_file.with_name(f"{settings.warehouse_file.name}.damaged")
    was_found = damaged.exists()
    damaged.unlink(missing_ok=True)
    return was_found


def tracks_of(snapshot: Path) -> int:
    """Rows of the table `track`, which database, Parquet file and description must say alike; all tables are there."""
    told = json.loads((snapshot / "snapshot.json").read_text(encoding="utf-8"))
    with duckdb.connect(str(snapshot / "catalogue.duckdb"), read_only=True) as con:
        for table, n_rows in told["n_rows"].items():
            assert con.execute(f"select count(*) from {table}").fetchone() == (n_rows,)
            file = snapshot / f"{table}.parquet"
            assert not file.exists() or con.execute(f"select count(*) from '{file}'").fetchone() == (n_rows,)
        assert con.execute("select run_id from snapshot").fetchone() == (told["run_id"],)
        orphans = "from chart_entry anti join track using (track_id) where track_id is not null"
        assert con.execute(f"select count(*) {orphans}").fetchone() == (0,)
    return int(told["n_rows"]["track"])


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_fifty_nights_killed_at_random(tmp_path: Path) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    chance = random.Random(seed)
    settings = Settings(home=tmp_path, threads=2, keep_snapshots=3)
    made_up_lake.base(settings.lake, N_TRACKS, n_days=2)
    lasted_s = {}
    for anew in (True, False):
        started = time.perf_counter()
        assert night(settings, "first", anew=anew) == 0
        lasted_s[anew] = time.perf_counter() - started
    known, n_killed, n_published_anyway, n_damaged = warehouse.list_snapshots(settings), 0, 0, 0
    expected = {tracks_of(known[-1])}

    for number in range(N_KILLS):
        made_up_lake.night(settings.lake, N_TRACKS, share=SHARE, number=number)
        anew = chance.random() < 0.5
        before = warehouse.served_snapshot(settings)
        code = night(settings, f"{number}", anew=anew, kill_after_s=chance.uniform(0, lasted_s[anew]))
        if was_set_aside(settings):
            n_damaged += 1
            code = night(settings, f"{number} again", anew=False) if code == 1 else code
        assert code in (0, -signal.SIGKILL), f"seed {seed}, night {number}: exit code {code}"
        n_killed += code != 0

        served, now = warehouse.served_snapshot(settings), warehouse.list_snapshots(settings)
        assert served is not None, f"seed {seed}, night {number}"
        assert before in now, "what was served is never lost, whatever died"
        lost = set(known) - set(now)
        assert not lost or len(now) >= settings.keep_snapshots, f"seed {seed}, night {number}: {lost} lost"
        n_tracks = tracks_of(served)
        if served == before:
            assert n_tracks in expected
        else:
            n_published_anyway += 1
            assert n_tracks >= max(expected)
        for snapshot in set(now) - set(known):
            assert tracks_of(snapshot) >= max(expected), "what a killed run left is whole, or not there"
        expected, known = {n_tracks}, now

        if (number + 1) % CLEAN_EVERY == 0:
            code = night(settings, f"clean {number}", anew=False)
            if was_set_aside(settings):
                n_damaged += 1
                code = night(settings, f"clean {number} again", anew=False) if code == 1 else code
            assert code == 0, f"seed {seed}, night {number}"
            served = warehouse.served_snapshot(settings)
            assert served is not None
            assert served.name not in {path.name for path in known}
            expected, known = {tracks_of(served)}, warehouse.list_snapshots(settings)
            assert not [path.name for path in settings.serving.iterdir() if path.name.startswith(".")]
            assert len(known) <= settings.keep_snapshots
    print(f"{n_damaged} times a kill had left a damaged warehouse, which was set aside and built anew")
    print(f"{n_killed} killed of {N_KILLS}, {n_published_anyway} after the switch; a night lasts {lasted_s}")
    assert n_killed > N_KILLS * 0.7
