"""Opens the warehouse with what SQL may refer to beside the lake: vocabularies and tables made by Python."""

from __future__ import annotations

import csv
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import duckdb
import pyarrow as pa

from tasks.extensions import NO_DOWNLOADS, let_duckdb_read
from tasks.fetching.policy import load_policies
from tasks.lake import duckdb_type
from tasks.schemas import BOOL, F64, STR, UTC
from tasks.settings import PROJECT_ROOT, OstinatoError, Settings
from tasks.warehouse import ducklake
from tasks.warehouse.lock import world_lock
from tasks.warehouse.transactions import in_transaction, is_ducklake, use_warehouse

_log = logging.getLogger(__name__)
SQL_DIR = PROJECT_ROOT / "sql"
VOCABULARIES = SQL_DIR / "vocabularies"


def film_genres() -> list[str]:
    """TMDB's 19 film genres in alphabetical order, as the vocabulary holds them."""
    with (VOCABULARIES / "film_genre.csv").open(encoding="utf-8", newline="") as file:
        return sorted({row["film_genre"] for row in csv.DictReader(file)})


def python_tables() -> dict[str, pa.Schema]:
    """Tables that Python steps fill between the SQL layers; empty until the step has run."""
    return {
        # What sources that may be trained on say by themselves is matched by itself.
        **dict.fromkeys(("matching.credit_track", "matching.trainable_credit_track"), _matches_of("credit_id")),
        **dict.fromkeys(("matching.chart_track", "matching.trainable_chart_track"), _matches_of("song_key")),
        "tagging.track_label": pa.schema(
            [
                ("track_id", STR),
                ("kind", STR),
                ("label", STR),
                ("probability", pa.float32()),
                ("is_tag", BOOL),
                ("model", STR),
                ("tagged_at", UTC),
            ]
        ),
        "tagging.track_film_genre": pa.schema(
            [("track_id", STR), *((genre, pa.float32()) for genre in film_genres()), ("model", STR), ("tagged_at", UTC)]
        ),
        "tagging.film_genre_rule": pa.schema(
            [("film_genre", STR), ("threshold", F64), ("training_share", F64), ("model", STR)]
        ),
        "tagging.film_score": pa.schema([("film_id", STR), ("predicted_score", F64), ("model", STR)]),
    }


def _matches_of(key: str) -> pa.Schema:
    return pa.schema([(key, STR), ("track_id", STR), ("match_score", F64), ("match_method", STR), ("is_match", BOOL)])


class BusyError(OstinatoError):
    """Another process has the warehouse open in a way that keeps this one out."""


class DiskFullError(OstinatoError):
    """The disk under the warehouse has no room left; its cause says so in DuckDB's words."""


OPEN_S = 15.0
"""How long a writer waits for readers of other processes, which hold DuckDB's file for a moment."""
CUT = ("Could not read enough bytes", "not a valid DuckDB database file")
"""What DuckDB says of a file that was cut, naming it: the warehouse's, or one of the lake, which is another matter."""


