"""The DuckDB warehouse: builds `sql/`, audits the result, publishes it, rolls it back.

| module | does |
| --- | --- |
| `lock` | one process at a time changes a world |
| `connection` | opens the warehouse with its inputs attached |
| `ducklake` | where it lies in DuckLake |
| `time_travel` | DuckLake's snapshots beside the published ones |
| `transactions` | several statements as one, beside other writers |
| `models` | reads the SQL files: header, SELECT, what each depends on |
| `building` | runs them in order |
| `checks` | header tests and audits as SELECTs of the rows that fail |
| `audit` | counts those rows, and those gone missing since the last catalogue |
| `export` | writes a catalogue into a folder: DuckDB, Parquet, description |
| `publish` | has the next catalogue written aside, switches the link, rolls back, prunes |
| `snapshots` | which catalogues there are, which is served, what each says of itself |
| `readers` | who has a catalogue open |
| `query` | read-only questions to the served catalogue |
"""

from tasks.warehouse.audit import AuditError, named, require_cleared_training_rows, run_checks
from tasks.warehouse.building import (
    BuildReport,
    Phase,
    build,
    lake_fingerprint,
)
from tasks.warehouse.checks import CheckResult
from tasks.warehouse.connection import open_warehouse, replace_table, warehouse_exists
from tasks.warehouse.lock import world_lock
from tasks.warehouse.models import SqlModel, load_models
from tasks.warehouse.publish import publish, rollback
from tasks.warehouse.query import CatalogueReader, QueryResult, open_catalogue, query
from tasks.warehouse.snapshots import described, last_stop, list_snapshots, remember_stop, served_snapshot
from tasks.warehouse.transactions import cursor_of, in_transaction, is_ducklake, writers_at_once

__all__ = [
    "AuditError",
    "BuildReport",
    "CatalogueReader",
    "CheckResult",
    "Phase",
    "QueryResult",
    "SqlModel",
    "build",
    "cursor_of",
    "described",
    "in_transaction",
    "is_ducklake",
    "lake_fingerprint",
    "last_stop",
    "list_snapshots",
    "load_models",
    "named",
    "open_catalogue",
    "open_warehouse",
    "publish",
    "query",
    "remember_stop",
    "replace_table",
    "require_cleared_training_rows",
    "rollback",
    "run_checks",
    "served_snapshot",
    "warehouse_exists",
    "world_lock",
    "writers_at_once",
]
