"""What commands print: for people by default, one JSON document with `--json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostinato.console import display_path, out, print_json, print_pairs, print_table, warn
from tasks import warehouse
from tasks.settings import OstinatoError, Settings

if TYPE_CHECKING:
    from tasks.collecting.report import SourceReport
    from tasks.collecting.rereading import RereadReport
    from tasks.reports import RunSummary
    from tasks.sources.datasets import ImportReport
    from tasks.tagging import FileReport
    from tasks.training import TrainingReport

COUNTED = {
    "films": "core.film",
    "soundtrack credits": "core.soundtrack_credit",
    "chart entries": "core.chart_entry",
    "tracks": "marts.track",
    "tracks with audio features": "features.track_audio where is_complete",
    "film-track links": "marts.film_track",
}


def show_refresh(settings: Settings, summary: RunSummary, *, as_json: bool) -> None:
    """What came in, what was tagged, what was served, and where to look."""
    counts = _warehouse_counts(settings)
    tagged = dict(summary.tagged.n_tracks_by_kind) if summary.tagged else {}
    if as_json:
        published = summary.published
        print_json(
            {
                "profile": settings.profile.value,
                "in_warehouse": counts,
                "tagged": tagged,
                "published": {"path": str(published.path), "n_rows": published.n_rows} if published else None,
                "sources": _sources_json(summary),
                "warnings": summary.warnings,
            }
        )
        return
    out.print(f"\n[bold]{summary.title}[/bold]")
    _show_sources(summary)
    out.print("\nIn the warehouse now")
    print_pairs(counts)
    if tagged:
        out.print("\nTracks tagged")
        print_pairs({kind.replace("_", " "): n for kind, n in tagged.items()})
    _show_warnings(summary.warnings)
    if summary.published:
        out.print("\nPublished")
        print_pairs(
            {
                "catalogue": display_path(settings.serving / "current" / "catalogue.duckdb"),
                "snapshot": summary.published.path.name,
                "ask it": 'ostinato query "select genre, count(*) from track group by all order by 2 desc"',
            }
        )
    out.print("\nTo look at the run and the models, start the services with [bold]make up[/bold] (or `ostinato up`):")
    print_pairs({"Prefect": "http://127.0.0.1:4200", "MLflow": "http://127.0.0.1:5000"})


def show_backfill(settings: Settings, summary: RunSummary, *, as_json: bool) -> None:
    """Which charts came in, which did not, and what comes next."""
    if as_json:
        print_json({"profile": settings.profile.value, "sources": _sources_json(summary), "warnings": summary.warnings})
        return
    out.print(f"\n[bold]{summary.title}[/bold]")
    _show_sources(summary)
    _show_warnings(summary.warnings)
    out.print("\nNext: `ostinato refresh --skip-fetch` builds and publishes what is in the lake.", markup=False)


def show_reread(report: RereadReport, *, as_json: bool) -> None:
    """How many pages were read anew, and what changed by it."""
    from tasks.reports import reread_pairs

    if as_json:
        print_json(asdict(report))
        return
    out.print(f"\n[bold]Pages of {report.source} read anew[/bold]")
    print_pairs(reread_pairs(report))
    if report.n_changed_batches:
        out.print("\nNext: `ostinato refresh --skip-fetch` builds and publishes it.", markup=False)


def show_measured(report: SourceReport, *, as_json: bool) -> None:
    """How many files were measured, and why some were not."""
    if as_json:
        print_json({**_source_json(report), "warnings": report.notes})
        return
    out.print(f"{report.n_rows:,} audio files measured.")
    for note in report.notes:
        out.print(f"  - {note}", soft_wrap=True, markup=False)
    if report.n_rows:
        out.print("\nNext: `ostinato refresh --skip-fetch` tags and publishes them.", markup=False)


def _sources_json(summary: RunSummary) -> list[dict[str, Any]]:
    return [_source_json(report) for report in summary.sources]


def _source_json(report: SourceReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "entity": report.entity,
        "state": str(report.state),
        "n_rows": report.n_rows,
        "n_requests": report.n_pages,
        "states": report.states,
        "missing": report.missing,
    }


def _warehouse_counts(settings: Settings) -> dict[str, int]:
    with warehouse.open_warehouse(settings, read_only=True) as con:
        rows = {name: con.execute(f"select count(*) from {table}").fetchone() for name, table in COUNTED.items()}
    return {name: int(row[0]) if row else 0 for name, row in rows.items()}


def _show_sources(summary: RunSummary) -> None:
    """One line a collector; how many of the things that were due are missing, where any is."""
    if not summary.sources:
        return
    columns = ("source", "what", "state", "rows", "requests", "answers", "missing")
    rows = [
        (
            r.source,
            r.entity,
            str(r.state),
            r.n_rows,
            r.n_pages,
            ", ".join(f"{s} {n:,}" for s, n in r.states.items()),
            len(r.missing) or None,
        )
        for r in summary.sources
    ]
    n_shown = len(columns) if any(r.missing for r in summary.sources) else len(columns) - 1
    print_table(columns[:n_shown], [row[:n_shown] for row in rows])


def _show_warnings(warnings: Sequence[str]) -> None:
    if warnings:
        out.print("\n[yellow]What to know[/yellow]")
        for text in warnings:
            out.print(f"  - {text}", soft_wrap=True, markup=False)


def show_training(settings: Settings, report: TrainingReport, *, as_json: bool) -> None:
    """The scores of one training beside the prior's, with 95 % intervals."""
    rows = [(s.metric, s.value, s.lower, s.upper, s.prior) for s in report.headline]
    if as_json:
        scores = [dict(zip(("metric", "value", "lower", "upper", "prior"), row, strict=True)) for row in rows]
        print_json(
            {
                "model": report.model,
                "version": report.version,
                "stage": report.stage,
                "run": report.url,
                "seconds": round(report.seconds, 1),
                "scores": scores,
            }
        )
        return
    title = f"{report.model} version {report.version}, {report.stage}, trained in {report.seconds:.0f} s"
    print_table(("metric", "ours", "95 % from", "to", "prior"), rows, title=title)
    for note in report.notes:
        out.print(f"  - {note}", soft_wrap=True, markup=False)
    out.print("\nBrowse it in MLflow: start the services with `ostinato up`, then open http://127.0.0.1:5000.")


