"""How the warehouse grows: build, match, audit and publish a made-up lake, then the same after a night's new rows; and
the joins and group-bys that it is made of, in DuckDB, pandas and Polars, on the same files.

For n tracks the lake holds n/20 films, n/2 soundtrack credits and 2n chart entries; a night brings 1 % more of each.
Every measurement runs in a process of its own, so that its peak memory is its own.

Run: `python bench/warehouse.py [--tracks 100000 1000000 10000000] [--plot]`; `--plot` draws docs/bench-growth.svg and
docs/bench-joins.svg. At 10,000,000 tracks it takes about an hour and 30 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from support import joins, made_up_lake  # noqa: E402  after the path
from support.memory import peak_mb  # noqa: E402

from tasks import matching, warehouse  # noqa: E402
from tasks.settings import Profile, Settings, today  # noqa: E402
from tasks.warehouse import Phase  # noqa: E402

BUILD = ("build", "match", "build matched", "build marts")
"""Steps that the targets speak of; auditing and publishing are told beside them."""
STEPS = (*BUILD, "audit", "publish")
TARGET_S = {"full": 90.0, "night": 15.0}
"""At a million tracks, on two cores."""
Figures = dict[str, float]


def run_steps(home: Path) -> Figures:
    """Seconds of each step of a night after collecting, without tagging, and the peak memory of all in GB."""
    import pandas  # noqa: F401  which DuckDB imports at its first bound value; a flow has it before its first step

    settings = Settings(home=home, profile=Profile.LIVE)
    as_of = today()

    def build(phase: Phase) -> object:
        return warehouse.build(settings, phase=phase, training=False)

    steps: tuple[Callable[[], object], ...] = (
        lambda: build(Phase.COLLECTED),
        lambda: matching.match_all(settings, trainable=False),
        lambda: build(Phase.MATCHED),
        lambda: build(Phase.TAGGED),
        lambda: warehouse.run_checks(settings),
        lambda: warehouse.publish(settings, run_id="bench", as_of=as_of, code_version="bench"),
    )
    took = {}
    for name, step in zip(STEPS, steps, strict=True):
        started = time.perf_counter()
        step()
        took[name] = time.perf_counter() - started
    return {**took, "peak GB": peak_mb() / 2**10}


def in_own_process(*arguments: str) -> dict[str, Any]:
    """What a Python script prints as its last line of JSON; what failed is told by its last words."""
    ended = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=os.environ)
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"ended by signal {-ended.returncode}"]
        return {"failed": said[-1][:100]}
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def measure(n_tracks: int, engines: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A whole build, a night's, and the questions of `support/joins.py` by every engine, on one lake."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), profile=Profile.LIVE)
        made_up_lake.base(settings.lake, n_tracks)
        questions = {
            question: {
                engine: in_own_process(str(ROOT / "bench/support/joins.py"), engine, question, str(settings.lake))
                for engine in engines
            }
            for question in joins.DUCKDB
        }
        full = in_own_process(__file__, "--steps", home)
        made_up_lake.night(settings.lake, n_tracks)
        night = in_own_process(__file__, "--steps", home)
    return {"full": full, "night": night, "joins": questions}


def print_growth(found: Mapping[int, Mapping[str, Mapping[str, Any]]]) -> None:
    """Seconds by step, a line a size and run."""
    columns = (*STEPS[:4], "= build", *STEPS[4:], "peak GB")
    print(f"{'tracks':>12}  {'run':6}" + "".join(f"{column:>14}" for column in columns))
    for n_tracks, runs in found.items():
        for name in ("full", "night"):
            took = runs[name]
            if "failed" in took:
                print(f"{n_tracks:>12,}  {name:6}  failed: {took['failed']}")
                continue
            figures = {**took, "= build": sum(took[step] for step in BUILD)}
            told = "".join(f"{figures[column]:>14.1f}" for column in columns)
            print(f"{n_tracks:>12,}  {name:6}{told}" + (_against_target(name, figures) if n_tracks == 10**6 else ""))


def _against_target(name: str, figures: Mapping[str, float]) -> str:
    return f"   target {TARGET_S[name]:.0f} s: {'held' if figures['= build'] <= TARGET_S[name] else 'MISSED'}"


def print_joins(found: Mapping[int, Mapping[str, Mapping[str, Any]]], engines: Sequence[str]) -> None:
    """Seconds and peak memory of DuckDB, and the others' as multiples of them."""
    print(f"\n{'tracks':>12}  {'question':40}{'duckdb s':>10}{'GB':>6}", end="")
    print("".join(f"{engine + ' x':>10}{'GB x':>7}" for engine in engines[1:]))
    for n_tracks, runs in found.items():
        for question, answers in runs["joins"].items():
            base = answers[engines[0]]
            line = f"{n_tracks:>12,}  {question:40}{base['seconds']:>10.2f}{base['gb']:>6.2f}"
            for engine in engines[1:]:
                other = answers[engine]
                if "failed" in other:
                    line += f"  {other['failed'][:30]}"
                    continue
                same = all(other[key] == base[key] for key in ("n_rows", "total"))
                line += f"{other['seconds'] / base['seconds']:>10.1f}{other['gb'] / base['gb']:>7.1f}"
                line += "" if same else "  ANOTHER ANSWER"
            print(line)


