"""What a header promises or an audit looks for, as SELECTs of the rows that break it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from tasks.warehouse.connection import quoted_name
from tasks.warehouse.models import SqlModel, Tests

FIRST_ROW_CHARACTERS = 160


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
    key: tuple[str, ...] = ()
    """The columns by which people find a failing row."""
    skipped: str = ""
    """Why nobody looked this time; empty where somebody did."""

    @property
    def stops_publishing(self) -> bool:
        """True when the catalogue must not be served with these rows."""
        return self.severity == "error" and self.failing_rows > 0

    @property
    def first_row(self) -> str:
        """The first failing row by its key, for a sentence.

        >>> CheckResult("marts.film key", "error", 1, [{"film_id": "tt1", "n_rows": 2}], key=("film_id",)).first_row
        'film_id tt1'
        """
        row = self.sample[0] if self.sample else {}
        named = [column for column in self.key if column in row] or list(row)[:2]
        told = ", ".join(f"{column} {row[column]}" for column in named)
        return told if len(told) <= FIRST_ROW_CHARACTERS else f"{told[:FIRST_ROW_CHARACTERS]}..."

    def as_json(self) -> dict[str, Any]:
        """All of it, for `--json`."""
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """One thing to look for."""

    name: str
    severity: str
    failing: str
    """SELECT of the rows that fail."""
    key: tuple[str, ...] = ()
    condition: str = ""
    """Of a check on single rows: what is true of one that fails. All such checks of a table are counted in one scan."""
    duplicates_of: tuple[str, ...] = ()
    """Of a check on a key: its columns."""
    meaning: str = ""


def audit_check(model: SqlModel) -> Check:
    """A file of `sql/audits/`: its rows are those that fail."""
    return Check(model.table, model.severity, model.select, meaning=" ".join(model.description.split()))


def header_checks(model: SqlModel) -> Iterator[Check]:
    """Each test of a header. A view has the key of the tables that it is made of, which have tests of their own."""
    key = tuple(model.key)
    if key and not model.is_view:
        yield _no_duplicates(model, f"{model.name} key", key, "error")
        for column in key:
            yield _row_check(model, f"{model.name}.{column} not null", "error", f"{quoted_name(column)} is null")
    for severity, tests in (("error", model.tests), ("warn", model.warn)):
        yield from _row_checks(model, tests, severity)
        for column in tests.unique:
            yield _no_duplicates(model, f"{model.name}.{column} unique", (column,), severity)
        for column, target in tests.references.items():
            yield _known(model, column, target, severity)


def _row_checks(model: SqlModel, tests: Tests, severity: str) -> Iterator[Check]:
    for column in tests.not_null:
        if column not in model.key or model.is_view or severity != "error":
            yield _row_check(model, f"{model.name}.{column} not null", severity, f"{quoted_name(column)} is null")
    for column, (low, high) in tests.range.items():
        bounds = [f"{quoted_name(column)} < {low}"] if low is not None else []
        bounds += [f"{quoted_name(column)} > {high}"] if high is not None else []
        yield _row_check(model, f"{model.name}.{column} in range", severity, " or ".join(bounds))
    for column, values in tests.accepted.items():
        listed = ", ".join(_literal(str(value)) for value in values)
        condition = f"{quoted_name(column)} not in ({listed})"
        yield _row_check(model, f"{model.name}.{column} accepted", severity, condition)


def _row_check(model: SqlModel, name: str, severity: str, condition: str) -> Check:
    failing = f"select * from {model.name} where {condition}"
    return Check(name, severity, failing, tuple(model.key), condition=condition)


def _no_duplicates(model: SqlModel, name: str, columns: tuple[str, ...], severity: str) -> Check:
    """Values that stand in several rows; nulls are the business of the not-null tests."""
    names = [quoted_name(column) for column in columns]
    present = " and ".join(f"{column} is not null" for column in names)
    failing = (
        f"select {', '.join(names)}, count(*) as n_rows from {model.name} "
        f"where {present} group by all having count(*) > 1"
    )
    return Check(name, severity, failing, columns, duplicates_of=columns)


def _known(model: SqlModel, column: str, target: str, severity: str) -> Check:
    """Values that the table they refer to does not hold: orphans."""
    table, referred = target.rsplit(".", 1)
    failing = (
        f"select own.* from {model.name} as own anti join {table} as other "
        f"on own.{quoted_name(column)} = other.{quoted_name(referred)} where own.{quoted_name(column)} is not null"
    )
    return Check(f"{model.name}.{column} known", severity, failing, tuple(model.key))


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
