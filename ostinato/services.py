"""What `ostinato up` starts, all on loopback: Prefect's server and a worker, MLflow, and in the sandbox world the sandbox.

While it runs, `<home>/services.json` says where everything answers, so that `ostinato refresh` uses the same server.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from ostinato.ports import LOOPBACK, free_run_of_ports, holder, is_free
from ostinato.processes import MARK, Service, SupervisedProcess, Tell, end_processes, family, python_command
from tasks.settings import PROJECT_ROOT, OstinatoError, Settings

POOL = "ostinato-process"
N_SANDBOX_PORTS = 8
START_TIMEOUT_S = 180.0
STOP_GRACE_S = 10.0
COLOURS = {"prefect": "cyan", "mlflow": "magenta", "worker": "green", "sandbox": "yellow", "deploy": "blue"}

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy


@dataclass
class Addresses:
    """Where the services answer; `sites` is filled by the sandbox itself once it listens."""

    prefect_port: int
    mlflow_port: int
    sites: dict[str, str] = field(default_factory=dict)

    @property
    def prefect(self) -> str:
        """Prefect's UI."""
        return f"http://{LOOPBACK}:{self.prefect_port}"

    @property
    def prefect_api(self) -> str:
        """Prefect's API."""
        return f"{self.prefect}/api"

    @property
    def mlflow(self) -> str:
        """MLflow's UI and API."""
        return f"http://{LOOPBACK}:{self.mlflow_port}"

    def take_sites(self, line: str) -> None:
        """Read the one JSON line with which the sandbox says that it listens."""
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                self.sites.update(json.loads(line))


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
        First of eight ports in a row; where one of them is taken the next free row is used.

    Raises
    ------
    OstinatoError
        When a port is taken, another `ostinato up` runs on this home, or a service does not start.
    """
    console = console or Console(highlight=False)
    addresses = Addresses(prefect_port, mlflow_port)
    with ExitStack() as stack:
        stack.enter_context(_only_one(settings))
        n_ended = _end_leftovers(settings)
        if n_ended:
            console.print(f"Ended {n_ended} processes that an earlier run had left behind.")
        _require_free({"Prefect": ("--prefect-port", prefect_port), "MLflow": ("--mlflow-port", mlflow_port)})
        stop = stack.enter_context(_stop_on_signals())
        rack = stack.enter_context(_Rack(settings, addresses, _teller(console), stop))
        started_at = time.monotonic()
        rack.start(free_run_of_ports(sandbox_base_port, N_SANDBOX_PORTS))
        if not stop.is_set():
            _print_addresses(console, settings, addresses, time.monotonic() - started_at)
            rack.watch()
        console.print("Stopping ...")


def running_services(settings: Settings) -> dict[str, str] | None:
    """Where `ostinato up` of this home answers: `profile`, `prefect`, `prefect_api`, `mlflow`; null when it does not."""
    try:
        found = json.loads(_state_file(settings).read_text(encoding="utf-8"))
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
    process = SupervisedProcess(_sandbox(settings, addresses, os.environ, options), lambda name, line: None)
    try:
        process.start()
        _wait(process.service.answers, [process], threading.Event())
        with _environment_variable("OSTINATO_SITES", json.dumps(addresses.sites)):
            yield addresses.sites
    finally:
        process.stop()


def answers(url: str, body: Mapping[str, Any] | None = None) -> bool:
    """True when a GET (a POST where there is a body) is answered with success and something in it."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with _direct.open(request, timeout=2) as response:
            return response.read(64) not in (b"", b"[]", b"false")
    except (OSError, ValueError):
        return False


class _Rack:
    """The processes of one `up`: a context in which all of them live, and after which none does."""

    def __init__(self, settings: Settings, addresses: Addresses, tell: Tell, stop: threading.Event) -> None:
        self._settings, self._addresses, self._tell, self._stop = settings, addresses, tell, stop
        self._mark = uuid.uuid4().hex
        self._processes: dict[str, SupervisedProcess] = {}

    def __enter__(self) -> _Rack:
        self._write_state({})
        return self

    def start(self, sandbox_port: int) -> None:
        """Servers side by side, then what needs them: the worker, whose first act is to make its pool; deployments."""
        settings, addresses = self._settings, self._addresses
        servers = _server_environment(settings, self._mark)
        self._add(_prefect(settings, addresses, servers))
        self._add(_mlflow(settings, addresses, servers))
        if settings.is_sandbox:
            self._add(_sandbox(settings, addresses, servers, ["--base-port", str(sandbox_port)]))
        self._wait_for("prefect", "sandbox")
        environment = _worker_environment(settings, addresses, self._mark)
        self._add(_worker(settings, addresses, environment))
        self._wait_until(lambda: answers(f"{addresses.prefect_api}/work_pools/{POOL}"))
        self._deploy(environment)
        self._wait_for("mlflow", "worker")
        urls = {"prefect": addresses.prefect, "prefect_api": addresses.prefect_api, "mlflow": addresses.mlflow}
        self._write_state({"profile": settings.profile.value, **urls})

    def watch(self) -> None:
        """Keep everything alive until asked to stop."""
        while not self._stop.wait(0.5):
            for process in self._processes.values():
                process.keep_alive()

    def _add(self, service: Service) -> None:
        self._processes[service.name] = SupervisedProcess(service, self._tell)
        self._processes[service.name].start()

    def _wait_for(self, *names: str) -> None:
        for process in [self._processes[name] for name in names if name in self._processes]:
            self._wait_until(process.service.answers)

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        _wait(ready, list(self._processes.values()), self._stop)

    def _deploy(self, environment: Mapping[str, str]) -> None:
        command = python_command("-m", "prefect", "--no-prompt", "deploy", "--all")
        deploy = SupervisedProcess(
            Service("deploy", command, environment, PROJECT_ROOT, lambda: deploy.exit_code is not None),
            lambda name, line: None,
        )
        deploy.start()
        try:
            self._wait_until(deploy.service.answers)
        finally:
            deploy.stop()
        if deploy.exit_code and not self._stop.is_set():
            raise OstinatoError(
                f"The deployments of {PROJECT_ROOT / 'prefect.yaml'} could not be made ({_last_words(deploy)}); "
                "correct the file or the flow it names."
            )

    def _write_state(self, urls: Mapping[str, str]) -> None:
        pids = {name: process.pid for name, process in self._processes.items()}
        state = {"pid": os.getpid(), "mark": self._mark, "urls": dict(urls), "sites": self._addresses.sites, "pids": pids}
        file = _state_file(self._settings)
        aside = file.with_suffix(".new")
        aside.write_text(json.dumps(state, indent=1), encoding="utf-8")
        aside.replace(file)

    def __exit__(self, *_: object) -> None:
        """End the flow runs and the worker while the server can still book them, then the servers, then any rest."""
        worker = self._processes.pop("worker", None)
        if worker is not None:
            runs = family(self._mark, [worker.pid] if worker.pid else []) - self._service_pids()
            end_processes(lambda: runs & family(self._mark), STOP_GRACE_S)
            worker.stop(STOP_GRACE_S)
        for process in self._processes.values():
            process.signal_group(signal.SIGTERM)
        for process in self._processes.values():
            process.stop(STOP_GRACE_S)
        end_processes(lambda: family(self._mark))
        _state_file(self._settings).unlink(missing_ok=True)

    def _service_pids(self) -> set[int]:
        return {process.pid for process in self._processes.values() if process.pid}