def draw(found: Mapping[int, Mapping[str, Mapping[str, Any]]], engines: Sequence[str]) -> None:
    """Draw both tables into docs/, seconds against tracks on logarithmic axes."""
    from matplotlib.figure import Figure

    sizes = list(found)
    growth = Figure(figsize=(9, 4), layout="constrained")
    for axes, name in zip(growth.subplots(1, 2, sharey=True), ("full", "night"), strict=True):
        shown = [size for size in sizes if "failed" not in found[size][name]]
        for label, steps in (
            ("build and match", BUILD),
            ("match", ("match",)),
            ("audit", ("audit",)),
            ("publish", ("publish",)),
        ):
            axes.plot(shown, [max(sum(found[n][name][s] for s in steps), 0.05) for n in shown], marker="o", label=label)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="tracks",
            title="a whole build" if name == "full" else "a night, 1 % more",
        )
        axes.grid(alpha=0.3)
    growth.axes[0].set_ylabel("seconds, two cores")
    growth.axes[1].legend(fontsize=8)
    growth.savefig(ROOT / "docs" / "bench-growth.svg")
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, question in zip(figure.subplots(1, len(joins.DUCKDB), sharey=True), joins.DUCKDB, strict=True):
        for engine in engines:
            shown = [size for size in sizes if "failed" not in found[size]["joins"][question][engine]]
            seconds = [found[n]["joins"][question][engine]["seconds"] for n in shown]
            axes.plot(shown, seconds, marker="o", label=engine)
        axes.set(xscale="log", yscale="log", xlabel="tracks")
        axes.set_title(question, fontsize=8)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("seconds, two threads")
    figure.axes[0].legend(fontsize=8, loc="lower right")
    figure.savefig(ROOT / "docs" / "bench-joins.svg")


def main() -> None:
    """Measure, print, and draw where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, nargs="+", default=[10**5, 10**6, 10**7], help="sizes, in tracks")
    parser.add_argument("--plot", action="store_true", help="draw docs/bench-growth.svg and docs/bench-joins.svg")
    parser.add_argument(
        "--keep", type=Path, help="write all figures to this file as JSON, and read earlier ones from it"
    )
    parser.add_argument("--steps", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.steps:
        print(json.dumps(run_steps(options.steps)))
        return
    engines = list(joins.ENGINES)
    kept = json.loads(options.keep.read_text()) if options.keep and options.keep.exists() else {}
    found = {int(size): runs for size, runs in kept.items()}
    for n_tracks in options.tracks:
        print(f"measuring {n_tracks:,} tracks ...", file=sys.stderr)
        found[n_tracks] = measure(n_tracks, engines)
        if options.keep:
            options.keep.write_text(json.dumps(found))
    found = dict(sorted(found.items()))
    print(f"{os.cpu_count()} cores; night: 1 % more rows of everything")
    print_growth(found)
    print_joins(found, engines)
    if options.plot:
        draw(found, engines)


if __name__ == "__main__":
    main()
