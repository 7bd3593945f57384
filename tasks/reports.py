"""What a run tells people: a Markdown story for the Prefect UI, with the SQL graph as a picture.

Pictures go in as base64 PNG, because both of Prefect's UIs draw those and only one draws Mermaid.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from tasks.collecting.report import SourceReport, first_of
from tasks.collecting.rereading import RereadReport
from tasks.dictionary.lineage import COLUMNS, readings
from tasks.fetching.answer import FetchState
from tasks.lake import utc_now, write_batch
from tasks.settings import OstinatoError, Settings
from tasks.warehouse import BuildReport, CheckResult, SqlModel, load_models
from tasks.warehouse.connection import SQL_DIR
from tasks.warehouse.publish import Published

if TYPE_CHECKING:  # an import must not wait for the packages that learn
    from tasks.matching import MatchReport
    from tasks.sources.datasets import ImportReport
    from tasks.tagging import TaggingReport
    from tasks.training import TrainingReport


@dataclass
class RunSummary:
    """All that one run has to say; parts that did not happen stay empty."""

    title: str
    profile: str
    sources: list[SourceReport] = field(default_factory=list)
    matched: MatchReport | None = None
    training: list[TrainingReport] = field(default_factory=list)
    tagged: TaggingReport | None = None
    checks: list[CheckResult] = field(default_factory=list)
    published: Published | None = None
    notes: list[str] = field(default_factory=list)
    started_at: datetime = field(default_factory=utc_now)
    built: dict[str, int] = field(default_factory=dict)
    """Rows of each SQL model built."""

    def add_build(self, report: BuildReport) -> None:
        """Take in one phase of the build."""
        self.built.update(report.n_rows)

    def build_report(self) -> SourceReport:
        """The build as a line of the run log: rows of the tables that are about to be published."""
        n_rows = sum(count for name, count in self.built.items() if name.startswith("marts."))
        report = SourceReport("warehouse", "marts", n_rows=n_rows, started_at=self.started_at)
        is_stopped = any(check.stops_publishing for check in self.checks)
        return report.close(FetchState.BROKEN if is_stopped else FetchState.OK)

    @property
    def warnings(self) -> list[str]:
        """Sentences on what went wrong without stopping the run."""
        from_sources = [note for report in self.sources for note in report.notes]
        from_checks = [
            f"{check.failing_rows:,} {'row fails' if check.failing_rows == 1 else 'rows fail'} the check {check.check} "
            f"({check.severity}){f': {check.meaning}' if check.meaning else '.'}"
            for check in self.checks
            if check.failing_rows
        ]
        return [*from_sources, *from_checks, *self.notes]


def require_an_answer(sources: Sequence[SourceReport]) -> None:
    """A night on which no site answered is a fault of this machine's network, not of the sites.

    Raises
    ------
    OstinatoError
        When every source that was asked was out of reach.
    """
    asked = [report for report in sources if report.states or report.unasked]
    if asked and all(report.state is FetchState.UNREACHABLE for report in asked):
        names = ", ".join(sorted({report.source for report in asked}))
        raise OstinatoError(
            f"None of the sites could be reached ({names}); check this machine's network, "
            "or build from what is in the lake with `ostinato refresh --skip-fetch`."
        )


def write_books(
    settings: Settings,
    flow: str,
    run_id: str,
    as_of: date,
    sources: Sequence[SourceReport],
    checks: Sequence[CheckResult],
    built: SourceReport,
) -> None:
    """Write to the lake what a run got from each source, what it built, and its checks.

    The marts show one row per flow, day and source, and of a day's runs the newest one's checks and those of runs that
    were stopped, so a repeat doubles nothing and a stop stays in the history.
    """
    log = run_log_rows(flow, run_id, as_of, [*sources, built])
    write_batch(settings.lake, "ostinato", "run_log", log, batch_key=f"{flow}-{as_of}-{run_id}", ingest_date=as_of)
    rows = [
        {
            "check": check.check,
            "severity": check.severity,
            "failing_rows": check.failing_rows,
            "run_id": run_id,
            "checked_at": utc_now(),
            "as_of": as_of.isoformat(),
        }
        for check in checks
        if not check.skipped
    ]
    write_batch(
        settings.lake, "ostinato", "data_quality", rows, batch_key=f"{flow}-{as_of}-{run_id}", ingest_date=as_of
    )


def write_import_books(settings: Settings, as_of: date, imported: Sequence[ImportReport]) -> None:
    """Write to the lake what an import brought, as one row of the run log."""
    report = SourceReport("dataset", "file", n_rows=sum(file.n_rows for file in imported), n_pages=len(imported))
    report.n_bytes = sum(file.path.stat().st_size for file in imported)
    run_id = "-".join(sorted(file.batch.stem for file in imported))[:200]
    log = run_log_rows("import-datasets", run_id, as_of, [report.close()])
    write_batch(settings.lake, "ostinato", "run_log", log, batch_key=f"import-{as_of}-{run_id}", ingest_date=as_of)


def run_log_rows(flow: str, run_id: str, as_of: date, sources: Sequence[SourceReport]) -> list[dict[str, Any]]:
    """One row per source: what it gave over all that was asked of it; its state is the first that is not ok.

    A part that is refused for good, such as Spotify's audio features, does not colour what the source does give.
    """
    rows = []
    for source in dict.fromkeys(report.source for report in sources):
        asked = [report for report in sources if report.source == source]
        gave = [report for report in asked if report.state is not FetchState.REFUSED] or asked
        faults = [report.state for report in gave if report.state is not FetchState.OK]
        rows.append(
            {
                "flow": flow,
                "run_id": run_id,
                "as_of": as_of.isoformat(),
                "source": source,
                "state": str(faults[0] if faults else FetchState.OK),
                "n_rows": sum(report.n_rows for report in asked),
                "n_pages": sum(report.n_pages for report in asked),
                "bytes": sum(report.n_bytes for report in asked),
                "started_at": min(report.started_at for report in asked),
                "ended_at": max(report.ended_at or report.started_at for report in asked),
            }
        )
    return rows


def markdown(summary: RunSummary) -> str:
    """The whole summary as Markdown."""
    published = summary.published
    served = f"catalogue `{published.path.name}` is served." if published else "nothing was published."
    tagged = summary.tagged.n_tracks_by_kind if summary.tagged else {}
    parts = [
        f"# {summary.title}",
        f"World **{summary.profile}**, {served}",
        _section("Sources", _source_table(summary.sources)),
        _section("Missing", _missing(summary.sources)),
        _section("What to know", "\n".join(f"- {text}" for text in summary.warnings)),
        _section("Catalogue", _table(("table", "rows"), sorted(published.n_rows.items()) if published else ())),
        _section("Tags", _table(("kind", "tracks tagged"), tagged.items())),
        _section("Audit", _audit(summary.checks)),
        _section("Models", _training(summary.training)),
    ]
    return "\n\n".join(part for part in parts if part)


def import_markdown(imported: Iterable[ImportReport]) -> str:
    """What came in from each file."""
    rows = ((report.path.name, report.entity, report.n_rows, report.n_rejected) for report in imported)
    return _table(("file", "recognised as", "rows", "rejected"), rows)


def reread_pairs(report: RereadReport) -> dict[str, int]:
    """What reading a source's pages anew came to, for people."""
    return {
        "pages read anew": report.n_pages,
        "pages no longer kept (their rows stay)": report.n_expired,
        "pages damaged (their rows stay)": len(report.damaged),
        "pages that read worse than before (their rows stay)": len(report.worse),
        "batches": report.n_batches,
        "batches that changed": report.n_changed_batches,
        "rows before": report.n_rows_before,
        "rows now": report.n_rows,
        **{f"pages {change}": n_pages for change, n_pages in sorted(report.changed_states.items())},
    }


