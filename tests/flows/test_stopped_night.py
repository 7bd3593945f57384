"""A night that the audit stops, on a real Prefect server: the run is failed, its artifact shows the rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from test_services import command, environment

from ostinato.flow_server import API_URL, prefect_running
from tasks import warehouse
from tasks.lake import utc_now, write_batch
from tasks.settings import Profile, Settings, today

NIGHT = """
import sys
from tasks import warehouse
from tasks.settings import prepare_environment, load_settings
from tasks.warehouse import Phase

prepare_environment(load_settings())
build = warehouse.build

def build_and_spoil(settings, *, phase=None, **options):
    report = build(settings, phase=phase, **options)
    if phase is Phase.TAGGED:
        with warehouse.open_warehouse(settings) as con:
            con.execute(sys.argv[1])
    return report

warehouse.build = build_and_spoil
from flows.nightly_refresh import NightlyOptions, nightly_refresh
nightly_refresh.with_options(retries=1)(NightlyOptions(skip_fetch=True))
"""
SPOIL = (
    "insert into marts.track by name select 'bad' as track_id, 'nowhere' as origin, 'x' as listen_url, 'y' as source "
    "where not exists (from marts.track where track_id = 'bad')"
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A world with a published catalogue of twenty tracks."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.SANDBOX)
    land(settings, 20)
    warehouse.build(settings)
    warehouse.publish(settings, run_id="good", as_of=today(), code_version="test")
    return settings


def land(settings: Settings, n_tracks: int) -> None:
    rows = [
        {"track_id": f"t{n}", "title": f"Song {n}", "artists": ["IU"], "fetched_at": utc_now()} for n in range(n_tracks)
    ]
    write_batch(settings.lake, "spotify", "track", rows, batch_key="tracks", ingest_date=today())


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[str]:
    """The address of a Prefect server of our own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(API_URL, raising=False)
        patch.setenv("PREFECT_HOME", str(settings.prefect_home))
        with prefect_running(settings):
            yield os.environ[API_URL]


def ask(api: str, path: str, question: dict[str, Any]) -> Any:
    session = requests.Session()
    session.trust_env = False
    answer = session.post(f"{api}{path}", json=question, timeout=30)
    answer.raise_for_status()
    return answer.json()


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_the_run_is_failed_with_the_offending_rows_in_an_artifact(settings: Settings, api: str) -> None:
    served = warehouse.served_snapshot(settings)
    variables = {**environment(settings.home), API_URL: api, "PREFECT_HOME": str(settings.prefect_home)}
    words = [sys.executable, "-c", NIGHT, SPOIL]
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 1
    (run,) = ask(api, "/flow_runs/filter", {"flows": {"name": {"any_": ["nightly-refresh"]}}})
    assert run["state"]["type"] == "FAILED", done.stderr
    why = run["state"]["message"]
    assert "The audit stopped publishing" in why
    assert "marts.track.origin accepted: 1 row, first track_id bad" in why
    artifacts = ask(api, "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}})
    told = {artifact["key"]: artifact["data"] for artifact in artifacts}
    rows = told["nightly-refresh-audit"]
    assert "marts.track.origin accepted (error, 1 rows)" in rows
    assert "| bad |" in rows
    assert "nothing was published" in told["nightly-refresh-summary"]
    assert "The audit stopped publishing" in told["nightly-refresh-summary"]
    tasks = ask(api, "/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert {task["name"]: task["state"]["type"] for task in tasks}["publish"] == "FAILED"
    assert warehouse.served_snapshot(settings) == served
    assert warehouse.query(settings, "select run_id, count(*) from snapshot, track group by all").rows == [("good", 20)]
    with warehouse.open_warehouse(settings, read_only=True) as con:
        kept = con.execute("select distinct run_id from marts.data_quality order by 1").fetchall()
    assert kept == [(run["id"],), (f"{run['id']}-2",)], (
        "Prefect repeated the run, and both attempts stay in the history"
    )


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_a_lake_that_lost_most_of_its_tracks_serves_yesterday_until_the_loss_is_accepted(
    settings: Settings, api: str
) -> None:
    variables = {**environment(settings.home), API_URL: api, "PREFECT_HOME": str(settings.prefect_home)}

    def ostinato(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*words), env=variables, capture_output=True, text=True, timeout=400, check=False)

    served = warehouse.served_snapshot(settings)
    assert served is not None
    land(settings, 4)
    done = ostinato("refresh", "--skip-fetch", "--json")
    assert done.returncode == 1
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "marts.track rows kept: 16 rows, first table marts.track, rows_served 20, rows_now 4" in sentence
    assert "ostinato refresh --skip-fetch --accept-loss" in sentence
    (stop,) = [check for check in json.loads(done.stdout)["stopped_by"] if check["check"] == "marts.track rows kept"]
    assert stop["sample"] == [{"table": "marts.track", "rows_served": 20, "rows_now": 4, "snapshot": served.name}]

    status = json.loads(ostinato("status", "--json").stdout)
    assert status["served"] == served.name
    assert status["snapshot"]["n_rows"]["track"] == 20
    assert [check["check"] for check in status["stopped"]["checks"]] == ["marts.track rows kept"]
    assert "was not published (marts.track rows kept: 16 rows" in ostinato("status").stderr

    done = ostinato("refresh", "--skip-fetch", "--accept-loss", "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(ostinato("status", "--json").stdout)
    assert status["stopped"] is None
    told = status["snapshot"]
    assert told["n_rows"]["track"] == 4
    assert [each["source"] for each in told["sources"]] == ["spotify"]
    assert told["sources"][0]["n_rows"] == 4
    assert told["attribution"].keys() == {"spotify"}
    kept = {check["check"]: check for check in told["checks"]}["marts.track rows kept"]
    assert kept == {"check": "marts.track rows kept", "severity": "warn", "failing_rows": 16}
    quality = (
        "select severity, failing_rows from data_quality "
        "where \"check\" = 'marts.track rows kept' order by checked_at desc limit 2"
    )
    assert warehouse.query(settings, quality).rows == [("warn", 16), ("error", 16)], "the stop stays in the history"
