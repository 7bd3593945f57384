"""`prefect.yaml` is a graph like any other: it loads, imports, and its forms are complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from ostinato.servers import POOL
from tasks.settings import PROJECT_ROOT

FILE = PROJECT_ROOT / "prefect.yaml"
TEXT = FILE.read_text(encoding="utf-8")
PROJECT: dict[str, Any] = yaml.safe_load(TEXT)
DEPLOYMENTS: list[dict[str, Any]] = PROJECT["deployments"]
SCHEDULED = [(each["name"], schedule) for each in DEPLOYMENTS for schedule in each.get("schedules", [])]

every_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=[each["name"] for each in DEPLOYMENTS])


def flow_of(deployment: dict[str, Any]) -> Flow[..., Any]:
    return load_flow_from_entrypoint(deployment["entrypoint"])


def form_of(deployment: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The flow's one options model as the run form gets it, and all definitions it refers to."""
    schema = parameter_schema(flow_of(deployment)).model_dump()
    assert list(schema["properties"]) == ["options"]
    return definition(schema["properties"]["options"], schema["definitions"]), schema["definitions"]


def definition(reference: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """What a field refers to, or nothing where it stands for itself."""
    name = reference.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = definitions.get(name, {})
    return found


def test_the_deployments_of_the_design_are_there() -> None:
    names = {each["name"] for each in DEPLOYMENTS}
    assert {"nightly-refresh", "monthly-retag", "train", "import-datasets"} <= names
    assert len(names) == len(DEPLOYMENTS)


def test_nothing_of_this_machine_is_in_the_file() -> None:
    assert PROJECT["pull"] == []  # left out or null, `prefect deploy` would write the working directory instead
    assert all("pull" not in each for each in DEPLOYMENTS)
    assert str(PROJECT_ROOT) not in TEXT
    assert str(Path.home()) not in TEXT


@every_deployment
def test_the_entrypoint_is_a_module_whose_flow_has_the_same_name(deployment: dict[str, Any]) -> None:
    assert ":" not in deployment["entrypoint"]
    assert flow_of(deployment).name == deployment["name"]


@every_deployment
def test_a_run_without_parameters_is_valid(deployment: dict[str, Any]) -> None:
    flow = flow_of(deployment)
    given = deployment.get("parameters", {})
    flow.validate_parameters({"options": given.get("options", {})})


@every_deployment
def test_every_field_of_the_form_explains_itself(deployment: dict[str, Any]) -> None:
    form, definitions = form_of(deployment)
    assert 1 <= len(form["properties"]) <= 6
    assert not form.get("required"), "every field has a default"
    for name, field in form["properties"].items():
        assert field.get("title") or definition(field, definitions).get("title"), name
        assert field.get("description"), name


@every_deployment
def test_writers_run_one_at_a_time_in_our_pool(deployment: dict[str, Any]) -> None:
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert deployment["work_pool"]["name"] == POOL
    assert deployment["description"]
    assert deployment["tags"]


def test_schedules_are_in_the_night_of_seoul() -> None:
    hours = {}
    for name, schedule in SCHEDULED:
        cron = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
        hours[name] = (cron.cron, cron.timezone)
    assert hours == {
        "nightly-refresh": ("0 3 * * *", "Asia/Seoul"),
        "monthly-retag": ("0 4 1 * *", "Asia/Seoul"),
    }
