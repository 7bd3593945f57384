"""Several statements as one, also where other processes write to the same warehouse."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import duckdb
import stamina

from tasks.settings import OstinatoError
from tasks.warehouse import ducklake

T = TypeVar("T")

LONGEST_TURN_S = 600.0
"""How long another process may take with one table before we give up: the longest model takes minutes."""
_INPUTS = ("raw", "vocabulary")
"""Schemas that lie in this process's memory where the warehouse is shared: they name this machine's files."""
_CONFLICT = ("conflict", "could not serialize", "deadlock", "duplicate key", "maximum retry count", "is locked")
_commits = threading.Lock()


def is_ducklake(con: duckdb.DuckDBPyConnection) -> bool:
    """True where the open warehouse lies in DuckLake."""
    return _scalar(con, f"select type from duckdb_databases() where database_name = '{ducklake.NAME}'") == "ducklake"


def use_warehouse(con: duckdb.DuckDBPyConnection) -> None:
    """Make the warehouse what names without a database mean, inputs included; every cursor needs it anew."""
    con.execute("set TimeZone = 'UTC'")
    if is_ducklake(con):
        inputs = ",".join(f"memory.{schema}" for schema in _INPUTS)
        con.execute(f"set search_path = '{ducklake.NAME}.main,{inputs}'")


def cursor_of(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A further connection to the open warehouse, for another thread; it has temporary tables of its own."""
    cursor = con.cursor()
    use_warehouse(cursor)
    return cursor


def writers_at_once(con: duckdb.DuckDBPyConnection, most: int) -> int:
    """How many threads of this process may write: DuckLake's commits are not safe beside each other's statements."""
    return 1 if is_ducklake(con) else most


def in_transaction(con: duckdb.DuckDBPyConnection, work: Callable[[], T], *, turn: str = "") -> T:
    """Do `work` in one transaction, and again from its beginning where another process was faster.

    `work` must bear being done again. A `turn`, by the name of the table that is written, is held by one process on
    all machines; without it, a conflict that DuckLake does not see (deleting none and inserting) may double rows.

    Raises
    ------
    OstinatoError
        When another process has held the turn for too long.
    duckdb.Error
        What `work` raises; a conflict that is still there after eight attempts.
    """
    if not is_ducklake(con):
        return _once(con, work)
    with _turn(con, turn):
        for attempt in stamina.retry_context(
            on=_is_conflict, attempts=8, timeout=None, wait_initial=0.05, wait_max=5, wait_jitter=0.5
        ):
            with attempt:
                return _once(con, work)
    raise AssertionError("stamina yields at least one attempt")


def _once(con: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    con.execute("begin transaction")
    try:
        result = work()
        with _commits:
            con.execute("commit")
    except BaseException as fault:
        _roll_back(con, fault)
        raise
    return result


def _roll_back(con: duckdb.DuckDBPyConnection, fault: BaseException) -> None:
    """End a transaction that failed; a commit that failed has ended it already."""
    try:
        con.execute("rollback")
    except duckdb.Error as also:
        fault.add_note(str(also))


def _is_conflict(fault: Exception) -> bool:
    """True for what another process's commit brought about; a lost connection is not, for we may have committed."""
    said = str(fault).lower()
    return isinstance(fault, duckdb.Error) and any(word in said for word in _CONFLICT)


@contextmanager
def _turn(con: duckdb.DuckDBPyConnection, name: str) -> Iterator[None]:
    """Hold a name in PostgreSQL until the block ends, or this process does; other engines have one writer anyway."""
    engine, data_path = con.execute(
        f"select catalog_type, data_path from ducklake_settings('{ducklake.NAME}')"
    ).fetchone() or ("", "")
    if not name or engine != "postgres":
        yield
        return
    holder = con.cursor()
    try:
        holder.execute("begin transaction")
        deadline = time.monotonic() + LONGEST_TURN_S
        while not _take(holder, f"{data_path} {name}"):
            if time.monotonic() > deadline:
                raise OstinatoError(
                    f"Another process has been writing {name} for {LONGEST_TURN_S / 60:.0f} minutes; "
                    "wait for it to end, or stop it, then try again."
                )
            time.sleep(random.uniform(0.05, 0.3))  # noqa: S311  spreads who asks, nothing else
        yield
    finally:
        holder.close()  # which rolls back, and so gives the turn on


def _take(holder: duckdb.DuckDBPyConnection, key: str) -> bool:
    """Try to lock a key, which begins with the data's path: worlds that share a database do not wait for each other."""
    quoted = key.replace("'", "''")
    question = f"select pg_try_advisory_xact_lock(hashtextextended('{quoted}', 0)) as is_ours"
    return bool(_scalar(holder, f"select is_ours from postgres_query('{ducklake.METADATA}', ?)", question))


def _scalar(con: duckdb.DuckDBPyConnection, query: str, *values: object) -> object:
    rows = con.execute(query, list(values)).fetchall()  # a result read to its end holds no catalogue locked
    return rows[0][0] if rows else None
