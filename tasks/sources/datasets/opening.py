"""Finds out what a data set file is and which columns it has: the first bytes say it, the name does not."""

from __future__ import annotations

import csv
import io
import stat
from itertools import takewhile
from pathlib import Path

import pyarrow.parquet as pq

from tasks.settings import OstinatoError
from tasks.sources.datasets.reading import HEAD_BYTES, CsvTable, DataFile, ParquetTable, readable, unzipped

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


def open_table(path: Path) -> DataFile:
    """Find out what a file is and which columns it has; its rows are not read yet.

    Raises
    ------
    OstinatoError
        When there is no such file, or it is no table.
    """
    _check_path(path)
    with readable(path, "a file"), path.open("rb") as file:
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
    with readable(path, "Parquet"), pq.ParquetFile(path) as file:
        if file.metadata.num_rows == 0:
            raise OstinatoError(f"{path} has columns but no rows; fetch it again.")
        return ParquetTable(path, list(file.schema_arrow.names))


def _open_csv(path: Path, is_gzip: bool) -> CsvTable:
    with readable(path, "CSV"), path.open("rb") as file:
        head = unzipped(file, is_gzip).read(HEAD_BYTES)
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
