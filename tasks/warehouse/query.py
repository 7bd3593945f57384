"""Read-only questions to the served catalogue."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import first_line
from tasks.warehouse.export import DATABASE
from tasks.warehouse.snapshots import LINK, list_snapshots, nothing_published, served_snapshot

SPILL = f"spill-query-{socket.gethostname()}-"
"""Folder in the world, one a process of this machine, for questions that do not fit into memory."""

ASKING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
"""What may be asked; `describe`, `show` and `values` are read as SELECT."""

Values = Mapping[str, object]


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
    _, con = _open_served(settings)
    try:
        yield con
    finally:
        con.close()


class CatalogueReader:
    """The served catalogue for a process that lives long, such as a web app; threads may share it.

    Each connection that it hands out reads one snapshot from beginning to end. The next one after a publish or a
    rollback reads the new snapshot; the old one is closed when its last user is done, so that it can be pruned.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guard = threading.Lock()
        self._opened: _Opened | None = None

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of the caller's own to the snapshot that is served now.

        Raises
        ------
        OstinatoError
            When nothing is served, or it cannot be opened.
        """
        with self._guard:
            opened = self._served_now()
            opened.n_users += 1
        try:
            with opened.con.cursor() as con:
                yield con
        finally:
            with self._guard:
                opened.n_users -= 1
                opened.close_if_left()

    def query(self, sql: str, values: Values | None = None) -> QueryResult:
        """Answer one question, as `query` does."""
        with self.connection() as con:
            return ask(con, sql, values)

    def close(self) -> None:
        """Let the snapshot go; the next question opens it again."""
        with self._guard:
            self._leave()

    def _served_now(self) -> _Opened:
        """The snapshot that the link names: reading a link takes microseconds, so every question may do it."""
        link = self._settings.serving / LINK
        if self._opened and not (link.is_symlink() and link.readlink().name == self._opened.snapshot.name):
            self._leave()
        if self._opened is None:
            self._opened = _Opened(*_open_served(self._settings))
        return self._opened

    def _leave(self) -> None:
        if self._opened:
            self._opened.is_left = True
            self._opened.close_if_left()
            self._opened = None


@dataclass
class _Opened:
    """A snapshot that a reader has open, and how many use it."""

    snapshot: Path
    con: duckdb.DuckDBPyConnection
    n_users: int = 0
    is_left: bool = False

    def close_if_left(self) -> None:
        if self.is_left and self.n_users == 0:
            self.con.close()


def _open_served(settings: Settings) -> tuple[Path, duckdb.DuckDBPyConnection]:
    """The served snapshot and a connection to it; once more where it was pruned between the two."""
    while True:
        snapshot = served_snapshot(settings)
        if snapshot is None:
            raise OstinatoError(_nothing_served(settings))
        try:
            return snapshot, _connect(settings, snapshot)
        except duckdb.Error as fault:
            if served_snapshot(settings) != snapshot:
                continue
            raise OstinatoError(
                f"The catalogue {snapshot} cannot be opened ({first_line(fault)}); serve another with "
                "`ostinato rollback`, or publish anew with `ostinato refresh --skip-fetch`."
            ) from None


def _connect(settings: Settings, snapshot: Path) -> duckdb.DuckDBPyConnection:
    """A connection that can read this catalogue and nothing else, and whose settings no statement can change."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": settings.threads,
        "memory_limit": f"{settings.memory_gb}GB",
        "temp_directory": str(settings.world / f"{SPILL}{os.getpid()}"),  # else beside the published file
        "autoload_known_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,  # no table is a variable of ours
    }
    con = duckdb.connect(str(snapshot / DATABASE), read_only=True, config=config)
    try:
        con.execute("set global TimeZone = 'UTC'")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
    except duckdb.InvalidInputException:
        pass  # connections of one process share these settings: an earlier one has set and locked them
    return con


def _nothing_served(settings: Settings) -> str:
    kept = list_snapshots(settings)
    if kept:
        return f"The served snapshot is gone; `ostinato rollback` serves {kept[-1].name}."
    return nothing_published(settings)


def query(settings: Settings, sql: str, values: Values | None = None) -> QueryResult:
    """Answer one question on the served catalogue; `values` stand for its `$name`s and are never read as SQL.

    Raises
    ------
    OstinatoError
        With DuckDB's own words when the question is wrong or not allowed; when it is none or more than one.
    """
    with open_catalogue(settings) as con:
        return ask(con, sql, values)


def ask(con: duckdb.DuckDBPyConnection, sql: str, values: Values | None = None) -> QueryResult:
    """The same on a connection to a catalogue."""
    _require_text(sql, *(value for value in (values or {}).values() if isinstance(value, str)))
    try:
        _require_one_question(con.extract_statements(sql))
        con.execute(sql, dict(values) if values else None)
        return QueryResult(_told_apart([str(column[0]) for column in con.description or []]), con.fetchall())
    except duckdb.Error as fault:
        said, *_ = str(fault).split("\n\n")  # a hint such as "Did you mean" is in it, the position below is not
        raise OstinatoError(f"The query was refused: {' '.join(said.split()).rstrip('.')}.") from None


def _require_text(*texts: str) -> None:
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:  # bytes that a shell gave, which Python keeps as lone surrogates
        raise OstinatoError("The query or a value of it holds bytes that are no UTF-8; write it in UTF-8.") from None


def _require_one_question(statements: Sequence[duckdb.Statement]) -> None:
    """One statement that returns rows; DuckDB makes two of a `pivot`, the first of which it has written itself."""
    written = [each for each in statements if each.query] or list(statements[-1:])
    if not written:
        raise OstinatoError("The query is empty; ask one SELECT over the published tables.")
    if len(written) > 1:
        raise OstinatoError(f"The query holds {len(written)} questions; ask one SELECT at a time.")
    if statements[-1].type not in ASKING:
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
