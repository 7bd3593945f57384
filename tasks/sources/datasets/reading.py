"""Opens a data set file by its content and reads it piece by piece: CSV (plain or gzip) or Parquet.

The first bytes say what a file is, its name does not. Nothing is held in memory beyond one piece.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tasks.settings import OstinatoError
from tasks.sources.datasets.cells import UNDECODED

HEAD_BYTES = 1 << 20
BLOCK_BYTES = 8 << 20  # of CSV text at a time; no row may be longer
BATCH_ROWS = 65_536  # of Parquet at a time
DELIMITERS = ",;\t|"

PARQUET = b"PAR1"
GZIP = b"\x1f\x8b"
FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"BZh": "compressed by bzip2",
    b"SQLite": "a SQLite database",
}


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

    def pieces(self, positions: dict[str, int]) -> Iterator[Piece]:
        """Read the columns at `positions`, renamed by its keys, batch by batch."""
        names = [self.columns[place] for place in positions.values()]
        n_read, size = 0, self.path.stat().st_size
        with _readable(self.path, "Parquet"), pq.ParquetFile(self.path, page_checksum_verification=True) as file:
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

    def pieces(self, positions: dict[str, int]) -> Iterator[Piece]:
        """Read the columns at `positions`, renamed by its keys, block by block.

        Lines with too few or too many fields come as `broken`. A byte that is not UTF-8 is marked by
        `UNDECODED`, so that it spoils one row and not the file.
        """
        broken: list[Broken] = []
        numbers: list[int] = []
        n_above = self.n_blank_lines + 1  # with the header

        def skip(line: pa_csv.InvalidRow) -> str:
            numbers.append(line.number - n_above)
            broken.append(Broken(line.number - n_above, _misfit(line), line.text))
            return "skip"

        n_read = 0
        with _readable(self.path, "CSV"), self.path.open("rb") as file:
            text = _Utf8.of(_unzipped(file, self.is_gzip))
            for batch in self._reader(text, list(positions.values()), skip):
                cells = pa.Table.from_batches([batch]).rename_columns(list(positions))
                rows = _row_numbers(n_read, len(cells), tuple(numbers))
                n_read += len(cells)
                yield Piece(cells, rows, _take(broken, rows.max(initial=0)), file.tell())
            if broken:
                nothing = pa.table({name: pa.array([], pa.string()) for name in positions})
                yield Piece(nothing, np.empty(0, np.int64), broken, file.tell())

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


def open_table(path: Path) -> DataFile:
    """Find out what a file is and which columns it has; its rows are not read yet.

    Raises
    ------
    OstinatoError
        When there is no such file, or it is no table.
    """
    _check_path(path)
    with _readable(path, "a file"), path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise OstinatoError(f"{path} is empty; fetch it again.")
    for magic, what in FOREIGN.items():
        if start.startswith(magic):
            raise OstinatoError(f"{path} is {what}, which cannot be imported; save it as CSV in UTF-8 or as Parquet.")
    return _open_parquet(path) if start.startswith(PARQUET) else _open_csv(path, start.startswith(GZIP))


def _check_path(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise OstinatoError(f"{path} does not exist; check the path.") from None
    except (OSError, ValueError) as fault:
        raise OstinatoError(f"{path} cannot be reached ({fault.args[-1]}); check the path.") from None
    if stat.S_ISDIR(mode):
        raise OstinatoError(f"{path} is a folder; name the files in it that should be imported.")
    if not stat.S_ISREG(mode):
        raise OstinatoError(f"{path} is no ordinary file; save its content as a file and import that.")


def _open_parquet(path: Path) -> ParquetTable:
    with _readable(path, "Parquet"), pq.ParquetFile(path) as file:
        if file.metadata.num_rows == 0:
            raise OstinatoError(f"{path} has columns but no rows; fetch it again.")
        return ParquetTable(path, list(file.schema_arrow.names))


def _open_csv(path: Path, is_gzip: bool) -> CsvTable:
    with _readable(path, "CSV"), path.open("rb") as file:
        head = _unzipped(file, is_gzip).read(HEAD_BYTES)
    if head.startswith(PARQUET):
        raise OstinatoError(f"{path} is Parquet inside gzip; unpack it and import it again.")
    if b"\0" in head:
        raise OstinatoError(f"{path} is neither Parquet nor text; save it as CSV in UTF-8 or as Parquet.")
    text = head.decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise OstinatoError(f"{path} holds no text; fetch it again.")
    blank = "".join(takewhile(lambda line: not line.strip(), text.splitlines(keepends=True)))
    text = text.removeprefix(blank)
    delimiter, columns, is_followed = max((_header(text, one) for one in DELIMITERS), key=lambda found: len(found[1]))
    if not columns:
        raise OstinatoError(f"{path} has no header line that can be read; its first line must name the columns.")
    if not is_followed:
        raise OstinatoError(f"{path} has a header line but no rows; fetch it again.")
    return CsvTable(path, columns, delimiter, is_gzip, blank.count("\n"))


def _header(text: str, delimiter: str) -> tuple[str, list[str], bool]:
    """The column names that a delimiter gives, and whether anything comes after them."""
    lines = (line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line)
    try:
        columns = [name.strip() for name in next(lines)]
    except (csv.Error, StopIteration):
        return delimiter, [], False
    try:
        return delimiter, columns, next(lines, None) is not None
    except csv.Error:  # a long cell: there is something
        return delimiter, columns, True


def _unzipped(file: BinaryIO, is_gzip: bool) -> BinaryIO:
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


def _misfit(line: pa_csv.InvalidRow) -> str:
    quote = ", perhaps for a quote that is not closed" if "\n" in line.text else ""
    return f"the row has {line.actual_columns} fields, not {line.expected_columns}{quote}"


def _take(broken: list[Broken], last: int) -> list[Broken]:
    """Remove those up to row `last`: the reader is ahead of the rows that it has given out."""
    n_taken = sum(line.row <= last for line in broken)
    taken = broken[:n_taken]
    del broken[:n_taken]
    return taken


def _row_numbers(n_before: int, n_rows: int, skipped: Sequence[int]) -> np.ndarray:
    """Number rows as the file counts them, where `skipped` (ascending) names the numbers that are not rows.

    >>> _row_numbers(1, 3, [2, 4])  # the first row came before; 2 and 4 are broken
    array([3, 5, 6])
    """
    nth = np.arange(n_before + 1, n_before + n_rows + 1)
    n_rows_before_each = np.asarray(skipped, np.int64) - np.arange(1, len(skipped) + 1)
    return nth + np.searchsorted(n_rows_before_each, nth, side="left")


@contextmanager
def _readable(path: Path, what: str) -> Iterator[None]:
    """Say in one sentence why a file could not be read."""
    try:
        yield
    except PermissionError:
        raise OstinatoError(f"{path} may not be read; give yourself the right to read it (chmod u+r).") from None
    except (OSError, EOFError, zlib.error, pa.ArrowException) as fault:
        why = " ".join(str(fault).split())[:200]
        hint = "close its quotes or fetch it again" if "block" in why or "chunker" in why else "fetch it again"
        raise OstinatoError(f"{path} is damaged or cut off and cannot be read as {what} ({why}); {hint}.") from fault
