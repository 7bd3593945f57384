"""Matching of soundtrack credits to tracks beside an exact join and Splink: right, complete, fast, large?

All three look for the same real credits (IMDB4M, soundtrack.net) among the same tracks, each in a process of its own.
Precision and recall are those of films and tracks in the pairs labelled by hand (`support/matching_truth.py` says how
they were drawn); Splink's threshold is the one with the best F1 on the part that ours was tuned on. Then come ours by
method and threshold, Korean chart songs, and how many of all links between films and tracks are wrong.

Run: `python bench/matching.py [--plot]`; `--plot` draws docs/matching.svg. It takes about a minute.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from support import matching_data  # noqa: E402  after the path
from support.matching_data import RealTables  # noqa: E402
from support.matching_links import claims, five_films, known_by_list, own_albums, ways  # noqa: E402
from support.matching_truth import Truth  # noqa: E402
from support.memory import peak_mb  # noqa: E402

from tasks.matching import match  # noqa: E402
from tasks.matching.deciding import MATCH_AT, SAME_WITHIN, score  # noqa: E402

SPLINK_AT = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
OURS_AT = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)
PLOT = ROOT / "docs" / "matching.svg"

METHODS = ("exact join", "splink", "ostinato")

# Pairs of film and track at a threshold: every pair; for ours every release of each credit's best recording.
_EVERY_AT = "select distinct split_part(id, '|', 1) as film_id, track_id from scored where score >= $at"
_BEST_AT = f"""
with ranked as (
    select *, max(match_score) over (partition by id) as best from scored where match_score >= $at
)
select distinct split_part(id, '|', 1) as film_id, track_id from ranked where match_score >= best - {SAME_WITHIN}
"""


def method_named(name: str) -> Callable[[pa.Table, pa.Table], pa.Table]:
    """A method by its name; Splink is imported only in the process that measures a peer."""
    if name == "ostinato":
        return match
    from support import matching_peers

    return {"exact join": matching_peers.exact_join, "splink": matching_peers.by_splink}[name]


def measure(name: str, folder: Path) -> dict[str, float]:
    """Seconds and megabytes of one method in this process; its pairs go to a file of the folder."""
    tables, method = matching_data.read(folder), method_named(name)
    before_mb = peak_mb()
    started = time.perf_counter()
    pairs = method(tables.credits, tables.tracks)
    took = {"seconds": time.perf_counter() - started, "mb": peak_mb() - before_mb}
    pq.write_table(pairs, folder / f"{name}.parquet")
    return took


def measure_apart(name: str, folder: Path) -> dict[str, float]:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--method", name, "--folder", str(folder)]
    return dict(
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
    )


class Measured(NamedTuple):
    """All that is reported on."""

    truth: Truth
    tables: RealTables
    took: dict[str, dict[str, float]]
    splink: pa.Table
    """Pairs with a probability."""
    exact: pa.Table
    scored: pa.Table
    """Our pairs with a score, undecided."""
    claimed: pa.Table
    """Our films and tracks, as the refresh has them."""


def at(sql: str, scored: pa.Table, threshold: float) -> pa.Table:
    """Films and tracks tied at a threshold."""
    with duckdb.connect() as con:
        con.register("scored", scored)
        return con.sql(sql, params={"at": threshold}).to_arrow_table()


def splink_threshold(measured: Measured) -> float:
    """The probability with the best F1 on the tuned part."""
    return max(SPLINK_AT, key=lambda p: measured.truth.quality(at(_EVERY_AT, measured.splink, p), "tuned").f1)


def print_peers(measured: Measured) -> None:
    """Ours beside an exact join and Splink."""
    chosen = splink_threshold(measured)
    claimed = {
        "exact join": at(_EVERY_AT, measured.exact, 1.0),
        "splink": at(_EVERY_AT, measured.splink, chosen),
        "ostinato": measured.claimed,
    }
    own = measured.took["ostinato"]
    print(f"{measured.tables.credits.num_rows:,} credits, {measured.tables.tracks.num_rows:,} tracks; precision and")
    print(f"recall with 95 % intervals on the held out pairs; Splink from {chosen}, the best F1 on the tuned ones")
    head = f"{'':12}{'pairs':>6}  {'precision':20}  {'recall':20}{'F1':>6}{'tuned':>7}"
    print(f"{head}{'seconds':>9}{'ratio':>7}{'MB':>6}{'ratio':>7}")
    for name, pairs in claimed.items():
        quality, tuned = (measured.truth.quality(pairs, part) for part in ("held_out", "tuned"))
        took = measured.took[name]
        print(
            f"{name:12}{pairs.num_rows:>6,}  {quality.precision!s:20}  {quality.recall!s:20}{quality.f1:>6.3f}"
            f"{tuned.f1:>7.3f}{took['seconds']:>9.2f}{took['seconds'] / own['seconds']:>7.1f}{took['mb']:>6.0f}"
            f"{took['mb'] / own['mb']:>7.1f}"
        )
    for name, pairs in claimed.items():
        print(f"{name}: {known_by_list(measured.tables, pairs)} of the pairs that another table has from IMDb's list")


def print_methods(measured: Measured) -> None:
    """Precision of our methods: of the links, and of matching alone, where a list of another work is not its fault."""
    truth, claimed = measured.truth, measured.claimed
    print(f"\n{'ours':22}{'pairs':>6}  {'precision':20}  {'of matching alone':20}  {'drawn after':20}  pairs judged")
    for name in (*sorted(set(claimed["match_method"].to_pylist())), None):
        some = claimed if name is None else claimed.filter(pc.equal(claimed["match_method"], name))
        share, alone = (truth.quality(some, blame_lists=blame).precision for blame in (True, False))
        after = truth.precision(some, "after_")
        print(f"{name or 'all':22}{some.num_rows:>6,}  {share!s:20}  {alone!s:20}  {after!s:20}  {share.n} + {after.n}")
    recall = truth.quality(claimed).recall
    print(f"recall {recall} over {recall.n} right pairs; first sample {truth.precision(claimed, 'first')}")


def print_thresholds(measured: Measured) -> None:
    """Our precision and recall along the threshold, on both parts."""
    parts = "".join(f"  {f'{what} {part}':20}" for part in ("tuned", "held out") for what in ("precision", "recall"))
    print(f"\n{'threshold':>9}{'pairs':>7}{parts}")
    for threshold in OURS_AT:
        pairs = at(_BEST_AT, measured.scored, threshold)
        tuned, held_out = (measured.truth.quality(pairs, part) for part in ("tuned", "held_out"))
        mark = "*" if threshold == MATCH_AT else " "
        print(
            f"{threshold:>8.2f}{mark}{pairs.num_rows:>7,}  {tuned.precision!s:20}  {tuned.recall!s:20}  "
            f"{held_out.precision!s:20}  {held_out.recall}"
        )


def print_more(measured: Measured) -> None:
    """Chart songs, the films' own albums, and the share of wrong links by the way they were found."""
    tables = measured.tables
    songs = measured.truth.songs(tables.songs, match(tables.songs, tables.tracks))
    print(f"\nchart songs: precision {songs.precision} ({songs.precision.n}), recall {songs.recall} ({songs.recall.n})")
    for told, found, on_own in own_albums(tables):
        print(f"own albums, {told}: {found} of {found.n} credits find it; {on_own} of {on_own.n} matches are on it")
    five = five_films(tables)
    print(f"five films: {five} of {five.n} tracks are found by their titles and the film's name alone")
    print(f"\n{'links of film_track':22}{'pairs':>7}{'stated':>8}  labelled")
    rows = ways(tables, measured.claimed, measured.truth)
    for way in rows:
        stated = "-" if way.stated is None else f"{way.stated:.2f}"
        labelled = f"{way.labelled} of {way.labelled.n}" if way.labelled.n else "-"
        print(f"{way.name:22}{way.n:>7,}{stated:>8}  {labelled}")
    n_all = sum(way.n for way in rows)
    wrong = 1 - sum(way.n * way.right for way in rows) / n_all
    print(f"wrong of all {n_all:,}: {wrong:.1%}, by the labels where 30 pairs of that way were judged, else as stated")


