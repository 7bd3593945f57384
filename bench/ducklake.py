"""A warehouse in DuckLake beside the DuckDB file: seconds to build the same made-up lake, whole and after a night.

Run: `python bench/ducklake.py [--tracks 100000]` for DuckLake with its catalogue in SQLite; where OSTINATO_WAREHOUSE
names another catalogue, which must be new and empty, for that one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from support import made_up_lake  # noqa: E402  after the path

from tasks import warehouse  # noqa: E402
from tasks.settings import Profile, Settings  # noqa: E402
from tasks.warehouse import Phase  # noqa: E402

RUNS = ("whole", "night", "nothing new")


def seconds_of(settings: Settings, n_tracks: int) -> dict[str, float]:
    """Seconds to build all that needs the lake alone: from nothing, after 1 % new rows, after none."""
    made_up_lake.base(settings.lake, n_tracks)
    took = {}
    for run in RUNS:
        if run == "night":
            made_up_lake.night(settings.lake, n_tracks)
        started = time.perf_counter()
        warehouse.build(settings, phase=Phase.COLLECTED, training=False)
        took[run] = time.perf_counter() - started
    return took


def main() -> None:
    """Print both warehouses' seconds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=100_000)
    options = parser.parse_args()
    lake = os.environ.pop("OSTINATO_WAREHOUSE", "") or "ducklake:sqlite:catalogue.sqlite"
    found = {}
    for name, where in (("DuckDB file", ""), ("DuckLake", lake)):
        with tempfile.TemporaryDirectory() as home:
            settings = Settings(home=Path(home), profile=Profile.LIVE, warehouse=where)
            found[name] = seconds_of(settings, options.tracks)
    print(f"{options.tracks:,} tracks; DuckLake is {':'.join(lake.split(':')[:2])}")
    print(f"{'':12}" + "".join(f"{run:>14}" for run in RUNS))
    for name, took in found.items():
        print(f"{name:12}" + "".join(f"{took[run]:>12.1f} s" for run in RUNS))
    print(f"{'ratio':12}" + "".join(f"{found['DuckLake'][run] / found['DuckDB file'][run]:>14.1f}" for run in RUNS))


if __name__ == "__main__":
    main()
