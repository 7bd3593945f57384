"""`ostinato up` on real servers: all answers, schedules come, a triggered run completes, nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
import requests

from ostinato.ports import free_run_of_ports
from ostinato.processes import family, running_processes
from ostinato.servers import POOL
from ostinato.services import running_services, sandbox_running, state_file
from tasks.lake import batch_files
from tasks.settings import PROJECT_ROOT, Profile, Settings

START_S, STOP_S, RUN_S = 150, 40, 90
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
R = TypeVar("R")


@dataclass
class Up:
    """A running `ostinato up` in a home of its own."""

    settings: Settings
    process: subprocess.Popen[bytes]
    output: Path
    state: dict[str, Any]

    def api(self, path: str, body: dict[str, Any] | None = None) -> Any:
        session = requests.Session()
        session.trust_env = False
        url = f"{self.state['urls']['prefect_api']}{path}"
        answer = session.request("GET" if body is None else "POST", url, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def trigger(self, deployment: str, options: dict[str, Any]) -> str:
        """Create a run of a deployment as the UI does; its id."""
        found = self.api(f"/deployments/name/{deployment}/{deployment}")
        created = self.api(f"/deployments/{found['id']}/create_flow_run", {"parameters": {"options": options}})
        return str(created["id"])

    def run(self, deployment: str, options: dict[str, Any]) -> dict[str, Any]:
        """Trigger a deployment and wait for its final state."""
        run_id = self.trigger(deployment, options)

        def state() -> dict[str, Any] | None:
            now: dict[str, Any] = self.api(f"/flow_runs/{run_id}")["state"]
            return now if now["type"] in FINAL else None

        return wait_for(state, RUN_S)


def wait_for(look: Callable[[], R | None], timeout_s: float) -> R:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError(f"did not happen within {timeout_s:.0f} s")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ostinato.cli", *arguments]


def environment(home: Path) -> dict[str, str]:
    ours = ("OSTINATO_", "PREFECT_", "MLFLOW_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**inherited, "OSTINATO_HOME": str(home), "OSTINATO_PROFILE": "sandbox", "COLUMNS": "200"}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    settings = Settings(home=folder / "home", profile=Profile.SANDBOX)
    port = free_run_of_ports(24_200, 2)
    words = command("up", "--prefect-port", str(port), "--mlflow-port", str(port + 1))
    output = folder / "up.log"
    with output.open("wb") as log:
        process = subprocess.Popen(words, env=environment(settings.home), stdout=log, stderr=log, cwd=folder)

        def ready() -> dict[str, Any] | None:
            assert process.poll() is None, output.read_text()
            return read_state(settings) if running_services(settings) else None

        try:
            yield Up(settings, process, output, wait_for(ready, START_S))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(STOP_S)


def read_state(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(state_file(settings).read_text())
    return found


@pytest.mark.proof
class TestUp:
    """In this order: what is started once is used by all, and the last one ends it."""

    def test_everything_answers_where_it_says(self, up: Up) -> None:
        urls = up.state["urls"]
        assert up.api("/health") is True
        assert requests.get(f"{urls['mlflow']}/health", timeout=10).text == "OK"
        assert requests.get(f"{up.state['sites']['sandbox']}/world", timeout=10).ok
        settings = requests.get(f"{urls['prefect']}/ui-settings", timeout=10).json()
        assert settings["api_url"] == urls["prefect_api"], "the UI asks the port it is served from"
        for url in (urls["prefect"], urls["mlflow"]):
            assert url in up.output.read_text()

    def test_mlflow_answers_to_its_own_names_only(self, up: Up) -> None:
        url = f"{up.state['urls']['mlflow']}/api/2.0/mlflow/experiments/search?max_results=5"
        assert requests.get(url, timeout=10).ok
        assert requests.get(url, headers={"Host": "elsewhere.example"}, timeout=10).status_code == 403

    def test_deployments_are_in_place_and_free_of_this_machine(self, up: Up) -> None:
        deployments = up.api("/deployments/filter", {})
        names = {each["name"] for each in deployments}
        assert {"nightly-refresh", "monthly-retag", "train", "import-datasets"} <= names
        for each in deployments:
            assert each["work_pool_name"] == POOL
            assert each["global_concurrency_limit"]["limit"] == 1
            assert each["pull_steps"] == []
            assert str(PROJECT_ROOT) not in json.dumps(each)

    def test_deploying_again_changes_nothing(self, up: Up) -> None:
        def known() -> dict[str, str]:
            return {each["name"]: each["id"] for each in up.api("/deployments/filter", {})}

        before = known()
        again = {**environment(up.settings.home), "PREFECT_API_URL": up.state["urls"]["prefect_api"]}
        again["PREFECT_HOME"] = str(up.settings.prefect_home)
        words = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
        subprocess.run(words, cwd=PROJECT_ROOT, env=again, check=True, capture_output=True, timeout=120)
        assert known() == before

    def test_a_cron_schedule_gets_scheduled_runs(self, up: Up) -> None:
        """With SQLAlchemy 2.1 the server starts, takes the schedule, and never makes a run of it."""
        deployment = up.api("/deployments/name/nightly-refresh/nightly-refresh")
        query = {
            "deployments": {"id": {"any_": [deployment["id"]]}},
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            "sort": "EXPECTED_START_TIME_ASC",
        }
        runs = wait_for(lambda: up.api("/flow_runs/filter", query), 60)
        starts = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
        assert {start.astimezone(ZoneInfo("Asia/Seoul")).strftime("%H:%M") for start in starts} == {"03:00"}
        assert starts[0] < datetime.now(ZoneInfo("UTC")) + timedelta(days=1)
        assert len(set(starts)) == len(starts) >= 2

    def test_a_run_triggered_through_the_api_completes(self, up: Up, tmp_path: Path) -> None:
        file = tmp_path / "any_name.csv"
        file.write_bytes(
            requests.get(f"{up.state['sites']['sandbox']}/datasets/spotify_tracks.csv", timeout=60).content
        )
        state = up.run("import-datasets", {"paths": [str(file)]})
        assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state["message"]
        assert batch_files(up.settings.lake, "dataset", "spotify_tracks")

    def test_a_run_that_fails_says_why(self, up: Up) -> None:
        state = up.run("import-datasets", {"paths": ["/nowhere/at-all.csv"]})
        assert state["type"] == "FAILED"
        assert "/nowhere/at-all.csv" in state["message"]

    def test_wrong_parameters_are_refused(self, up: Up) -> None:
        with pytest.raises(requests.HTTPError, match=r"409|422"):
            up.run("nightly-refresh", {"max_films": "many"})

    def test_a_second_one_on_this_home_is_refused(self, up: Up) -> None:
        words = command("up", "--prefect-port", "24998", "--mlflow-port", "24999")
        second = subprocess.run(
            words, env=environment(up.settings.home), capture_output=True, text=True, timeout=60, check=False
        )
        assert second.returncode == 1
        assert "Another `ostinato up` already runs" in second.stderr
        assert "Traceback" not in second.stderr

    def test_a_service_that_dies_is_started_again(self, up: Up) -> None:
        fallen = read_state(up.settings)["pids"]["mlflow"]
        os.killpg(fallen, signal.SIGKILL)

        def answers_again() -> bool:
            if read_state(up.settings)["pids"]["mlflow"] == fallen:
                return False
            try:
                return requests.get(f"{up.state['urls']['mlflow']}/health", timeout=2).ok
            except requests.RequestException:
                return False

        wait_for(answers_again, START_S)
        assert "mlflow ended with code -9; starting it again" in up.output.read_text()

    def test_ctrl_c_in_the_middle_of_a_night_leaves_no_process_and_no_run_that_seems_to_go_on(self, up: Up) -> None:
        run_id = up.trigger("nightly-refresh", {"max_films": 20})
        wait_for(lambda: up.api(f"/flow_runs/{run_id}")["state"]["type"] == "RUNNING", RUN_S)
        mark = read_state(up.settings)["mark"]
        pids = family(mark)
        assert len(pids) >= 6, "two servers, a server's child, the sandbox, the worker and its run"
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(STOP_S) == 0, up.output.read_text()
        assert family(mark) == set()
        assert not pids & running_processes(mark).keys()
        assert not state_file(up.settings).exists()
        assert running_services(up.settings) is None
        assert not list(up.settings.browser_home.glob("*")), "profiles of browsers are gone with them"
        with closing(sqlite3.connect(up.settings.prefect_home / "prefect.db")) as database:
            query = "select state_type from flow_run where replace(id, '-', '') = ?"
            assert database.execute(query, [run_id.replace("-", "")]).fetchone() == ("CRASHED",)


def test_a_taken_port_is_one_sentence_that_names_who_holds_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        words = command("up", "--prefect-port", str(port))
        result = subprocess.run(
            words, env=environment(tmp_path / "home"), capture_output=True, text=True, timeout=60, check=False
        )
    assert result.returncode == 1
    (sentence,) = [line for line in result.stderr.splitlines() if not line.startswith("World:")]
    assert sentence.startswith(f"Error: Port {port} is taken by ")
    assert f"(process {os.getpid()})" in sentence
    assert sentence.endswith("choose another with --prefect-port.")


def test_the_sandbox_of_one_command_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OSTINATO_SITES", raising=False)
    settings = Settings(home=tmp_path / "home", profile=Profile.SANDBOX)
    with pytest.raises(KeyboardInterrupt), sandbox_running(settings, films=5, tracks=50) as sites:
        assert json.loads(os.environ["OSTINATO_SITES"]) == sites
        assert requests.get(f"{sites['sandbox']}/world", timeout=10).ok
        raise KeyboardInterrupt
    assert "OSTINATO_SITES" not in os.environ
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{sites['sandbox']}/world", timeout=5)


def test_a_sandbox_that_somebody_else_runs_is_used_as_it_is(tmp_path: Path) -> None:
    sites = {"tmdb": "http://127.0.0.1:1"}
    with sandbox_running(Settings(home=tmp_path / "home", sites=sites)) as used:
        assert used == sites
    assert not (tmp_path / "home").exists()
