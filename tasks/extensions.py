"""DuckDB's extensions, loaded from the Python packages that bring them: nothing is ever downloaded."""

from __future__ import annotations

from importlib import metadata

import duckdb

from tasks.settings import OstinatoError

NO_DOWNLOADS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Configuration of a connection that loads what it needs from packages."""


def load_extension(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load one of DuckDB's extensions by its name, such as `ducklake`; loading it again is free.

    Raises
    ------
    OstinatoError
        When its package is not installed, or is made for another version of DuckDB.
    """
    package = f"duckdb-extension-{name.replace('_', '-')}"
    install = "install it with `pip install 'ostinato[scale]'`"
    try:
        files = metadata.files(package) or []
        file = next(file.locate() for file in files if file.name.endswith(".duckdb_extension"))
    except (metadata.PackageNotFoundError, StopIteration):
        raise OstinatoError(f"DuckDB's extension {name} is missing (package {package}); {install}.") from None
    try:
        con.execute(f"load '{str(file).replace(chr(39), chr(39) * 2)}'")
    except duckdb.Error:
        raise OstinatoError(
            f"The package {package} {metadata.version(package)} does not fit DuckDB {duckdb.__version__}; {install}."
        ) from None
