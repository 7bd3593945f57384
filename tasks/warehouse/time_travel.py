"""DuckLake's snapshots: which one a catalogue was published from, and how long they and their files are kept."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import duckdb

from tasks.warehouse.ducklake import NAME
from tasks.warehouse.transactions import in_transaction, is_ducklake

GRACE = timedelta(days=1)
"""How long files of expired snapshots stay: no reader on another machine takes longer."""


def label_snapshot(con: duckdb.DuckDBPyConnection, run_id: str, as_of: date) -> None:
    """Say in DuckLake's own list of snapshots (`from warehouse.snapshots()`) from where a catalogue is published."""
    if is_ducklake(con):
        in_transaction(con, lambda: _label(con, run_id, as_of), turn="build.published")


def _label(con: duckdb.DuckDBPyConnection, run_id: str, as_of: date) -> None:
    """DuckLake keeps a message of a commit that changes something, so that the label is a row as well."""
    con.execute("create schema if not exists build")
    con.execute("create table if not exists build.published (run_id VARCHAR, as_of DATE)")
    con.execute("insert into build.published values (?, ?)", [run_id, as_of])
    message = f"catalogue of {as_of} by run {run_id}".replace("'", "''")
    con.execute(f"call {NAME}.set_commit_message('ostinato', '{message}')")


def snapshot_read(con: duckdb.DuckDBPyConnection) -> int | None:
    """The snapshot that the current transaction reads; None where the warehouse is a DuckDB file."""
    row = con.execute(f"select id from {NAME}.current_snapshot()").fetchone() if is_ducklake(con) else None
    return int(row[0]) if row else None


def expire_snapshots(con: duckdb.DuckDBPyConnection, kept: Collection[int], grace: timedelta = GRACE) -> int:
    """Let DuckLake forget the snapshots up to the newest of `kept` that are not in it, and say how many those were.

    Files that nothing refers to any more are deleted once they have been so for `grace`, those of killed writers too.
    """
    if not kept or not is_ducklake(con):
        return 0
    listed = con.execute(f"select snapshot_id from {NAME}.snapshots() where snapshot_id < ?", [max(kept)]).fetchall()
    expired = sorted({int(number) for (number,) in listed} - set(kept))
    if expired:
        con.execute(f"call ducklake_expire_snapshots('{NAME}', versions => {expired})")
    older = f"older_than => now() - interval '{grace.total_seconds():.0f} seconds'"
    con.execute(f"call ducklake_cleanup_old_files('{NAME}', {older})")
    con.execute(f"call ducklake_delete_orphaned_files('{NAME}', {older})")
    return len(expired)
