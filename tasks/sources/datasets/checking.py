"""Checks the rows of one piece of a file: good ones in the lake's types, the others with the reason against them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.sources.datasets.cells import UNDECODED, Cells, convert, without_nothing
from tasks.sources.datasets.kinds import (
    DATES,
    LISTED_MAX,
    NAMES_MAX,
    NOTHING,
    PROSE,
    PROSE_MAX,
    SHAPES,
    TEXT_MAX,
    UNKNOWN_YEAR,
    YEARS,
    Kind,
)
from tasks.sources.datasets.reading import Piece

REJECTS = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())])
"""A rejected row: its number in the file (from 1, the header not counted), why, and what was read of it."""

_KEPT_MAX = 4_000  # characters of a rejected row that are kept


class Checked(NamedTuple):
    """One piece, sorted out."""

    good: pa.Table
    """Rows with the kind's columns, in the lake's types."""
    rejects: pa.Table
    """Rows of the schema `REJECTS`."""


def check(piece: Piece, kind: Kind) -> Checked:
    """Convert every column, then set aside each row that has a cell of the wrong type, lacks its key or cannot be."""
    columns, reasons = {}, pa.nulls(len(piece.cells), pa.string())
    for name in sorted(kind.columns, key=lambda column: column not in kind.key):
        if name not in piece.cells.column_names:
            columns[name] = pa.nulls(len(piece.cells), kind.columns[name])
            continue
        cells = convert(_whole_column(piece.cells[name]), kind.columns[name], name in kind.json)
        columns[name] = without_nothing(cells.values, NOTHING.get(name, ())) if name in SHAPES else cells.values
        for is_faulty, reason in _faults(name, cells._replace(values=columns[name]), kind):
            reasons = pc.if_else(pc.and_(is_faulty, pc.is_null(reasons)), reason, reasons)
    is_good = pc.is_null(reasons)
    table = pa.table({name: columns[name] for name in kind.columns})
    return Checked(table.filter(is_good), _rejects(piece, reasons, pc.invert(is_good)))


def _faults(name: str, cells: Cells, kind: Kind) -> Iterator[tuple[pa.Array, str]]:
    """What is held against a column: which rows, and why; the first reason of a row is the one that is told."""
    yield cells.is_wrong, f"{name} is not {cells.wanted}"
    if name in kind.key:
        yield pc.is_null(cells.values), f"{name} is missing"
    kept = cells.values.type
    if pa.types.is_string(kept):
        n_max = PROSE_MAX if name in PROSE or name in kind.json else TEXT_MAX
        yield _is_longer(cells.values, n_max), f"{name} is longer than {n_max:,} characters"
    if pa.types.is_list(kept):
        n_max = LISTED_MAX.get(name, NAMES_MAX)
        yield _has_too_many(cells.values, n_max), f"{name} has more than {n_max:,} names"
        yield _has_longer(cells.values, TEXT_MAX), f"{name} has a name longer than {TEXT_MAX:,} characters"
    bounds = kind.range_of(name)
    if bounds and not pa.types.is_string(kept):  # one kind has its budget as text
        low, high = bounds
        is_outside = pc.or_(pc.less(cells.values, low), pc.greater(cells.values, high))
        yield pc.fill_null(is_outside, False), f"{name} is outside {low:,.15g} to {high:,.15g}"
    if name in SHAPES:
        fits = pc.match_substring_regex(cells.values, f"^(?:{SHAPES[name].pattern})$")
        yield pc.fill_null(pc.invert(fits), False), f"{name} is not {SHAPES[name].words}"
    if name in DATES:
        yield _is_no_date(cells.values), f"{name} is not in the calendar of {YEARS[0]} to {YEARS[-1]}"


def _is_longer(text: pa.Array, n_max: int) -> pa.Array:
    return pc.fill_null(pc.greater(pc.utf8_length(text), n_max), False)


def _has_too_many(lists: pa.Array, n_max: int) -> pa.Array:
    return pc.fill_null(pc.greater(pc.list_value_length(lists), n_max), False)


def _has_longer(lists: pa.Array, n_max: int) -> pa.Array:
    longer = pc.list_parent_indices(lists).filter(_is_longer(pc.list_flatten(lists), n_max))
    return pc.is_in(pa.array(np.arange(len(lists))), longer)


def _is_no_date(dates: pa.Array) -> pa.Array:
    impossible = [text for text in dates.unique().drop_null().to_pylist() if not _can_be(text)]
    return pc.is_in(dates, pa.array(impossible, pa.string()))


def _can_be(text: str) -> bool:
    """Whether a day, month or year exists and is not out of all reach.

    >>> [_can_be(text) for text in ("2024.02.29", "201412", "1917", "0000")]
    [True, True, True, True]
    >>> [_can_be(text) for text in ("2024.13.45", "2023-02-29", "2999.01.01")]
    [False, False, False]
    """
    digits = text.replace(".", "").replace("-", "")
    try:
        return text == UNKNOWN_YEAR or date.fromisoformat(digits + "0101"[len(digits) - 4 :]).year in YEARS
    except ValueError:
        return False


def _rejects(piece: Piece, reasons: pa.Array, is_rejected: pa.Array) -> pa.Table:
    numbers = pa.array(piece.rows).filter(is_rejected).to_pylist() + [line.row for line in piece.broken]
    why = reasons.filter(is_rejected).to_pylist() + [line.reason for line in piece.broken]
    texts = _texts(piece.cells.filter(is_rejected)) + [line.text for line in piece.broken]
    table = pa.table([numbers, why, [_storable(text) for text in texts]], schema=REJECTS)
    return table.sort_by("row")


def _texts(rows: pa.Table) -> list[str]:
    """Each row as one line of JSON, its cells as the file holds them."""
    columns = [[_readable(cell) for cell in column] for column in rows.columns]
    return [
        json.dumps(dict(zip(rows.column_names, row, strict=True)), ensure_ascii=False, default=str)
        for row in zip(*columns, strict=True)
    ]


def _readable(cell: pa.Scalar) -> Any:
    """A cell of any type as it can be written; bytes that are not UTF-8 show as escapes."""
    if isinstance(cell, pa.StringScalar | pa.LargeStringScalar):
        cell = cell.cast(pa.large_binary())
    value = cell.as_py()
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def _storable(text: str) -> str:
    short = text if len(text) <= _KEPT_MAX else f"{text[:_KEPT_MAX]}…"
    return short.replace(UNDECODED, r"\x").encode(errors="backslashreplace").decode()


def _whole_column(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
