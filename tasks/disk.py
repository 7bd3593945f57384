"""What a disk refuses, said in one sentence."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tasks.places import is_remote, naming_faults
from tasks.settings import OstinatoError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one sentence why `path` could not be written, should the block meet such a fault."""
    try:
        with naming_faults(path):
            yield
    except OSError as fault:
        why = fault.strerror or str(fault)
        if is_remote(path):
            raise OstinatoError(f"{path} could not be written: {why}.") from fault
        raise OstinatoError(
            f"{path} could not be written: {why}; make room there or set OSTINATO_HOME to a folder that can be written."
        ) from fault


def take_lock(file: IO[str], kind: int) -> None:
    """Take or change the `flock` of an open file.

    Raises
    ------
    BlockingIOError
        When another process holds it and `kind` says not to wait.
    OstinatoError
        When the file system knows no such locks, as some network shares do not.
    """
    try:
        fcntl.flock(file, kind)
    except BlockingIOError:
        raise
    except OSError as fault:
        raise OstinatoError(
            f"{file.name} cannot be locked ({fault.strerror}), so two runs could harm each other; "
            "set OSTINATO_HOME to a folder on a disk of this machine."
        ) from None
