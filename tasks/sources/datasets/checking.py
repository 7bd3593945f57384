"""Checks the rows of one piece of a file: good ones in the lake's types, the others with the reason against them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tasks.sources.datasets.cells import UNDECODED, Cells, convert
from tasks.sources.datasets.kinds import RANGES, SHAPES, Kind
from tasks.sources.datasets.reading import Piece

REJECTS = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())])
"""A rejected row: its number in the file (from 1, the header not counted), why, and what was read of it."""

_TEXT_MAX = 4_000  # characters of a rejected row that are kept


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
        columns[name] = pc.utf8_trim_whitespace(cells.values) if name in SHAPES else cells.values
        for is_faulty, reason in _faults(name, cells._replace(values=columns[name]), name in kind.key):
            reasons = pc.if_else(pc.and_(is_faulty, pc.is_null(reasons)), reason, reasons)
    is_good = pc.is_null(reasons)
    table = pa.table({name: columns[name] for name in kind.columns})
    return Checked(table.filter(is_good), _rejects(piece, reasons, pc.invert(is_good)))


def _faults(name: str, cells: Cells, is_key: bool) -> Iterator[tuple[pa.Array, str]]:
    """What is held against a column: which rows, and why; the first reason of a row is the one that is told."""
    yield cells.is_wrong, f"{name} is not {cells.wanted}"
    if is_key:
        yield pc.is_null(cells.values), f"{name} is missing"
    if name in RANGES:
        low, high = RANGES[name]
        is_outside = pc.or_(pc.less(cells.values, low), pc.greater(cells.values, high))
        yield pc.fill_null(is_outside, False), f"{name} is outside {low:g} to {high:g}"
    if name in SHAPES:
        fits = pc.match_substring_regex(cells.values, f"^(?:{SHAPES[name].pattern})$")
        yield pc.fill_null(pc.invert(fits), False), f"{name} is not {SHAPES[name].words}"


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
    short = text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"
    return short.replace(UNDECODED, r"\x").encode(errors="backslashreplace").decode()


def _whole_column(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
