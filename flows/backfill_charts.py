"""Melon's charts of past months, weeks and years, fetched slowly and once."""

from __future__ import annotations

from datetime import date

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from pydantic import BaseModel, Field

from flows import steps
from tasks import reports
from tasks.collecting.charts.backfill import PastChart
from tasks.reports import RunSummary
from tasks.settings import load_settings, today
from tasks.warehouse import world_lock

MONTH = r"^[12][0-9]{3}-(0[1-9]|1[0-2])$"


class BackfillOptions(BaseModel):
    """Which past charts to bring in."""

    from_month: str = Field(
        "1980-01", pattern=MONTH, title="From", description="First month (YYYY-MM), 1960-01 at most."
    )
    to_month: str | None = Field(
        None, pattern=MONTH, title="To", description="Last month (YYYY-MM). Empty: the newest that is closed."
    )
    charts: list[PastChart] = Field(
        [PastChart.MONTH, PastChart.YEAR],
        min_length=1,
        title="Charts",
        description="Kinds of charts: month, week, year. A page each, at most one a second.",
    )
    with_songs: bool = Field(
        False, title="Song pages too", description="Also fetch pages of songs that the charts name (300 a run)."
    )
    as_of: date | None = Field(None, title="As of", description="The day to work for. Empty: today in Seoul.")


DEFAULTS = BackfillOptions()


@flow(
    name="backfill-charts",
    description="Brings Melon's charts of past months, weeks and years into the lake; goes on where it was stopped.",
    flow_run_name="backfill charts",
)
def backfill_charts(options: BackfillOptions = DEFAULTS) -> RunSummary:
    """Ask for what the lake does not hold yet; the next nightly refresh builds and publishes it."""
    settings = load_settings()
    as_of = options.as_of or today()
    first = date.fromisoformat(f"{options.from_month}-01")
    last = date.fromisoformat(f"{options.to_month}-01") if options.to_month else as_of
    with world_lock(settings, part="backfill"):
        summary = RunSummary(f"Charts from {first:%Y-%m} to {last:%Y-%m}", settings.profile)
        if settings.is_sandbox:
            steps.made_up_clock(as_of)
        summary.sources = steps.past_charts(as_of, first, last, options.charts, options.with_songs)
        reports.require_an_answer(summary.sources)
    create_markdown_artifact(reports.markdown(summary), key="backfill-charts-summary", description=summary.title)
    return summary
