"""Looks for rows that break what headers promise, that an audit finds, or that are missing since the last catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from tasks.settings import OstinatoError, Settings
from tasks.warehouse.building import is_for_training
from tasks.warehouse.checks import Check, CheckResult, audit_check, header_checks
from tasks.warehouse.connection import SQL_DIR, first_line, open_warehouse, quoted_name
from tasks.warehouse.models import SqlModel, load_models
from tasks.warehouse.snapshots import described, served_snapshot

SAMPLE_ROWS = 5
LEAST_KEPT, EXPECTED_KEPT = 0.5, 0.8
"""Shares of the served catalogue's rows: a table with fewer than the first stops publishing, than the second warns."""
ROWS_KEPT = "rows kept"
"""How the name of a check ends that compares a table with the served catalogue's."""
BEFORE_TRAINING = "it is looked at before a model is trained"
NOT_BUILT = "{} was not built"


class AuditError(OstinatoError):
    """An audit stopped what it guards; `stopping` are the checks that did."""

    stopping: Sequence[CheckResult] = ()

    @classmethod
    def of(cls, stopping: Sequence[CheckResult], sentence: str) -> AuditError:
        """With the sentence as its only argument, so that it can be pickled on its way from a worker."""
        fault = cls(sentence)
        fault.stopping = stopping
        return fault


def run_checks(settings: Settings, *, accept_loss: bool = False) -> list[CheckResult]:
    """All that stands before publishing: header tests, audits, and rows gone missing.

    What only training reads is skipped and says so, as is what was not built. With `accept_loss` the operator says
    that missing rows are meant to be gone: they are reported and stop nothing.

    Raises
    ------
    OstinatoError
        When a check cannot run.
    """
    models = load_models(SQL_DIR)
    looked_at = {name: model for name, model in models.items() if not is_for_training(model, models)}
    with open_warehouse(settings) as con:
        results = list(_check_models(con, looked_at))
        results += _missing_rows(con, settings, models, accept_loss)
    skipped = [model for name, model in models.items() if name not in looked_at and _has_checks(model)]
    return [*results, *(_skipped(model, BEFORE_TRAINING) for model in skipped)]


def require_cleared_training_rows(settings: Settings) -> None:
    """The guard before every training: its tables keep what their headers promise and hold cleared rows alone.

    Raises
    ------
    AuditError
        Naming the first row of each check that fails.
    """
    models = load_models(SQL_DIR)
    for_training = {name: model for name, model in models.items() if is_for_training(model, models)}
    with open_warehouse(settings) as con:
        stopping = [result for result in _check_models(con, for_training) if result.stops_publishing]
    if stopping:
        raise AuditError.of(
            stopping,
            f"Nothing was trained, since rows are not as training needs them ({named(stopping)}); "
            "mend or remove them in the lake, then train again.",
        )


def require_no_stop(checks: Sequence[CheckResult]) -> None:
    """The gate before publishing.

    Raises
    ------
    AuditError
        When a check of severity `error` has failing rows, naming the first of each.
    """
    stopping = [check for check in checks if check.stops_publishing]
    if stopping:
        is_loss = any(check.check.endswith(ROWS_KEPT) for check in stopping)
        accept = " (if those rows are meant to be gone: `ostinato refresh --skip-fetch --accept-loss`)"
        raise AuditError.of(
            stopping,
            f"The audit stopped publishing ({named(stopping)}); the earlier catalogue is still served. The rows are in "
            "the run's audit artifact and in `ostinato status --json`; mend or remove them in the lake (where the lake "
            "is right and the warehouse is not: `ostinato build --anew`), then run "
            f"`ostinato refresh --skip-fetch`{accept if is_loss else ''}.",
        )


def named(stopping: Sequence[CheckResult]) -> str:
    """The checks that stopped something, each with its number of rows and the first of them."""
    return "; ".join(
        f"{check.check}: {check.failing_rows:,} {'row' if check.failing_rows == 1 else 'rows'}"
        + (f", first {check.first_row}" if check.first_row else "")
        for check in stopping
    )


def _has_checks(model: SqlModel) -> bool:
    return model.schema == "audits" or any(header_checks(model))


def _skipped(model: SqlModel, why: str) -> CheckResult:
    is_audit = model.schema == "audits"
    return CheckResult(
        model.table if is_audit else f"{model.name} tests", model.severity if is_audit else "error", 0, skipped=why
    )


def _check_models(con: duckdb.DuckDBPyConnection, models: dict[str, SqlModel]) -> Iterator[CheckResult]:
    built = _tables(con)
    for model in models.values():
        is_audit = model.schema == "audits"
        if not _has_checks(model):
            continue
        absent = sorted((model.depends_on if is_audit else {model.name}) - built)
        if absent:
            yield _skipped(model, NOT_BUILT.format(absent[0]))
        elif is_audit:
            check = audit_check(model)
            yield _result(con, check, _count(con, check))
        else:
            yield from _check_table(con, model)


