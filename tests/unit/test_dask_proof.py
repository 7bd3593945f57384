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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import heavy_steps
import pytest
from distributed import Client
from prefect import flow
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows import dask_cluster, fanout
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
def started_scheduler(folder: Path) -> Iterator[tuple[int, str]]:
    known = folder / "scheduler.json"
    arguments = ["--host", "127.0.0.1", "--port", "0", "--preload", "test_dask_proof", "--scheduler-file", str(known)]
    with dask_process(folder, "dask_scheduler", *arguments) as process:
        deadline = time.monotonic() + START_S
        while not known.exists() or not known.read_text():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)
        yield process.pid, json.loads(known.read_text())["address"]


@pytest.fixture
def scheduler(started_scheduler: tuple[int, str]) -> str:
    return started_scheduler[1]


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
def workers(folder: Path, started_scheduler: tuple[int, str]) -> Iterator[Workers]:
    with ExitStack() as stack:
        yield Workers(folder, started_scheduler[1], stack)


class Assassin(threading.Thread):
    """Kills one worker while it has several units: at work on one of them, or, where they are short, at any moment."""

    def __init__(self, client: Client, *, is_at_work: bool) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._is_at_work = is_at_work
        self._pids: dict[str, int] = client.run(os.getpid)
        self.interrupted: list[str] = []
        """What the worker had."""
        self._is_late = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_late.set()
        self.join()

    def run(self) -> None:
        while not self._is_late.wait(0.02):
            stacks = self._client.call_stack() if self._is_at_work else {}
            for address, units in self._client.processing().items():
                if len(units) > 1 and (stacks.get(address) or not self._is_at_work):
                    os.kill(self._pids[address], signal.SIGKILL)
                    self.interrupted = list(units)
                    return


@flow
def on_dask(name: str, settings: Settings) -> Any:
    with fanned_out(settings) as fanout:
        assert not fanout.is_here
        return heavy_steps.run_step(name, settings, fanout)


@pytest.mark.parametrize(
    ("name", "is_at_work"), [("parsing", False), ("matching", False), ("scoring", True), ("measuring", True)]
)
def test_a_worker_that_is_killed_in_the_middle_changes_nothing(
    name: str, is_at_work: bool, workers: Workers, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        with Assassin(client, is_at_work=is_at_work) as assassin:
            found = on_dask(name, there)
        assert assassin.interrupted, "the worker was not killed in the middle"
        assert len(client.nthreads()) == 1
    assert repr(found[0]).replace(str(there.home), str(here.home)) == repr(expected[0])
    assert found[1] == expected[1]


@pytest.mark.parametrize("fault", [FileNotFoundError("no such song"), TimeoutError("too late"), ValueError("odd")])
def test_what_a_unit_raises_is_its_own_fault_and_not_the_clusters(
    fault: Exception, workers: Workers, scheduler: str, tmp_path: Path
) -> None:
    workers.start()
    settings = Settings(home=tmp_path, runner=f"dask:{scheduler}")
    with pytest.raises(type(fault), match=str(fault)):
        raised_on_dask(fault, settings)


@flow
def raised_on_dask(fault: Exception, settings: Settings) -> None:
    with fanned_out(settings) as fanout:
        list(fanout.map(heavy_steps.fail, [fault]))


def test_a_worker_that_hangs_is_named(
    workers: Workers, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "ASKED_S", 4.0)
    workers.start()
    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=START_S)
        hung, pid = next(iter(client.run(os.getpid).items()))
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(OstinatoError, match=rf"^Dask's worker {hung} has given no answer for 4 s; end it[^\n]+$"):
            require_cluster(Settings(home=tmp_path, runner=f"dask:{scheduler}"))
        os.kill(pid, signal.SIGCONT)


def test_a_scheduler_that_hangs_is_not_waited_for_without_end(
    workers: Workers, started_scheduler: tuple[int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler_pid, scheduler = started_scheduler
    for module, name, seconds in ((fanout, "LOOK_S", 0.5), (fanout, "ANSWER_S", 1.0), (fanout, "NO_WORKER_S", 4.0)):
        monkeypatch.setattr(module, name, seconds)
    workers.start()
    try:
        with pytest.raises(OstinatoError, match=rf"^The Dask cluster {scheduler} has had no workers, or given no ans"):
            hung_on_dask(scheduler_pid, Settings(home=tmp_path, runner=f"dask:{scheduler}"))
    finally:
        os.kill(scheduler_pid, signal.SIGCONT)


@flow
def hung_on_dask(scheduler_pid: int, settings: Settings) -> None:
    with fanned_out(settings) as there:
        found = there.map(time.sleep, [0.1, 0.1, 3.0])
        next(found)
        os.kill(scheduler_pid, signal.SIGSTOP)
        list(found)


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
