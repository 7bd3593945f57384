"""`ostinato up`: Prefect's server and a worker, MLflow, and in the sandbox world the sandbox, all on loopback.

While it runs, `<home>/services.json` says where everything answers, so that `ostinato refresh` uses the same server.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.text import Text

from ostinato.ports import free_run_of_ports, holder, is_free
from ostinato.processes import (
    Service,
    Stopped,
    SupervisedProcess,
    end_processes,
    family,
    stop_on_signals,
    wait_until,
)
from ostinato.servers import (
    N_SANDBOX_PORTS,
    POOL,
    Addresses,
    answers,
    book_lost_runs,
    deployments,
    mlflow_server,
    prefect_server,
    sandbox,
    server_environment,
    worker,
    worker_environment,
)
from tasks.fetching.browser import clear_orphans
from tasks.settings import PROJECT_ROOT, OstinatoError, Settings, prepare_environment

STOP_GRACE_S = 10.0
COLOURS = {"prefect": "cyan", "mlflow": "magenta", "worker": "green", "sandbox": "yellow", "deployments": "blue"}


def up(
    settings: Settings,
    prefect_port: int = 4200,
    mlflow_port: int = 5000,
    sandbox_base_port: int = 8470,
    console: Console | None = None,
) -> None:
    """Start everything, put the deployments in place, follow the logs, and end everything at Ctrl-C or SIGTERM.

    Parameters
    ----------
    sandbox_base_port
        First of eleven ports in a row; where one of them is taken the next free row is used.

    Raises
    ------
    OstinatoError
        When a port is taken, another `ostinato up` runs on this home, or a service does not start.
    """
    console = console or Console(highlight=False)
    addresses = Addresses(prefect_port, mlflow_port)
    prepare_environment(settings)
    with ExitStack() as stack:
        stack.enter_context(_only_one(settings))
        n_ended = _end_leftovers(settings)
        if n_ended:
            console.print(f"Ended {n_ended} processes that an earlier run had left behind.")
        _require_free({"--prefect-port": prefect_port, "--mlflow-port": mlflow_port})
        stop = stack.enter_context(stop_on_signals())
        logs = _Logs(console)
        rack = stack.enter_context(_Rack(settings, addresses, logs, stop))
        with contextlib.suppress(Stopped):
            rack.start(free_run_of_ports(sandbox_base_port, N_SANDBOX_PORTS))
            _print_addresses(console, settings, addresses)
            logs.is_open = True
            rack.watch()
        console.print("Stopping ...")


def running_services(settings: Settings) -> dict[str, str] | None:
    """Where the `up` of this home answers: `profile`, `prefect`, `prefect_api`, `mlflow`; null when none does."""
    try:
        found = json.loads(state_file(settings).read_text(encoding="utf-8"))
        urls: dict[str, str] = found["urls"]
    except (OSError, ValueError, KeyError):
        return None
    return urls if answers(f"{urls.get('prefect_api')}/health") else None


@contextmanager
def sandbox_running(
    settings: Settings, as_of: date | None = None, *, films: int = 300, tracks: int = 3000, seed: int = 7
) -> Iterator[dict[str, str]]:
    """The sandbox for one command: yields its base URLs, which flows find in `OSTINATO_SITES`, and always ends it.

    Sites that are set already (a sandbox that somebody else runs) are used as they are.
    """
    if settings.sites:
        yield settings.sites
        return
    addresses = Addresses(0, 0)
    size = {"--films": films, "--tracks": tracks, "--seed": seed, "--as-of": as_of}
    options = [str(word) for name, value in size.items() if value is not None for word in (name, value)]
    process = SupervisedProcess(sandbox(settings, addresses, os.environ, options), lambda name, line: None)
    try:
        process.start()
        wait_until(process.service.answers, [process], threading.Event())
        with _environment_variable("OSTINATO_SITES", json.dumps(addresses.sites)):
            yield addresses.sites
    finally:
        process.ask_to_end()
        process.end(STOP_GRACE_S)


class _Rack:
    """The processes of one `up`: a context in which all of them live, and after which none does."""

    def __init__(self, settings: Settings, addresses: Addresses, logs: _Logs, stop: threading.Event) -> None:
        self._settings, self._addresses, self._logs, self._stop = settings, addresses, logs, stop
        self._mark = uuid.uuid4().hex
        self._processes: dict[str, SupervisedProcess] = {}

    def __enter__(self) -> Self:
        self._write_state({})
        return self

    def start(self, sandbox_port: int) -> None:
        """Servers side by side, then what needs them: the worker, whose first act is to make its pool; deployments."""
        settings, addresses = self._settings, self._addresses
        servers = server_environment(settings, self._mark)
        self._add(prefect_server(settings, addresses, servers))
        self._add(mlflow_server(settings, addresses, servers))
        if settings.is_sandbox:
            self._add(sandbox(settings, addresses, servers, ["--base-port", str(sandbox_port)]))
        self._wait_for("prefect", "sandbox")
        book_lost_runs(addresses.prefect_api)
        environment = worker_environment(settings, addresses, self._worker_mark)
        self._add(worker(settings, addresses, environment))
        self._wait_until(lambda: answers(f"{addresses.prefect_api}/work_pools/{POOL}"))
        self._deploy(environment)
        self._wait_for("mlflow", "worker")
        self._write_state(addresses.urls)

    def watch(self) -> None:
        """Keep everything alive until asked to stop."""
        while not self._stop.wait(0.5):
            if [each for each in self._processes.values() if each.keep_alive()]:
                self._write_state(self._addresses.urls)

    def __exit__(self, *_: object) -> None:
        """End the flow runs while the server can still book them as crashed, then the servers, then any rest."""
        if "worker" in self._processes:
            head = self._processes.pop("worker")
            head.ask_to_end()  # first, or it would start the next run in the queue
            end_processes(lambda: family(self._worker_mark) - {head.pid or 0}, STOP_GRACE_S)
            head.end(STOP_GRACE_S)
            book_lost_runs(self._addresses.prefect_api)
        for process in self._processes.values():
            process.ask_to_end()
        for process in self._processes.values():
            process.end(STOP_GRACE_S)
        end_processes(lambda: family(self._mark))
        clear_orphans(self._settings.browser_home)  # a browser that was forced could not take its profile with it
        state_file(self._settings).unlink(missing_ok=True)

    @property
    def _worker_mark(self) -> str:
        return f"{self._mark}.worker"

    def _add(self, service: Service) -> None:
        self._processes[service.name] = SupervisedProcess(service, self._logs)
        self._processes[service.name].start()

    def _wait_for(self, *names: str) -> None:
        waiting = [self._processes[name] for name in names if name in self._processes]

        def all_answer() -> bool:
            for process in [each for each in waiting if each.service.answers()]:
                waiting.remove(process)
                self._logs.ready(process.service.name)
            return not waiting

        self._wait_until(all_answer)

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        wait_until(ready, self._processes.values(), self._stop)

    def _deploy(self, environment: Mapping[str, str]) -> None:
        deploy = SupervisedProcess(deployments(environment), lambda name, line: None)
        deploy.start()
        try:
            self._wait_until(lambda: deploy.exit_code is not None)
        finally:
            deploy.ask_to_end()
            deploy.end(STOP_GRACE_S)
        self._logs.ready("deployments")
        if deploy.exit_code:
            raise OstinatoError(
                f"The deployments of {PROJECT_ROOT / 'prefect.yaml'} could not be made "
                f"({deploy.last_words}); correct the file or the flow it names."
            )

    def _write_state(self, urls: Mapping[str, str]) -> None:
        urls = {"profile": self._settings.profile.value, **urls} if urls else {}
        pids = {name: process.pid for name, process in self._processes.items()}
        state = {"pid": os.getpid(), "mark": self._mark, "urls": urls, "sites": self._addresses.sites, "pids": pids}
        file = state_file(self._settings)
        aside = file.with_suffix(".new")
        aside.write_text(json.dumps(state, indent=1), encoding="utf-8")
        aside.replace(file)


def state_file(settings: Settings) -> Path:
    """Where a running `up` says what it runs and where."""
    return settings.home.absolute() / "services.json"


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Hold the kernel's lock that says that this home has its `up`; it is freed even when we are killed."""
    home = settings.home.absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "services.lock").open("w")
    except OSError as fault:
        raise OstinatoError(
            f"The home {home} cannot be written ({fault.strerror}); "
            "make it writable or name another folder in OSTINATO_HOME."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OstinatoError(
                f"Another `ostinato up` already runs on {home}; use that one, or stop it with Ctrl-C first."
            ) from None
        yield


def _end_leftovers(settings: Settings) -> int:
    """End what an `up` that was killed has left running; returns how many processes that were."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        mark = json.loads(state_file(settings).read_text(encoding="utf-8"))["mark"]
        return end_processes(lambda: family(mark))
    return 0


def _require_free(option_ports: Mapping[str, int]) -> None:
    for option, port in option_ports.items():
        if not is_free(port):
            raise OstinatoError(f"Port {port} is taken by {holder(port)}; stop that, or choose another with {option}.")


@contextmanager
def _environment_variable(name: str, value: str) -> Iterator[None]:
    before = {name: os.environ[name]} if name in os.environ else {}
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        os.environ.update(before)


class _Logs:
    """Lines of the services with a coloured name before each; until all is ready only how far things are."""

    def __init__(self, console: Console) -> None:
        self.is_open = False
        self._console = console
        self._started_at = time.monotonic()

    def __call__(self, name: str, line: str) -> None:
        if self.is_open:
            self._console.print(Text.assemble((f"{name:>11} ", COLOURS[name]), line), soft_wrap=True)

    def ready(self, name: str) -> None:
        """Say that a service answers."""
        seconds = time.monotonic() - self._started_at
        self._console.print(Text.assemble((f"{name:>11} ", COLOURS[name]), f"ready after {seconds:.0f} s"))


def _print_addresses(console: Console, settings: Settings, addresses: Addresses) -> None:
    lines = {
        "Prefect UI": f"{addresses.prefect}  (deployments, runs, schedules)",
        "MLflow UI": f"{addresses.mlflow}  (experiments, models)",
    }
    if addresses.sites:
        lines["Sandbox"] = f"{addresses.sites.get('sandbox', '')}  (the made-up sites, explained)"
    console.print(f"\nEverything answers, on the {settings.profile} world; Ctrl-C ends all of it.")
    for name, text in lines.items():
        console.print(Text.assemble(f"  {name:<12}", (text, "bold")), soft_wrap=True)
    console.print()
