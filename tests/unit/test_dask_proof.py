"""Heavy steps on a real Dask scheduler with two workers, one killed in the middle: the result is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

import heavy_steps
import pytest
from distributed import Client
from prefect import flow
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows import dask_cluster
from flows.dask_cluster import require_cluster
from flows.fanout import fanned_out
from ostinato.doctor import CheckState, _runner
from ostinato.flow_server import API_URL, prefect_running
from tasks.fanout import HERE
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings

pytestmark = [pytest.mark.proof, pytest.mark.timeout(180)]
START_S = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dask")


@pytest.fixture(scope="module", autouse=True)
def prefect_server(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(API_URL, raising=False)
        home = folder / "prefect"
        patch.setenv("PREFECT_HOME", str(home))
        patch.setenv("NUMBA_CACHE_DIR", str(folder / "numba"))
        with (
            prefect_running(Settings(home=folder, profile=Profile.LIVE)),
            temporary_settings({PREFECT_API_URL: os.environ[API_URL], PREFECT_HOME: home}),
        ):
            yield


@contextmanager
def dask_process(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler or worker, ended by its id."""
    log = (folder / f"{arguments[0]}-{time.monotonic_ns()}.log").open("wb")
    command = [sys.executable, "-m", f"distributed.cli.{arguments[0]}", *arguments[1:], "--no-dashboard"]
    here = f"{PROJECT_ROOT}:{Path(__file__).parent}"  # a flow goes to Dask with its module's name
    process = subprocess.Popen(
        command, cwd=PROJECT_ROOT, env={**os.environ, "PYTHONPATH": here}, stdout=log, stderr=log
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


@pytest.fixture(scope="module")
def scheduler(folder: Path) -> Iterator[str]:
    known = folder / "scheduler.json"
    arguments = ["--host", "127.0.0.1", "--port", "0", "--preload", "test_dask_proof", "--scheduler-file", str(known)]
    with dask_process(folder, "dask_scheduler", *arguments):
        deadline = time.monotonic() + START_S
        while not known.exists() or not known.read_text():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)
        yield json.loads(known.read_text())["address"]


class Workers:
    """Two workers with a thread each; a killed one is replaced. To import all that a unit needs takes them seconds."""

    def __init__(self, folder: Path, scheduler: str, stack: ExitStack) -> None:
        self._folder, self._scheduler, self._stack = folder, scheduler, stack
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Let there be two."""
        arguments = [self._scheduler, "--host", "127.0.0.1", "--nthreads", "1", "--memory-limit", "1GiB", "--no-nanny"]
        arguments += ["--local-directory", str(self._folder), "--preload", "test_dask_proof"]
        self._processes = [process for process in self._processes if process.poll() is None]
        while len(self._processes) < 2:
            process = self._stack.enter_context(dask_process(self._folder, "dask_worker", *arguments))
            self._processes.append(process)

    def end(self) -> None:
        """Let there be none."""
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def workers(folder: Path, scheduler: str) -> Iterator[Workers]:
    with ExitStack() as stack:
        yield Workers(folder, scheduler, stack)


class Assassin(threading.Thread):
    """Kills one worker at the moment when it is seen to work on a unit while others wait."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._pids: dict[str, int] = client.run(os.getpid)
        self.interrupted: list[str] = []
        """What the worker was at."""
        self._is_late = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_late.set()
        self.join()

    def run(self) -> None:
        while not self._is_late.wait(0.02):
            for address, stacks in self._client.call_stack().items():
                if stacks and len(self._client.processing()[address]) > 1:
                    os.kill(self._pids[address], signal.SIGKILL)
                    self.interrupted = list(stacks)
                    return


@flow
def on_dask(name: str, settings: Settings) -> Any:
    with fanned_out(settings) as fanout:
        assert not fanout.is_here
        return heavy_steps.run_step(name, settings, fanout)


# Each death costs a new worker's imports, so that one dies where units write files, and one where they have children.
@pytest.mark.parametrize(("name", "n_killed"), [("parsing", 0), ("matching", 0), ("scoring", 1), ("measuring", 1)])
def test_a_worker_that_is_killed_in_the_middle_changes_nothing(
    name: str, n_killed: int, workers: Workers, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heavy_steps.use_small_units(monkeypatch)
    here = Settings(home=tmp_path / "here", profile=Profile.LIVE, threads=1)
    there = Settings(home=tmp_path / "there", profile=Profile.LIVE, threads=1, runner=f"dask:{scheduler}")
    there.home.mkdir()
    workers.start()
    expected = heavy_steps.run_step(name, here, HERE)
    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=START_S)
        (check,) = _runner(there)
        assert (check.state, check.found) == (CheckState.OK, f"2 workers, 2 threads at {scheduler}")
        with Assassin(client) if n_killed else nullcontext() as assassin:
            found = on_dask(name, there)
        assert assassin is None or assassin.interrupted, "the worker was not killed in the middle"
        assert len(client.nthreads()) == 2 - n_killed
    assert repr(found[0]).replace(str(there.home), str(here.home)) == repr(expected[0])
    assert found[1] == expected[1]


def test_a_scheduler_without_workers_is_one_sentence(
    workers: Workers, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "ANSWER_S", 2.0)
    workers.end()
    settings = Settings(home=tmp_path, runner=f"dask:{scheduler}")
    with Client(scheduler, set_as_default=False) as client:
        while client.nthreads():
            time.sleep(0.1)
    with pytest.raises(OstinatoError, match=rf"^Dask's scheduler at {scheduler} has no workers; start some[^\n]+$"):
        require_cluster(settings)
