"""Write, audit, publish: the next catalogue is written aside, and served by switching one symbolic link.

A published directory never changes. Whatever dies on the way leaves the served catalogue as it was; the
leftovers of a dead run are swept by the next one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp

from tasks.fetching.policy import SourcePolicy, load_policies
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import SQL_DIR, first_line, open_warehouse, quoted_name
from tasks.warehouse.lock import world_lock
from tasks.warehouse.models import SqlModel, load_models

LINK = "current"
_CANDIDATE = ".candidate-"
_SNAPSHOT_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")

OnStep = Callable[[str], None]
"""Told the name of each step as it begins."""


@dataclass(frozen=True)
class Published:
    """A catalogue that is now served."""

    path: Path
    n_rows: dict[str, int]
    """Rows of each published table."""


def publish(
    settings: Settings, *, run_id: str, as_of: date, code_version: str, on_step: OnStep | None = None
) -> Published:
    """Export the marts into a directory of their own and serve it.

    The steps, each of which may be the last that a killed run does: sweep, write the database, write the
    Parquet files, describe, flush, name the directory, switch the link, prune.

    Raises
    ------
    OstinatoError
        When the disk is full or the export does not hold the rows of the marts.
    """
    step = on_step or (lambda name: None)
    models = list(load_models(SQL_DIR).values())
    with world_lock(settings, wait_s=5):
        step("sweep")
        settings.serving.mkdir(parents=True, exist_ok=True)
        _sweep(settings.serving)
        name = _next_name(settings.serving)
        candidate = settings.serving / f"{_CANDIDATE}{name}"
        try:
            candidate.mkdir()
            n_rows = _export(settings, models, candidate, run_id, as_of, code_version, step)
        except (OSError, duckdb.Error) as fault:
            shutil.rmtree(candidate, ignore_errors=True)
            raise OstinatoError(
                f"The catalogue could not be written to {settings.serving} ({first_line(fault)}); "
                "the earlier one is still served. Mend that, then run `ostinato refresh --skip-fetch`."
            ) from fault
        step("flush")
        _flush(candidate)
        step("name")
        target = settings.serving / name
        os.replace(candidate, target)
        _flush_dir(settings.serving)
        step("switch")
        _switch(settings.serving, target)
        step("prune")
        _prune(settings)
    return Published(target, n_rows)


def _export(
    settings: Settings,
    models: list[SqlModel],
    candidate: Path,
    run_id: str,
    as_of: date,
    code_version: str,
    step: OnStep,
) -> dict[str, int]:
    n_rows: dict[str, int] = {}
    marts = [model for model in models if model.schema == "marts"]
    with open_warehouse(settings) as con:
        step("database")
        con.execute(f"attach '{_quoted(candidate / 'catalogue.duckdb')}' as catalogue")
        try:
            for model in marts:
                n_rows[model.table] = _export_model(con, model)
            _describe_run(con, run_id, as_of, code_version, n_rows)
            attributions = _attributions(con, settings, models)
            _write_attributions(con, attributions)
            step("parquet")
            for table in (*(model.table for model in marts if not model.is_view), "attribution"):
                file = _quoted(candidate / f"{table}.parquet")
                con.execute(
                    f"copy (from catalogue.main.{table}) to '{file}' "
                    "(format parquet, compression zstd, row_group_size 100000)"
                )
            con.execute("checkpoint catalogue")
        finally:
            con.execute("detach catalogue")
    step("describe")
    summary = {
        "run_id": run_id,
        "as_of": as_of.isoformat(),
        "code_version": code_version,
        "n_rows": n_rows,
        "attribution": {source: words for source, words, _ in attributions},
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    (candidate / "snapshot.json").write_text(text + "\n", encoding="utf-8")
    return n_rows


def _export_model(con: duckdb.DuckDBPyConnection, model: SqlModel) -> int:
    target = f"catalogue.main.{model.table}"
    if model.is_view:
        con.execute("use catalogue.main")
        try:
            con.execute(f"create view {model.table} as {_within_catalogue(model)}")
        finally:
            con.execute("use warehouse.main")
    else:
        keyed = ", ".join(quoted_name(column) for column in model.key)
        order = f" order by {keyed}" if keyed else ""
        con.execute(f"create table {target} as from marts.{model.table}{order}")
    kind = "view" if model.is_view else "table"
    con.execute(f"comment on {kind} {target} is '{_escaped(model.description)}'")
    if not model.is_view:
        for column, text in model.columns.items():
            meaning = _escaped(text.split(";", 1)[-1].strip())
            con.execute(f"comment on column {target}.{quoted_name(column)} is '{meaning}'")
    row = con.execute(f"select count(*) from {target}").fetchone()
    return int(row[0]) if row else 0


def _within_catalogue(model: SqlModel) -> str:
    """A mart view's SELECT with `marts.x` read as `x`: in the catalogue all tables lie in one schema."""
    tree = sqlglot.parse_one(model.select, dialect="duckdb")
    for table in tree.find_all(exp.Table):
        if table.db == "marts":
            table.set("db", None)
        elif table.db:
            raise OstinatoError(f"The view {model.name} may read marts only, but reads {table.db}.{table.name}.")
    return tree.sql(dialect="duckdb")


