"""What a disk refuses, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.settings import OstinatoError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one sentence why `path` could not be written, should the block meet such a fault."""
    try:
        yield
    except OSError as fault:
        why = fault.strerror or str(fault)
        raise OstinatoError(
            f"{path} could not be written: {why}; make room there or set OSTINATO_HOME to a folder that can be written."
        ) from fault
