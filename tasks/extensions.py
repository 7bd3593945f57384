"""DuckDB's extensions, loaded from the Python packages that bring them: nothing is ever downloaded."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

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


def let_duckdb_read(con: duckdb.DuckDBPyConnection, place: Path | str) -> None:
    """Teach a connection to read and write what lies in an object store; the keys stay in its memory.

    Raises
    ------
    OstinatoError
        When the extension for it is missing.
    """
    if str(place).startswith("s3://"):
        load_extension(con, "httpfs")
        parts = ", ".join(f"{name} {_literal(value)}" for name, value in _secret().items())
        con.execute(f"create or replace temporary secret ostinato_store (type s3, {parts})")


def _secret() -> dict[str, str | bool]:
    """What DuckDB has to know of the store, from the variables that the store's other clients read."""
    given = os.environ
    secret: dict[str, str | bool] = {
        "region": given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or "us-east-1"
    }
    names = {"key_id": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN"}
    secret |= {name: given[variable] for name, variable in names.items() if given.get(variable)}
    if endpoint := given.get("AWS_ENDPOINT_URL_S3") or given.get("AWS_ENDPOINT_URL"):
        address = urlsplit(endpoint)
        secret |= {"endpoint": address.netloc, "use_ssl": address.scheme == "https", "url_style": "path"}
    return secret


def _literal(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"
