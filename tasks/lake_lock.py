"""Who may move the lake's files, and when: many readers or one writer, and a journal for what a kill cut short.

Files move only under the write lock, for milliseconds. Who reads several files, or one more than once, as DuckDB does
within a statement, holds the read lock meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.disk import take_lock, writing
from tasks.places import content_of, create, flush, is_remote
from tasks.settings import OstinatoError

_JOURNAL = ".landing"
_END = "and no more"
"""Last line of a journal: one without it was cut off, and what else it promised is not known."""
_LOCK_AGE_S = 600.0
"""After which a writer counts as gone; by the clocks of the machines, which should agree to minutes."""
_LOCK_PATIENCE_S = 60.0
_ASIDE = re.compile(r"[\w-]+/[\w-]+/ingest_date=\d{4}-\d{2}-\d{2}/\.[^/]+\.[0-9a-f]{32}\.part")


@contextmanager
def read_lock(lake: Path) -> Iterator[None]:
    """Hold the lake still: within the block, which must not write to it, no batch is replaced, moved or deleted.

    Any number of readers hold it at once. Writers wait for them, so it is for seconds, not for minutes.
    """
    with _locked(lake, fcntl.LOCK_SH):
        yield


@contextmanager
def write_lock(lake: Path) -> Iterator[None]:
    """Let one writer at a time move files, across threads and processes, and no reader meanwhile."""
    with _locked(lake, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(lake: Path, kind: int) -> Iterator[None]:
    """Hold the lake, having landed what a killed owner had promised."""
    with _held_in_store(lake, kind) if is_remote(lake) else _held_here(lake, kind):
        yield


@contextmanager
def _held_here(lake: Path, kind: int) -> Iterator[None]:
    """Hold the lake's `flock`; the kernel frees it with its owner.

    Each holder opens the file anew: a `flock` belongs to an open file, so that threads exclude each other too.
    """
    with writing(lake):
        lake.mkdir(parents=True, exist_ok=True)
        file = (lake / ".lock").open("a")
    with file:
        take_lock(file, kind)
        while is_promised(lake):
            take_lock(file, fcntl.LOCK_EX)
            if is_promised(lake):  # nobody was faster
                _keep_promise(lake)
            take_lock(file, kind)
        yield


@contextmanager
def _held_in_store(lake: Path, kind: int) -> Iterator[None]:
    """In an object store one writer at a time, of all machines; readers go on, since objects appear whole.

    The lock is an object that is made only where there is none, which the store itself decides. One that was left by a
    killed writer is taken over after `_LOCK_AGE_S`, which is far longer than files are moved for.
    """
    if kind == fcntl.LOCK_SH and not _is_promised_in_store(lake):
        yield
        return
    lock = lake / ".lock"
    with writing(lake):
        owner = _take_object(lock)
    try:
        if is_promised(lake):
            _keep_promise(lake)
        if kind == fcntl.LOCK_EX:
            yield
    finally:
        with writing(lake):
            if _owner_of(lock).get("name") == owner:  # else it lasted too long, and another has it now
                lock.unlink(missing_ok=True)
    if kind == fcntl.LOCK_SH:
        yield


def _is_promised_in_store(lake: Path) -> bool:
    with writing(lake):
        return is_promised(lake)


def _take_object(lock: Path) -> str:
    """Make the lock's object, waiting for another's to go, and return the name under which it is held."""
    name = uuid.uuid4().hex
    owner = {"name": name, "host": socket.gethostname(), "process": os.getpid(), "since": time.time()}
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while not create(lock, json.dumps(owner)):
        held = _owner_of(lock)
        if time.time() - float(held.get("since", time.time())) > _LOCK_AGE_S:
            lock.unlink(missing_ok=True)
        elif time.monotonic() > deadline:
            raise OstinatoError(
                f"The lake {lock.parent} is held by process {held.get('process')} on {held.get('host')}; "
                f"wait for it to end, or delete {lock} if it is gone."
            )
        time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  to spread those who wait
    return name


def _owner_of(lock: Path) -> dict[str, Any]:
    """What the lock says of who holds it; nothing where it is gone or says nothing."""
    try:
        held = json.loads(content_of(lock))
    except (FileNotFoundError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def put_in_place(lake: Path, asides: Sequence[Path]) -> None:
    """Move flushed batches from aside to their names: all or none, also when the process is killed between two moves.

    Several are promised in a journal first; who takes the lock next keeps what a killed owner had promised.

    Raises
    ------
    OstinatoError
        When the disk refuses it.
    """
    with write_lock(lake), writing(lake):
        if len(asides) == 1 and not is_remote(lake):  # a store moves in several steps
            _move(asides[0])
        elif asides:
            _promise(lake, asides)
            _keep_promise(lake)


def is_promised(lake: Path) -> bool:
    """True while batches have still to be moved that must not land without each other."""
    return (lake / _JOURNAL).exists()


def _promise(lake: Path, asides: Sequence[Path]) -> None:
    lines = "".join(f"{aside.relative_to(lake)}\n" for aside in asides) + f"{_END}\n"
    if is_remote(lake):
        (lake / _JOURNAL).write_text(lines, encoding="utf-8")
        return
    part = lake / f"{_JOURNAL}.part"
    part.write_text(lines, encoding="utf-8")
    flush(part)
    os.replace(part, lake / _JOURNAL)


def _keep_promise(lake: Path) -> None:
    with writing(lake):
        for aside in _promised(lake):
            if aside.exists():  # else it was moved before the kill
                _move(aside)
        (lake / _JOURNAL).unlink()


def _promised(lake: Path) -> list[Path]:
    """The batches that the journal names; each is still aside or has already landed.

    Raises
    ------
    OstinatoError
        When the journal is not one that was written here, or not whole: nothing is moved by it.
    """
    journal = lake / _JOURNAL
    *names, end = journal.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    asides = [lake / name for name in names]
    is_whole = end == _END and all(_ASIDE.fullmatch(name) for name in names)
    if not is_whole or not all(aside.exists() or _landed(aside).exists() for aside in asides):
        raise OstinatoError(
            f"{journal} names no batches that could be landed, so nothing was moved; "
            "delete it, then import again what was being imported when it was written."
        )
    return asides


def _landed(aside: Path) -> Path:
    """The name under which a batch lands that is written aside as `.NAME.UUID.part`."""
    return aside.with_name(aside.name[1:].rsplit(".", 2)[0])


def _move(aside: Path) -> None:
    """Give a batch written aside its name; an earlier one makes room, whatever its ingest date."""
    path = _landed(aside)
    earlier = [file for file in path.parents[1].glob(f"ingest_date=*/{path.name}") if file != path]
    if is_remote(path):
        # The promise is kept again where this is cut short: aside goes last.
        path.fs.copy(aside.path, path.path)  # type: ignore[attr-defined]
        for file in (*earlier, aside):
            file.unlink(missing_ok=True)
        return
    # The earlier batch moves here before it is replaced: no kill leaves both, or neither.
    for file in earlier:
        os.replace(file, path)
    os.replace(aside, path)
