"""What `ostinato review` prints: pairs written to a CSV, verdicts taken in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ostinato.console import out, print_json, warn

if TYPE_CHECKING:
    from tasks.matching.review import SettledReport

NAMED_UNKNOWN = 5


def show_export(file: Path, n_pairs: int, *, as_json: bool) -> None:
    """How many pairs are in the file, and what to do with it."""
    if as_json:
        print_json({"out": str(file), "n_pairs": n_pairs})
        return
    out.print(f"{n_pairs:,} {'pair' if n_pairs == 1 else 'pairs'} in {file}.", soft_wrap=True, markup=False)
    if n_pairs:
        told = f"Write same or different into its column verdict, then: ostinato review settle {file}"
        out.print(told, soft_wrap=True, markup=False)


def show_settled(report: SettledReport, *, as_json: bool) -> None:
    """What was taken in, and what was not."""
    if as_json:
        print_json(asdict(report))
        return
    out.print(
        f"Settled: {report.n_new:,} new, {report.n_changed:,} changed, {report.n_unchanged:,} as before; "
        f"{report.n_open:,} still in doubt.",
        soft_wrap=True,
        markup=False,
    )
    if report.unknown:
        named = ", ".join(report.unknown[:NAMED_UNKNOWN])
        warn(f"{len(report.unknown):,} pairs are of no known credit or track and were left out: {named}.")
    if report.n_new or report.n_changed:
        out.print("They hold from the next `ostinato refresh` or `refresh --skip-fetch` on.", markup=False)
