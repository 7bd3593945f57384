"""What the jobs print: what came in, what was learnt, what changed, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ostinato.console import command_name, display_path, out, print_json, print_pairs, print_table, warn
from tasks import warehouse
from tasks.settings import Settings

if TYPE_CHECKING:
    from tasks.collecting.report import SourceReport
    from tasks.collecting.rereading import RereadReport
    from tasks.reports import RunSummary
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
                "checks": [check.as_json() for check in summary.checks if check.failing_rows or check.skipped],
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
                "ask it": f'{command_name()} query "select genre, count(*) from track group by all order by 2 desc"',
            }
        )
    out.print("\nTo look at the run and the models, start the services with [bold]make up[/bold] (or `ostinato up`):")
    print_pairs({"Prefect": "http://127.0.0.1:4200", "MLflow": "http://127.0.0.1:5000"})


@contextmanager
def stops_shown(*, as_json: bool) -> Iterator[None]:
    """Print the rows that stop publishing, where JSON was asked for; the sentence on stderr names the first of each."""
    try:
        yield
    except warehouse.AuditError as stop:
        if as_json:
            print_json({"published": None, "stopped_by": [check.as_json() for check in stop.stopping]})
        raise


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

    for warning in report.warnings:
        warn(warning)
    if as_json:
        print_json(asdict(report) | {"warnings": report.warnings})
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


def _sources_json(summary: RunSummary) -> list[dict[str, Any]]:
    return [_source_json(report) for report in summary.sources]


def _source_json(report: SourceReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "entity": report.entity,
        "state": str(report.state),
        "n_rows": report.n_rows,
        "n_due": report.n_due,
        "n_answered": report.n_answered,
        "n_requests": report.n_pages,
        "states": report.states,
        "unasked": report.unasked,
        "missing": report.missing,
    }


def _warehouse_counts(settings: Settings) -> dict[str, int]:
    with warehouse.open_warehouse(settings, read_only=True) as con:
        rows = {name: con.execute(f"select count(*) from {table}").fetchone() for name, table in COUNTED.items()}
    return {name: int(row[0]) if row else 0 for name, row in rows.items()}


def _show_sources(summary: RunSummary) -> None:
    """One line a collector; where things that were due are missing, their number takes the place of the requests.

    Requests are the sum of the answers; what was not asked for is missing and has a sentence of its own. A terminal of
    80 columns has no room for both.
    """
    if not summary.sources:
        return
    last, counts = "requests", [report.n_pages for report in summary.sources]
    if any(report.n_missing for report in summary.sources):
        last, counts = "missing", [report.n_missing for report in summary.sources]
    rows = [
        (r.source, r.entity, str(r.state), r.n_rows, count, ", ".join(f"{s} {n:,}" for s, n in r.states.items()))
        for r, count in zip(summary.sources, counts, strict=True)
    ]
    print_table(("source", "what", "state", "rows", last, "answers"), rows)


def _show_warnings(warnings: Sequence[str]) -> None:
    if warnings:
        out.print("\n[yellow]What to know[/yellow]")
        for text in warnings:
            out.print(f"  - {text}", soft_wrap=True, markup=False)
