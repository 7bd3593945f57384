"""A batch that lands while it grows, and answers that stop coming when nobody takes them any more."""

from __future__ import annotations

import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks import lake
from tasks.collecting import growing
from tasks.collecting.growing import GrowingBatch, answers_of
from tasks.fetching.answer import Answer, FetchState
from tasks.lake import utc_now

DAY = date(2026, 11, 20)


def fetched(imdb_id: str, n_entries: int) -> dict[str, list[dict[str, Any]]]:
    answer = Answer("http://imdb", FetchState.OK, 200, b"page", "text/html", utc_now(), "ab" * 32, None, "")
    entries = [{"imdb_id": imdb_id, "position": n, "title": "Song"} for n in range(1, n_entries + 1)]
    return {"soundtrack": entries, "fetch": [answer.manifest_row("soundtrack", imdb_id)]}


def counts(root: Path) -> tuple[int, int, int]:
    """Entries, lines of the manifest, and files."""
    entries, manifest = (lake.read(root, "imdb", entity).num_rows for entity in ("soundtrack", "fetch"))
    return entries, manifest, len(list(root.rglob("*.parquet")))


def test_each_landing_replaces_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "LAND_EVERY_S", 0.0)
    with GrowingBatch(tmp_path, "imdb", "films", DAY) as batch:
        assert counts(tmp_path) == (0, 0, 0)
        batch.add(fetched("tt0000001", 3))
        assert counts(tmp_path) == (3, 1, 2)
        batch.add(fetched("tt0000002", 0))
        batch.add(fetched("tt0000003", 2))
        assert counts(tmp_path) == (5, 3, 2)
    assert counts(tmp_path) == (5, 3, 2)


def test_answers_that_come_fast_land_together_and_what_ends_the_block_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "LAND_EVERY_S", 60.0)
    with pytest.raises(KeyboardInterrupt), GrowingBatch(tmp_path, "imdb", "films", DAY) as batch:
        for number in range(1, 6):
            batch.add(fetched(f"tt000000{number}", 2))
        assert counts(tmp_path) == (2, 1, 2), "the first lands at once, so that no run is without a trace"
        raise KeyboardInterrupt
    assert counts(tmp_path) == (10, 5, 2)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_nothing_more_is_asked_when_the_block_ends(n_workers: int) -> None:
    asked: list[int] = []
    lock = threading.Lock()

    def ask(number: int) -> int:
        with lock:
            asked.append(number)
        time.sleep(0.02)
        return number * number

    with pytest.raises(KeyboardInterrupt), answers_of(ask, range(100), n_workers) as answers:
        assert [next(answers) for _ in range(4)] == [0, 1, 4, 9]
        raise KeyboardInterrupt
    assert 4 <= len(asked) <= 4 + 2 * n_workers
