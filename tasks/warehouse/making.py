"""Makes one model's table: leaves it, brings it up to date by the keys that changed, or builds it anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import duckdb

from tasks.lake import read_lock
from tasks.places import Listed, is_remote
from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import first_line
from tasks.warehouse.inputs import (
    RAW,
    keys_of,
    part_of,
    raw_files,
    raw_subquery,
    rows_of_keys,
    with_inputs,
)
from tasks.warehouse.models import Incremental, SqlModel
from tasks.warehouse.state import Note, definition_of, delta_table, digest_of, new_revision, newest_note, write_note
from tasks.warehouse.transactions import in_transaction, is_ducklake

MOST_CHANGED = 0.5
"""Share of keys among a table's rows beyond which building it anew is cheaper, measured with a million tracks."""


class How(StrEnum):
    """How a table came to be up to date."""

    UNCHANGED = "unchanged"
    CHANGED_KEYS = "changed keys"
    ANEW = "anew"


@dataclass(frozen=True)
class Made:
    """What became of one model."""

    note: Note
    how: How
    n_changed: int
    """Rows written: all of them where it was built anew."""


@dataclass(frozen=True)
class Inputs:
    """What a model reads now, by revision; raw tables by their batches."""

    revisions: dict[str, str]
    files: dict[str, list[Listed]]


def make(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    model: SqlModel,
    revisions: Mapping[str, str],
    notes: Mapping[str, Note],
    *,
    anew: bool = False,
) -> Made:
    """Bring one model up to date in one transaction.

    `revisions` are those of all that it reads but raw tables, `notes` those of the models as they are now.

    Raises
    ------
    OstinatoError
        When the SELECT fails or its columns are not those that its header promises.
    """
    try:
        return _make_once(con, settings, model, revisions, notes, anew=anew)
    except OstinatoError as fault:
        if not is_remote(settings.lake) or not isinstance(fault.__cause__, duckdb.Error):
            raise
        return _make_once(con, settings, model, revisions, notes, anew=anew)  # a batch was replaced as it was read


def _make_once(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    model: SqlModel,
    revisions: Mapping[str, str],
    notes: Mapping[str, Note],
    *,
    anew: bool,
) -> Made:
    with _raw_held(settings, model) as files:
        now = Inputs({read: revisions[read] for read in sorted(model.depends_on) if not read.startswith(RAW)}, files)
        before = notes.get(model.name)
        if before and not anew and _is_same(model, now, before):
            return Made(before, How.UNCHANGED, 0)
        try:
            return in_transaction(
                con, lambda: _make_in_turn(con, model, now, before, notes, anew=anew), turn=model.name
            )
        except duckdb.Error as fault:
            raise OstinatoError(f"The SQL model {model.name} failed: {first_line(fault)}.") from fault


@contextmanager
def _raw_held(settings: Settings, model: SqlModel) -> Iterator[dict[str, list[Listed]]]:
    """The batches of the raw tables that a model reads, held still; a writer of the lake waits for one model."""
    reads = sorted(read for read in model.depends_on if read.startswith(RAW))
    if not reads:
        yield {}
        return
    with read_lock(settings.lake):
        yield {read: raw_files(settings, read) for read in reads}


def _is_same(model: SqlModel, now: Inputs, before: Note) -> bool:
    is_same_file = before.definition == definition_of(model)
    return is_same_file and now.revisions == before.inputs and _marks(now) == before.files


def _marks(now: Inputs) -> dict[str, list[str]]:
    return {read: [file.mark for file in files] for read, files in now.files.items()}


def _make_in_turn(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel,
    now: Inputs,
    before: Note | None,
    notes: Mapping[str, Note],
    *,
    anew: bool,
) -> Made:
    """Make the model, unless another machine has made it since `before` was read; what that one kept of changes leads
    on from a revision that we do not know, so that where it is not the same it is made anew."""
    newest = newest_note(con, model.name) if is_ducklake(con) else before
    if newest == before:
        return _make(con, model, now, before, notes, anew=anew)
    if newest and not anew and _is_same(model, now, newest):
        return Made(newest, How.UNCHANGED, 0)
    return _make(con, model, now, newest, notes, anew=True)


