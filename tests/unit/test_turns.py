"""The pace of a host holds for all processes of a world together."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from tasks.fetching.turns import Turns


def test_turns_follow_each_other(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        turns = Turns(folder, "www.example.org:80")
        first, second, third = (turns.take(2.0) for _ in range(3))
        assert first <= time.monotonic()
        assert (second - first, third - second) == (2.0, 2.0)
        turns.hold(third + 10)
        assert turns.take(2.0) == third + 10


def test_without_a_pace_every_turn_is_now(tmp_path: Path) -> None:
    turns = Turns(None, "x")
    before = time.monotonic()
    assert all(before <= turns.take(0.0) <= time.monotonic() for _ in range(100))


def test_a_moment_of_another_boot_is_forgotten(tmp_path: Path) -> None:
    turns = Turns(tmp_path, "x")
    turns.hold(time.monotonic() + 10**6)
    assert turns.take(1.0) <= time.monotonic()


def test_a_spoiled_file_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"?")
    turns = Turns(tmp_path, "x")
    assert turns.take(1.0) <= time.monotonic()
    assert turns.take(1.0) > time.monotonic()


def _take(folder: Path, together: Barrier, taken: multiprocessing.SimpleQueue[list[float]]) -> None:
    turns = Turns(folder, "x")
    together.wait()
    taken.put([turns.take(0.5) for _ in range(10)])


def test_processes_stand_in_one_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    together, taken = context.Barrier(4), context.SimpleQueue()
    workers = [context.Process(target=_take, args=(tmp_path, together, taken)) for _ in range(4)]
    for worker in workers:
        worker.start()
    moments = sorted(moment for _ in workers for moment in taken.get())
    for worker in workers:
        worker.join(30)
    assert len(moments) == 40
    assert all(later - earlier > 0.49 for earlier, later in itertools.pairwise(moments))
