"""Writes a catalogue into a folder: one DuckDB file, the same tables as Parquet, and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from tasks.fetching.policy import SourcePolicy, load_policies
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings
from tasks.warehouse.checks import CheckResult
from tasks.warehouse.connection import open_warehouse, quoted_name
from tasks.warehouse.models import SqlModel
from tasks.warehouse.snapshots import DESCRIPTION, SNAPSHOT_READ
from tasks.warehouse.time_travel import label_snapshot, snapshot_read
from tasks.warehouse.transactions import use_warehouse

DATABASE = "catalogue.duckdb"
ROW_GROUP_ROWS = 20 * 2048
"""Rows of a Parquet row group, in DuckDB's vectors of 2,048: a filter on the sort order reads one or two of them."""
STORAGE = "v1.3.0"
"""Oldest DuckDB that can open a catalogue; the format of older ones takes half as long again to write."""
WRITERS = 2
"""Parquet files written at the same time; each is written by all threads as well."""

OnStep = Callable[[str], None]
"""Told the name of each step as it begins."""


@dataclass(frozen=True)
class Provenance:
    """Which run made a catalogue, and what its checks found."""

    run_id: str
    as_of: date
    code_version: str
    checks: Sequence[CheckResult] = ()


def export(
    settings: Settings, models: Sequence[SqlModel], folder: Path, made_by: Provenance, step: OnStep
) -> dict[str, int]:
    """Write the marts into `folder`; rows by table.

    Raises
    ------
    OSError, duckdb.Error
        When the disk is full, or refuses it otherwise.
    """
    marts = [model for model in models if model.schema == "marts"]
    with open_warehouse(settings) as con:
        step("database")
        label_snapshot(con, made_by.run_id, made_by.as_of)
        con.execute(f"attach '{_escaped(str(folder / DATABASE))}' as catalogue (storage_version '{STORAGE}')")
        try:
            con.execute("begin")
            read = snapshot_read(con)
            n_rows = {model.table: _export_model(con, model) for model in marts}
            description = _describe(con, models, made_by, n_rows)
            _write_description(con, description)
            _write_attributions(con, settings, models)
            con.execute("commit")
            con.execute("checkpoint catalogue")
            step("parquet")
            _write_parquet(con, [*(model.table for model in marts if not model.is_view), "attribution"], folder)
            told = con.execute("select source, attribution from catalogue.main.attribution").fetchall()
        finally:
            con.execute("detach catalogue")
    step("describe")
    description |= {"attribution": dict(told)} if read is None else {"attribution": dict(told), SNAPSHOT_READ: read}
    text = json.dumps(description, indent=2, ensure_ascii=False, default=str)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    return n_rows


def _export_model(con: duckdb.DuckDBPyConnection, model: SqlModel) -> int:
    target = f"catalogue.main.{model.table}"
    if model.is_view:
        con.execute("use catalogue.main")
        try:
            con.execute(f"create view {model.table} as {_within_catalogue(model)}")
        finally:
            con.execute("use warehouse.main")
            use_warehouse(con)
    else:
        lie_by = ", ".join(quoted_name(column) for column in model.sorted_by)
        order = f" order by {lie_by}" if lie_by else ""
        con.execute(f"create table {target} as from marts.{model.table}{order}")
    kind = "view" if model.is_view else "table"
    con.execute(f"comment on {kind} {target} is '{_escaped(model.description)}'")
    if not model.is_view:
        for column, text in model.columns.items():
            meaning = _escaped(text.split(";", 1)[-1].strip())
            con.execute(f"comment on column {target}.{quoted_name(column)} is '{meaning}'")
    return _n_rows(con, target)


def _within_catalogue(model: SqlModel) -> str:
    """A mart view's SELECT with `marts.x` read as `x`: in the catalogue all tables lie in one schema."""
    tree = sqlglot.parse_one(model.select, dialect="duckdb")
    for table in tree.find_all(exp.Table):
        if table.db == "marts":
            table.set("db", None)
        elif table.db:
            raise OstinatoError(f"The view {model.name} may read marts only, but reads {table.db}.{table.name}.")
    return tree.sql(dialect="duckdb")