@contextmanager
def open_warehouse(
    settings: Settings, *, read_only: bool = False, snapshot: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, open for as short as its user needs it, spilling to disk inside the home.

    Writing brings the inputs up to date and takes the world's lock, unless the warehouse takes several writers;
    reading needs a warehouse that was built. One in DuckLake can be read as it was at a `snapshot`.

    Raises
    ------
    OstinatoError
        When another process writes, the warehouse cannot be opened, or nothing was built yet (reading).
    """
    catalogue = ducklake.catalogue_of(settings)
    if read_only or snapshot is not None:
        with _connect(settings, catalogue, read_only=True, snapshot=snapshot) as con:
            yield con
        return
    is_shared = catalogue is not None and catalogue.engine.has_many_writers
    lock = nullcontext() if is_shared else world_lock(settings, wait_s=5)
    with lock, _connect(settings, catalogue, read_only=False) as con:
        _prepare(con, settings)
        yield con


def warehouse_exists(settings: Settings) -> bool:
    """Whether a warehouse was begun in this world.

    Raises
    ------
    OstinatoError
        When that cannot be known: its catalogue is out of reach.
    """
    if not settings.warehouse:
        return settings.warehouse_file.is_file()
    try:
        with open_warehouse(settings, read_only=True):
            return True
    except ducklake.NoWarehouseError:
        return False


@contextmanager
def _connect(
    settings: Settings, catalogue: ducklake.Catalogue | None, *, read_only: bool, snapshot: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    con = _open_lake(catalogue, read_only, snapshot) if catalogue else _open_file(settings, read_only)
    # several processes may have a shared warehouse open, and each clears up after itself
    spill = settings.world / "spill" / (f"{os.getpid()}-{uuid.uuid4().hex[:8]}" if catalogue else "")
    is_damaged = False
    try:
        con.execute(f"set threads = {settings.threads}")
        con.execute(f"set memory_limit = '{settings.memory_gb}GB'")
        con.execute("set enable_progress_bar = false")
        con.execute(f"set temp_directory = '{_quoted(spill)}'")
        let_duckdb_read(con, settings.lake)
        if catalogue:
            _attach_inputs(con, settings)
        use_warehouse(con)
        yield con
    except OstinatoError as fault:
        is_damaged = fault.__cause__ is not None and is_damage(fault.__cause__, settings.warehouse_file)
        raise
    except duckdb.Error as fault:
        is_damaged = is_damage(fault, settings.warehouse_file)
        if catalogue and ducklake.is_of_catalogue(fault):
            raise ducklake.explained(catalogue, fault) from fault
        if "No space left" in str(fault):
            raise DiskFullError(
                f"The warehouse in {settings.world} could not be written (No space left on device); make room, then "
                "run again: what was built stays, and of the catalogues the earlier one is still served."
            ) from fault
        raise
    finally:
        con.close()
        if is_damaged and not catalogue and not read_only:
            set_aside(settings)  # so that the next run builds it anew
        if catalogue or not read_only:
            shutil.rmtree(spill, ignore_errors=True)


def _open_file(settings: Settings, read_only: bool) -> duckdb.DuckDBPyConnection:
    if read_only and not settings.warehouse_file.is_file():
        raise ducklake.NoWarehouseError
    until = time.monotonic() + OPEN_S
    while True:
        try:
            return duckdb.connect(str(settings.warehouse_file), read_only=read_only)
        except duckdb.Error as fault:
            if is_damage(fault, settings.warehouse_file) and not read_only:
                set_aside(settings)
            elif "Could not set lock" not in str(fault):
                raise OstinatoError(
                    f"The warehouse {settings.warehouse_file} cannot be opened ({first_line(fault)}); "
                    "if it is damaged, run `ostinato build`, which makes it again from the lake."
                ) from None
            elif read_only or time.monotonic() > until:
                raise BusyError(
                    f"The warehouse {settings.warehouse_file} is {'written' if read_only else 'read'} by another "
                    f"process{_holder(fault)}; run this again when that has ended."
                ) from None
            else:  # `docs` and `review` read it for a moment
                time.sleep(0.2)


def _holder(fault: duckdb.Error) -> str:
    """Which process DuckDB names as the one that has the file open."""
    found = re.search(r"\(PID \d+\)", str(fault))
    return f" {found[0]}" if found else ""


def is_damage(fault: BaseException, file: Path | None = None) -> bool:
    """True where the warehouse's `file` is not as DuckDB wrote it: after a SIGKILL, once in a hundred, or where cut."""
    said = str(fault)
    is_cut = file is not None and str(file) in said and any(sign in said for sign in CUT)
    return "Corrupt database file" in said or is_cut


def set_aside(settings: Settings) -> Path:
    """Move a damaged warehouse out of the way: all that it holds is made again from the lake."""
    file = settings.warehouse_file
    damaged = file.with_name(f"{file.name}.damaged")
    file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
    file.replace(damaged)
    _log.warning("The warehouse was damaged and is built anew from the lake; what it was lies in %s.", damaged)
    return damaged


def _open_lake(catalogue: ducklake.Catalogue, read_only: bool, snapshot: int | None) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config=NO_DOWNLOADS)
    try:
        ducklake.attach(con, catalogue, read_only=read_only, snapshot=snapshot)
    except BaseException:
        con.close()
        raise
    return con


def _prepare(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Bring the inputs up to date and make the tables of Python that are not there yet."""
    if not is_ducklake(con):
        _attach_inputs(con, settings)
    listed = "select schema_name || '.' || table_name from duckdb_tables() where database_name = current_database()"
    known = {str(name) for (name,) in con.execute(listed).fetchall()}
    missing = {name: schema for name, schema in python_tables().items() if name not in known}
    if missing:
        in_transaction(con, lambda: _create(con, missing), turn="tables of Python")


def _create(con: duckdb.DuckDBPyConnection, tables: dict[str, pa.Schema]) -> None:
    for name, schema in tables.items():
        con.execute(f"create schema if not exists {name.split('.')[0]}")
        columns = ", ".join(f'"{field.name}" {duckdb_type(field.type)}' for field in schema)
        con.execute(f"create table if not exists {name} ({columns})")


def _attach_inputs(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """What SQL reads beside the lake, in the database that is current: a warehouse in DuckLake keeps none of it."""
    con.execute("create schema if not exists raw")
    con.execute("create schema if not exists vocabulary")
    for file in sorted(VOCABULARIES.glob("*.csv")):
        con.execute(
            f"create or replace table vocabulary.{file.stem} as "
            f"select * from read_csv('{_quoted(file)}', header => true, nullstr => '')"
        )
    rows = [(name, policy.may_train) for name, policy in load_policies(settings).items()]
    con.execute("create or replace table vocabulary.source_policy (source VARCHAR, may_train BOOLEAN)")
    con.executemany("insert into vocabulary.source_policy values (?, ?)", rows)


def replace_table(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Replace a table made by Python (`python_tables`) in one step: readers see the old rows or the new."""
    schema = python_tables()[name]
    rows = table.select(schema.names).cast(schema)
    con.register("replacement", rows)
    try:
        statement = f"create or replace table {name} as select * from replacement"
        in_transaction(con, lambda: con.execute(statement), turn=name)
    finally:
        con.unregister("replacement")


def first_line(fault: BaseException) -> str:
    """The first line of a fault's text, for a sentence that people read."""
    return str(fault).strip().splitlines()[0].rstrip(".") if str(fault).strip() else type(fault).__name__


def quoted_name(column: str) -> str:
    """A column's name as SQL takes it, whatever it holds (`check` is a keyword)."""
    return '"' + column.replace('"', '""') + '"'


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