def reread_markdown(report: RereadReport) -> str:
    """The same for the Prefect UI."""
    parts = [
        f"# Pages of {report.source} read anew",
        _table(("what", "count"), reread_pairs(report).items()),
        _section("What to know", "\n".join(f"- {text}" for text in report.warnings)),
    ]
    return "\n\n".join(part for part in parts if part)


def audit_rows_markdown(checks: Iterable[CheckResult]) -> str:
    """The offending rows of each failed check, a few of them, as Markdown."""
    parts = []
    for check in checks:
        if check.failing_rows:
            columns = list(check.sample[0]) if check.sample else []
            rows = [[_cell(row[column]) for column in columns] for row in check.sample]
            parts.append(
                f"### {check.check} ({check.severity}, {check.failing_rows:,} rows)\n\n{_table(columns, rows)}"
            )
    return "\n\n".join(parts) or "Every check passed."


def sql_graph_markdown(n_rows: Mapping[str, int] | None = None) -> str:
    """The SQL models and what each reads, drawn."""
    picture = base64.b64encode(sql_graph_png(load_models(SQL_DIR), n_rows or {})).decode()
    return f"![The SQL models, from staging on the left to marts on the right](data:image/png;base64,{picture})"


NAMED_MISSING = 8  # of each source and state; `--json` names them all