def _make(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel,
    now: Inputs,
    before: Note | None,
    notes: Mapping[str, Note],
    *,
    anew: bool,
) -> Made:
    raw = {read: raw_subquery(read, [str(file.path) for file in files]) for read, files in now.files.items()}
    select = with_inputs(model.select, raw)
    check_columns(con, model, select)
    if model.is_view:
        return _make_view(con, model, now, before, select)
    if before is None or anew or before.definition != definition_of(model):
        return _build_anew(con, model, now, before, select)
    if model.incremental and (selects := _changed_keys(model.incremental, now, before, notes)) is not None:
        wanted = _collect_keys(con, model.name, selects)
        if _count(con, wanted) <= MOST_CHANGED * before.n_rows:
            return _update(con, model, model.incremental, now, before, raw, wanted)
    return _replace(con, model, now, before, select)


def _make_view(con: duckdb.DuckDBPyConnection, model: SqlModel, now: Inputs, before: Note | None, select: str) -> Made:
    """Put a view in place; its revision is that of all that it reads."""
    if now.files:
        raise OstinatoError(f"{model.name} is a view and cannot read raw tables, whose files change; make it a table.")
    _drop_other_kind(con, model)
    con.execute(f"create or replace view {model.name} as {select}")
    number = before.number + 1 if before else 0
    note = Note(model.name, number, definition_of(model), view_revision(model, now.revisions), None, 0, now.revisions)
    write_note(con, note)
    return Made(note, How.ANEW, 0)


def view_revision(model: SqlModel, revisions: Mapping[str, str]) -> str:
    """A view shows other rows when its file or what it reads does."""
    return digest_of([definition_of(model), *(revisions[read] for read in sorted(revisions))])


def _changed_keys(spec: Incremental, now: Inputs, before: Note, notes: Mapping[str, Note]) -> list[str] | None:
    """SELECTs of the keys that changed; None where they cannot be told, so that the table is built anew."""
    selects = []
    for read, revision in now.revisions.items():
        if before.inputs.get(read) == revision:
            continue
        made = notes.get(read)
        is_told = made is not None and made.revision == revision and made.delta_from == before.inputs.get(read)
        if read not in spec.reads or not is_told:
            return None
        selects.append(keys_of(spec, read, delta_table(read)))
    for read, files in now.files.items():
        had = set(before.files.get(read, ()))
        new = [str(file.path) for file in files if file.mark not in had]
        is_lost = bool(had - {file.mark for file in files})  # its rows, and so their keys, are not known any more
        if is_lost or (new and read not in spec.reads):
            return None
        if new:
            selects.append(keys_of(spec, read, raw_subquery(read, new)))
    return selects


def _collect_keys(con: duckdb.DuckDBPyConnection, name: str, selects: list[str]) -> str:
    table = f"temp.keys_of_{name.replace('.', '_')}"
    con.execute(f"create or replace temp table {table.removeprefix('temp.')} as {' union '.join(selects)}")
    return table


def _update(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel,
    spec: Incremental,
    now: Inputs,
    before: Note,
    raw: Mapping[str, str],
    wanted: str,
) -> Made:
    """Replace the rows of the wanted keys, and only where they differ; what differs is kept for who reads the table."""
    parts = {
        read: part_of(spec, read, raw.get(read, read), wanted) for read in spec.reads if spec.keys_select(read) is None
    }
    fresh, gone, name = "temp.fresh_rows", "temp.former_rows", model.name
    select = with_inputs(model.select, {**raw, **parts})
    con.execute(f"create or replace temp table fresh_rows as {rows_of_keys(spec, f'({select})', wanted)}")
    con.execute(f"create or replace temp table former_rows as {rows_of_keys(spec, name, wanted)}")
    n_changed = _write_delta(con, name, fresh, gone)
    if n_changed:
        by = ", ".join(f'"{column}"' for column in spec.by)
        on = " and ".join(f'{name}."{column}" = changed."{column}"' for column in spec.by)
        changed = f"(select distinct {by} from {delta_table(name)})"
        con.execute(f"delete from {name} using {changed} as changed where {on}")
        con.execute(
            f"insert into {name} select fresh.* from {fresh} as fresh semi join {changed} as changed using ({by})"
        )
    for table in (wanted, fresh, gone):
        con.execute(f"drop table {table}")
    return Made(_note_change(con, model, now, before, n_changed), How.CHANGED_KEYS, n_changed)


