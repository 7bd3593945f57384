"""What the last build and the last audit of a world found, where there was one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from tasks.settings import OstinatoError, Settings
from tasks.warehouse import described, open_warehouse, served_snapshot, warehouse_exists
from tasks.warehouse.connection import BusyError, quoted_name

NOTHING_BUILT = "Nothing was built in this world yet, so rows and checks are not told; `ostinato refresh` builds it."
IN_USE = "A run has the warehouse open, so rows and checks are not told; make the page again when it has ended."


@dataclass
class Findings:
    """Rows, changes and checks; empty where nothing was built, and then `why_empty` says so."""

    n_rows: dict[str, int] = field(default_factory=dict)
    changed_at: dict[str, datetime] = field(default_factory=dict)
    severities: dict[str, str] = field(default_factory=dict)
    """Check -> its severity at the last audit."""
    failing_rows: dict[str, int] = field(default_factory=dict)
    """Check -> rows that failed it at the last audit."""
    audited_for: str = ""
    """The night of that audit, ISO 8601."""
    audited_at: datetime | None = None
    snapshot: dict[str, Any] = field(default_factory=dict)
    """What the served catalogue says of itself."""
    why_empty: str = ""


def read_findings(settings: Settings) -> Findings:
    """Look into the warehouse, if it is there and nobody writes it; a page without figures is better than none."""
    findings = Findings(snapshot=described(served_snapshot(settings)))
    try:
        if not warehouse_exists(settings):
            findings.why_empty = NOTHING_BUILT
            return findings
        with open_warehouse(settings, read_only=True) as con:
            _read_tables(con, findings)
            _read_audit(con, findings)
    except BusyError:
        findings.why_empty = IN_USE
    except OstinatoError as fault:
        findings.why_empty = str(fault)
    return findings


def _read_tables(con: duckdb.DuckDBPyConnection, findings: Findings) -> None:
    """Rows of the tables; of the views only those that were counted when they were published."""
    listed = "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
    for schema, table in con.execute(listed).fetchall():
        row = con.execute(f"select count(*) from {quoted_name(schema)}.{quoted_name(table)}").fetchone()
        findings.n_rows[f"{schema}.{table}"] = int(row[0]) if row else 0
    for table, n_rows in findings.snapshot.get("n_rows", {}).items():
        findings.n_rows.setdefault(f"marts.{table}", n_rows)
    if "build.note" in findings.n_rows:
        newest = "select model, max(built_at) from build.note group by model"
        findings.changed_at = {str(model): at for model, at in con.execute(newest).fetchall()}


def _read_audit(con: duckdb.DuckDBPyConnection, findings: Findings) -> None:
    """The checks of the run that was audited last."""
    if "marts.data_quality" not in findings.n_rows:
        return
    newest = con.execute(
        "select as_of, checked_at, run_id from marts.data_quality order by checked_at desc limit 1"
    ).fetchone()
    if newest is None:
        return
    findings.audited_for, findings.audited_at, run_id = newest
    of_run = 'select "check", severity, failing_rows from marts.data_quality where as_of = ? and run_id = ?'
    for check, severity, failing_rows in con.execute(of_run, [findings.audited_for, run_id]).fetchall():
        findings.severities[check], findings.failing_rows[check] = severity, failing_rows
