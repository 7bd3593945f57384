"""Every month: train challengers on all that has come in, tag everything with the champions, publish."""

from __future__ import annotations

from datetime import date

from prefect import flow
from pydantic import BaseModel, Field

from flows.catalogue import catalogue_run, refresh_catalogue
from tasks import training
from tasks.reports import RunSummary
from tasks.settings import load_settings, today


class MonthlyOptions(BaseModel):
    """What one monthly retag does."""

    as_of: date | None = Field(None, title="As of", description="The day to work for. Empty: today in Seoul.")


DEFAULTS = MonthlyOptions()


def _run_name() -> str:
    return f"retag {today():%Y-%m}"


@flow(
    name="monthly-retag",
    description="Retrains the models as challengers, tags every track with the champions, and publishes.",
    flow_run_name=_run_name,
)
def monthly_retag(options: MonthlyOptions = DEFAULTS) -> RunSummary:
    """Train, tag, audit, publish."""
    as_of = options.as_of or today()
    with catalogue_run("monthly-retag", as_of) as run_id:
        summary = RunSummary(f"Monthly retag as of {as_of}", load_settings().profile)
        return refresh_catalogue("monthly-retag", run_id, as_of, [], training.TRAINABLE, summary)
