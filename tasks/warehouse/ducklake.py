"""The warehouse in DuckLake: its catalogue in PostgreSQL, for many machines, or in a file; its rows in Parquet files.

What DuckLake 1.0 (DuckDB 1.5) needs from us, each found by trying:

- Two of its commits in one process at the same time can meet freed memory, so that they are made one after the other.
- Two processes that delete no row of a key and insert it are no conflict to it: both rows stay. So who writes several
  statements on one table takes a turn first, an advisory lock of PostgreSQL (`transactions.in_transaction`).
- The first row that it keeps in the catalogue instead of in a file takes a second, so that is switched off.
- SQLite's catalogue answers a second writer with `database is locked`, DuckDB's lets no second process in at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb
import stamina

from tasks.disk import writing
from tasks.extensions import let_duckdb_read, load_extension
from tasks.settings import OstinatoError, Settings

NAME = "warehouse"
"""What the attached warehouse is called, as the DuckDB file is by its own name."""
METADATA = f"__ducklake_metadata_{NAME}"
"""What DuckLake calls the database that it keeps its catalogue in."""
_REASON = re.compile(r'(?s)Unable to connect to Postgres at ".*?": (?:connection to server.*? failed: )?(.*)')
_RETRY_WAIT_MS = 20  # DuckLake's own retry of commits that touch different tables


class NoWarehouseError(OstinatoError):
    """Nothing was built yet."""

    def __init__(self) -> None:
        super().__init__("There is no warehouse in this world yet; run `ostinato refresh` or `ostinato import` first.")


class Engine(StrEnum):
    """What keeps DuckLake's catalogue."""

    POSTGRES = "postgres"
    SQLITE = "sqlite"
    DUCKDB = "duckdb"

    @property
    def known_as(self) -> str:
        """As people write it."""
        return {"postgres": "PostgreSQL", "sqlite": "SQLite", "duckdb": "a DuckDB file"}[self.value]

    @property
    def extensions(self) -> tuple[str, ...]:
        """DuckDB's extensions that it needs."""
        reader = {"postgres": ("postgres_scanner",), "sqlite": ("sqlite_scanner",), "duckdb": ()}
        return ("ducklake", *reader[self.value])

    @property
    def has_many_writers(self) -> bool:
        """True where several processes and machines may write at the same time."""
        return self is Engine.POSTGRES


@dataclass(frozen=True)
class Catalogue:
    """Where DuckLake keeps its catalogue and its rows, for one world."""

    engine: Engine
    place: str
    """PostgreSQL's connection string, or the path of a file."""
    data_path: str
    """Folder or address of the Parquet files, with a `/` at its end."""
    schema: str
    """Schema of PostgreSQL that is this world's own; worlds never share one."""

    @property
    def uri(self) -> str:
        """As ATTACH takes it."""
        return f"ducklake:{self.place}" if self.engine is Engine.DUCKDB else f"ducklake:{self.engine}:{self.place}"


def catalogue_of(settings: Settings) -> Catalogue | None:
    """The catalogue that `OSTINATO_WAREHOUSE` names; None where the warehouse is a DuckDB file.

    A relative path lies in the world's folder. Data lie in a folder by the name of the world, so that a world that
    names another's catalogue is refused by DuckLake, whose catalogue knows where its own data are.
    """
    if not settings.warehouse:
        return None
    place = settings.warehouse.removeprefix("ducklake:")
    engine = next((each for each in Engine if place.startswith(f"{each}:")), Engine.DUCKDB)
    place = place.removeprefix(f"{engine}:")
    if engine is not Engine.POSTGRES:
        place = str(settings.world / Path(place).expanduser())
    data = settings.warehouse_data.rstrip("/")
    data = f"{data}/{settings.profile}/" if data else f"{settings.world}/warehouse_data/"
    return Catalogue(engine, place, data, schema=f"ostinato_{settings.profile}")


def attach(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue, *, read_only: bool, snapshot: int | None = None
) -> None:
    """Attach the warehouse by its name, as it is or as it was at a snapshot of DuckLake.

    Raises
    ------
    NoWarehouseError
        When it is to be read and was never written.
    OstinatoError
        When an extension is missing, or the catalogue cannot be reached or used.
    """
    for name in catalogue.engine.extensions:
        load_extension(con, name)
    let_duckdb_read(con, catalogue.data_path)
    con.execute(f"set ducklake_retry_wait_ms = {_RETRY_WAIT_MS}")
    if catalogue.engine is not Engine.POSTGRES and not Path(catalogue.place).exists():
        if read_only:
            raise NoWarehouseError
        with writing(Path(catalogue.place)):
            Path(catalogue.place).parent.mkdir(parents=True, exist_ok=True)
    options = _options(catalogue, read_only=read_only, snapshot=snapshot)
    statement = f"attach '{_quoted(catalogue.uri)}' as {NAME} ({', '.join(options)})"
    try:
        # Of two that make it at once, one finds it half made.
        for attempt in stamina.retry_context(on=_is_being_made, attempts=6, wait_initial=0.05, wait_jitter=0.2):
            with attempt:
                con.execute(statement)
    except duckdb.Error as fault:
        raise explained(catalogue, fault) from None


def _options(catalogue: Catalogue, *, read_only: bool, snapshot: int | None) -> list[str]:
    options = [f"data_path '{_quoted(catalogue.data_path)}'", "data_inlining_row_limit 0"]
    if catalogue.engine is Engine.POSTGRES:
        options.append(f"metadata_schema '{catalogue.schema}'")
    if snapshot is not None:
        options.append(f"snapshot_version {int(snapshot)}")
    elif read_only:
        options.append("read_only")
    return options


def _is_being_made(fault: Exception) -> bool:
    return isinstance(fault, duckdb.Error) and bool(re.search(r"already exists|duplicate key", str(fault)))


def is_of_catalogue(fault: duckdb.Error) -> bool:
    """True for what the catalogue's engine refused, not the question: it is held by another, or out of reach."""
    said = str(fault)
    return "is locked" in said or "Could not set lock" in said or "Unable to connect to Postgres" in said


def explained(catalogue: Catalogue, fault: Exception) -> OstinatoError:
    """What DuckLake or its catalogue refused, in a sentence that says what to do."""
    said = " ".join(str(fault).split())
    if "explicitly disabled" in said:
        return NoWarehouseError()
    if "does not match existing data path" in said:
        kept = said.split('catalog "', 1)[-1].split('"', 1)[0]
        return OstinatoError(
            f"The warehouse's catalogue in {catalogue.engine.known_as} keeps its data in {kept}, not in "
            f"{catalogue.data_path}; set OSTINATO_WAREHOUSE_DATA to the folder above that, or name another catalogue."
        )
    if "is locked" in said or "Could not set lock" in said:
        return OstinatoError(
            f"Another process uses the warehouse, whose catalogue in {catalogue.engine.known_as} takes one at a time; "
            "wait for it to end, or set OSTINATO_WAREHOUSE=ducklake:postgres:... for several writers."
        )
    if found := _REASON.search(said):
        reason = found[1].removeprefix("FATAL: ").strip().rstrip(".")
        return OstinatoError(
            f"The warehouse's catalogue in PostgreSQL cannot be reached ({reason}); "
            "start the server, or set OSTINATO_WAREHOUSE and PGPASSWORD right."
        )
    return OstinatoError(
        f"The warehouse in DuckLake cannot be used ({said[:300].rstrip('.')}); docs/scaling.md says what it needs."
    )


def _quoted(text: str) -> str:
    return text.replace("'", "''")
