"""Grouped folds, and the guard that stops a group from standing on both sides of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


class LeakError(RuntimeError):
    """A film, artist or recording is both learnt from and judged on: the score would be a lie."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Row positions to learn from and to judge on."""

    train: np.ndarray
    test: np.ndarray


def codes(keys: Sequence[object] | np.ndarray) -> np.ndarray:
    """Whole numbers from 0 for any keys, in the order of the keys' text.

    >>> codes(["b", "a", "b"]).tolist()
    [1, 0, 1]
    """
    return np.unique(np.asarray(keys, dtype=str), return_inverse=True)[1]


def linked_groups(first: Sequence[object] | np.ndarray, second: Sequence[object] | np.ndarray) -> np.ndarray:
    """Groups in which rows belong together when they share either key, directly or through other rows.

    >>> linked_groups(["abba", "abba", "cher"], ["waterloo", "sos", "sos"]).tolist()
    [0, 0, 0]
    """
    one, two = codes(first), codes(second)
    n_one = int(one.max(initial=-1)) + 1
    n = n_one + int(two.max(initial=-1)) + 1
    graph = coo_matrix((np.ones(len(one)), (one, n_one + two)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1][one])


def grouped_folds(groups: np.ndarray, n_folds: int, seed: int = 0) -> list[Fold]:
    """Folds of about equal size that keep every group whole; the same groups and seed give the same folds.

    The largest groups are dealt first, each to the fold that is emptiest so far.

    Raises
    ------
    ValueError
        When there are fewer groups than folds.
    """
    names, members = np.unique(groups, return_inverse=True)
    if len(names) < n_folds:
        raise ValueError(f"{len(names)} groups cannot fill {n_folds} folds")
    sizes = np.bincount(members)
    order = np.lexsort((np.random.default_rng(seed).permutation(len(names)), -sizes))
    filled, fold_of = np.zeros(n_folds), np.empty(len(names), dtype=int)
    for group in order:
        fold_of[group] = int(filled.argmin())
        filled[fold_of[group]] += sizes[group]
    row_fold = fold_of[members]
    folds = [Fold(np.flatnonzero(row_fold != k), np.flatnonzero(row_fold == k)) for k in range(n_folds)]
    for fold in folds:
        forbid_shared_groups(groups, fold)
    return folds


def without_shared(folds: Sequence[Fold], keys: np.ndarray) -> list[Fold]:
    """The same tests, learnt without the rows that share a key with them: a stress test of the split."""
    return [Fold(fold.train[~np.isin(keys[fold.train], keys[fold.test])], fold.test) for fold in folds]


def forbid_shared_groups(groups: np.ndarray, fold: Fold, what: str = "group") -> None:
    """The guard: learning and judging must share no group and no row.

    Raises
    ------
    LeakError
        Naming a group that stands on both sides.
    """
    shared = np.intersect1d(groups[fold.train], groups[fold.test])
    if len(shared):
        raise LeakError(f"{len(shared)} of one {what} or more on both sides of a split, such as {shared[0]}")
