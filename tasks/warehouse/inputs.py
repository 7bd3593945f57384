"""What a model's SELECT reads, put into its text: the lake's files for a raw table, a part of a table for some keys.

SQL files name tables alone (`raw.melon_chart`, `core.track`). Each mention is replaced by a subquery of the same
alias, so that models can be built side by side, each with inputs of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tasks.lake import duckdb_type, list_batches
from tasks.places import Listed
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import Settings
from tasks.warehouse.models import Incremental

RAW = "raw."
_KEY = "wanted_key_{}"  # no column of any table is called so


def raw_files(settings: Settings, read: str) -> list[Listed]:
    """The batches of a raw table (`raw.<source>_<entity>`) that are in the lake now, in a fixed order."""
    return list_batches(settings.lake, *_raw_tables()[read])


def raw_subquery(read: str, files: Sequence[str]) -> str:
    """All rows of these batches in today's schema: a column that a batch was written without is null in it."""
    schema = LAKE_SCHEMAS[_raw_tables()[read]]
    columns = ", ".join(f'"{name}"' for name in schema.names)
    nulls = ", ".join(f'cast(null as {duckdb_type(field.type)}) as "{field.name}"' for field in schema)
    body = f"select {nulls} where false"
    if files:
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        body += (
            f" union all by name select * from read_parquet([{listed}], union_by_name => true, "
            "hive_partitioning => false)"
        )
    return f"(select {columns} from ({body}))"


def _raw_tables() -> dict[str, tuple[str, str]]:
    return {f"{RAW}{source}_{entity}": (source, entity) for source, entity in LAKE_SCHEMAS}


def with_inputs(select: str, subqueries: Mapping[str, str]) -> str:
    """A SELECT in which each mention of these tables is the subquery given for it, under the alias it had.

    >>> with_inputs("from core.track as t join core.film using (a)", {"core.track": "(x)", "core.film": "(y)"})
    'from (x) as t join (y) as film using (a)'
    """
    if not subqueries:
        return select
    names = "|".join(re.escape(name) for name in sorted(subqueries, key=len, reverse=True))

    def replaced(found: re.Match[str]) -> str:
        alias = found[2] or f" as {found[1].split('.')[1]}"
        return subqueries[found[1]] + alias

    return re.sub(rf"\b({names})\b(\s+as\s+\w+)?", replaced, select)


def keys_of(incremental: Incremental, read: str, changed: str) -> str:
    """A SELECT of the keys, as columns `wanted_key_0` and so on, that the rows of `changed` bear on."""
    own = incremental.keys_select(read)
    if own is None:
        columns = ", ".join(f"{keys} as {_KEY.format(place)}" for place, keys in enumerate(incremental.reads[read]))
        return f"select {columns} from {changed} as changed"
    names = ", ".join(_KEY.format(place) for place in range(len(incremental.by)))
    return f"select * from (with changed as (from {changed}) {own}) as bearing({names})"


def part_of(incremental: Incremental, read: str, source: str, keys_table: str) -> str:
    """The rows of an input that belong to the wanted keys, as a subquery."""
    on = " and ".join(f"{keys} = wanted.{_KEY.format(place)}" for place, keys in enumerate(incremental.reads[read]))
    return f"(select part.* from {source} as part semi join {keys_table} as wanted on {on})"


def rows_of_keys(incremental: Incremental, source: str, keys_table: str) -> str:
    """A SELECT of the rows of a model's table or result that belong to the wanted keys."""
    on = " and ".join(f'made."{name}" = wanted.{_KEY.format(place)}' for place, name in enumerate(incremental.by))
    return f"select made.* from {source} as made semi join {keys_table} as wanted on {on}"
