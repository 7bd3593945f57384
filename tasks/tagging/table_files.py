"""Reads a user's CSV or Parquet, and writes Parquet, CSV or JSON lines, so that a file appears whole or not at all."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tasks.settings import OstinatoError

ENDINGS = (".parquet", ".csv", ".jsonl")
MISSING_WORDS = ("NA", "N/A", "NaN", "nan", "NULL", "null", "None")
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")


def check_target(out: Path, source: Path) -> None:
    """Say at once when the result could not be written.

    Raises
    ------
    OstinatoError
        When the ending is unknown, the folder is missing, or the result would replace its own source.
    """
    if out.suffix.lower() not in ENDINGS:
        raise OstinatoError(f"{out} ends in none of {', '.join(ENDINGS)}; the ending says what is written.")
    if not out.parent.is_dir():
        raise OstinatoError(f"The folder {out.parent} does not exist; make it or name another for the result.")
    if out.is_dir():
        raise OstinatoError(f"{out} is a folder; name a file for the result.")
    if out.exists() and source.exists() and out.samefile(source):
        raise OstinatoError(f"{out} is the table to be tagged; name another file for the result.")


def read_table(file: Path, columns: Sequence[str], text_columns: Sequence[str]) -> pd.DataFrame:
    """Those of `columns` that a Parquet or CSV file has; its content, not its name, says which of the two it is.

    Raises
    ------
    OstinatoError
        When the file cannot be read as either.
    """
    if not file.exists():
        raise OstinatoError(f"There is no file {file}; name a CSV or Parquet file that exists.")
    if file.is_file() and file.stat().st_size == 0:
        raise OstinatoError(f"{file} is empty; give it a header and one row a track.")
    wanted = set(columns)
    try:
        with file.open("rb") as opened:
            is_parquet = opened.read(4) == b"PAR1"
        if is_parquet:
            parquet = pq.ParquetFile(file)
            table: pd.DataFrame = parquet.read([n for n in parquet.schema_arrow.names if n in wanted]).to_pandas()
            return table.reset_index(drop=True)
        read = _read_csv(file, wanted, text_columns)
    except (OSError, ValueError, pa.ArrowException, EOFError) as fault:
        why = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault).splitlines()[0]
        raise OstinatoError(f"{file} cannot be read as CSV (UTF-8) or Parquet: {str(why).rstrip('.')}.") from fault
    for name in text_columns:
        if name in read.columns:
            read[name] = _whole_numbers(read[name])
    return read


def _read_csv(file: Path, wanted: set[str], text_columns: Sequence[str]) -> pd.DataFrame:
    """Columns of a CSV, gzipped or not; only in columns of numbers do words such as NA mean a missing value."""
    with file.open("rb") as opened:
        compression: Literal["gzip"] | None = "gzip" if opened.read(2) == b"\x1f\x8b" else None
    return pd.read_csv(
        file,
        usecols=lambda name: name in wanted,
        index_col=False,
        dtype=dict.fromkeys(text_columns, "string"),
        encoding="utf-8-sig",
        compression=compression,
        keep_default_na=False,
        na_values={name: [""] if name in text_columns else ["", *MISSING_WORDS] for name in wanted},
        low_memory=False,
    )


def _whole_numbers(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Texts as whole numbers where each of them is written like one; `007` and the like stay as they are."""
    return texts.astype("Int64") if texts.dropna().map(lambda t: bool(_WHOLE.fullmatch(t))).all() else texts


class TableWriter:
    """Writes tables one after the other; the file takes its name when the block ends well."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._aside = out.with_name(f".{out.name}.{uuid.uuid4().hex}.part")
        self._writer: Any = None

    def write(self, table: pa.Table) -> None:
        """Add rows; every table has the same columns.

        Raises
        ------
        OstinatoError
            When the file cannot be written.
        """
        try:
            if self._writer is None:
                self._writer = self._open(table.schema)
            if self.out.suffix.lower() == ".jsonl":
                lines = table.to_pandas(types_mapper=pd.ArrowDtype).to_json(
                    orient="records", lines=True, force_ascii=False, double_precision=15
                )
                self._writer.write(lines)
            else:
                self._writer.write_table(table)
        except OSError as fault:
            raise self._cannot(fault) from fault

    def _open(self, schema: pa.Schema) -> Any:
        ending = self.out.suffix.lower()
        if ending == ".parquet":
            return pq.ParquetWriter(self._aside, schema, compression="zstd")
        if ending == ".csv":
            return pa_csv.CSVWriter(self._aside, schema)
        return self._aside.open("w", encoding="utf-8", newline="\n")

    def _cannot(self, fault: OSError) -> OstinatoError:
        return OstinatoError(
            f"{self.out} cannot be written: {fault.strerror or fault}; make room, or name another file."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
            if kind is None:
                os.replace(self._aside, self.out)
        except OSError as raised:
            raise self._cannot(raised) from raised
        finally:
            self._aside.unlink(missing_ok=True)
