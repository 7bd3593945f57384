"""Heavy work in units: here one after another, or elsewhere by whatever runs a function on a worker.

A unit is a function of a module and one small argument (paths, ids, ranges). It reads what it needs by itself and
returns little, or writes a file aside and returns its path, so that a worker in another process, or on another machine
that sees the same home, runs it alike. A unit may be run twice, where a worker died or was slow to say that it is done.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.disk import writing
from tasks.settings import Settings

T = TypeVar("T")
R = TypeVar("R")


class Fanout(Protocol):
    """A way to run units."""

    @property
    def is_here(self) -> bool:
        """True where units run in this process, and nothing needs to be written aside for them."""
        ...

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """`function` of each item, in the order of the items; the results come as they are asked for."""
        ...


class Here:
    """Units run in this process, each when its result is asked for; what is parallel is so within a unit."""

    is_here = True

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """`function` of each item."""
        return map(function, items)


HERE = Here()


@contextmanager
def folder_aside(settings: Settings, step: str) -> Iterator[Path]:
    """A folder of the world for what units read and write, removed at the end; what a killed run left goes first.

    A run has a name of its own, so that a unit of a killed run that still works on a worker finds no place to write.

    Raises
    ------
    OstinatoError
        When the home cannot be written.
    """
    kept = settings.world / "aside" / step
    shutil.rmtree(kept, ignore_errors=True)
    folder = kept / uuid.uuid4().hex
    with writing(folder):
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(kept, ignore_errors=True)


def write_aside(table: pa.Table, file: Path) -> Path:
    """Write a table as Parquet, whole or not at all, whoever else writes the same; returns `file`.

    Raises
    ------
    OstinatoError
        When it cannot be written.
    """
    unfinished = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    with writing(file):
        pq.write_table(table, unfinished)
        os.replace(unfinished, file)
    return file
