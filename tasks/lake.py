"""The raw landing zone: Parquet partitioned by source, entity and ingest date, one file per batch.

A batch is named by a key that its content determines (an id range, a period, a file's hash), so that
writing the same batch again replaces it and nothing is ever doubled.
"""

from __future__ import annotations

import glob
import hashlib
import re
import time
import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.disk import writing
from tasks.lake_lock import is_promised, put_in_place, read_lock, write_lock
from tasks.places import Listed, flush, is_remote, listing, make_folder, naming_faults, opened
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import OstinatoError

__all__ = [
    "Batch",
    "attach_raw",
    "batch_files",
    "batch_path",
    "duckdb_type",
    "entity_dir",
    "landing",
    "list_batches",
    "open_batch",
    "read",
    "read_file",
    "read_lock",
    "remove",
    "sweep_leftovers",
    "utc_now",
    "write_batch",
    "writing",
]

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LEFT_OVER_S = 3600.0  # a batch that is being written is touched every few seconds
_LONGEST_NAME = 120  # file systems end at 255 bytes, and the name written aside is longer


def entity_dir(lake: Path, source: str, entity: str) -> Path:
    """The folder of one raw table."""
    return lake / source / entity


def batch_path(lake: Path, source: str, entity: str, batch_key: str, ingest_date: date) -> Path:
    """The file of one batch; `batch_key` may hold any characters, the file name holds only safe ones.

    A key that had to be changed gets a few digits of its hash, so that two keys never share a file.
    """
    name = _UNSAFE.sub("-", batch_key).strip("-.")[:_LONGEST_NAME]
    if name != batch_key:
        name = f"{name or 'batch'}-{hashlib.sha256(batch_key.encode()).hexdigest()[:12]}"
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

    The file appears whole or not at all. An earlier batch of the same key, whatever its ingest date, is replaced.

    Raises
    ------
    KeyError
        When the lake knows no such source and entity.
    pyarrow.ArrowInvalid, pyarrow.ArrowTypeError
        When a value does not fit the table's schema: a fault of the parser, not of the source.
    OstinatoError
        When the lake cannot be written.
    """
    schema = LAKE_SCHEMAS[(source, entity)]
    table = rows.select(schema.names).cast(schema) if isinstance(rows, pa.Table) else _to_table(rows, schema)
    with open_batch(lake, source, entity, batch_key=batch_key, ingest_date=ingest_date) as batch:
        batch.write(table)
    return batch.path if batch.n_rows else None


class Batch:
    """A batch that is being written aside; it lands at the end of its `landing` block."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.schema = schema
        self.n_rows = 0
        self.aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        self._file: IO[bytes] | None = None
        self._writer: pq.ParquetWriter | None = None

    @property
    def lake(self) -> Path:
        """The lake that it is written into."""
        return self.path.parents[3]

    def write(self, table: pa.Table) -> None:
        """Add rows; the columns are those of the schema, in its order."""
        if table.num_rows == 0:
            return
        with writing(self.path):
            if self._writer is None:
                make_folder(self.path.parent)
                self._file = self.aside.open("wb")
                self._writer = pq.ParquetWriter(self._file, self.schema, compression="zstd")
            self._writer.write_table(table)
        self.n_rows += table.num_rows

    def flush(self) -> None:
        """Bring all that was written to the disk."""
        if self._writer is not None:
            with writing(self.path):
                self._close()
                flush(self.aside)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._file is not None:
            self._file.close()

    def land(self) -> None:
        """Take the place of any earlier batch of this name."""
        _land([self])

    def drop(self) -> None:
        """Remove what was written aside, unless a journal promises that it will land."""
        with suppress(OSError), naming_faults(self.path):  # a full disk, which is already being reported
            self._close()
        with suppress(OSError), naming_faults(self.path):
            if self._file is not None and not is_promised(self.lake):
                self.aside.unlink(missing_ok=True)


@contextmanager
def open_batch(lake: Path, source: str, entity: str, *, batch_key: str, ingest_date: date) -> Iterator[Batch]:
    """A batch to write table by table, for what does not fit into memory; it lands if the block raises nothing."""
    batch = Batch(batch_path(lake, source, entity, batch_key, ingest_date), LAKE_SCHEMAS[(source, entity)])
    with landing([batch]):
        yield batch


@contextmanager
def landing(batches: Sequence[Batch]) -> Iterator[None]:
    """Land batches of one lake if the block raises nothing: all or none, also when the process is killed in between.

    The block may add to `batches`.
    """
    try:
        yield
        _land(batches)
    finally:
        for batch in batches:
            batch.drop()


def _land(batches: Iterable[Batch]) -> None:
    written = [batch for batch in batches if batch.n_rows]
    for batch in written:
        batch.flush()
    if written:
        put_in_place(written[0].lake, [batch.aside for batch in written])


def remove(path: Path) -> None:
    """Delete the batch at `path`, if it is there, while nobody reads.

    Raises
    ------
    OstinatoError
        When it cannot be deleted.
    """
    with write_lock(path.parents[3]), writing(path):
        path.unlink(missing_ok=True)


