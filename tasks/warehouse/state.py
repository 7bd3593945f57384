"""What the warehouse remembers of its own building: of each model, from which inputs it was made, and what changed.

Every table has a *revision*, a name of its content that changes with it. A model whose definition and whose inputs'
revisions are those that it was built from is left alone. The rows in which a table differs from its revision before
are kept in the schema `delta`, so that a model that was built from that one can be brought up to date by them alone.

The notes are only ever added to (and thinned out before a build), and each is written in the same transaction as the
table that it speaks of: a build that dies leaves both or neither, and builds side by side never meet in a row.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import duckdb

from tasks.lake import utc_now
from tasks.warehouse.models import SqlModel
from tasks.warehouse.transactions import in_transaction

RUNNER = 1
"""Raised when the runner builds differently from the same files, so that everything is built anew once."""

NOTES = """
create schema if not exists build;
create schema if not exists delta;
create table if not exists build.note (
    model VARCHAR, number BIGINT, definition VARCHAR, revision VARCHAR, delta_from VARCHAR, n_rows BIGINT,
    inputs VARCHAR, files VARCHAR, built_at TIMESTAMPTZ
);
"""
_COLUMNS = "model, number, definition, revision, delta_from, n_rows, inputs, files"
_NEWEST = (
    "select * from build.note qualify row_number() over (partition by model order by number desc, built_at desc) = 1"
)


@dataclass(frozen=True)
class Note:
    """How a model's table came to be as it is."""

    model: str
    number: int
    """Counts the notes of a model: the clock may be set back."""
    definition: str
    revision: str
    delta_from: str | None
    """The revision that `delta.<model>` leads on from; None where the change was not kept."""
    n_rows: int
    inputs: dict[str, str] = field(default_factory=dict)
    """Input -> the revision that was read."""
    files: dict[str, list[str]] = field(default_factory=dict)
    """Raw table -> marks of the batches that were read."""


def new_revision() -> str:
    """A name that no content had before."""
    return uuid.uuid4().hex[:16]


def delta_table(model: str) -> str:
    """Where the rows are kept in which a table differs from its revision before.

    >>> delta_table("core.track")
    'delta.core_track'
    """
    return f"delta.{model.replace('.', '_')}"


def definition_of(model: SqlModel) -> str:
    """A name of what the model's file says and of how the runner builds it."""
    spec = model.incremental
    said = [RUNNER, model.select, model.columns, model.is_view, spec and [spec.by, spec.reads]]
    return _digest([json.dumps(said, sort_keys=True)])


def prepare_notes(con: duckdb.DuckDBPyConnection) -> dict[str, Note]:
    """The newest note of each table that is still there; all others are removed."""
    return in_transaction(con, lambda: _prepare_notes(con), turn="build.note")


def newest_note(con: duckdb.DuckDBPyConnection, model: str) -> Note | None:
    """The newest note of one model, which may be that of another machine."""
    query = f"select {_COLUMNS} from build.note where model = ? order by number desc, built_at desc limit 1"
    row = con.execute(query, [model]).fetchone()
    return _note_of(*row) if row else None


def _prepare_notes(con: duckdb.DuckDBPyConnection) -> dict[str, Note]:
    con.execute(NOTES)
    tables = "select table_schema || '.' || table_name from information_schema.tables"
    con.execute(f"create or replace temp table newest_note as {_NEWEST}")
    con.execute(f"delete from temp.newest_note where model not in ({tables} where table_catalog = current_database())")
    old = "(model, number) not in (select (model, number) from temp.newest_note)"
    if con.execute(f"select 1 from build.note where {old} limit 1").fetchone():
        con.execute(f"delete from build.note where {old}")
    notes = [_note_of(*row) for row in con.execute(f"select {_COLUMNS} from temp.newest_note").fetchall()]
    con.execute("drop table temp.newest_note")
    here = {name for (name,) in con.execute(f"{tables} where table_schema = 'delta'").fetchall()}
    return {note.model: note if delta_table(note.model) in here else replace(note, delta_from=None) for note in notes}


def _note_of(
    model: str,
    number: int,
    definition: str,
    revision: str,
    delta_from: str | None,
    n_rows: int,
    inputs: str,
    files: str,
) -> Note:
    return Note(model, number, definition, revision, delta_from, n_rows, json.loads(inputs), json.loads(files))


def write_note(con: duckdb.DuckDBPyConnection, note: Note) -> None:
    """Add a note; in the transaction of the table that it speaks of."""
    con.execute(
        "insert into build.note values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            note.model,
            note.number,
            note.definition,
            note.revision,
            note.delta_from,
            note.n_rows,
            json.dumps(note.inputs),
            json.dumps(note.files),
            utc_now(),
        ],
    )


def content_revision(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """The revision of a table that Python fills: a checksum of its rows, in any order."""
    row = con.execute(f"select count(*), bit_xor(hash(t)), sum(hash(t)::hugeint) from {table} as t").fetchone()
    return _digest(map(str, row or ()))


def note_changed_rows(con: duckdb.DuckDBPyConnection, table: str, former: str, changed: str) -> None:
    """Keep which rows of a table that Python fills have changed since its revision `former`, in Python's transaction.

    `changed` selects what the keys of these rows can be told from, of the rows before and after. Where nobody says so,
    what reads the table is built anew.
    """
    revision = content_revision(con, table)
    if revision == former:
        return
    con.execute(NOTES)
    con.execute(f"create or replace table {delta_table(table)} as {changed}")
    number = con.execute("select coalesce(max(number), 0) + 1 from build.note where model = ?", [table]).fetchone()
    write_note(con, Note(table, number[0] if number else 0, "", revision, former, 0))


def file_revision(path: Path) -> str:
    """The revision of a vocabulary: its content."""
    found = path.stat()
    return _of_file(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _of_file(path: Path, size: int, mtime_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def digest_of(revisions: Iterable[str]) -> str:
    """One name for several revisions."""
    return _digest(revisions)


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
