"""The DuckDB warehouse: builds `sql/`, audits the result, publishes it, rolls it back.

| module | does |
| --- | --- |
| `lock` | one process at a time changes a world |
| `connection` | opens the warehouse with its inputs attached |
| `ducklake` | where it lies in DuckLake |
| `transactions` | several statements as one, beside other writers |
| `models` | reads the SQL files: header, SELECT, what each depends on |
| `building` | runs them in order |
| `audit` | counts the rows that break a header's tests or an audit |
| `publish` | writes the next catalogue aside, switches the link, rolls back |
| `query` | read-only questions to the served catalogue |
"""

from tasks.warehouse.audit import CheckResult, run_checks
from tasks.warehouse.building import (
    BuildReport,
    Phase,
    build,
    lake_fingerprint,
)
from tasks.warehouse.connection import open_warehouse, replace_table, warehouse_exists
from tasks.warehouse.lock import world_lock
from tasks.warehouse.models import SqlModel, load_models
from tasks.warehouse.publish import list_snapshots, publish, rollback, served_snapshot
from tasks.warehouse.query import QueryResult, open_catalogue, query
from tasks.warehouse.transactions import cursor_of, in_transaction, is_ducklake, writers_at_once

__all__ = [
    "BuildReport",
    "CheckResult",
    "Phase",
    "QueryResult",
    "SqlModel",
    "build",
    "cursor_of",
    "in_transaction",
    "is_ducklake",
    "lake_fingerprint",
    "list_snapshots",
    "load_models",
    "open_catalogue",
    "open_warehouse",
    "publish",
    "query",
    "replace_table",
    "rollback",
    "run_checks",
    "served_snapshot",
    "warehouse_exists",
    "world_lock",
    "writers_at_once",
]
