"""A batch of TMDB's films or of its list that lands while it grows, and never loses what an earlier try brought."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tasks.collecting.batches import land, read_batch
from tasks.collecting.freshness import SETTLED
from tasks.collecting.growing import LAND_EVERY_S


class FilmBatch:
    """Rows by film and manifest lines by question, landed again and again under one key.

    The same batch can be asked for twice on one night: its run was killed, or its films came without the ids that
    another host has. What comes now takes the place of what came then; what does not come now stays as it was, row
    and manifest line alike, so that a second try that brings less costs nothing.
    """

    def __init__(self, root: Path, entity: str, batch_key: str, as_of: date) -> None:
        self._root = root
        self._entity = entity
        self._batch_key = batch_key
        self._as_of = as_of
        self._rows = {row["tmdb_id"]: row for row in read_batch(root, "tmdb", entity, batch_key).to_pylist()}
        self.asked: dict[tuple[str, str], dict[str, Any]] = {
            (line["entity"], line["key"]): line | {"is_page": line["parser_version"] is not None}
            for line in read_batch(root, "tmdb", "fetch", batch_key).to_pylist()
        }
        self._has_news = False
        self._landed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._land()

    def add(self, rows: Iterable[Mapping[str, Any]], manifest: Iterable[dict[str, Any]]) -> None:
        """Take in what one answer brought."""
        for row in rows:
            self._rows[row["tmdb_id"]] = dict(row)
            self._has_news = True
        for line in manifest:
            question = line["entity"], line["key"]
            earlier = self.asked.get(question)
            if earlier is None or line["state"] in SETTLED or earlier["state"] not in SETTLED:
                self.asked[question] = line
            self._has_news = True
        if time.monotonic() - self._landed_at >= LAND_EVERY_S:
            self._land()

    def rename(self, entity: str, key: str, new_key: str) -> None:
        """Give a manifest line another key, once more is known of what its page was used for."""
        if key != new_key and (line := self.asked.pop((entity, key), None)):
            self.asked[(entity, new_key)] = line | {"key": new_key}
            self._has_news = True

    def _land(self) -> None:
        if self._has_news:
            tables = {self._entity: list(self._rows.values()), "fetch": list(self.asked.values())}
            land(self._root, "tmdb", tables, self._batch_key, self._as_of)
        self._has_news = False
        self._landed_at = time.monotonic()
