"""Audio files measured by several processes: sound keeps a core busy, and a decoder may die of a file."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from tasks.disk import writing
from tasks.fanout import Fanout
from tasks.fetching.answer import FetchState
from tasks.settings import Settings
from tasks.sources.audio_file import measure_file
from tasks.sources.parsed import Parsed

Measured: TypeAlias = Parsed[dict[str, Any]]


class Measurers:
    """Processes that measure files; none of them outlives the block.

    Below `home` lies what librosa compiles on its first use, the only thing that they write.
    """

    def __init__(self, n_workers: int, home: Path) -> None:
        self._n_workers = n_workers
        self._home = home
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(at_once=kind is not None)

    def measure(self, files: Mapping[str, Path]) -> Iterator[tuple[str, Measured]]:
        """What is in each file; what was under way beside one that a decoder died of is measured again by itself.

        Raises
        ------
        OstinatoError
            When the home cannot be written.
        """
        left = dict(files)
        for together in ([left], [{track_id: file} for track_id, file in files.items()]):
            for batch in together:
                for track_id, parsed in self._measured({one: file for one, file in batch.items() if one in left}):
                    del left[track_id]
                    yield track_id, parsed
        for track_id in left:
            yield track_id, Parsed([], FetchState.BROKEN, "the decoder died of it")

    def _measured(self, files: Mapping[str, Path]) -> list[tuple[str, Measured]]:
        """What was found in the files; those are left out that a process died of, or beside one."""
        if not files:
            return []
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._n_workers, mp_context=context, initializer=_prepare_measurer)
        found = []
        try:
            futures = {self._pool.submit(measure_file, file): track_id for track_id, file in files.items()}
            for future in as_completed(futures):
                if isinstance(future.exception(), BrokenProcessPool):
                    self._end()
                    continue
                with writing(self._home):
                    found.append((futures[future], future.result()))
        except BrokenProcessPool:  # it died while it was being given files
            self._end()
        return found

    def _end(self, *, at_once: bool = False) -> None:
        """End the processes: when they are done, or, where somebody asked for the end, now."""
        pool, self._pool = self._pool, None
        if pool is not None:
            if at_once:
                for process in list(pool._processes.values()):  # Python 3.14 has `kill_workers` for this
                    process.kill()
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class SoundBatch:
    """Audio files by the id of their content, and the home that a measurer may write to."""

    paths: Mapping[str, Path]
    home: Path


def measured_batches(
    settings: Settings, batches: Sequence[Mapping[str, Path]], fanout: Fanout
) -> Generator[dict[str, Measured]]:
    """What is in the files of each batch, by their ids: by processes of this machine, or by `fanout` elsewhere.

    Raises
    ------
    OstinatoError
        When the home cannot be written.
    """
    if not fanout.is_here:
        yield from fanout.map(measure_batch, [SoundBatch(batch, settings.home) for batch in batches])
        return
    most_at_once = max(map(len, batches), default=1)
    with Measurers(min(settings.threads, most_at_once), settings.home) as measurers:
        for batch in batches:
            yield dict(measurers.measure(batch))


def measure_batch(batch: SoundBatch) -> dict[str, Measured]:
    """Measure one batch on a worker, in a process of its own, so that a decoder that dies of a file leaves the worker.

    That process stays for later batches, one of them at a time. Workers of Dask are daemons, to which `multiprocessing`
    grants no children for fear that they outlive their parent; measurers end with theirs by themselves.
    """
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    os.environ.setdefault("NUMBA_CACHE_DIR", str(batch.home / "numba"))  # as our own commands set it
    with _of_this_worker:
        return dict(_measurers(batch.home).measure(batch.paths))


_of_this_worker = threading.Lock()


@cache
def _measurers(home: Path) -> Measurers:
    return Measurers(1, home)


def _prepare_measurer() -> None:
    """In each process: leave Ctrl-C to the parent, end when it is gone, and keep decoders' chatter off the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
