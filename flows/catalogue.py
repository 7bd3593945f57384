"""The second half of every refresh: build, match, train where a model is missing, tag, audit, publish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flows import steps
from tasks import training
from tasks.collecting.report import SourceReport
from tasks.reports import RunSummary
from tasks.settings import OstinatoError
from tasks.warehouse import Phase


def prepare_tables(summary: RunSummary, *, training: bool) -> None:
    """Collected tables, matches, and what rests on them; with `training`, also the tables that a training reads."""
    summary.add_build(steps.build(Phase.COLLECTED, training=training))
    summary.matched = steps.match()
    summary.add_build(steps.build(Phase.MATCHED, training=training))


def refresh_catalogue(
    flow: str, run_id: str, as_of: date, sources: Sequence[SourceReport], models: Sequence[str], summary: RunSummary
) -> RunSummary:
    """Build from the lake, train `models`, tag, audit and publish; fill in `summary` on the way.

    Raises
    ------
    OstinatoError
        When an audit of severity `error` fails: the earlier catalogue stays served.
    """
    prepare_tables(summary, training=bool(models))
    train_models(models, as_of, summary)
    summary.tagged = steps.tag(as_of)
    summary.add_build(steps.build(Phase.TAGGED, training=bool(models)))
    summary.checks = steps.audit()
    steps.books(flow, run_id, as_of, sources, summary.checks, summary.build_report())
    stopping = [check for check in summary.checks if check.stops_publishing]
    if stopping:
        steps.tell(summary, flow)
        named = "; ".join(f"{check.check}: {check.failing_rows:,} rows" for check in stopping)
        raise OstinatoError(
            f"The audit stopped publishing ({named}); the earlier catalogue is still served. The rows are in the run's "
            "audit artifact; mend or remove them in the lake, then run `ostinato refresh --skip-fetch`."
        )
    summary.published = steps.publish(run_id, as_of)
    steps.tell(summary, flow)
    return summary


def train_models(models: Sequence[str], as_of: date, summary: RunSummary) -> None:
    """Train each of `models`; one with too little to learn from is noted, and the run goes on without it."""
    for model in models:
        try:
            summary.training.append(steps.train(model, as_of))
        except training.TooLittleData as fault:
            summary.notes.append(str(fault))
