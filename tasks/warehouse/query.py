"""Read-only questions to the served catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import first_line
from tasks.warehouse.publish import served_snapshot


@dataclass(frozen=True)
class QueryResult:
    """Column names and rows as Python values."""

    columns: list[str]
    rows: list[tuple[Any, ...]]

    def as_dicts(self) -> list[dict[str, Any]]:
        """One dict per row, for JSON."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@contextmanager
def open_catalogue(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The served catalogue, read-only, cut off from other files and the network.

    The link is resolved once, at opening: a publish that happens meanwhile does not change what this
    connection reads.

    Raises
    ------
    OstinatoError
        When nothing has been published in this world yet.
    """
    snapshot = served_snapshot(settings)
    if snapshot is None:
        raise OstinatoError(f"Nothing is published in the {settings.profile} world yet; run `ostinato refresh` first.")
    # given at opening: readers of one process share an instance, and no statement can take the ban back
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": settings.threads,
        "enable_external_access": False,
    }
    con = duckdb.connect(str(snapshot / "catalogue.duckdb"), read_only=True, config=config)
    try:
        con.execute("set TimeZone = 'UTC'")
        yield con
    finally:
        con.close()


def query(settings: Settings, sql: str) -> QueryResult:
    """Run one statement on the served catalogue.

    Raises
    ------
    OstinatoError
        With DuckDB's own first line when the statement is wrong or not allowed.
    """
    with open_catalogue(settings) as con:
        try:
            con.execute(sql)
            columns = [str(column[0]) for column in con.description or []]
            return QueryResult(columns, con.fetchall() if columns else [])
        except duckdb.Error as fault:
            raise OstinatoError(f"The query was refused: {first_line(fault)}.") from None