def _write_delta(con: duckdb.DuckDBPyConnection, name: str, fresh: str, former: str) -> int:
    """Keep the rows that are in one of two tables alone, and count them; without any, the last delta still holds."""
    con.execute(
        f"create or replace temp table difference as "
        f"(from {former} except all from {fresh}) union all (from {fresh} except all from {former})"
    )
    n_changed = _count(con, "temp.difference")
    if n_changed:
        con.execute(f"create or replace table {delta_table(name)} as from temp.difference")
    con.execute("drop table temp.difference")
    return n_changed


def _build_anew(con: duckdb.DuckDBPyConnection, model: SqlModel, now: Inputs, before: Note | None, select: str) -> Made:
    """Make the whole table, which readers have to take for another one."""
    _drop_other_kind(con, model)
    con.execute(f"create or replace table {model.name} as {select}")
    note = _note(con, model, now, before, new_revision(), None)
    return Made(note, How.ANEW, note.n_rows)


def _replace(con: duckdb.DuckDBPyConnection, model: SqlModel, now: Inputs, before: Note, select: str) -> Made:
    """Make the whole table and keep in which rows it differs from the one before."""
    con.execute(f"create or replace temp table fresh_rows as {select}")
    n_changed = _write_delta(con, model.name, "temp.fresh_rows", model.name)
    if n_changed:
        con.execute(f"create or replace table {model.name} as from temp.fresh_rows")
    con.execute("drop table temp.fresh_rows")
    note = _note_change(con, model, now, before, n_changed)
    return Made(note, How.ANEW, note.n_rows)


def _note_change(con: duckdb.DuckDBPyConnection, model: SqlModel, now: Inputs, before: Note, n_changed: int) -> Note:
    if n_changed:
        return _note(con, model, now, before, new_revision(), before.revision)
    return _note(con, model, now, before, before.revision, before.delta_from)


def _note(
    con: duckdb.DuckDBPyConnection,
    model: SqlModel,
    now: Inputs,
    before: Note | None,
    revision: str,
    delta_from: str | None,
) -> Note:
    """Write down from what the table was made."""
    number = before.number + 1 if before else 0
    n_rows = _count(con, model.name)
    note = Note(model.name, number, definition_of(model), revision, delta_from, n_rows, now.revisions, _marks(now))
    write_note(con, note)
    return note


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def _drop_other_kind(con: duckdb.DuckDBPyConnection, model: SqlModel) -> None:
    """A table makes room for a view of its name, and the other way round."""
    kind, listing, column = (
        ("table", "duckdb_tables()", "table_name") if model.is_view else ("view", "duckdb_views()", "view_name")
    )
    query = f"select 1 from {listing} where schema_name = ? and {column} = ? and database_name = current_database()"
    if con.execute(query, [model.schema, model.table]).fetchone():
        con.execute(f"drop {kind} {model.name}")


def check_columns(con: duckdb.DuckDBPyConnection, model: SqlModel, select: str) -> None:
    """The header is a contract: names, order and types of the result must be its own.

    Raises
    ------
    OstinatoError
        Naming the first column that differs.
    """
    found = {str(row[0]): str(row[1]).upper() for row in con.execute(f"describe {select}").fetchall()}
    promised = model.column_types()
    if found == promised and list(found) == list(promised):
        return
    for name in (*promised, *found):
        if found.get(name) != promised.get(name):
            raise OstinatoError(
                f"Column {name} of {model.name} is {found.get(name, 'missing')} in its result "
                f"but {promised.get(name, 'missing')} in its header."
            )
    raise OstinatoError(f"The columns of {model.name} come in another order than its header says: {', '.join(found)}.")