def draw(measured: Measured) -> None:
    """Precision against recall of the three, Splink and ours along their thresholds, on all drawn pairs."""
    from matplotlib.figure import Figure  # only here, since it takes a second

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    lines = {
        "Ostinato": [at(_BEST_AT, measured.scored, threshold) for threshold in OURS_AT],
        "Splink": [at(_EVERY_AT, measured.splink, threshold) for threshold in SPLINK_AT],
        "exact join": [at(_EVERY_AT, measured.exact, 1.0)],
    }
    for (name, line), colour in zip(lines.items(), ("#1b6e53", "#b3541e", "#44546a"), strict=True):
        found = [measured.truth.quality(pairs) for pairs in line]
        axes.plot(
            [q.recall.value for q in found], [q.precision.value for q in found], "o-", color=colour, label=name, ms=4
        )
    chosen = splink_threshold(measured)
    for threshold, pairs in ((MATCH_AT, measured.claimed), (chosen, at(_EVERY_AT, measured.splink, chosen))):
        quality = measured.truth.quality(pairs)
        place = (quality.recall.value, quality.precision.value)
        axes.plot(*place, "o", ms=11, mfc="none", mec="black")
        axes.annotate(f"{threshold:.2f}", place, xytext=(9, 4), textcoords="offset points")
    axes.set(xlabel="recall", ylabel="precision", title="Films and tracks tied by matching, chosen thresholds ringed")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    figure.savefig(PLOT, metadata={"Date": None})
    print(f"\ndrawn: {PLOT.relative_to(ROOT)}")


def main() -> None:
    """Measure each method in a process of its own, and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", action="store_true", help="draw docs/matching.svg")
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.method:
        print(json.dumps(measure(options.method, options.folder)))
    elif missing := matching_data.missing_tables():
        print(f"Nothing to match: {', '.join(missing)} not found in {matching_data.DATA}; put the tables there.")
    else:
        report(plot=options.plot)


def report(*, plot: bool) -> None:
    """All tables, and the drawing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = matching_data.load()
        matching_data.save(tables, folder)
        took = {method: measure_apart(method, folder) for method in METHODS}
        pairs = {method: pq.read_table(folder / f"{method}.parquet") for method in METHODS}
    scored = score(tables.credits, tables.tracks)
    claimed = claims(tables, pairs["ostinato"])
    measured = Measured(Truth(), tables, took, pairs["splink"], pairs["exact join"], scored, claimed)
    for step in (print_peers, print_methods, print_thresholds, print_more, *([draw] if plot else [])):
        step(measured)


if __name__ == "__main__":
    main()
