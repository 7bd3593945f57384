"""The raw landing zone: Parquet partitioned by source, entity and ingest date, one file per batch.

A batch is named by a key that its content determines (an id range, a period, a file's hash), so that
writing the same batch again replaces it and nothing is ever doubled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.schemas import LAKE_SCHEMAS

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def entity_dir(lake: Path, source: str, entity: str) -> Path:
    """The folder of one raw table."""
    return lake / source / entity


def batch_path(lake: Path, source: str, entity: str, batch_key: str, ingest_date: date) -> Path:
    """The file of one batch; `batch_key` may hold any characters, the file name holds only safe ones."""
    name = _UNSAFE.sub("-", batch_key).strip("-.") or "batch"
    return entity_dir(lake, source, entity) / f"ingest_date={ingest_date.isoformat()}" / f"{name}.parquet"


def write_batch(
    lake: Path,
    source: str,
    entity: str,
    rows: Sequence[Mapping[str, Any]] | pa.Table,
    *,
    batch_key: str,
    ingest_date: date,
) -> Path | None:
    """Land one batch under its key and return its path; no rows, no file.

    The file appears whole or not at all: it is written aside, flushed to disk and renamed. An earlier
    batch of the same key, whatever its ingest date, is replaced.

    Raises
    ------
    KeyError
        When the lake knows no such source and entity.
    pyarrow.ArrowInvalid, pyarrow.ArrowTypeError
        When a value does not fit the table's schema: a fault of the parser, not of the source.
    """
    schema = LAKE_SCHEMAS[(source, entity)]
    table = rows.select(schema.names).cast(schema) if isinstance(rows, pa.Table) else _to_table(rows, schema)
    target = batch_path(lake, source, entity, batch_key, ingest_date)
    if table.num_rows == 0:
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    for earlier in entity_dir(lake, source, entity).glob(f"ingest_date=*/{target.name}"):
        if earlier != target:
            earlier.unlink(missing_ok=True)
    return target


def _to_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    return pa.table(
        {field.name: pa.array(columns[field.name], type=field.type) for field in schema},
        schema=schema,
    )


def batch_files(lake: Path, source: str, entity: str) -> list[Path]:
    """All batches of one raw table, oldest ingest date first."""
    return sorted(entity_dir(lake, source, entity).glob("ingest_date=*/*.parquet"))


def read(lake: Path, source: str, entity: str, columns: Iterable[str] | None = None) -> pa.Table:
    """All rows of one raw table; an empty table of the right schema where nothing has landed yet."""
    schema = LAKE_SCHEMAS[(source, entity)]
    names = list(columns) if columns is not None else schema.names
    wanted = pa.schema([schema.field(name) for name in names])
    files = batch_files(lake, source, entity)
    if not files:
        return wanted.empty_table()
    return pa.concat_tables([pq.read_table(file, columns=names, partitioning=None).cast(wanted) for file in files])


def attach_raw(con: duckdb.DuckDBPyConnection, lake: Path) -> None:
    """Give the warehouse one view per raw table, `raw.<source>_<entity>`, empty where nothing has landed.

    SQL files never name a path: they see these views alone.
    """
    con.execute("create schema if not exists raw")
    for (source, entity), schema in LAKE_SCHEMAS.items():
        name = f"raw.{source}_{entity}"
        if batch_files(lake, source, entity):
            pattern = str(entity_dir(lake, source, entity) / "ingest_date=*" / "*.parquet").replace("'", "''")
            body = f"select * from read_parquet('{pattern}', union_by_name => true, hive_partitioning => false)"
        else:
            body = f"select {', '.join(_null_column(field) for field in schema)} where false"
        con.execute(f"create or replace view {name} as {body}")


def _null_column(field: pa.Field) -> str:
    return f'cast(null as {duckdb_type(field.type)}) as "{field.name}"'


def duckdb_type(arrow: pa.DataType) -> str:
    """DuckDB's name of an Arrow type used in the lake.

    >>> duckdb_type(pa.list_(pa.string()))
    'VARCHAR[]'
    """
    if pa.types.is_list(arrow):
        return f"{duckdb_type(arrow.value_type)}[]"
    if pa.types.is_struct(arrow):
        return f"STRUCT({', '.join(f'{field.name} {duckdb_type(field.type)}' for field in arrow)})"
    names = {
        pa.string(): "VARCHAR",
        pa.int32(): "INTEGER",
        pa.int64(): "BIGINT",
        pa.float64(): "DOUBLE",
        pa.float32(): "FLOAT",
        pa.bool_(): "BOOLEAN",
        pa.date32(): "DATE",
        pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
    }
    return names[arrow]


def utc_now() -> datetime:
    """The present moment, in UTC, as every `_at` column holds it."""
    return datetime.now(UTC)
