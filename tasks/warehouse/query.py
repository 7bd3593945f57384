"""Read-only questions to the served catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import duckdb

from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import first_line
from tasks.warehouse.publish import list_snapshots, nothing_published, served_snapshot


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
        raise OstinatoError(_nothing_served(settings))
    # given at opening: readers of one process share an instance, and no statement can take the ban back
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": settings.threads,
        "enable_external_access": False,
    }
    try:
        con = duckdb.connect(str(snapshot / "catalogue.duckdb"), read_only=True, config=config)
    except duckdb.Error as fault:
        raise OstinatoError(
            f"The catalogue {snapshot} cannot be opened ({first_line(fault)}); serve another with "
            "`ostinato rollback`, or publish anew with `ostinato refresh --skip-fetch`."
        ) from None
    try:
        con.execute("set TimeZone = 'UTC'")
        yield con
    finally:
        con.close()


def _nothing_served(settings: Settings) -> str:
    kept = list_snapshots(settings)
    if kept:
        return f"The served snapshot is gone; `ostinato rollback` serves {kept[-1].name}."
    return nothing_published(settings)


def query(settings: Settings, sql: str) -> QueryResult:
    """Answer one question on the served catalogue.

    Raises
    ------
    OstinatoError
        With DuckDB's own words when the question is wrong or not allowed; when it is none or more than one.
    """
    with open_catalogue(settings) as con:
        try:
            _require_one_question(con.extract_statements(sql))
            con.execute(sql)
            return QueryResult(_told_apart([str(column[0]) for column in con.description or []]), con.fetchall())
        except duckdb.Error as fault:
            said, *_ = str(fault).split("\n\n")  # a hint such as "Did you mean" is in it, the position below is not
            raise OstinatoError(f"The query was refused: {' '.join(said.split()).rstrip('.')}.") from None


def _require_one_question(statements: Sequence[duckdb.Statement]) -> None:
    """One statement that returns rows, at the end: `pivot` is read as two, the first of which returns none."""
    is_asking = [each.expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT] for each in statements]
    if not statements:
        raise OstinatoError("The query is empty; ask one SELECT over the published tables.")
    if sum(is_asking) > 1:
        raise OstinatoError(f"The query holds {sum(is_asking)} questions; ask one SELECT at a time.")
    if not is_asking[-1]:
        raise OstinatoError("The published catalogue can only be read; ask one SELECT over its tables.")


def _told_apart(columns: Sequence[str]) -> list[str]:
    """Column names of which no two are the same, so that none hides another in JSON.

    >>> _told_apart(["title", "year", "title"])
    ['title', 'year', 'title_1']
    """
    told: list[str] = []
    for column in columns:
        numbered = (f"{column}_{number}" for number in count(1))
        told.append(column if column not in told else next(name for name in numbered if name not in {*columns, *told}))
    return told
