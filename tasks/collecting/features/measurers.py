"""Audio files measured by several processes: sound keeps a core busy, and a decoder may die of a file."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from tasks.disk import writing
from tasks.fetching.answer import FetchState
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
