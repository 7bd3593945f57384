"""Reads a data set file piece by piece: CSV (plain or gzip) or Parquet. Nothing is held in memory beyond one piece."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tasks.settings import OstinatoError
from tasks.sources.datasets.cells import UNDECODED

HEAD_BYTES = 1 << 20
BLOCK_BYTES = 8 << 20  # of CSV text at a time; no row may be longer
BATCH_ROWS = 65_536  # of Parquet at a time


def _mark(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeDecodeError):
        raise fault
    return "".join(f"{UNDECODED}{byte:02x}" for byte in fault.object[fault.start : fault.end]), fault.end


codecs.register_error("ostinato.mark", _mark)


class Broken(NamedTuple):
    """A stretch of a file that is no row at all."""

    row: int  # from 1, the header not counted
    reason: str
    text: str


@dataclass(frozen=True)
class Piece:
    """Some rows as the file holds them."""

    cells: pa.Table
    """The columns that were asked for, under the names that were given; CSV cells are text."""
    rows: np.ndarray
    """The number of each row in the file, from 1, the header not counted; (n,) int64."""
    broken: list[Broken]
    n_bytes: int
    """How much of the file has been read."""


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file."""

    path: Path
    columns: list[str]

    def pieces(self, positions: dict[str, int], n_cells_min: int | None = None) -> Iterator[Piece]:
        """Read the columns at `positions`, renamed by its keys, batch by batch; every row has all its cells here."""
        names = [self.columns[place] for place in positions.values()]
        n_read, size = 0, self.path.stat().st_size
        with readable(self.path, "Parquet"), pq.ParquetFile(self.path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(dict.fromkeys(names))):
                cells = pa.table([batch.column(name) for name in names], names=list(positions))
                rows = np.arange(n_read + 1, n_read + 1 + len(cells))
                n_read += len(cells)
                yield Piece(cells, rows, [], size * n_read // file.metadata.num_rows)


@dataclass(frozen=True)
class CsvTable:
    """A text file with a header line, fields between `delimiter`, quoted by `"`."""

    path: Path
    columns: list[str]
    delimiter: str
    is_gzip: bool
    n_blank_lines: int
    """How many there are above the header."""

    def pieces(self, positions: dict[str, int], n_cells_min: int | None = None) -> Iterator[Piece]:
        """Read the columns at `positions`, renamed by its keys, block by block.

        Lines with too few or too many fields come as `broken`; with `n_cells_min`, one that has so many whole cells
        before it breaks off comes as a row without the others. A byte that is not UTF-8 is marked by `UNDECODED`, so
        that it spoils one row and not the file.
        """
        misfits = _Misfits(self, positions, n_cells_min)
        n_read = 0
        with readable(self.path, "CSV"), self.path.open("rb") as file:
            text = _Utf8.of(unzipped(file, self.is_gzip))
            for batch in self._reader(text, list(positions.values()), misfits.skip):
                cells = pa.Table.from_batches([batch]).rename_columns(list(positions))
                rows = _row_numbers(n_read, len(cells), misfits.rows)
                n_read += len(cells)
                yield misfits.fill(Piece(cells, rows, [], file.tell()), rows.max(initial=0))
            nothing = pa.table({name: pa.array([], pa.string()) for name in positions})
            yield misfits.fill(Piece(nothing, np.empty(0, np.int64), [], file.tell()), last=None)

    def _reader(self, text: BinaryIO, places: list[int], on_misfit: object) -> pa_csv.CSVStreamingReader:
        names = [f"c{place}" for place in range(len(self.columns))]  # their own names may be missing or double
        return pa_csv.open_csv(
            text,
            # One thread: only then does an invalid row know its number.
            read_options=pa_csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                column_names=names,
                skip_rows=self.n_blank_lines,
                skip_rows_after_names=1,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=on_misfit
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[names[place] for place in places],
            ),
        )


DataFile = ParquetTable | CsvTable


def unzipped(file: BinaryIO, is_gzip: bool) -> BinaryIO:
    """The bytes of a file without the gzip around them, if there is one."""
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if is_gzip else file


