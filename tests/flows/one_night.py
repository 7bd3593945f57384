"""A night's second half without Prefect, for proofs that run it in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import date

from tasks import matching, warehouse
from tasks.settings import Settings
from tasks.warehouse import Phase

AS_OF = date(2026, 11, 20)

forks = multiprocessing.get_context("forkserver")
"""Where nights run: the server has imported everything when one begins."""
forks.set_forkserver_preload(["tasks.warehouse", "tasks.matching"])


def run(settings: Settings, run_id: str, *, anew: bool = False, on_step: Callable[[str], None] | None = None) -> None:
    """Build, match, build, audit, publish."""
    warehouse.build(settings, phase=Phase.COLLECTED, anew=anew)
    matching.match_all(settings)
    warehouse.build(settings, phase=Phase.MATCHED, anew=anew)
    warehouse.build(settings, phase=Phase.TAGGED, anew=anew)
    checks = warehouse.run_checks(settings)
    warehouse.publish(settings, run_id=run_id, as_of=AS_OF, code_version="test", checks=checks, on_step=on_step)


def run_to_step(settings: Settings, run_id: str, last: int) -> None:
    """The same, killed as its step number `last` begins: a table to build, or a step of publishing; 0 kills none."""
    n_begun = 0

    def step(name: str) -> None:
        nonlocal n_begun
        n_begun += 1
        if n_begun == last:
            os.kill(os.getpid(), signal.SIGKILL)

    for phase in Phase:
        warehouse.build(settings, phase=phase, anew=True, progress=lambda done, total, name: step(name))
    warehouse.publish(settings, run_id=run_id, as_of=AS_OF, code_version="test", on_step=step)
    step("after publish")
