"""Today's parsers over the archived pages of one source."""

from __future__ import annotations

from enum import StrEnum

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from pydantic import BaseModel, Field

from flows import steps
from flows.dask_cluster import require_cluster
from tasks import reports
from tasks.collecting.rereading import RereadReport
from tasks.settings import load_settings
from tasks.warehouse import world_lock


class ArchivedSource(StrEnum):
    """The sources whose pages are archived."""

    TMDB = "tmdb"
    IMDB = "imdb"
    MUSICBRAINZ = "musicbrainz"
    MELON = "melon"
    SPOTIFY = "spotify"
    RECCOBEATS = "reccobeats"
    YOUTUBE = "youtube"


class ReparseOptions(BaseModel):
    """Whose pages to read anew."""

    source: ArchivedSource = Field(
        ArchivedSource.IMDB, title="Source", description="The source whose archived pages are read anew."
    )


DEFAULTS = ReparseOptions()


def _run_name() -> str:
    options = flow_run.parameters.get("options")
    source = options.get("source") if isinstance(options, dict) else getattr(options, "source", None)
    return f"reparse {ArchivedSource(source or ArchivedSource.IMDB)}"


@flow(
    name="reparse",
    description="Reads every archived page of one source with today's parser and puts the rows in place; asks no site.",
    flow_run_name=_run_name,
)
def reparse(options: ReparseOptions = DEFAULTS) -> RereadReport:
    """Read anew; the next refresh builds and publishes it."""
    settings = load_settings()
    require_cluster(settings)
    with world_lock(settings), world_lock(settings, part="backfill"):  # a backfill adds to the batches read anew
        report = steps.reread(str(options.source))
    create_markdown_artifact(
        reports.reread_markdown(report), key="reparse-summary", description=f"{report.source} read anew"
    )
    return report
