"""Runs the SQL models in the order of what they read, in three phases with Python's steps between them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import TopologicalSorter

import duckdb

from tasks.fetching.policy import load_policies
from tasks.lake import list_batches, read_lock
from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import SQL_DIR, VOCABULARIES, open_warehouse, python_tables
from tasks.warehouse.inputs import RAW
from tasks.warehouse.making import How, Made, make, view_revision
from tasks.warehouse.models import OWN, TRAINABLE, SqlModel, load_models
from tasks.warehouse.state import Note, content_revision, digest_of, file_revision, prepare_notes
from tasks.warehouse.transactions import cursor_of, in_transaction, writers_at_once

Progress = Callable[[int, int, str], None]
"""Called with models done, models in all, and the name of the one just built."""


SIDE_BY_SIDE = 2
"""Models built at the same time: each uses all threads where it can, a second one fills the gaps."""


class Phase(StrEnum):
    """What a model needs before it can be built."""

    COLLECTED = "collected"  # the lake alone
    MATCHED = "matched"  # credits and chart songs matched to tracks
    TAGGED = "tagged"  # tracks tagged by the champions


@dataclass
class BuildReport:
    """What was built: rows and seconds per model, in build order."""

    n_rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    how: dict[str, How] = field(default_factory=dict)
    """Left unchanged, brought up to date by changed keys, or built anew."""
    n_changed: dict[str, int] = field(default_factory=dict)
    """Rows that were written or removed."""

    @property
    def total_s(self) -> float:
        """Seconds over all models."""
        return sum(self.seconds.values())


def phase_of(model: SqlModel, models: dict[str, SqlModel]) -> Phase:
    """The earliest phase in which a model can be built, from what it reads, directly or through others."""
    own = {name.split(".")[0] for name in model.depends_on}
    phases = [phase_of(models[name], models) for name in model.depends_on if name in models]
    if "tagging" in own or model.schema in ("marts", "audits") or Phase.TAGGED in phases:
        return Phase.TAGGED
    return Phase.MATCHED if "matching" in own or Phase.MATCHED in phases else Phase.COLLECTED


def select_models(models: dict[str, SqlModel], select: str | None, phase: Phase | None) -> list[SqlModel]:
    """The models to build: one phase, one model (`core.film`), or a model and all that read it (`core.film+`).

    Raises
    ------
    OstinatoError
        When `select` names no model, or an audit.
    """
    tables = [model for model in models.values() if model.schema != "audits"]
    if phase is not None:
        tables = [model for model in tables if phase_of(model, models) is phase]
    if select is None:
        return tables
    wanted = select.removesuffix("+")
    if wanted not in models:
        raise OstinatoError(f"There is no SQL model {wanted or 'without a name'}; `ostinato build --list` names them.")
    if models[wanted].schema == "audits":
        raise OstinatoError(
            f"{wanted} is an audit, which makes no table and runs with every refresh; "
            "`ostinato build --list` names what can be built."
        )
    chosen = {wanted}
    if select.endswith("+"):
        for model in models.values():
            if model.depends_on & chosen:
                chosen.add(model.name)
    return [model for model in tables if model.name in chosen]


def is_for_training(model: SqlModel, models: Mapping[str, SqlModel]) -> bool:
    """True for what a training alone reads: the tables of cleared sources, and what is made of them."""
    return model.schema == TRAINABLE or any(
        is_for_training(models[name], models) for name in model.depends_on if name in models
    )


def build(
    settings: Settings,
    *,
    phase: Phase | None = None,
    select: str | None = None,
    training: bool = True,
    anew: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Bring the chosen models up to date, each in one transaction, so that a stop leaves old or new, never half.

    What was built from the same inputs and the same file is left alone; what can be brought up to date by the keys that
    changed is; `anew` builds all of it whole. Without `training`, tables that only a training reads are left out.

    Raises
    ------
    OstinatoError
        When a SELECT fails, its columns are not those that its header promises, or a chosen model reads one that was
        not built.
    """
    models = load_models(SQL_DIR)
    report = BuildReport()
    with open_warehouse(settings) as con:
        built = _Built(con, settings, models)
        chosen = _chosen(models, built.notes, phase, select, training=training)
        schemas = sorted({model.schema for model in chosen})
        statements = "; ".join(f"create schema if not exists {schema}" for schema in schemas)
        in_transaction(con, lambda: con.execute(statements), turn="schemas")
        for done, (made, seconds) in enumerate(_make_all(con, settings, chosen, built, anew=anew), start=1):
            name = made.note.model
            report.n_rows[name], report.seconds[name] = made.note.n_rows, seconds
            report.how[name], report.n_changed[name] = made.how, made.n_changed
            if progress:
                progress(done, len(chosen), name)
    return report