def show_imports(imported: Sequence[ImportReport], *, as_json: bool) -> None:
    """What each file was recognised as, its rows, and where rejected rows lie."""
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
    if parsed.is_cut:
        warn(f"The list is cut: {len(parsed.rows)} of {parsed.n_expected} entries are here.")


def build_and_show(settings: Settings, select: str | None, *, list_models: bool, as_json: bool) -> None:
    """Build and print rows and seconds per model, or only name the models."""
    from tasks.warehouse.connection import SQL_DIR

    if list_models:
        rows: list[tuple[Any, ...]] = [
            (m.name, m.grain, m.description) for m in warehouse.load_models(SQL_DIR).values() if m.schema != "audits"
        ]
        columns: tuple[str, ...] = ("model", "one row is", "description")
    else:
        report = warehouse.build(settings, select=select)
        rows = [(name, count, report.seconds[name]) for name, count in report.n_rows.items()]
        columns = ("model", "rows", "seconds")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Catalogue, snapshots, champions and last runs of this world."""
    from tasks.models.registry import champion_versions

    served = warehouse.served_snapshot(settings)
    runs: list[dict[str, Any]] = []
    if served:
        columns = "flow, as_of, source, state, n_rows, n_pages, ended_at"
        sql = f"select {columns} from run_log order by as_of desc, source limit 20"
        runs = warehouse.query(settings, sql).as_dicts()
    snapshots = [path.name for path in warehouse.list_snapshots(settings)]
    champions = champion_versions(settings)
    if as_json:
        print_json(
            {
                "profile": settings.profile.value,
                "served": served.name if served else None,
                "snapshots": snapshots,
                "champions": champions,
                "last_runs": runs,
            }
        )
        return
    named = ", ".join(f"{model} {version}" for model, version in champions.items()) or "none trained yet"
    print_pairs({"served": served.name if served else "nothing yet", "kept": ", ".join(snapshots), "champions": named})
    if runs:
        print_table(list(runs[0]), [list(run.values()) for run in runs], title="Last runs")


def show_doctor(settings: Settings, *, as_json: bool) -> None:
    """All checks, each with what to do; a fault makes the command fail."""
    from ostinato.doctor import checks

    results = checks(settings)
    if as_json:
        print_json([{"name": c.name, "state": str(c.state), "found": c.found, "advice": c.advice} for c in results])
    else:
        print_table(
            ("check", "state", "found", "what to do"), [(c.name, str(c.state), c.found, c.advice) for c in results]
        )
    faults = [check.name for check in results if str(check.state) == "fault"]
    if faults:
        raise OstinatoError(f"Not all is well: {', '.join(faults)}; the list says what to do about it.")
