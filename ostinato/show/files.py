"""What commands print about a user's own files: imported tables, scored tables, parsed pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ostinato.console import out, print_json, print_table, warn
from tasks.settings import OstinatoError

if TYPE_CHECKING:
    from tasks.sources.datasets import ImportReport
    from tasks.tagging import FileReport


def show_imports(imported: Sequence[ImportReport], *, as_json: bool) -> None:
    """What each file was recognised as, its rows, what its kind could have and it has not, where rejects lie."""
    if as_json:
        print_json(
            [
                {
                    "file": str(r.path),
                    "entity": r.entity,
                    "n_rows": r.n_rows,
                    "n_rejected": r.n_rejected,
                    "reject_file": str(r.reject_file) if r.reject_file else None,
                    "reasons": r.reasons,
                    "ignored_columns": r.ignored_columns,
                    "absent_columns": r.absent_columns,
                }
                for r in imported
            ]
        )
        return
    print_table(
        ("file", "recognised as", "rows", "rejected"),
        [(r.path.name, r.entity, r.n_rows, r.n_rejected) for r in imported],
    )
    for report in imported:
        if report.absent_columns:
            absent = ", ".join(report.absent_columns)
            out.print(f"  - {report.path.name} comes without {absent}, which stay empty.", soft_wrap=True, markup=False)
        for reason, count in report.reasons.items():
            out.print(
                f"  - {report.path.name}: {count:,} rejected, {reason} ({report.reject_file})",
                soft_wrap=True,
                markup=False,
            )
    out.print("\nNext: `ostinato train track-genre`, then `ostinato refresh --skip-fetch`.", markup=False)


def show_tagged_file(report: FileReport, *, as_json: bool) -> None:
    """How many rows were scored, by which models, and why some were not."""
    if as_json:
        print_json(
            {
                "out": str(report.out),
                "n_input": report.n_input,
                "n_scored": report.n_scored,
                "n_rows": report.n_rows,
                "models": report.models,
                "reasons": report.reasons,
                "warnings": report.warnings,
            }
        )
        return
    for warning in report.warnings:
        warn(warning)
    out.print(
        f"{report.n_scored:,} of {report.n_input:,} rows scored by {', '.join(report.models.values())}: "
        f"{report.n_rows:,} rows in {report.out}.",
        soft_wrap=True,
        markup=False,
    )
    for reason, count in report.reasons.items():
        out.print(f"  - {count:,} not scored: {reason}", soft_wrap=True, markup=False)


def print_parsed(kind: str, file: Path, url: str | None) -> None:
    """One JSON line per row; a cut list is a warning, a page without rows because it is wrong or blocked a fault.

    Raises
    ------
    OstinatoError
        When the page is blocked, broken or of another kind.
    """
    from tasks.fetching.answer import FetchState
    from tasks.sources.kinds import PARSERS, read_body

    parsed = PARSERS[kind](read_body(file), url)
    if parsed.state not in (FetchState.OK, FetchState.EMPTY):
        raise OstinatoError(
            f"{file} is no {kind} page that can be read ({parsed.state}): {parsed.reason or 'no reason known'}."
        )
    for row in parsed.rows:
        print(json.dumps(row, ensure_ascii=False))
    if parsed.state is FetchState.EMPTY:
        warn(f"{file} is a {kind} page that says it holds nothing{f': {parsed.reason}' if parsed.reason else ''}.")
    if parsed.is_cut:
        warn(f"The list is cut: {len(parsed.rows)} of {parsed.n_expected} entries are here.")