def _describe_run(
    con: duckdb.DuckDBPyConnection, run_id: str, as_of: date, code_version: str, n_rows: dict[str, int]
) -> None:
    con.execute(
        "create table catalogue.main.snapshot (run_id VARCHAR, as_of DATE, published_at TIMESTAMPTZ, "
        "code_version VARCHAR, n_rows MAP(VARCHAR, BIGINT))"
    )
    con.execute(
        "insert into catalogue.main.snapshot values (?, ?, ?, ?, ?)", [run_id, as_of, utc_now(), code_version, n_rows]
    )


def _attributions(
    con: duckdb.DuckDBPyConnection, settings: Settings, models: list[SqlModel]
) -> list[tuple[str, str, str]]:
    """(source, words, terms) of the sources with rows in this catalogue, as it was built from staging.

    Words that claim a permission, as IMDb's do, are published only where the operator's `sources.toml` attests one.
    """
    staging = [model for model in models if model.schema == "staging"]
    present = {source for model in staging if _has_rows(con, model) for source in (*model.sources, *model.content_of)}
    return [
        (source, policy.attribution, policy.terms_url)
        for source, policy in load_policies(settings).items()
        if source in present and ("permission" not in policy.attribution or _attests_permission(policy))
    ]


def _attests_permission(policy: SourcePolicy) -> bool:
    return policy.robots == "operator-permission" or policy.training == "attested"


def _has_rows(con: duckdb.DuckDBPyConnection, model: SqlModel) -> bool:
    return con.execute(f"select 1 from {model.name} limit 1").fetchone() is not None


def _write_attributions(con: duckdb.DuckDBPyConnection, attributions: list[tuple[str, str, str]]) -> None:
    con.execute("create table catalogue.main.attribution (source VARCHAR, attribution VARCHAR, terms_url VARCHAR)")
    for row in attributions:
        con.execute("insert into catalogue.main.attribution values (?, ?, ?)", row)


def list_snapshots(settings: Settings) -> list[Path]:
    """Published catalogues, oldest first."""
    if not settings.serving.is_dir():
        return []
    return sorted(path for path in settings.serving.iterdir() if _SNAPSHOT_NAME.fullmatch(path.name))


def served_snapshot(settings: Settings) -> Path | None:
    """The directory that is served now, its link resolved; None before the first publish."""
    try:
        return (settings.serving / LINK).resolve(strict=True)
    except OSError:
        return None


def nothing_published(settings: Settings) -> str:
    """What to say where a catalogue is asked for before the first one."""
    return f"Nothing is published in the {settings.profile} world yet; run `ostinato refresh` first."


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
        if snapshot is not None:
            if snapshot not in names:
                kept = ", ".join(names) or "none"
                raise OstinatoError(
                    f"There is no snapshot {snapshot} in the {settings.profile} world; kept are: {kept}."
                )
            target = settings.serving / snapshot
        else:
            if not known:
                raise OstinatoError(nothing_published(settings))
            served = served_snapshot(settings)
            earlier = [path for path in known if served is None or path.name < served.name]
            if not earlier:
                raise OstinatoError(
                    f"There is no snapshot earlier than the served one in the {settings.profile} world."
                )
            target = earlier[-1]
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
    served = served_snapshot(settings)
    for path in list_snapshots(settings)[: -settings.keep_snapshots]:
        if path.resolve() != served:
            shutil.rmtree(path, ignore_errors=True)


def _sweep(serving: Path) -> None:
    for path in serving.iterdir():
        if path.name.startswith(_CANDIDATE):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_symlink() and path.name.startswith(f".{LINK}-"):
            path.unlink(missing_ok=True)


def _next_name(serving: Path) -> str:
    """A name that sorts after all others, also when two publishes fall into one second."""
    name = utc_now().strftime("%Y%m%dT%H%M%SZ")
    taken = [path.name for path in serving.iterdir() if path.name.startswith(name)]
    return name if not taken else f"{name}-{len(taken)}"


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


def _escaped(text: str) -> str:
    return text.replace("'", "''")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
