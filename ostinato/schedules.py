"""When the deployments of `prefect.yaml` run next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import yaml
from cronsim import CronSim

from tasks.settings import PROJECT_ROOT

DEPLOYMENTS = PROJECT_ROOT / "prefect.yaml"


def next_runs(now: datetime) -> dict[str, datetime]:
    """The next run after `now` of each deployment that has a schedule, in the schedule's own time zone; soonest first.

    What was changed in Prefect's UI since is not seen. `now` needs a time zone.
    """
    found = {}
    for deployment in yaml.safe_load(DEPLOYMENTS.read_text(encoding="utf-8"))["deployments"]:
        runs = [
            next(CronSim(schedule["cron"], now.astimezone(ZoneInfo(schedule["timezone"]))))
            for schedule in deployment.get("schedules", ())
        ]
        if runs:
            found[str(deployment["name"])] = min(runs)
    return dict(sorted(found.items(), key=lambda run: run[1]))
