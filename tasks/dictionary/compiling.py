"""Puts headers, findings and the sources' rules together into one dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tasks.dictionary.findings import Findings, read_findings
from tasks.dictionary.headers import Rule, Table, rule_of_audit, rule_of_loss, set_readers, table_of
from tasks.dictionary.lineage import readings
from tasks.dictionary.python_made import WORDS, tables_made_by_python
from tasks.fetching.policy import SourcePolicy, load_policies
from tasks.lake import utc_now
from tasks.settings import Settings
from tasks.warehouse.connection import SQL_DIR
from tasks.warehouse.models import TRAINABLE, SqlModel, load_models

LAYERS = {
    "marts": "What is published: the catalogue's tables, under the same names without `marts`.",
    "tagging": "What the champions say of each track; filled by Python.",
    "features": "What models learn from and judge by: audio features and labels, one row per example.",
    "matching": "Which credits and charted songs are which tracks; filled by Python.",
    "core": "What the sources together say of one thing: a film, a track, a credit, a place in a chart.",
    "staging": "What one source says, cleaned and each thing once, from its newest reading in the lake.",
}
"""Layer -> what its tables have in common; the last is built first."""


@dataclass(frozen=True)
class Source:
    """Where rows come from, and what is owed for them."""

    key: str
    """As sources.toml and the columns `source` name it."""
    name: str
    words: str
    """What a publisher of its rows writes beside them; empty where those words claim a permission nobody attested."""
    terms_url: str
    may_train: bool
    tables: list[str]
    """Staging tables with its rows or content."""
    n_rows: int | None
    """In the served catalogue's staging tables."""
    newest_fetch: str | None


@dataclass(frozen=True)
class Dictionary:
    """All that the page shows."""

    world: str
    made_at: datetime
    tables: dict[str, Table]
    audits: list[Rule]
    sources: list[Source]
    trainable: list[str]
    """Tables that have a counterpart in the schema `trainable`."""
    audited_for: str
    audited_at: datetime | None
    catalogue: dict[str, Any]
    """Of the served catalogue: run, night, time of publishing, code; empty where none is."""
    why_empty: str
    """Why rows and checks are not told; empty where they are."""

    def of_layer(self, layer: str) -> list[Table]:
        """The tables of one layer, by name."""
        return [table for table in self.tables.values() if table.layer == layer]

    @property
    def rules(self) -> list[Rule]:
        """Every check."""
        return [*(rule for table in self.tables.values() for rule in table.rules), *self.audits]

    def as_json(self) -> dict[str, Any]:
        """All of it, for `--json`."""
        return {**asdict(self), "tables": [asdict(table) for table in self.tables.values()]}


def compile_dictionary(settings: Settings) -> Dictionary:
    """The dictionary of a world as it was built last.

    Raises
    ------
    OstinatoError
        When a SQL file or `sources.toml` cannot be read.
    """
    models, findings = load_models(SQL_DIR), read_findings(settings)
    tables = _tables(models)
    audits = [rule_of_audit(model) for model in models.values() if model.schema == "audits"]
    _fill_in(tables, audits, findings)
    policies = load_policies(settings)
    told = ("run_id", "as_of", "published_at", "code_version")
    return Dictionary(
        world=settings.profile.value,
        made_at=utc_now(),
        tables=tables,
        audits=sorted(audits, key=lambda rule: rule.check),
        sources=[_source(key, policy, tables, findings.snapshot) for key, policy in policies.items()],
        trainable=sorted(f"{_original(models, m)}" for m in models.values() if m.schema == TRAINABLE),
        audited_for=findings.audited_for,
        audited_at=findings.audited_at,
        catalogue={key: findings.snapshot[key] for key in told if key in findings.snapshot},
        why_empty=findings.why_empty,
    )


def _original(models: Mapping[str, SqlModel], twin: SqlModel) -> str:
    return next(name for name in (f"core.{twin.table}", f"features.{twin.table}") if name in models)


def _tables(models: Mapping[str, SqlModel]) -> dict[str, Table]:
    """All tables by layer and name; those of `trainable` are told once, not table by table."""
    reads = readings(models) | {name: words.reads for name, words in WORDS.items()}
    made = [table_of(models[name]) for name in readings(models)]
    tables = [*made, *tables_made_by_python()]
    place = list(LAYERS)
    in_order = sorted(tables, key=lambda each: (place.index(each.layer), each.name))
    by_name = {table.name: table for table in in_order}
    for table in in_order:
        table.reads = reads.get(table.name, [])
    set_readers(by_name)
    return by_name


def _fill_in(tables: Mapping[str, Table], audits: list[Rule], findings: Findings) -> None:
    """Put what was found beside what was promised; a check that no header names belongs to the table it begins with."""
    for name, table in tables.items():
        table.n_rows, table.changed_at = findings.n_rows.get(name), findings.changed_at.get(name)
    known = {rule.check: rule for rule in (*(rule for table in tables.values() for rule in table.rules), *audits)}
    for check, failing_rows in findings.failing_rows.items():
        rule = known.get(check) or rule_of_loss(check, findings.severities[check])
        if rule is None:
            continue  # of a header that has changed since
        rule.failing_rows = failing_rows
        owner = tables.get(check.split(" ")[0])
        if check not in known and owner is not None:
            owner.rules.append(rule)


def _source(key: str, policy: SourcePolicy, tables: Mapping[str, Table], snapshot: Mapping[str, Any]) -> Source:
    """Words that claim a permission, as IMDb's do, are shown only where a published catalogue bears them."""
    published = snapshot.get("attribution", {}).get(key, "")
    found: Mapping[str, Any] = next((each for each in snapshot.get("sources", []) if each["source"] == key), {})
    return Source(
        key=key,
        name=policy.name,
        words=published or ("" if "permission" in policy.attribution else policy.attribution),
        terms_url=policy.terms_url,
        may_train=policy.may_train,
        tables=[table.name for table in tables.values() if key in table.sources],
        n_rows=found.get("n_rows"),
        newest_fetch=found.get("newest_fetch"),
    )
