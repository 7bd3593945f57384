"""Counts the rows that break what a header promises, or that an audit of `sql/audits/` finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from tasks.settings import OstinatoError, Settings
from tasks.warehouse.connection import SQL_DIR, first_line, open_warehouse, quoted_name
from tasks.warehouse.models import SqlModel, Tests, load_models

SAMPLE_ROWS = 5


@dataclass(frozen=True)
class CheckResult:
    """One check: how many rows fail it and a few of them, to show to people."""

    check: str
    severity: str
    """`error` stops publishing, `warn` is reported."""
    failing_rows: int
    sample: list[dict[str, Any]] = field(default_factory=list)
    meaning: str = ""
    """Of an audit: what its failing rows are, in a sentence."""

    @property
    def stops_publishing(self) -> bool:
        """True when the catalogue must not be served with these rows."""
        return self.severity == "error" and self.failing_rows > 0


def run_checks(settings: Settings) -> list[CheckResult]:
    """All header tests of core, features and marts, and all audits, on the warehouse as it was just built."""
    models = load_models(SQL_DIR)
    with open_warehouse(settings) as con:
        results = []
        for model in models.values():
            if model.schema == "audits":
                found = _count(con, model.table, model.severity, model.select)
                results.append(replace(found, meaning=" ".join(model.description.split())))
            elif model.schema != "staging":
                results += [_count(con, check, severity, query) for check, severity, query in header_checks(model)]
    return results


def header_checks(model: SqlModel) -> Iterator[tuple[str, str, str]]:
    """(check, severity, SELECT of the failing rows) for each test of a header."""
    if model.key:
        yield f"{model.name} key", "error", _duplicates(model, model.key)
        for column in model.key:
            yield (
                f"{model.name}.{column} not null",
                "error",
                f"select * from {model.name} where {quoted_name(column)} is null",
            )
    for severity, tests in (("error", model.tests), ("warn", model.warn)):
        for check, query in _test_queries(model, tests):
            yield check, severity, query


def _test_queries(model: SqlModel, tests: Tests) -> Iterator[tuple[str, str]]:
    rows = f"select * from {model.name} where"
    for column in tests.not_null:
        yield f"{model.name}.{column} not null", f"{rows} {quoted_name(column)} is null"
    for column in tests.unique:
        yield f"{model.name}.{column} unique", _duplicates(model, [column])
    for column, (low, high) in tests.range.items():
        bounds = [f"{quoted_name(column)} < {low}"] if low is not None else []
        bounds += [f"{quoted_name(column)} > {high}"] if high is not None else []
        yield f"{model.name}.{column} in range", f"{rows} {' or '.join(bounds)}"
    for column, values in tests.accepted.items():
        listed = ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)
        yield f"{model.name}.{column} accepted", f"{rows} {quoted_name(column)} not in ({listed})"
    for column, target in tests.references.items():
        table, key = target.rsplit(".", 1)
        known = f"select {quoted_name(key)} from {table} where {quoted_name(key)} is not null"
        yield (
            f"{model.name}.{column} known",
            f"{rows} {quoted_name(column)} is not null and {quoted_name(column)} not in ({known})",
        )


def _duplicates(model: SqlModel, columns: list[str]) -> str:
    """Values that stand in several rows; nulls are the business of the not-null tests."""
    names = [quoted_name(column) for column in columns]
    present = " and ".join(f"{name} is not null" for name in names)
    listed = ", ".join(names)
    return f"select {listed}, count(*) as n_rows from {model.name} where {present} group by all having count(*) > 1"


def _count(con: duckdb.DuckDBPyConnection, check: str, severity: str, query: str) -> CheckResult:
    try:
        row = con.execute(f"select count(*) from ({query})").fetchone()
        failing = int(row[0]) if row else 0
        sample = con.sql(f"select * from ({query}) limit {SAMPLE_ROWS}").to_arrow_table().to_pylist() if failing else []
    except duckdb.Error as fault:
        raise OstinatoError(f"The check {check} could not run: {first_line(fault)}.") from fault
    return CheckResult(check, severity, failing, sample)
