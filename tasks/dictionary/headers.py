"""What a SQL header tells people: columns with type, unit and meaning, and its tests in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tasks.warehouse.audit import ROWS_KEPT
from tasks.warehouse.checks import Check, header_checks
from tasks.warehouse.models import OWN, SqlModel, Tests

_NUMBER = r"-?\d+(?:\.\d+)?"
_UNITS = re.compile(
    rf"(?:^|, |\()({_NUMBER} (?:to|or) {_NUMBER}|from 1|ms|minutes|bytes|US dollars|dB|BPM|beats per bar|ISO 8601|"
    r"ratio|standard deviations|calendar year|in the metric's own unit)(?=$|[,;:) ]| =)"
)


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: str
    """As DuckDB names it."""
    unit: str
    """Of a number its unit or its bounds, of a date its notation; empty where there is none to tell."""
    meaning: str
    is_key: bool = False
    refers_to: str = ""
    """The column, `schema.table.column`, whose values alone it may hold."""


@dataclass
class Rule:
    """One thing that is looked for before publishing, or before a training."""

    check: str
    """As `data_quality` names it."""
    words: str
    severity: str
    failing_rows: int | None = None
    """At the last audit; None where nobody looked."""


@dataclass
class Table:
    """One table of the warehouse, as people read of it."""

    name: str
    kind: str
    """table, view, or filled by Python."""
    description: str
    grain: str
    key: list[str]
    columns: list[Column]
    rules: list[Rule] = field(default_factory=list)
    file: str = ""
    """The SQL that makes it, in the project."""
    example: str = ""
    """Of a published table: a question to it, as `ostinato query` takes it."""
    sources: list[str] = field(default_factory=list)
    """Whose rows a staging table holds, as sources.toml names them."""
    reads: list[str] = field(default_factory=list)
    read_by: list[str] = field(default_factory=list)
    n_rows: int | None = None
    """None where it was not built, or is a view that nobody counted."""
    changed_at: datetime | None = None
    """When rows of it last changed."""

    @property
    def layer(self) -> str:
        """The schema that it lies in."""
        return self.name.split(".")[0]

    @property
    def short_name(self) -> str:
        """Its name within the layer."""
        return self.name.split(".", 1)[1]

    @property
    def failing(self) -> list[Rule]:
        """The rules that rows broke at the last audit."""
        return [rule for rule in self.rules if rule.failing_rows]

    @property
    def n_looked_at(self) -> int:
        """Rules that the last audit looked at."""
        return sum(rule.failing_rows is not None for rule in self.rules)


def table_of(model: SqlModel) -> Table:
    """A table as its header tells it, with nothing that has to be looked up elsewhere."""
    return Table(
        name=model.name,
        kind="view" if model.is_view else "table",
        description=one_line(model.description),
        grain=model.grain,
        key=model.key,
        columns=list(_columns(model)),
        rules=list(rules_of(model)) if model.schema != "staging" else [],  # of staging nobody looks at tests
        file=f"sql/{model.schema}/{model.table}.sql",
        example=(one_line(model.example) or _any_rows(model)) if model.schema == "marts" else "",
        sources=sorted({*model.sources, *model.content_of} - {OWN}),
    )


def _columns(model: SqlModel) -> Iterator[Column]:
    types = model.column_types()
    refers_to = model.warn.references | model.tests.references
    for name, text in model.columns.items():
        meaning = one_line(text.split(";", 1)[-1])
        unit = unit_of(name, types[name], meaning)
        told = without_unit(meaning, unit)
        yield Column(name, types[name], unit, told, name in model.key, refers_to.get(name, ""))


def unit_of(name: str, type_: str, meaning: str) -> str:
    """The unit that a column's meaning begins with or names between commas.

    >>> unit_of("runtime_min", "BIGINT", "minutes, null where TMDB has none")
    'minutes'
    >>> unit_of("user_score", "DOUBLE", "TMDB's, 0 to 100")
    '0 to 100'
    >>> unit_of("n_tracks", "BIGINT", "tracks tied to it in film_track")
    'count'
    >>> unit_of("title", "VARCHAR", "as Spotify writes it")
    ''
    """
    named = _UNITS.search(meaning)
    if named:
        return named[1]
    if type_.startswith("TIMESTAMP"):
        return "UTC"
    return "count" if name.startswith("n_") and type_ == "BIGINT" else ""


def without_unit(meaning: str, unit: str) -> str:
    """What a meaning says beyond the unit that it begins with.

    >>> without_unit("US dollars, null where TMDB has none", "US dollars")
    'null where TMDB has none'
    >>> without_unit("0 to 11 = C to B", "0 to 11")
    '0 to 11 = C to B'
    """
    if unit and meaning == unit:
        return ""
    begins = next((f"{unit}{sign} " for sign in ",;:" if unit and meaning.startswith(f"{unit}{sign} ")), "")
    return meaning.removeprefix(begins)


def one_line(text: str) -> str:
    """A text of several lines as one paragraph."""
    return " ".join(text.split())


def _any_rows(model: SqlModel) -> str:
    return f"from {model.table} limit 5"


def rules_of(model: SqlModel) -> Iterator[Rule]:
    """The checks of a header, in words."""
    for check in header_checks(model):
        yield Rule(check.name, _words(model, check), check.severity)


def rule_of_audit(model: SqlModel) -> Rule:
    """An audit's failing rows, in its own words."""
    return Rule(model.table, one_line(model.description), model.severity)


def rule_of_loss(check: str, severity: str) -> Rule | None:
    """The check that compares a table with the served catalogue's; no header has it."""
    return (
        Rule(check, "most rows of the served catalogue are still there", severity)
        if check.endswith(ROWS_KEPT)
        else None
    )


def _words(model: SqlModel, check: Check) -> str:
    """What holds where the check finds nothing.

    The checks of a header are named `table key` or `table.column rule`.
    """
    named = check.name.removeprefix(model.name)
    if named == " key":
        return f"no two rows have the same {_listed(model.key)}"
    column, rule = named.removeprefix(".").split(" ", 1)
    tests = model.tests if check.severity == "error" else model.warn
    return f"`{column}` {_of_column(tests, column, rule)}"


def _of_column(tests: Tests, column: str, rule: str) -> str:
    match rule:
        case "not null":
            return "is never null"
        case "unique":
            return "has no value twice"
        case "in range":
            return _range_words(tests.range[column])
        case "accepted":
            return f"is one of {', '.join(map(str, tests.accepted[column]))}"
        case _:
            return f"is known in {tests.references[column]}"


def _range_words(bounds: list[float | None]) -> str:
    low, high = bounds
    if low is None or high is None:
        return f"is at most {high}" if low is None else f"is at least {low}"
    return f"is {low} to {high}"


def _listed(columns: list[str]) -> str:
    """Names as people list them.

    >>> _listed(["chart", "scope", "rank"])
    '`chart`, `scope` and `rank`'
    """
    *first, last = (f"`{column}`" for column in columns)
    return f"{', '.join(first)} and {last}" if first else last


def set_readers(tables: Mapping[str, Table]) -> None:
    """Fill in `read_by` from `reads`."""
    for table in tables.values():
        table.read_by = sorted(other.name for other in tables.values() if table.name in other.reads)
