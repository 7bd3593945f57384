"""The services of `ostinato up`: where each answers, with which command and environment it is started."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from ostinato.ports import LOOPBACK
from ostinato.processes import MARK, Service, python_command
from tasks.settings import PROJECT_ROOT, Settings

POOL = "ostinato-process"
N_SANDBOX_PORTS = 11


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

    @property
    def urls(self) -> dict[str, str]:
        """All of them by name, as `running_services` returns them."""
        return {"prefect": self.prefect, "prefect_api": self.prefect_api, "mlflow": self.mlflow}


def answers(url: str, body: Mapping[str, Any] | None = None) -> bool:
    """True when a GET (a POST where there is a body) is answered with success and something in it."""
    response = _ask(url, body)
    return response is not None and response.content not in (b"", b"[]", b"false")


def book_lost_runs(prefect_api: str) -> int:
    """Mark as crashed what Prefect believes to be running though its worker is gone; returns how many runs.

    Otherwise they would hold the one slot of their deployment until a lease runs out.
    """
    unfinished = {
        "work_pools": {"name": {"any_": [POOL]}},
        "flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}},
    }
    found = _ask(f"{prefect_api}/flow_runs/filter", unfinished)
    runs = found.json() if found is not None else []
    crashed = {"type": "CRASHED", "name": "Crashed", "message": "The worker was stopped; run it again."}
    for run in runs:
        _ask(f"{prefect_api}/flow_runs/{run['id']}/set_state", {"state": crashed, "force": True})
    return len(runs)


def _ask(url: str, body: Mapping[str, Any] | None = None) -> requests.Response | None:
    with requests.Session() as session:
        session.trust_env = False  # loopback never goes through a proxy
        try:
            response = session.request("GET" if body is None else "POST", url, json=body, timeout=5)
        except requests.RequestException:
            return None
    return response if response.ok else None


def server_environment(settings: Settings, mark: str) -> dict[str, str]:
    """Servers get no `OSTINATO_*` variable: the keys of the sites are the worker's alone."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OSTINATO_")}
    return {**inherited, **_common(settings, mark)}


def worker_environment(settings: Settings, addresses: Addresses, mark: str) -> dict[str, str]:
    """The worker and its flow runs: the world, its sites, and where Prefect and MLflow answer."""
    sites = addresses.sites or settings.sites
    return {
        **os.environ,
        **_common(settings, mark),
        "OSTINATO_HOME": str(settings.home.absolute()),
        "OSTINATO_PROFILE": settings.profile.value,
        "OSTINATO_SITES": json.dumps(sites),
        "PREFECT_API_URL": addresses.prefect_api,
        "PREFECT_WORKER_QUERY_SECONDS": "2",  # a run triggered in the UI begins at once
        "MLFLOW_TRACKING_URI": addresses.mlflow,
    }


def _common(settings: Settings, mark: str) -> dict[str, str]:
    no_proxy = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "", LOOPBACK, "localhost"]
    bypass = ",".join(filter(None, no_proxy))
    return {MARK: mark, "PREFECT_HOME": str(settings.prefect_home), "NO_PROXY": bypass, "no_proxy": bypass}


def prefect_server(settings: Settings, addresses: Addresses, environment: Mapping[str, str]) -> Service:
    """Prefect's API, UI and scheduler, over SQLite in Prefect's home."""
    origins = f"{addresses.prefect},http://localhost:{addresses.prefect_port}"
    own = {
        "PREFECT_API_URL": addresses.prefect_api,
        "PREFECT_SERVER_UI_API_URL": addresses.prefect_api,  # or the UI of another port than 4200 shows nothing
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origins,  # no other web page may start a run
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }
    command = python_command(
        "-m", "prefect", "server", "start", "--host", LOOPBACK, "--port", str(addresses.prefect_port)
    )
    settings.prefect_home.mkdir(parents=True, exist_ok=True)
    return Service(
        "prefect",
        command,
        {**environment, **own},
        settings.prefect_home,
        lambda: answers(f"{addresses.prefect_api}/health"),
    )


def mlflow_server(settings: Settings, addresses: Addresses, environment: Mapping[str, str]) -> Service:
    """MLflow over the world's own store; artifacts are written past it, to the place that runs without it use."""
    settings.world.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in environment.items() if name != "MLFLOW_TRACKING_URI"}
    command = python_command(
        *("-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(addresses.mlflow_port)),
        *("--backend-store-uri", f"sqlite:///{settings.world / 'mlflow.db'}"),
        *("--default-artifact-root", str(settings.mlflow_artifacts), "--no-serve-artifacts"),
    )
    return Service(
        "mlflow",
        command,
        {**inherited, **mlflow_settings()},
        settings.world,
        lambda: answers(f"{addresses.mlflow}/health"),
    )


def mlflow_settings() -> dict[str, str]:
    """What `mlflow/server.env` sets."""
    lines = (PROJECT_ROOT / "mlflow" / "server.env").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in pairs}


def worker(settings: Settings, addresses: Addresses, environment: Mapping[str, str]) -> Service:
    """One worker, one run at a time: every flow here writes the same world, so a second one waits in the queue."""
    command = python_command(
        *("-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", "ostinato"),
        *("--limit", "1"),
    )
    online = {"workers": {"status": {"any_": ["ONLINE"]}}}
    url = f"{addresses.prefect_api}/work_pools/{POOL}/workers/filter"
    return Service("worker", command, environment, settings.prefect_home, lambda: answers(url, online))


def deployments(environment: Mapping[str, str]) -> Service:
    """Puts the deployments of `prefect.yaml` in place, then ends; repeating it changes nothing."""
    command = python_command("-m", "prefect", "--no-prompt", "deploy", "--all")
    return Service("deploy", command, environment, PROJECT_ROOT, lambda: True)


def sandbox(
    settings: Settings, addresses: Addresses, environment: Mapping[str, str], options: Sequence[str]
) -> Service:
    """The made-up sites; they end with us, whatever ends us, because their standard input does."""
    command = python_command("-m", "sandbox", "--with-parent", *options)
    settings.home.mkdir(parents=True, exist_ok=True)
    return Service(
        "sandbox",
        command,
        environment,
        settings.home.absolute(),
        lambda: bool(addresses.sites),
        addresses.take_sites,
    )
