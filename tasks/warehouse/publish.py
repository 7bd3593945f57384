"""Write, audit, publish: the next catalogue is written aside, and served by switching one symbolic link.

A published directory never changes. Whatever dies on the way leaves the served catalogue as it was; the
leftovers of a dead run are swept by the next one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from tasks.settings import OstinatoError, Settings
from tasks.warehouse.audit import require_no_stop
from tasks.warehouse.checks import CheckResult
from tasks.warehouse.connection import SQL_DIR, DiskFullError, first_line, open_warehouse
from tasks.warehouse.export import OnStep, Provenance, export
from tasks.warehouse.lock import is_alive, world_lock
from tasks.warehouse.models import load_models
from tasks.warehouse.query import SPILL
from tasks.warehouse.readers import held_open
from tasks.warehouse.snapshots import (
    LINK,
    SNAPSHOT_READ,
    described,
    earlier_snapshot,
    forget_stop,
    list_snapshots,
    next_name,
    nothing_published,
    served_snapshot,
)
from tasks.warehouse.time_travel import expire_snapshots

_CANDIDATE = ".candidate-"
_LEAVING = ".leaving-"


@dataclass(frozen=True)
class Published:
    """A catalogue that is now served."""

    path: Path
    n_rows: dict[str, int]
    """Rows of each published table."""


def publish(
    settings: Settings,
    *,
    run_id: str,
    as_of: date,
    code_version: str,
    checks: Sequence[CheckResult] = (),
    on_step: OnStep | None = None,
) -> Published:
    """Export the marts into a directory of their own and serve it, with what its `checks` found.

    The steps, each of which may be the last that a killed run does: sweep, write the database, write the
    Parquet files, describe, flush, name the directory, switch the link, prune.

    Raises
    ------
    AuditError
        When one of the checks stops publishing.
    OstinatoError
        When the disk is full or refuses the export otherwise; in both cases the earlier catalogue stays served.
    """
    require_no_stop(checks)
    step = on_step or (lambda name: None)
    models = list(load_models(SQL_DIR).values())
    with world_lock(settings, wait_s=5):
        step("sweep")
        with _refusals_told(settings):
            settings.serving.mkdir(parents=True, exist_ok=True)
            _sweep(settings.serving)
            _sweep_spills(settings)
            name = next_name(settings.serving)
            with _candidate(settings.serving / f"{_CANDIDATE}{name}") as candidate:
                made_by = Provenance(run_id, as_of, code_version, checks)
                n_rows = export(settings, models, candidate, made_by, step)
                step("flush")
                _flush(candidate)
                step("name")
                target = settings.serving / name
                os.replace(candidate, target)
            _flush_dir(settings.serving)
            step("switch")
            _switch(settings.serving, target)
        forget_stop(settings)
        step("prune")
        _prune(settings)
    return Published(target, n_rows)


@contextmanager
def _refusals_told(settings: Settings) -> Iterator[None]:
    """What the disk refuses, in a sentence that says what is served and what to do."""
    try:
        yield
    except (OSError, duckdb.Error, DiskFullError) as fault:
        cause = fault.__cause__ if isinstance(fault, DiskFullError) else None
        why = cause if isinstance(cause, Exception) else fault
        raise OstinatoError(
            f"The catalogue could not be written to {settings.serving} ({first_line(why)}); "
            "the earlier one is still served. Mend that, then run `ostinato refresh --skip-fetch`."
        ) from fault


@contextmanager
def _candidate(folder: Path) -> Iterator[Path]:
    """A folder to write the next catalogue into; nothing of it stays where that fails."""
    folder.mkdir()
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def rollback(settings: Settings, snapshot: str | None = None) -> Path:
    """Serve an earlier snapshot: the one named, else the one before the served one.

    Raises
    ------
    OstinatoError
        When there is no such snapshot, or none at all.
    """
    with world_lock(settings, wait_s=5):
        known = list_snapshots(settings)
        names = [path.name for path in known]
        if snapshot is not None and snapshot not in names:
            kept = ", ".join(names) or "none"
            raise OstinatoError(f"There is no snapshot {snapshot} in the {settings.profile} world; kept are: {kept}.")
        if not known:
            raise OstinatoError(nothing_published(settings))
        target = settings.serving / snapshot if snapshot else earlier_snapshot(settings)
        if target is None:
            raise OstinatoError(f"There is no snapshot earlier than the served one in the {settings.profile} world.")
        with _refusals_told(settings):
            _switch(settings.serving, target)
    return target


def _switch(serving: Path, target: Path) -> None:
    link = serving / LINK
    if link.exists() and not link.is_symlink():
        raise OstinatoError(f"{link} is no link, so nothing can be served by switching it; move it away and try again.")
    aside = serving / f".{LINK}-{os.getpid()}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(target.name)
    os.replace(aside, link)
    _flush_dir(serving)


def _prune(settings: Settings) -> None:
    """Let old snapshots go, but for the served one and those that a reader holds: they go at a later publish.

    Only readers of the database are seen. A file that is open stays readable after its folder has gone; who opens
    several Parquet files of one snapshot in turn has the nights of `keep_snapshots` for it.
    """
    served = served_snapshot(settings)
    old = [path for path in list_snapshots(settings)[: -settings.keep_snapshots] if path.resolve() != served]
    held = held_open(old)
    for path in old:
        if path not in held:
            leaving = path.with_name(f"{_LEAVING}{path.name}")
            os.replace(path, leaving)  # a kill in the middle leaves no half of a snapshot to roll back to
            shutil.rmtree(leaving, ignore_errors=True)
    if settings.warehouse:
        _expire(settings)


def _expire(settings: Settings) -> None:
    """Keep of DuckLake's snapshots those of the kept catalogues; what fails waits for the next time."""
    numbers = (described(path).get(SNAPSHOT_READ) for path in list_snapshots(settings))
    with suppress(duckdb.Error), open_warehouse(settings) as con:
        expire_snapshots(con, [int(number) for number in numbers if number is not None])


def _sweep(serving: Path) -> None:
    for path in serving.iterdir():
        if path.name.startswith((_CANDIDATE, _LEAVING)):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_symlink() and path.name.startswith(f".{LINK}-"):
            path.unlink(missing_ok=True)


def _sweep_spills(settings: Settings) -> None:
    """What questions spilled that were killed; a process that ends by itself leaves nothing."""
    for path in settings.world.glob(f"{SPILL}*"):
        if not is_alive(int(path.name.removeprefix(SPILL))):
            shutil.rmtree(path, ignore_errors=True)


def _flush(folder: Path) -> None:
    for file in folder.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    _flush_dir(folder)


def _flush_dir(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
