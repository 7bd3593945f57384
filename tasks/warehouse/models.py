"""Reads the SQL files: each is one SELECT below a YAML header that says what its rows are."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from tasks.settings import OstinatoError

LAYERS = ("staging", "core", "features", "marts")
TRAINABLE = "trainable"
"""Schema of what the SQL of core and features makes of those sources alone that models may be trained on."""
OWN = "ostinato"
"""What this project and its people say themselves, such as verdicts on matches, needs no source's leave."""
_SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C it takes a tenth of the time
AUDIO_FEATURE_COLUMNS = "13 audio features"
"""The name under which a header lists the audio features as one entry."""


@dataclass(frozen=True)
class Tests:
    """What every row of a model must satisfy; see `tasks.warehouse.audit` for how each is counted."""

    not_null: list[str] = field(default_factory=list)
    unique: list[str] = field(default_factory=list)
    range: dict[str, list[float | None]] = field(default_factory=dict)
    accepted: dict[str, list[str]] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Incremental:
    """How a model is brought up to date without being built anew: by the keys whose inputs changed.

    The promise of a header that has it: the rows of the result with one value of `by` depend, of each input under
    `reads`, on its rows with that same value alone. Where any other input changes, the model is built anew.
    """

    by: list[str]
    """Columns of the result."""
    reads: dict[str, list[str]]
    """Input -> expressions over its columns, one for each of `by`; or a single SELECT of the values of `by` that rows
    of the table `changed` (the input's old and new rows) bear on, for an input that is then read whole."""

    def keys_select(self, read: str) -> str | None:
        """The SELECT of the keys that an input's changes bear on, where its header gives one."""
        first = self.reads[read][0]
        return first if re.match(r"(?i)\s*(select|from|with)\s", first) else None


@dataclass(frozen=True)
class SqlModel:
    """One file of `sql/`: `sql/<schema>/<table>.sql`."""

    schema: str
    table: str
    description: str
    grain: str
    key: list[str]
    columns: dict[str, str]
    """Column name -> `TYPE; what it means, with its unit`."""
    tests: Tests
    warn: Tests
    severity: str
    is_view: bool
    content_of: list[str]
    """Sources whose content an imported table holds, to whom its publisher owes their words too."""
    select: str
    incremental: Incremental | None = None
    sorted_by: list[str] = field(default_factory=list)
    """Of a mart: the columns by which its published rows lie, so that a filter on the first reads few of them."""
    may_shrink: bool = False
    """Of a mart: true where half its rows may be gone from one night to the next and nothing is wrong."""
    example: str = ""
    """Of a mart: a question to its published table, as somebody would ask it."""

    @property
    def name(self) -> str:
        """The table's name with its schema."""
        return f"{self.schema}.{self.table}"

    @cached_property
    def depends_on(self) -> frozenset[str]:
        """Tables that the SELECT reads, found by parsing it; names without a schema are its own CTEs."""
        return tables_read(self.select)

    @property
    def sources(self) -> frozenset[str]:
        """Whose raw tables the SELECT reads, as `sources.toml` names them: `raw.spotify_track` is Spotify's."""
        raw = (name.removeprefix("raw.") for name in self.depends_on if name.startswith("raw."))
        return frozenset(name.split("_")[0] for name in raw)

    def column_types(self) -> dict[str, str]:
        """Column name -> DuckDB type, from the header."""
        return {name: text.split(";", 1)[0].strip().upper() for name, text in self.columns.items()}


@lru_cache(maxsize=1024)
def tables_read(select: str) -> frozenset[str]:
    """The tables that a SELECT reads by a name with a schema; parsing takes milliseconds a model, so each is read once.

    Raises
    ------
    sqlglot.errors.SqlglotError
        When it cannot be parsed.
    """
    tree = sqlglot.parse_one(select, dialect="duckdb")
    return frozenset(f"{table.db}.{table.name}" for table in tree.find_all(exp.Table) if table.db)


def load_models(folder: Path) -> dict[str, SqlModel]:
    """All models below `folder`, by name, in an order in which each comes after what it reads.

    Raises
    ------
    OstinatoError
        When a header is missing or unreadable, a SELECT does not parse, or models read each other in a circle.
    """
    models = {
        model.name: model
        for schema in (*LAYERS, "audits")
        for model in (read_model(path) for path in sorted((folder / schema).glob("*.sql")))
    }
    models |= trainable_models(models)
    graph = {name: model.depends_on & models.keys() for name, model in models.items()}
    try:
        order = list(TopologicalSorter({name: sorted(graph[name]) for name in sorted(graph)}).static_order())
    except CycleError as fault:
        raise OstinatoError(f"SQL models read each other in a circle: {' -> '.join(fault.args[1])}.") from None
    return {name: models[name] for name in order}