def _write_parquet(con: duckdb.DuckDBPyConnection, tables: Sequence[str], folder: Path) -> None:
    """From the tables just written, whose rows are in order already; small files do not wait for large ones."""

    def write(table: str) -> None:
        with con.cursor() as cursor:
            cursor.execute(
                f"copy (from catalogue.main.{table}) to '{_escaped(str(folder / f'{table}.parquet'))}' "
                f"(format parquet, compression zstd, row_group_size {ROW_GROUP_ROWS})"
            )

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, tables))


def _describe(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[SqlModel],
    made_by: Provenance,
    n_rows: dict[str, int],
) -> dict[str, Any]:
    """What `snapshot.json` and the table `snapshot` say, apart from attributions, which are a table of their own."""
    looked_at = [check for check in made_by.checks if not check.skipped]
    return {
        "run_id": made_by.run_id,
        "as_of": made_by.as_of.isoformat(),
        "published_at": utc_now(),
        "code_version": made_by.code_version,
        "n_rows": n_rows,
        "sources": _sources(con, models),
        "models": _models_that_tagged(con),
        "checks": [
            {"check": check.check, "severity": check.severity, "failing_rows": check.failing_rows}
            for check in looked_at
        ],
    }


def _sources(con: duckdb.DuckDBPyConnection, models: Sequence[SqlModel]) -> list[dict[str, Any]]:
    """Rows in staging and newest fetch of each source that has any; a table of several sources counts for none."""
    found: dict[str, dict[str, Any]] = {}
    for model in models:
        if model.schema != "staging" or len(model.sources) != 1:
            continue
        (source,) = model.sources
        newest = "max(fetched_at)" if "fetched_at" in model.columns else "null::timestamptz"
        n_rows, fetched_at = con.execute(f"select count(*), {newest} from {model.name}").fetchone() or (0, None)
        if n_rows:
            so_far = found.setdefault(source, {"source": source, "n_rows": 0, "newest_fetch": None})
            so_far["n_rows"] += n_rows
            so_far["newest_fetch"] = max(filter(None, (so_far["newest_fetch"], fetched_at)), default=None)
    return [found[source] for source in sorted(found)]


def _models_that_tagged(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Model and version of everything that tagged a track in this catalogue."""
    rows = con.execute(
        "select genre_model as model from catalogue.main.track where genre_model is not null "
        "union select mood_model from catalogue.main.track where mood_model is not null "
        "union select model from catalogue.main.track_film_genre order by model"
    ).fetchall()
    return [str(model) for (model,) in rows]


def _write_description(con: duckdb.DuckDBPyConnection, description: dict[str, Any]) -> None:
    con.execute(
        "create table catalogue.main.snapshot (run_id VARCHAR, as_of DATE, published_at TIMESTAMPTZ, "
        "code_version VARCHAR, n_rows MAP(VARCHAR, BIGINT), "
        "sources STRUCT(source VARCHAR, n_rows BIGINT, newest_fetch TIMESTAMPTZ)[], models VARCHAR[], "
        'checks STRUCT("check" VARCHAR, severity VARCHAR, failing_rows BIGINT)[])'
    )
    con.execute("insert into catalogue.main.snapshot values (?, ?, ?, ?, ?, ?, ?, ?)", list(description.values()))


def _write_attributions(con: duckdb.DuckDBPyConnection, settings: Settings, models: Sequence[SqlModel]) -> None:
    """Source, words and terms of the sources with rows in this catalogue, as it was built from staging.

    Words that claim a permission, as IMDb's do, are published only where the operator's `sources.toml` attests one.
    """
    staging = [model for model in models if model.schema == "staging"]
    present = {
        source for model in staging if _n_rows(con, model.name) for source in (*model.sources, *model.content_of)
    }
    con.execute("create table catalogue.main.attribution (source VARCHAR, attribution VARCHAR, terms_url VARCHAR)")
    for source, policy in load_policies(settings).items():
        if source in present and ("permission" not in policy.attribution or _attests_permission(policy)):
            row = [source, policy.attribution, policy.terms_url]
            con.execute("insert into catalogue.main.attribution values (?, ?, ?)", row)


def _attests_permission(policy: SourcePolicy) -> bool:
    return policy.robots == "operator-permission" or policy.training == "attested"


def _n_rows(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def _escaped(text: str) -> str:
    return text.replace("'", "''")