def _chosen(
    models: dict[str, SqlModel], built: Collection[str], phase: Phase | None, select: str | None, *, training: bool
) -> list[SqlModel]:
    """The models to build; of those that follow a selected one, tables for training only where these were built."""
    chosen = select_models(models, select, phase)
    if select is None:
        return [model for model in chosen if training or not is_for_training(model, models)]
    was_built = any(name.startswith(f"{TRAINABLE}.") for name in built)
    named = select.removesuffix("+")
    if not was_built and not is_for_training(models[named], models):
        chosen = [model for model in chosen if not is_for_training(model, models)]
    _require_inputs(chosen, models, built)
    return chosen


def _require_inputs(chosen: Sequence[SqlModel], models: Mapping[str, SqlModel], built: Collection[str]) -> None:
    made = {*built, *(model.name for model in chosen)}
    for model in chosen:
        absent = sorted(name for name in model.depends_on if name in models and name not in made)
        if absent:
            raise OstinatoError(
                f"{model.name} reads {absent[0]}, which was not built yet; run `ostinato build` without --select first."
            )


class _Built:
    """The revisions of all that models read, as models are built one after the other."""

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings, models: Mapping[str, SqlModel]) -> None:
        self.models = models
        self.notes = prepare_notes(con)
        self._given = {name: content_revision(con, name) for name in python_tables()}
        self._given |= {f"vocabulary.{file.stem}": file_revision(file) for file in VOCABULARIES.glob("*.csv")}
        policies = load_policies(settings).items()
        self._given["vocabulary.source_policy"] = digest_of(f"{name} {policy.may_train}" for name, policy in policies)

    def add(self, note: Note) -> None:
        self.notes[note.model] = note

    def inputs_of(self, model: SqlModel) -> dict[str, str]:
        """Revision of each table that a model reads, but raw ones."""
        return {name: self._revision(name) for name in model.depends_on if not name.startswith(RAW)}

    def _revision(self, name: str) -> str:
        model = self.models.get(name)
        if model is None:
            return self._given.get(name, "")
        if model.is_view:
            return view_revision(model, self.inputs_of(model))
        return self.notes[name].revision if name in self.notes else ""


def _make_all(
    con: duckdb.DuckDBPyConnection, settings: Settings, chosen: Collection[SqlModel], built: _Built, *, anew: bool
) -> Iterator[tuple[Made, float]]:
    """Make the models, each after those that it reads; independent ones side by side, on cursors of their own."""
    by_name = {model.name: model for model in chosen}
    order = TopologicalSorter({name: model.depends_on & by_name.keys() for name, model in by_name.items()})
    order.prepare()
    with _workers(con, writers_at_once(con, min(SIDE_BY_SIDE, settings.threads))) as (pool, cursors):

        def work(model: SqlModel) -> tuple[Made, float]:
            started = time.perf_counter()
            cursor = cursors.pop()
            try:
                made = make(cursor, settings, model, built.inputs_of(model), built.notes, anew=anew)
            finally:
                cursors.append(cursor)
            return made, time.perf_counter() - started

        running: set[Future[tuple[Made, float]]] = set()
        while order.is_active():
            running |= {pool.submit(work, by_name[name]) for name in order.get_ready()}
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(ended, key=lambda each: each.result()[0].note.model):
                made, seconds = future.result()
                built.add(made.note)
                order.done(made.note.model)
                yield made, seconds


@contextmanager
def _workers(
    con: duckdb.DuckDBPyConnection, n_workers: int
) -> Iterator[tuple[ThreadPoolExecutor, list[duckdb.DuckDBPyConnection]]]:
    """Threads and as many cursors; a stop interrupts what they are at, so that nobody waits for a long statement."""
    every = [cursor_of(con) for _ in range(n_workers)]
    con.execute("select 1").fetchall()  # ends the last read of this connection, which would lock a catalogue in SQLite
    pool = ThreadPoolExecutor(n_workers, thread_name_prefix="build")
    try:
        yield pool, list(every)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for cursor in every:
            cursor.interrupt()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for cursor in every:
            cursor.close()


def lake_fingerprint(settings: Settings) -> str:
    """A short name of what training reads (lake, SQL, clearances): the `dataset_snapshot` of a training run."""
    digest = hashlib.sha256()
    with read_lock(settings.lake):
        for batch in list_batches(settings.lake):
            source, entity = batch.path.parts[-4:-2]
            if source != OWN or entity == "match_verdict":
                digest.update(f"{source}/{entity}/{batch.path.name}:{batch.size}:{batch.version}\n".encode())
    cleared = sorted(name for name, policy in load_policies(settings).items() if policy.may_train)
    digest.update(" ".join(cleared).encode())
    for file in sorted(SQL_DIR.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
