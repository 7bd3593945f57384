"""Runs the SQL models in the order of what they read, in three phases with Python's steps between them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import duckdb

from tasks.fetching.policy import load_policies
from tasks.lake import attach_raw, read_lock
from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import SQL_DIR, first_line, open_warehouse
from tasks.warehouse.models import SqlModel, load_models

Progress = Callable[[int, int, str], None]
"""Called with models done, models in all, and the name of the one just built."""


BUILT_MARK = "warehouse.built"
"""File in the world that says which lake and SQL the warehouse was last built from."""


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
        When `select` names no model.
    """
    tables = [model for model in models.values() if model.schema != "audits"]
    if phase is not None:
        tables = [model for model in tables if phase_of(model, models) is phase]
    if select is None:
        return tables
    wanted = select.removesuffix("+")
    if wanted not in models:
        raise OstinatoError(f"There is no SQL model {wanted}; `ostinato build --list` names them.")
    chosen = {wanted}
    if select.endswith("+"):
        for model in models.values():
            if model.depends_on & chosen:
                chosen.add(model.name)
    return [model for model in tables if model.name in chosen]


def build(
    settings: Settings, *, phase: Phase | None = None, select: str | None = None, progress: Progress | None = None
) -> BuildReport:
    """Build the chosen models; each replaces its table in one step, so a stop leaves old or new, never half.

    Raises
    ------
    OstinatoError
        When a SELECT fails or its columns are not those that its header promises.
    """
    models = load_models(SQL_DIR)
    chosen = select_models(models, select, phase)
    report = BuildReport()
    if not settings.warehouse.exists():
        unmark_current(settings)
    with open_warehouse(settings) as con:
        for schema in {model.schema for model in chosen}:
            con.execute(f"create schema if not exists {schema}")
        for done, model in enumerate(chosen, start=1):
            started = time.perf_counter()
            with _lake_attached(con, settings, model):
                report.n_rows[model.name] = build_model(con, model)
            report.seconds[model.name] = time.perf_counter() - started
            if progress:
                progress(done, len(chosen), model.name)
    return report


@contextmanager
def _lake_attached(con: duckdb.DuckDBPyConnection, settings: Settings, model: SqlModel) -> Iterator[None]:
    """Show a model the raw tables that it reads and hold them still; a writer of the lake waits for one model at most.

    Raises
    ------
    OstinatoError
        When a file of the lake cannot be read.
    """
    views = {name for name in model.depends_on if name.startswith("raw.")}
    if not views:
        yield
        return
    with read_lock(settings.lake):
        attach_raw(con, settings.lake, views)
        yield


def build_model(con: duckdb.DuckDBPyConnection, model: SqlModel) -> int:
    """Build one model and return its number of rows (0 for a view, which is not counted)."""
    kind, other = ("view", "table") if model.is_view else ("table", "view")
    try:
        check_columns(con, model)
        if _exists_as(con, model, other):
            con.execute(f"drop {other} {model.name}")
        con.execute(f"create or replace {kind} {model.name} as {model.select}")
    except duckdb.Error as fault:
        raise OstinatoError(f"The SQL model {model.name} failed: {first_line(fault)}.") from fault
    if model.is_view:
        return 0
    row = con.execute(f"select count(*) from {model.name}").fetchone()
    return int(row[0]) if row else 0


def check_columns(con: duckdb.DuckDBPyConnection, model: SqlModel) -> None:
    """The header is a contract: names, order and types of the result must be its own.

    Raises
    ------
    OstinatoError
        Naming the first column that differs.
    """
    found = {str(row[0]): str(row[1]).upper() for row in con.execute(f"describe {model.select}").fetchall()}
    promised = model.column_types()
    if found == promised and list(found) == list(promised):
        return
    for name in (*promised, *found):
        if found.get(name) != promised.get(name):
            raise OstinatoError(
                f"Column {name} of {model.name} is {found.get(name, 'missing')} in its result "
                f"but {promised.get(name, 'missing')} in its header."
            )
    raise OstinatoError(f"The columns of {model.name} come in another order than its header says: {', '.join(found)}.")


def _exists_as(con: duckdb.DuckDBPyConnection, model: SqlModel, kind: str) -> bool:
    listing = "duckdb_views()" if kind == "view" else "duckdb_tables()"
    column = "view_name" if kind == "view" else "table_name"
    query = f"select 1 from {listing} where schema_name = ? and {column} = ? and database_name = current_database()"
    return con.execute(query, [model.schema, model.table]).fetchone() is not None


def lake_fingerprint(settings: Settings) -> str:
    """A short name of what training reads (lake, SQL, clearances): the `dataset_snapshot` of a training run."""
    digest = hashlib.sha256()
    with read_lock(settings.lake):
        for file in sorted(settings.lake.glob("*/*/ingest_date=*/*.parquet")):
            relative = file.relative_to(settings.lake)
            if relative.parts[0] != "ostinato":
                digest.update(f"{relative}:{file.stat().st_size}:{file.stat().st_mtime_ns}\n".encode())
    cleared = sorted(name for name, policy in load_policies(settings).items() if policy.may_train)
    digest.update(" ".join(cleared).encode())
    for file in sorted(SQL_DIR.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def is_current(settings: Settings) -> bool:
    """True when the warehouse was built and matched from the lake and the SQL as they are now, and left unchanged."""
    mark = settings.world / BUILT_MARK
    try:
        return settings.warehouse.is_file() and mark.read_text(encoding="utf-8") == lake_fingerprint(settings)
    except OSError:
        return False


def unmark_current(settings: Settings) -> None:
    """Forget that, before tables are replaced: a build that dies half-way must not pass for a whole one."""
    (settings.world / BUILT_MARK).unlink(missing_ok=True)


def mark_current(settings: Settings, fingerprint: str) -> None:
    """Remember of which lake and SQL the warehouse now is: their `lake_fingerprint` from before the build."""
    (settings.world / BUILT_MARK).write_text(fingerprint, encoding="utf-8")
