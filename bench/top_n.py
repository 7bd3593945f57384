"""The N most probable labels of every row: one vectorised call beside the seeds' loop over rows, on the same table.

The loop is how the original projects named the labels of a track: sort a row's probabilities, keep the last N, mark
them, go on to the next row. Both answers are compared before any time is told.

Run: `python bench/top_n.py [--rows 1000000] [--labels 28] [--top 3]`
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from tasks.models.evaluation import top_n_ranks  # noqa: E402  after the path


def in_one_call(probability: np.ndarray, top: int) -> np.ndarray:
    """Ours: bool (n, labels)."""
    return top_n_ranks(probability, top) < top


def row_by_row(probability: np.ndarray, top: int) -> np.ndarray:
    """The seeds' loop: bool (n, labels)."""
    chosen = np.zeros(probability.shape, dtype=bool)
    for row in range(len(probability)):
        for label in probability[row].argsort()[-top:]:
            chosen[row, label] = True
    return chosen


def timed(
    choose: Callable[[np.ndarray, int], np.ndarray], probability: np.ndarray, top: int
) -> tuple[np.ndarray, float]:
    """The answer, and the seconds that it took."""
    started = time.perf_counter()
    return choose(probability, top), time.perf_counter() - started


def main() -> None:
    """Time both on the same random table, and see that they agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=28)
    parser.add_argument("--top", type=int, default=3)
    options = parser.parse_args()
    probability = np.random.default_rng(0).random((options.rows, options.labels))
    ours, ours_s = timed(in_one_call, probability, options.top)
    theirs, theirs_s = timed(row_by_row, probability, options.top)
    assert np.array_equal(ours, theirs), "the two name other labels"
    print(f"top {options.top} of {options.labels} labels, {options.rows:,} rows")
    print(f"one call    {ours_s:8.2f} s")
    print(f"row by row  {theirs_s:8.2f} s   {theirs_s / ours_s:.1f} times as long")


if __name__ == "__main__":
    main()
