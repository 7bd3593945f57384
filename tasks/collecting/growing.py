"""Collecting item by item so that a run can be stopped at any moment: answers as they come, landed while they come."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tasks.collecting.batches import land

Item = TypeVar("Item")
Result = TypeVar("Result")

LAND_EVERY_S = 0.5  # a source asked once a second lands each answer, a fast one a batch at a time


class GrowingBatch:
    """Rows and manifest of one batch, landed again and again under the same key, each time with more in it.

    At a second an answer a batch takes minutes. What has come is in the lake at once, so that a run killed half-way
    asks for nothing twice, and yet there is one file a batch. Leaving the block lands the rest, whatever ended it.
    """

    def __init__(self, root: Path, source: str, batch_key: str, ingest_date: date) -> None:
        self._root = root
        self._source = source
        self._batch_key = batch_key
        self._ingest_date = ingest_date
        self._tables: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._n_unlanded = 0
        self._landed_at = float("-inf")  # on the monotonic clock: the first answer lands at once

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._land()

    def add(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Take in what one answer brought, table by table, `fetch` among them."""
        for entity, rows in tables.items():
            self._tables[entity] += rows
            self._n_unlanded += len(rows)
        if time.monotonic() - self._landed_at >= LAND_EVERY_S:
            self._land()

    def _land(self) -> None:
        if self._n_unlanded:
            land(self._root, self._source, self._tables, self._batch_key, self._ingest_date)
        self._n_unlanded = 0
        self._landed_at = time.monotonic()


@contextmanager
def answers_of(ask: Callable[[Item], Result], items: Sequence[Item], n_workers: int) -> Iterator[Iterator[Result]]:
    """What `ask` brings for each item, in order, by so many threads; whatever ends the block, nothing more is asked."""
    if n_workers == 1:
        yield map(ask, items)
        return
    pool = ThreadPoolExecutor(n_workers)
    try:
        yield pool.map(ask, items)
    finally:
        pool.shutdown(cancel_futures=True)