class _Utf8(io.RawIOBase):
    """The bytes of a file as sound UTF-8: pyarrow drops a broken line unseen if it cannot be decoded."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")("ostinato.mark")
        self._ready = memoryview(b"")
        self._is_over = False

    @classmethod
    def of(cls, file: BinaryIO) -> BinaryIO:
        """A file to read from, buffered."""
        return io.BufferedReader(cls(file), HEAD_BYTES)

    def readable(self) -> bool:
        """As every file that is read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as there is something; 0 at the end."""
        while not self._ready and not self._is_over:
            raw = self._file.read(HEAD_BYTES)
            self._is_over = not raw
            self._ready = memoryview(self._decoder.decode(raw, final=self._is_over).encode())
        n_bytes = min(len(buffer), len(self._ready))
        buffer[:n_bytes] = self._ready[:n_bytes]
        self._ready = self._ready[n_bytes:]
        return n_bytes


class _Misfits:
    """The lines of a file that are no whole rows; the reader is ahead of the rows that it has given out."""

    def __init__(self, table: CsvTable, positions: dict[str, int], n_cells_min: int | None) -> None:
        self.rows: list[int] = []
        """Their numbers, ascending."""
        self._delimiter = table.delimiter
        self._n_above = table.n_blank_lines + 1  # with the header
        self._positions = positions
        self._n_cells_min = n_cells_min
        self._broken: list[Broken] = []
        self._short: list[_Short] = []

    def skip(self, line: pa_csv.InvalidRow) -> str:
        """Take note of a line; the answer tells the reader to go on."""
        row = line.number - self._n_above
        self.rows.append(row)
        cells = self._whole_cells(line)
        if cells is None:
            self._broken.append(Broken(row, _misfit(line), line.text))
        else:
            self._short.append(_Short(row, cells))
        return "skip"

    def _whole_cells(self, line: pa_csv.InvalidRow) -> dict[str, str] | None:
        """The cells of a line that ends early, without the one in which it does; None where too few are whole."""
        if self._n_cells_min is None or not self._n_cells_min < line.actual_columns < line.expected_columns:
            return None
        if "\n" in line.text or "\r" in line.text:  # other rows may hide behind a quote that is not closed
            return None
        try:
            cells = next(csv.reader(io.StringIO(line.text, newline=""), delimiter=self._delimiter))[:-1]
        except csv.Error:  # a cell of more than 128 KiB
            return None
        return {name: cells[place] for name, place in self._positions.items() if place < len(cells)}

    def fill(self, piece: Piece, last: int | None) -> Piece:
        """Add to a piece what belongs to it: all up to row `last`, or all that is left."""
        broken, self._broken = _up_to(last, self._broken)
        short, self._short = _up_to(last, self._short)
        if not short:
            return replace(piece, broken=broken)
        added = {name: pa.array([row.cells.get(name) for row in short], pa.string()) for name in self._positions}
        cells = pa.concat_tables([piece.cells, pa.table(added)])
        rows = np.concatenate([piece.rows, [row.row for row in short]])
        order = np.argsort(rows)
        return replace(piece, cells=cells.take(order), rows=rows[order], broken=broken)


class _Short(NamedTuple):
    """A row that ends early."""

    row: int
    cells: dict[str, str]


_Line = TypeVar("_Line", Broken, _Short)


def _up_to(last: int | None, lines: list[_Line]) -> tuple[list[_Line], list[_Line]]:
    n_taken = len(lines) if last is None else sum(line.row <= last for line in lines)
    return lines[:n_taken], lines[n_taken:]


def _misfit(line: pa_csv.InvalidRow) -> str:
    quote = ", perhaps for a quote that is not closed" if "\n" in line.text else ""
    return f"the row has {line.actual_columns} fields, not {line.expected_columns}{quote}"


def _row_numbers(n_before: int, n_rows: int, skipped: Sequence[int]) -> np.ndarray:
    """Number rows as the file counts them, where `skipped` (ascending) names the numbers that are not rows.

    >>> _row_numbers(1, 3, [2, 4])  # the first row came before; 2 and 4 are broken
    array([3, 5, 6])
    """
    nth = np.arange(n_before + 1, n_before + n_rows + 1)
    n_rows_before_each = np.asarray(skipped, np.int64) - np.arange(1, len(skipped) + 1)
    return nth + np.searchsorted(n_rows_before_each, nth, side="left")


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Say in one sentence why a file could not be read."""
    try:
        yield
    except PermissionError:
        raise OstinatoError(f"{path} may not be read; give yourself the right to read it (chmod u+r).") from None
    except (OSError, EOFError, zlib.error, pa.ArrowException) as fault:
        why = " ".join(str(fault).split())[:200]
        hint = "close its quotes or fetch it again" if "block" in why or "chunker" in why else "fetch it again"
        raise OstinatoError(f"{path} is damaged or cut off and cannot be read as {what} ({why}); {hint}.") from fault
