"""How collectors remember: batches named by their content, and reading back what landed in a span of days."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks import lake
from tasks.fetching.answer import Answer
from tasks.schemas import LAKE_SCHEMAS
from tasks.sources.kinds import PARSER_VERSIONS

Item = TypeVar("Item")
Result = TypeVar("Result")


class Closable(Protocol):
    """A source that can be left alone for the rest of a run, such as a polite session."""

    @property
    def is_closed(self) -> bool:
        """True where it is no longer asked."""
        ...


def in_chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive pieces of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def less(ids: Iterable[str] | pa.ChunkedArray | pa.Array, known: pa.ChunkedArray | pa.Array) -> list[str]:
    """The ids that are not known yet, sorted; Arrow compares, since what is known can be a million.

    >>> less(["b", "a", "c"], pa.array(["c", "x"]))
    ['a', 'b']
    """
    array = ids if isinstance(ids, pa.ChunkedArray | pa.Array) else pa.array(ids, pa.string())
    known_values = known.combine_chunks() if isinstance(known, pa.ChunkedArray) else known
    return sorted(array.filter(pc.invert(pc.is_in(array, value_set=known_values))).to_pylist())


def content_key(prefix: str, ids: Iterable[str]) -> str:
    """A batch key that its ids determine, so that collecting the same ids again replaces the batch.

    >>> content_key("songs", ["1", "2"]) == content_key("songs", ["1", "2"]) != content_key("songs", ["12"])
    True
    """
    digest = hashlib.sha256("\n".join(ids).encode("utf-8", errors="replace")).hexdigest()
    return f"{prefix}-{digest[:16]}"


def ask_while_open(
    pool: ThreadPoolExecutor, source: Closable, ask: Callable[[Item], Result], items: Iterable[Item]
) -> list[Result]:
    """What `ask` brings for each item, in order; items whose turn comes after the source has closed are left out."""

    def ask_one(item: Item) -> Result | None:
        return None if source.is_closed else ask(item)

    return [result for result in pool.map(ask_one, items) if result is not None]


def with_provenance(rows: Iterable[Mapping[str, Any]], answer: Answer) -> list[dict[str, Any]]:
    """Parsed rows with where and when they were read."""
    return [{**row, "fetched_at": answer.fetched_at, "page_sha256": answer.sha256} for row in rows]


def land(
    root: Path, source: str, tables: Mapping[str, Sequence[Mapping[str, Any]]], batch_key: str, ingest_date: date
) -> None:
    """Write one batch of several raw tables of a source under one key, the manifest last: what it calls settled is in.

    One key for all of them is what lets `ostinato reparse` find the rows of a page again.
    """
    for entity, rows in sorted(tables.items(), key=lambda table: table[0] == "fetch"):
        noted = [_with_parser_version(source, row) for row in rows] if entity == "fetch" else rows
        lake.write_batch(root, source, entity, noted, batch_key=batch_key, ingest_date=ingest_date)


def _with_parser_version(source: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest row that says which version of its parser read the page, where one did."""
    return {**row, "parser_version": PARSER_VERSIONS.get((source, row["entity"])) if row["is_page"] else None}


def read_since(root: Path, source: str, entity: str, columns: Sequence[str], since: date) -> pa.Table:
    """Rows that landed on `since` or later by their ingest date, which is the `as_of` of the run that fetched them."""
    wanted = pa.schema([LAKE_SCHEMAS[(source, entity)].field(name) for name in columns])
    with lake.read_lock(root):
        files = [file for file in lake.batch_files(root, source, entity) if _ingest_date(file) >= since]
        tables = [lake.read_file(file, wanted) for file in files]
    return pa.concat_tables(tables) if tables else wanted.empty_table()


def read_batch(root: Path, source: str, entity: str, batch_key: str) -> pa.Table:
    """The rows of the batch of that key; none where there is none."""
    name = lake.batch_path(root, source, entity, batch_key, date.min).name
    schema = LAKE_SCHEMAS[(source, entity)]
    with lake.read_lock(root):
        files = [file for file in lake.batch_files(root, source, entity) if file.name == name]
        return lake.read_file(files[-1], schema) if files else schema.empty_table()


def n_rows_of(root: Path, source: str, entity: str, batch_key: str) -> int:
    """Rows in the newest batch of that key; 0 where there is none."""
    name = lake.batch_path(root, source, entity, batch_key, date.min).name
    with lake.read_lock(root):
        files = [file for file in lake.batch_files(root, source, entity) if file.name == name]
        return int(pq.read_metadata(files[-1]).num_rows) if files else 0


def _ingest_date(file: Path) -> date:
    return date.fromisoformat(file.parent.name.removeprefix("ingest_date="))
