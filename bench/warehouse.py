"""How the warehouse grows: build, match, audit and publish a made-up lake, then the same after a night's new rows.

For n tracks the lake holds n/20 films, n/2 soundtrack credits and 2n chart entries; a night brings 1 % more of each.
Every size runs in a process of its own, so that its peak memory is its own.

Run: `python bench/warehouse.py [--tracks 10000 100000]`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from support import made_up_lake  # noqa: E402  after the path

from tasks import matching, warehouse  # noqa: E402
from tasks.settings import Profile, Settings, today  # noqa: E402
from tasks.warehouse import Phase  # noqa: E402

STEPS = ("build", "match", "build matched", "build marts", "audit", "publish")


def seconds_of(settings: Settings) -> dict[str, float]:
    """Seconds of each step of a run's second half, without training and tagging."""
    as_of = today()
    steps: tuple[Callable[[], object], ...] = (
        lambda: warehouse.build(settings, phase=Phase.COLLECTED),
        lambda: matching.match_all(settings),
        lambda: warehouse.build(settings, phase=Phase.MATCHED),
        lambda: warehouse.build(settings, phase=Phase.TAGGED),
        lambda: warehouse.run_checks(settings),
        lambda: warehouse.publish(settings, run_id="bench", as_of=as_of, code_version="bench"),
    )
    took = {}
    for name, step in zip(STEPS, steps, strict=True):
        started = time.perf_counter()
        step()
        took[name] = time.perf_counter() - started
    return took


def measure(n_tracks: int) -> dict[str, dict[str, float]]:
    """A whole build and a night's, in seconds by step, and the peak memory of both in GB."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), profile=Profile.LIVE)
        made_up_lake.base(settings.lake, n_tracks)
        full = seconds_of(settings)
        made_up_lake.night(settings.lake, n_tracks)
        night = seconds_of(settings)
    return {"full": full, "night": night, "peak": {"gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}}


def main() -> None:
    """Print seconds by step and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    print(f"{'tracks':>12}  {'run':5}" + "".join(f"{step:>15}" for step in (*STEPS, "all, s", "peak, GB")))
    for n_tracks in options.tracks:
        command = [sys.executable, __file__, "--one", str(n_tracks)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        for name in ("full", "night"):
            took = [found[name][step] for step in STEPS]
            figures = (*took, sum(took), found["peak"]["gb"])
            print(f"{n_tracks:>12,}  {name:5}" + "".join(f"{figure:>15.1f}" for figure in figures))


if __name__ == "__main__":
    main()
