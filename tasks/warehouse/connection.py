"""Opens the warehouse with what SQL may refer to beside the lake: vocabularies and tables made by Python."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from tasks.fetching.policy import load_policies
from tasks.lake import duckdb_type
from tasks.schemas import BOOL, F64, STR, UTC
from tasks.settings import PROJECT_ROOT, OstinatoError, Settings
from tasks.warehouse.lock import world_lock

SQL_DIR = PROJECT_ROOT / "sql"
VOCABULARIES = SQL_DIR / "vocabularies"


def film_genres() -> list[str]:
    """TMDB's 19 film genres in alphabetical order, as the vocabulary holds them."""
    with (VOCABULARIES / "film_genre.csv").open(encoding="utf-8", newline="") as file:
        return sorted({row["film_genre"] for row in csv.DictReader(file)})


def python_tables() -> dict[str, pa.Schema]:
    """Tables that Python steps fill between the SQL layers; empty until the step has run."""
    return {
        # What sources that may be trained on say by themselves is matched by itself.
        **dict.fromkeys(("matching.credit_track", "matching.trainable_credit_track"), _matches_of("credit_id")),
        **dict.fromkeys(("matching.chart_track", "matching.trainable_chart_track"), _matches_of("song_key")),
        "tagging.track_label": pa.schema(
            [
                ("track_id", STR),
                ("kind", STR),
                ("label", STR),
                ("probability", pa.float32()),
                ("is_tag", BOOL),
                ("model", STR),
                ("tagged_at", UTC),
            ]
        ),
        "tagging.track_film_genre": pa.schema(
            [("track_id", STR), *((genre, pa.float32()) for genre in film_genres()), ("model", STR), ("tagged_at", UTC)]
        ),
        "tagging.film_genre_rule": pa.schema(
            [("film_genre", STR), ("threshold", F64), ("training_share", F64), ("model", STR)]
        ),
    }


def _matches_of(key: str) -> pa.Schema:
    return pa.schema([(key, STR), ("track_id", STR), ("match_score", F64), ("match_method", STR), ("is_match", BOOL)])


@contextmanager
def open_warehouse(settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, open for as short as its user needs it, spilling to disk inside the home.

    Writing takes the world's lock and brings the inputs up to date; reading needs a warehouse that was built.

    Raises
    ------
    OstinatoError
        When another process writes, the file cannot be opened, or nothing was built yet (reading).
    """
    if read_only:
        if not settings.warehouse.is_file():
            raise OstinatoError(
                "There is no warehouse in this world yet; run `ostinato refresh` or `ostinato import` first."
            )
        with _connect(settings, read_only=True) as con:
            yield con
        return
    with world_lock(settings, wait_s=5), _connect(settings, read_only=False) as con:
        _attach_inputs(con, settings)
        yield con


@contextmanager
def _connect(settings: Settings, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    spill = settings.world / "spill"
    try:
        con = duckdb.connect(str(settings.warehouse), read_only=read_only)
    except duckdb.Error as fault:
        raise OstinatoError(
            f"The warehouse {settings.warehouse} cannot be opened ({first_line(fault)}); "
            "if it is damaged, delete the file: the next run builds it again from the lake."
        ) from None
    try:
        con.execute(f"set threads = {settings.threads}")
        con.execute(f"set memory_limit = '{settings.memory_gb}GB'")
        con.execute("set TimeZone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        con.execute(f"set temp_directory = '{_quoted(spill)}'")
        yield con
    finally:
        con.close()
        if not read_only:
            shutil.rmtree(spill, ignore_errors=True)


def _attach_inputs(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    con.execute("create schema if not exists vocabulary")
    for file in sorted(VOCABULARIES.glob("*.csv")):
        con.execute(
            f"create or replace table vocabulary.{file.stem} as "
            f"select * from read_csv('{_quoted(file)}', header => true, nullstr => '')"
        )
    rows = [(name, policy.may_train) for name, policy in load_policies(settings).items()]
    con.execute("create or replace table vocabulary.source_policy (source VARCHAR, may_train BOOLEAN)")
    con.executemany("insert into vocabulary.source_policy values (?, ?)", rows)
    for name, schema in python_tables().items():
        con.execute(f"create schema if not exists {name.split('.')[0]}")
        columns = ", ".join(f'"{field.name}" {duckdb_type(field.type)}' for field in schema)
        con.execute(f"create table if not exists {name} ({columns})")


def replace_table(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Replace a table made by Python (`python_tables`) in one step: readers see the old rows or the new."""
    schema = python_tables()[name]
    rows = table.select(schema.names).cast(schema)
    con.register("replacement", rows)
    try:
        con.execute(f"create or replace table {name} as select * from replacement")
    finally:
        con.unregister("replacement")


def first_line(fault: Exception) -> str:
    """The first line of a fault's text, for a sentence that people read."""
    return str(fault).strip().splitlines()[0].rstrip(".") if str(fault).strip() else type(fault).__name__


def quoted_name(column: str) -> str:
    """A column's name as SQL takes it, whatever it holds (`check` is a keyword)."""
    return '"' + column.replace('"', '""') + '"'


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
