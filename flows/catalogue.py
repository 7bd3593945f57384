"""What every refresh shares: the world to itself, and its second half, from building to publishing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from prefect.runtime import flow_run

from flows import steps
from flows.dask_cluster import require_cluster
from tasks import training, warehouse
from tasks.collecting.report import SourceReport
from tasks.reports import RunSummary
from tasks.settings import load_settings
from tasks.warehouse import Phase


@contextmanager
def catalogue_run(flow: str, as_of: date) -> Iterator[str]:
    """The world for one run alone, which is given its id; why a run fails is kept for `ostinato status`.

    Prefect repeats a run under the same id, so that later attempts carry their number: the books of both are kept.
    """
    settings = load_settings()
    attempt = flow_run.run_count or 1
    run_id = str(flow_run.id) if attempt == 1 else f"{flow_run.id}-{attempt}"
    with warehouse.world_lock(settings):
        try:
            require_cluster(settings)
            yield run_id
        except Exception as fault:
            warehouse.remember_stop(settings, flow, run_id, as_of, fault)
            raise


def prepare_tables(summary: RunSummary, *, training: bool) -> None:
    """Collected tables, matches, and what rests on them; with `training`, also the tables that a training reads."""
    summary.add_build(steps.build(Phase.COLLECTED, training=training))
    summary.matched = steps.match(training=training)
    summary.add_build(steps.build(Phase.MATCHED, training=training))


def refresh_catalogue(
    flow: str,
    run_id: str,
    as_of: date,
    sources: Sequence[SourceReport],
    models: Sequence[str],
    summary: RunSummary,
    *,
    accept_loss: bool = False,
) -> RunSummary:
    """Build from the lake, train `models`, tag, audit and publish; fill in `summary` on the way.

    Raises
    ------
    AuditError
        When an audit of severity `error` fails: the earlier catalogue stays served.
    """
    prepare_tables(summary, training=bool(models))
    train_models(models, as_of, summary)
    summary.tagged = steps.tag(as_of)
    steps.rate()
    summary.add_build(steps.build(Phase.TAGGED, training=bool(models)))
    summary.checks = steps.audit(accept_loss)
    steps.books(flow, run_id, as_of, sources, summary.checks, summary.build_report())
    try:
        summary.published = steps.publish(run_id, as_of, summary.checks)
    except warehouse.AuditError as stop:
        summary.notes.append(str(stop))
        raise
    finally:
        steps.tell(summary, flow)
    return summary


def train_models(models: Sequence[str], as_of: date, summary: RunSummary) -> None:
    """Train each of `models`; one with too little to learn from is noted, and the run goes on without it."""
    for model in models:
        try:
            summary.training.append(steps.train(model, as_of))
        except training.TooLittleData as fault:
            summary.notes.append(str(fault))