def trainable_models(models: dict[str, SqlModel]) -> dict[str, SqlModel]:
    """The counterparts in `trainable` of those tables of core and features that training sets are made of.

    They have the same SELECT, so that nothing is said twice, and read each other and only the cleared sources' rows of
    staging: no name, feature, label or tie of a training set can then come from a source that is not cleared.
    """
    originals = {
        f"{TRAINABLE}.{model.table}": model
        for model in models.values()
        if model.schema in ("core", "features") and not _reads_trainable(model)
    }
    wanted = {name for model in models.values() for name in model.depends_on if name.startswith(f"{TRAINABLE}.")}
    twins: dict[str, SqlModel] = {}
    while names := sorted(wanted & originals.keys() - twins.keys()):
        for name in names:
            twins[name] = _twin(originals[name], models)
            wanted |= twins[name].depends_on
    return twins


def _reads_trainable(model: SqlModel) -> bool:
    return any(name.startswith(f"{TRAINABLE}.") for name in model.depends_on)


def _twin(model: SqlModel, models: dict[str, SqlModel]) -> SqlModel:
    return replace(
        model,
        schema=TRAINABLE,
        description=f"As {model.name}, of the sources alone that models may be trained on.",
        key=[],
        tests=Tests(),
        warn=Tests(),
        incremental=None,  # built before a training alone, from all there is
        select=_of_cleared_sources(model.select, models),
    )


def _of_cleared_sources(select: str, models: dict[str, SqlModel]) -> str:
    """A SELECT with each table replaced by what cleared sources alone make of it."""

    def replaced(found: re.Match[str]) -> str:
        schema, table = found.groups()
        if schema == "matching":
            return f"matching.{TRAINABLE}_{table}"
        if schema != "staging" or found[0] not in models:
            return f"{TRAINABLE}.{table}"
        if models[found[0]].sources == {OWN}:
            return found[0]
        sources = ", ".join(f"'{source}'" for source in sorted(models[found[0]].sources))
        cleared = f"select bool_and(may_train) from vocabulary.source_policy where source in ({sources})"
        return f"(select * from {found[0]} where ({cleared}))"

    return re.sub(r"\b(staging|core|features|matching)\.(\w+)", replaced, select)


def read_model(path: Path) -> SqlModel:
    """One SQL file, its header checked."""
    text = path.read_text(encoding="utf-8")
    if not text.startswith("/*") or "*/" not in text:
        raise OstinatoError(f"{path} has no header: begin the file with /* description: ... */.")
    head, select = text[2:].split("*/", 1)
    try:
        header: dict[str, Any] = yaml.load(head, Loader=_SAFE_LOADER) or {}  # noqa: S506  it is a safe one
        select = select.strip().rstrip(";")
        tables_read(select)
    except (yaml.YAMLError, sqlglot.errors.SqlglotError) as fault:
        raise OstinatoError(f"{path} cannot be read: {' '.join(str(fault).split())[:300]}") from None
    return SqlModel(
        schema=path.parent.name,
        table=path.stem,
        description=str(header.get("description", "")).strip(),
        grain=str(header.get("grain", "")),
        key=list(header.get("key") or []),
        columns=_with_audio_features(dict(header.get("columns") or {}), path.parents[1]),
        tests=Tests(**(header.get("tests") or {})),
        warn=Tests(**(header.get("warn") or {})),
        severity=str(header.get("severity", "error")),
        is_view=header.get("materialized") == "view",
        content_of=list(header.get("content_of") or []),
        select=select,
        incremental=_incremental(header.get("incremental"), tables_read(select), path),
        sorted_by=list(header.get("sorted_by") or header.get("key") or []),
        may_shrink=bool(header.get("may_shrink", False)),
        example=str(header.get("example", "")),
    )


def _incremental(header: dict[str, Any] | None, tables: frozenset[str], path: Path) -> Incremental | None:
    if header is None:
        return None
    by, reads = list(header["by"]), {name: _as_list(keys) for name, keys in header["reads"].items()}
    incremental = Incremental(by, reads)
    for read, keys in reads.items():
        if read not in tables:
            raise OstinatoError(f"{path} says how {read} bears on it but does not read it.")
        if incremental.keys_select(read) is None and len(keys) != len(by):
            raise OstinatoError(f"{path} reads {read} by {len(keys)} expressions but is built by {', '.join(by)}.")
    return incremental


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _with_audio_features(columns: dict[str, str], folder: Path) -> dict[str, str]:
    """Put the 13 features where a header names them as one: what they are is said once, in their vocabulary."""
    expanded: dict[str, str] = {}
    for name, text in columns.items():
        if name == AUDIO_FEATURE_COLUMNS:
            with (folder / "vocabularies" / "audio_feature.csv").open(encoding="utf-8", newline="") as file:
                expanded |= {row["feature"]: f"{row['type']}; {row['meaning']}" for row in csv.DictReader(file)}
        else:
            expanded[name] = text
    return expanded
