"""Units of heavy steps as Prefect tasks on Dask's workers, where OSTINATO_RUNNER says so.

A cluster is used for as long as a step has units for it: one of our own starts with the first of them and ends with the
step, and the flow's other steps keep their threads.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.dask_cluster import ANSWER_S, is_dask, require_cluster, scheduler_address
from tasks.fanout import HERE, Fanout
from tasks.settings import OstinatoError, Settings

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State
    from prefect_dask import DaskTaskRunner
    from prefect_dask.task_runners import PrefectDaskFuture

T = TypeVar("T")
R = TypeVar("R")

MOST_TASKS = 80
"""Task runs for the units of one step, so that a night has fewer than 300; each takes several units where need be."""
UNITS_AHEAD = 2
"""Tasks handed out for each worker before the oldest result is asked for: what is finished waits in memory."""
NO_WORKER_S = 60.0
"""Time without any worker after which a step gives up: one that died may be started anew until then."""
LOOK_S = 5.0


class ClusterError(OstinatoError):
    """Units cannot be run any more, through no fault of theirs."""


@contextmanager
def fanned_out(settings: Settings) -> Iterator[Fanout]:
    """How a step is to run its units: on Dask where the settings say so, else here."""
    if not is_dask(settings):
        yield HERE
        return
    with ExitStack() as until_the_step_ends:
        yield OnDask(settings, until_the_step_ends)


@task(name="Units", task_run_name="{title}", cache_policy=NO_CACHE)
def run_units(function: Callable[[T], R], items: Sequence[T], title: str) -> list[R]:
    """Some units of a step, on a worker."""
    return [function(item) for item in items]


class OnDask:
    """Units run on Dask's workers; those of a worker that dies are run again by another."""

    is_here = False

    def __init__(self, settings: Settings, until_the_step_ends: ExitStack) -> None:
        self._settings = settings
        self._stack = until_the_step_ends
        self._runner: DaskTaskRunner | None = None

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """`function` of each item, in the order of the items; few tasks are handed out before they are asked for.

        Raises
        ------
        ClusterError
            When the cluster goes away, has no worker any more, or loses worker after worker to one task.
        """
        if not items:
            return
        runner = self._started()
        size = -(-len(items) // MOST_TASKS)
        most_ahead = UNITS_AHEAD * max(1, _n_threads(runner))
        ahead: deque[PrefectDaskFuture[list[R]]] = deque()
        try:
            for start in range(0, len(items), size):
                if len(ahead) >= most_ahead:
                    yield from self._result(runner, ahead.popleft())
                title = f"{function.__name__} {start + 1} to {min(start + size, len(items))} of {len(items)}"
                parameters = {"function": function, "items": items[start : start + size], "title": title}
                ahead.append(runner.submit(run_units, parameters=parameters))
            while ahead:
                yield from self._result(runner, ahead.popleft())
        finally:
            for future in ahead:
                future.wrapped_future.cancel()

    def _started(self) -> DaskTaskRunner:
        if self._runner is None:
            require_cluster(self._settings)
            self._runner = self._stack.enter_context(dask_runner(self._settings))
        return self._runner

    def _result(self, runner: DaskTaskRunner, future: PrefectDaskFuture[list[R]]) -> list[R]:
        """Wait for one task, for as long as there are workers that may do it; what a unit raises is raised here.

        A worker that hangs is given up by Dask's scheduler after its `worker-ttl`, and its units go to another.
        """
        state: State[list[R]] = self._state(runner, future)
        found: list[R] = state.result()
        return found

    def _state(self, runner: DaskTaskRunner, future: PrefectDaskFuture[list[R]]) -> State[list[R]]:
        """How a task ended: whatever is raised while it is awaited is the cluster's fault, not the unit's."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        seen_at = time.monotonic()
        while True:
            try:
                ended: State[list[R]] = future.wrapped_future.result(timeout=LOOK_S)
                return ended
            except TimeoutError:
                if _n_threads(runner):
                    seen_at = time.monotonic()
                elif time.monotonic() - seen_at >= NO_WORKER_S:
                    raise self._away("has had no workers, or given no answer, for a minute") from None
            except KilledWorker:
                raise self._away("lost one worker after another to the same task, for want of memory perhaps") from None
            except (CancelledError, CommClosedError, OSError):
                raise self._away("went away") from None

    def _away(self, what: str) -> ClusterError:
        cluster = scheduler_address(self._settings) or "of this machine"
        return ClusterError(
            f"The Dask cluster {cluster} {what}; look at its logs, and run this again, or unset OSTINATO_RUNNER."
        )


def _n_threads(runner: DaskTaskRunner) -> int:
    """Threads of all workers; none where the scheduler gives no answer in time."""
    from distributed.comm import CommClosedError

    try:
        return sum(runner.client.nthreads(callback_timeout=ANSWER_S).values())
    except (OSError, CommClosedError):
        return 0


def dask_runner(settings: Settings) -> DaskTaskRunner:
    """Prefect's runner on the scheduler that is named, else on a cluster of processes of this machine."""
    from prefect_dask import DaskTaskRunner

    client: dict[str, Any] = {"timeout": ANSWER_S}
    address = scheduler_address(settings)
    if address:
        return DaskTaskRunner(address=address, client_kwargs=client)
    scratch = settings.home / "dask"
    of_this_machine = {
        "n_workers": settings.threads,
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "dashboard_address": None,
        "local_directory": str(scratch),
    }
    return DaskTaskRunner(cluster_kwargs=of_this_machine, client_kwargs=client)
