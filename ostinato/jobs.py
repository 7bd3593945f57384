"""Runs the flows here and now, with a display: what `refresh`, `retag`, `train` and `import` call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ostinato.console import StepDisplay, step_display
from tasks.settings import OstinatoError, Settings

if TYPE_CHECKING:
    from tasks.collecting.report import SourceReport
    from tasks.collecting.rereading import RereadReport
    from tasks.reports import RunSummary
    from tasks.sources.datasets import ImportReport
    from tasks.training import TrainingReport

R = TypeVar("R")


def refresh_now(
    settings: Settings, *, as_of: date, max_films: int, skip_fetch: bool, accept_loss: bool = False
) -> RunSummary:
    """`nightly-refresh` in this process; in the sandbox world the sandbox runs for as long as it is needed."""
    with ExitStack() as stack:
        display = stack.enter_context(flow_display(settings))
        if not skip_fetch:
            _start_sandbox(stack, display, settings, as_of=as_of, films=max_films)
        from flows.nightly_refresh import NightlyOptions, nightly_refresh

        options = NightlyOptions(as_of=as_of, max_films=max_films, skip_fetch=skip_fetch, accept_loss=accept_loss)
        return run_flow(lambda: nightly_refresh(options))


def backfill_now(
    settings: Settings, *, as_of: date, first: str, last: str | None, kinds: Sequence[str], with_songs: bool
) -> RunSummary:
    """`backfill-charts` in this process, beside whatever else works on this world."""
    with ExitStack() as stack:
        display = stack.enter_context(flow_display(settings, part="backfill"))
        _start_sandbox(stack, display, settings, as_of=as_of)
        from flows.backfill_charts import BackfillOptions, backfill_charts
        from tasks.collecting.charts.backfill import PastChart

        charts = [PastChart(kind) for kind in kinds]
        options = BackfillOptions(from_month=first, to_month=last, charts=charts, with_songs=with_songs, as_of=as_of)
        return run_flow(lambda: backfill_charts(options))


def _start_sandbox(stack: ExitStack, display: StepDisplay, settings: Settings, **size: Any) -> None:
    """In the sandbox world, start its sites, unless OSTINATO_SITES names some that run already."""
    if settings.is_sandbox and not settings.sites:
        from ostinato.services import sandbox_running

        display.note("Sandbox started")
        stack.enter_context(sandbox_running(settings, **size))
        display.done("Sandbox started")


def measure_now(settings: Settings, paths: Sequence[Path], as_of: date, *, again: bool) -> SourceReport:
    """Measure audio files without Prefect."""
    from tasks.collecting.features.audio_files import measure_files
    from tasks.warehouse import world_lock

    title = "Audio files measured"
    with world_lock(settings, part="audio"), step_display() as display:
        display.note(title)
        report = measure_files(settings, paths, as_of, lambda done, total: display(title, done, total), again=again)
        display.done(title)
    return report


def reparse_now(settings: Settings, source: str) -> RereadReport:
    """`reparse` without Prefect: it asks no site, and is over before a server would have started; on Dask, with it."""
    from flows.dask_cluster import is_dask

    if is_dask(settings):
        with flow_display(settings):
            from flows.reparse import ArchivedSource, ReparseOptions, reparse

            return run_flow(lambda: reparse(ReparseOptions(source=ArchivedSource(source))))
    from tasks.collecting.rereading import reread_pages
    from tasks.warehouse import world_lock

    title = f"Pages of {source} read anew"
    backfill_lock = world_lock(settings, part="backfill")  # a backfill adds to the batches that are read anew
    with world_lock(settings), backfill_lock, step_display() as display:
        display.note(title)
        report = reread_pages(settings, source, lambda done, total: display(title, done, total))
        display.done(title)
    return report


def retag_now(settings: Settings, *, as_of: date) -> RunSummary:
    """`monthly-retag` in this process."""
    with flow_display(settings):
        from flows.monthly_retag import MonthlyOptions, monthly_retag

        return run_flow(lambda: monthly_retag(MonthlyOptions(as_of=as_of)))


def train_now(settings: Settings, model: str, as_of: date) -> TrainingReport:
    """`train` in this process."""
    with flow_display(settings):
        from flows.train import Model, TrainOptions, train

        return run_flow(lambda: train(TrainOptions(model=Model(model), as_of=as_of))).training[0]


def import_now(settings: Settings, paths: Sequence[Path], as_of: date) -> list[ImportReport]:
    """Import files without Prefect: it is over before a server would have started."""
    from tasks.reports import write_import_books
    from tasks.sources.datasets import import_files
    from tasks.warehouse import world_lock

    with step_display() as display:
        display.note("Files recognised and landed")
        with world_lock(settings):
            imported = import_files(settings, paths, as_of)
            write_import_books(settings, as_of, imported)
        display.done("Files recognised and landed")
    return imported


def run_flow(flow: Callable[[], R]) -> R:
    """Run a flow; what its steps raise for people comes through as it was raised."""
    try:
        return flow()
    except OstinatoError:
        raise
    except RuntimeError as fault:
        if "server" in str(fault).lower():
            raise OstinatoError(f"Prefect's server did not start ({fault}); run `ostinato doctor`.") from fault
        raise


@contextmanager
def flow_display(settings: Settings, part: str = "world") -> Iterator[StepDisplay]:
    """A progress display fed by the flow's steps; Prefect's own log lines stay out of the terminal.

    The world is held from here on, so that a second run is refused before it has started anything.
    """
    from tasks.warehouse import world_lock

    with world_lock(settings, part=part), step_display() as display:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        from ostinato.flow_server import prefect_running

        display.note("Prefect started")
        with prefect_running(settings):
            from flows.progress import watch

            display.done("Prefect started")
            stop_watching = watch(display)
            try:
                yield display
            finally:
                stop_watching()