def _tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of all that a check may read, wherever it lies: inputs of a shared warehouse are in memory."""
    rows = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "union select schema_name || '.' || view_name from duckdb_views()"
    ).fetchall()
    return {str(name) for (name,) in rows}


def _check_table(con: duckdb.DuckDBPyConnection, model: SqlModel) -> Iterator[CheckResult]:
    """The checks on single rows in one scan of the table, each other by itself."""
    checks = list(header_checks(model))
    of_rows = [check for check in checks if check.condition]
    counts = dict(zip(of_rows, _count_in_one_scan(con, model, of_rows), strict=True))
    for check in checks:
        yield _result(con, check, counts[check] if check in counts else _count(con, check, model))


def _count_in_one_scan(con: duckdb.DuckDBPyConnection, model: SqlModel, checks: Sequence[Check]) -> Sequence[int]:
    if not checks:
        return ()
    counted = ", ".join(f"count(*) filter (where {check.condition})" for check in checks)
    return [int(count) for count in _one_row(con, f"{model.name} tests", f"select {counted} from {model.name}")]


def _count(con: duckdb.DuckDBPyConnection, check: Check, model: SqlModel | None = None) -> int:
    if model and check.duplicates_of and _is_surely_unique(con, model, check):
        return 0
    return int(_one_row(con, check.name, f"select count(*) from ({check.failing})")[0])


def _is_surely_unique(con: duckdb.DuckDBPyConnection, model: SqlModel, check: Check) -> bool:
    """True when no two rows have the same hash of the key, which is counted much faster than keys are compared."""
    columns = ", ".join(quoted_name(column) for column in check.duplicates_of)
    query = f"select count(*) = count(distinct hash({columns})) from {model.name}"
    return bool(_one_row(con, check.name, query)[0])


def _one_row(con: duckdb.DuckDBPyConnection, check: str, query: str) -> Sequence[Any]:
    try:
        return con.execute(query).fetchone() or ()
    except duckdb.Error as fault:
        raise OstinatoError(f"The check {check} could not run: {first_line(fault)}.") from fault


def _result(con: duckdb.DuckDBPyConnection, check: Check, failing_rows: int) -> CheckResult:
    sample: list[dict[str, Any]] = []
    if failing_rows:
        sample = con.sql(f"select * from ({check.failing}) limit {SAMPLE_ROWS}").to_arrow_table().to_pylist()
    return CheckResult(check.name, check.severity, failing_rows, sample, check.meaning, check.key)


def _missing_rows(
    con: duckdb.DuckDBPyConnection, settings: Settings, models: dict[str, SqlModel], accept_loss: bool
) -> list[CheckResult]:
    """Compare each mart's rows with those that the served catalogue says it holds, or with none before the first."""
    served = served_snapshot(settings)
    rows_served = described(served).get("n_rows", {})
    built = _tables(con)
    marts = [model for model in models.values() if model.schema == "marts" and not model.is_view]
    compared = [model for model in marts if not model.may_shrink and model.name in built]
    found = []
    for model in compared:
        n_rows = int(_one_row(con, model.name, f"select count(*) from {model.name}")[0])
        snapshot = served.name if served else ""
        found.append(
            missing_rows(model.name, rows_served.get(model.table, 0), n_rows, snapshot, accept_loss=accept_loss)
        )
    return found


def missing_rows(table: str, rows_served: int, rows_now: int, snapshot: str, *, accept_loss: bool) -> CheckResult:
    """Whether a table has lost rows since a snapshot, and how bad that is.

    >>> missing_rows("marts.film", 100, 49, "s", accept_loss=False).stops_publishing
    True
    >>> [missing_rows("marts.film", 100, n, "s", accept_loss=False).failing_rows for n in (79, 80, 120)]
    [21, 0, 0]
    """
    lost = max(rows_served - rows_now, 0) if rows_now < EXPECTED_KEPT * rows_served else 0
    stops = rows_now < LEAST_KEPT * rows_served or not lost
    counts = {"table": table, "rows_served": rows_served, "rows_now": rows_now, "snapshot": snapshot}
    return CheckResult(
        f"{table} {ROWS_KEPT}",
        "error" if stops and not (accept_loss and lost) else "warn",
        lost,
        [counts] if lost else [],
        f"{table} held {rows_served:,} rows in the served catalogue and holds {rows_now:,} now.",
        ("table", "rows_served", "rows_now"),
    )
