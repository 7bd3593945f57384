"""Every night: collect what changed, build, tag, audit, publish."""

from __future__ import annotations

from datetime import date

from prefect import flow
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, Field

from flows import steps
from flows.catalogue import catalogue_run, refresh_catalogue
from flows.secrets import read_secret_blocks
from tasks import reports, training
from tasks.collecting.report import SourceReport
from tasks.reports import RunSummary
from tasks.settings import load_settings, today


class NightlyOptions(BaseModel):
    """What one night does."""

    as_of: date | None = Field(
        None,
        title="As of",
        description="The night to work for; charts and freshness are reckoned from it. Empty: today in Seoul.",
    )
    max_films: int = Field(
        300, ge=1, le=10_000, title="Films", description="How many films of TMDB's list to keep up with."
    )
    skip_fetch: bool = Field(
        False, title="Skip collecting", description="Build, tag and publish from what is in the lake, asking no site."
    )
    accept_loss: bool = Field(
        False,
        title="Accept lost rows",
        description="Publish although tables have lost over half their rows since the served catalogue.",
    )


DEFAULTS = NightlyOptions()


def _run_name() -> str:
    options = flow_run.parameters.get("options")
    as_of = options.get("as_of") if isinstance(options, dict) else getattr(options, "as_of", None)
    return f"nightly {as_of or today()}"


@flow(
    name="nightly-refresh",
    description="Collects films, soundtrack credits, charts, tracks and features, and publishes the next catalogue.",
    flow_run_name=_run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=2),  # type: ignore[arg-type]  # its type parameter cannot be inferred
    validate_parameters=True,
)
def nightly_refresh(options: NightlyOptions = DEFAULTS) -> RunSummary:
    """Collect, build, match, train what is missing, tag, audit, publish."""
    read_secret_blocks()
    settings = load_settings()
    as_of = options.as_of or today()
    with catalogue_run("nightly-refresh", as_of) as run_id:
        summary = RunSummary(f"Nightly refresh as of {as_of}", settings.profile)
        if not options.skip_fetch:
            if settings.is_sandbox:
                steps.made_up_world(as_of)
            summary.sources = collect(as_of, options.max_films)
        steps.tidy_up(as_of)  # what may not stay goes on every night, also on one without an answer
        if not options.skip_fetch:
            reports.require_an_answer(summary.sources)
        missing = training.models_without_champion(settings)
        return refresh_catalogue(
            "nightly-refresh",
            run_id,
            as_of,
            summary.sources,
            missing,
            summary,
            accept_loss=options.accept_loss,
        )


def collect(as_of: date, max_films: int) -> list[SourceReport]:
    """All sources: charts beside films, credits and recordings, then the tracks these ask for, then their features."""
    charts = steps.charts.submit(as_of)
    collected = steps.films(as_of, max_films) + steps.soundtracks(as_of) + steps.recordings(as_of)
    collected += charts.result()
    return collected + steps.tracks(as_of) + steps.features(as_of) + steps.audio(as_of) + steps.videos(as_of)