def sweep_leftovers(folder: Path) -> int:
    """Remove what killed writers left below `folder` (the lake, the rejects) and return how many files that were.

    Raises
    ------
    OstinatoError
        When a leftover cannot be removed.
    """
    if is_promised(folder):
        with write_lock(folder):
            pass  # what a killed import had promised has landed now and is no leftover
    latest = time.time() - _LEFT_OVER_S
    n_removed = 0
    for path in folder.rglob(".*.part"):
        with writing(path), suppress(FileNotFoundError):  # its writer may have ended just now
            if path.stat().st_mtime <= latest:
                path.unlink()
                n_removed += 1
    return n_removed


def _to_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    return pa.table(
        {field.name: pa.array(columns[field.name], type=field.type) for field in schema},
        schema=schema,
    )


def batch_files(lake: Path, source: str, entity: str) -> list[Path]:
    """All batches of one raw table, oldest ingest date first."""
    return [batch.path for batch in list_batches(lake, source, entity)]


def list_batches(lake: Path, source: str = "*", entity: str = "*") -> list[Listed]:
    """The batches of one raw table, or of all, from one listing: where each lies and what tells whether it changed.

    Raises
    ------
    OstinatoError
        When the lake cannot be read.
    """
    try:
        with naming_faults(lake):
            return listing(lake, f"{source}/{entity}/ingest_date=*/*.parquet")
    except OSError as fault:
        raise OstinatoError(f"The lake {lake} cannot be read: {fault.strerror or fault}.") from fault


def read(lake: Path, source: str, entity: str, columns: Iterable[str] | None = None) -> pa.Table:
    """All rows of one raw table; an empty table of the right schema where nothing has landed yet."""
    schema = LAKE_SCHEMAS[(source, entity)]
    names = list(columns) if columns is not None else schema.names
    wanted = pa.schema([schema.field(name) for name in names])
    with read_lock(lake):
        try:
            tables = [read_file(file, wanted) for file in batch_files(lake, source, entity)]
        except OstinatoError:
            if not is_remote(lake):
                raise
            tables = [read_file(file, wanted) for file in batch_files(lake, source, entity)]  # one was just replaced
    return pa.concat_tables(tables) if tables else wanted.empty_table()


def read_file(file: Path, wanted: pa.Schema) -> pa.Table:
    """The rows of one batch in today's schema: a column that it was written without is null.

    Raises
    ------
    OstinatoError
        When the file cannot be read, naming it and what to do.
    """
    with _reading(file), opened(file) as source, pq.ParquetFile(source) as batch:
        table = batch.read([name for name in wanted.names if name in batch.schema_arrow.names])
    columns = [table[name] if name in table.column_names else pa.nulls(table.num_rows) for name in wanted.names]
    return pa.table(columns, names=wanted.names).cast(wanted)


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Say in one sentence why a file of the lake could not be read, and what to do."""
    try:
        with naming_faults(file):
            yield
    except PermissionError:
        raise OstinatoError(
            f"The lake file {file} may not be read; give yourself the right to read it (chmod u+r)."
        ) from None
    except FileNotFoundError as fault:
        raise OstinatoError(f"The lake file {file} is gone; another run has just replaced it, so try again.") from fault
    except (OSError, pa.ArrowException) as fault:
        why = " ".join(str(fault).split())[:200]
        raise OstinatoError(
            f"The lake file {file} is damaged ({why}); delete it: what a site sent is fetched again by the next run, "
            "an imported file has to be imported again."
        ) from fault


def attach_raw(con: duckdb.DuckDBPyConnection, lake: Path, views: Container[str] | None = None) -> None:
    """Give the warehouse one view per raw table, `raw.<source>_<entity>`, or `views` alone; empty where nothing landed.

    SQL files never name a path: they see these views alone. A batch written before a column was added has null there.
    Who attaches views and reads them holds the `read_lock` over both: a view opens its files whenever it is read, and
    more than once.

    Raises
    ------
    OstinatoError
        When a file of the lake cannot be read, naming the file and what to do.
    """
    # The views name files of this machine, so a warehouse that others share keeps none of them.
    in_memory = con.execute("select 1 from duckdb_databases() where database_name = 'memory'").fetchone()
    raw = "memory.raw" if in_memory else "raw"
    con.execute(f"create schema if not exists {raw}")
    with read_lock(lake):
        for source, entity in LAKE_SCHEMAS:
            if views is None or f"raw.{source}_{entity}" in views:
                _attach(con, raw, lake, source, entity)


def _attach(con: duckdb.DuckDBPyConnection, raw: str, lake: Path, source: str, entity: str) -> None:
    schema = LAKE_SCHEMAS[(source, entity)]
    columns = ", ".join(f'"{name}"' for name in schema.names)
    body = f"select {', '.join(_null_column(field) for field in schema)} where false"
    if batch_files(lake, source, entity):
        pattern = glob.escape(str(entity_dir(lake, source, entity))).replace("'", "''")
        body += (
            f" union all by name select * from read_parquet('{pattern}/ingest_date=*/*.parquet', "
            "union_by_name => true, hive_partitioning => false)"
        )
    try:
        con.execute(f"create or replace view {raw}.{source}_{entity} as select {columns} from ({body})")
    except duckdb.Error:
        for file in batch_files(lake, source, entity):
            with _reading(file), opened(file) as source_file:
                pq.read_metadata(source_file)
        raise


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