GRAPH_COLOURS = {
    "staging": "#5b8def",
    "core": "#3a6ea5",
    "matching": "#b07aa1",
    "features": "#59a14f",
    "tagging": "#b07aa1",
    "marts": "#e0803a",
}


def sql_graph_png(models: Mapping[str, SqlModel], n_rows: Mapping[str, int]) -> bytes:
    """Draw the models as a graph: one column a layer, a line from each table to those that read it.

    A table of `trainable` is not drawn: the line comes from the table whose SELECT it has.
    """
    from matplotlib.figure import Figure

    reads = readings(models)
    tables = sorted(set(reads).union(*reads.values()))
    columns = [[name for name in tables if name.split(".")[0] in layers] for layers in COLUMNS]
    place = {
        name: (column, 1 - (row + 0.5) / len(names))
        for column, names in enumerate(columns)
        for row, name in enumerate(names)
    }
    figure = Figure(figsize=(12, max(4.0, 0.42 * max(map(len, columns)))), layout="constrained")
    axes = figure.subplots()
    for name in reads:
        for read in place.keys() & reads[name]:
            start, end = place[read], place[name]
            bend = "arc3,rad=0.45" if start[0] == end[0] else "arc3,rad=0"
            line = {"arrowstyle": "-", "color": "#c8ced6", "linewidth": 0.9, "connectionstyle": bend}
            axes.annotate("", xy=end, xytext=start, arrowprops=line, zorder=1)
    for name, (x, y) in place.items():
        layer, table = name.split(".", 1)
        text = f"{table} ({n_rows[name]:,})" if name in n_rows else table
        box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": GRAPH_COLOURS[layer]}
        axes.text(x, y, text, ha="center", va="center", fontsize=8.5, bbox=box, zorder=2)
    for column, layers in enumerate(COLUMNS):
        axes.text(column, 1.03, " + ".join(layers), ha="center", fontsize=11, color=GRAPH_COLOURS[layers[0]])
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(0, 1.07)
    axes.axis("off")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *lines])


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")[:200]


def _source_table(reports: Sequence[SourceReport]) -> str:
    head = ("source", "what", "state", "rows", "due", "missing", "requests", "answers by state", "seconds")
    rows = [
        (
            report.source,
            report.entity,
            report.state,
            report.n_rows,
            report.n_due,
            report.n_missing,
            report.n_pages,
            ", ".join(f"{state} {count:,}" for state, count in sorted(report.states.items())),
            f"{((report.ended_at or report.started_at) - report.started_at).total_seconds():.1f}",
        )
        for report in reports
    ]
    return _table(head, rows)


def _missing(reports: Sequence[SourceReport]) -> str:
    """What was due and did not come, by source and state; a few keys of each."""
    rows = []
    for report in reports:
        for state in dict.fromkeys(report.missing.values()):
            keys = [key for key, why in report.missing.items() if why == state]
            rows.append((report.source, report.entity, state, len(keys), first_of(keys, NAMED_MISSING)))
    return _table(("source", "what", "state", "count", "which"), rows)


def _audit(checks: Sequence[CheckResult]) -> str:
    if not checks:
        return ""
    failed = [check for check in checks if check.failing_rows]
    skipped = [check for check in checks if check.skipped]
    told = f"{len(checks)} checks, {len(checks) - len(failed) - len(skipped)} passed."
    if skipped:
        told += f" {len(skipped)} were left out: " + ", ".join(f"{check.check} ({check.skipped})" for check in skipped)
    table = _table(("check", "severity", "failing rows"), ((c.check, c.severity, c.failing_rows) for c in failed))
    return f"{told}\n\n{table}".strip()


def _training(trained: Sequence[TrainingReport]) -> str:
    lines = []
    for run in trained:
        scores = _table(
            ("metric", "ours", "prior"),
            ((s.metric, f"{s.value:.3f}", "" if s.prior is None else f"{s.prior:.3f}") for s in run.headline),
        )
        where = f"[MLflow run]({run.url})" if run.url.startswith("http") else f"MLflow run `{run.url}`"
        lines.append(f"**{run.model} version {run.version}** ({run.stage}), {where}\n\n{scores}")
    return "\n\n".join(lines)
