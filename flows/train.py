"""Train one model on what the lake holds now."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from prefect import flow
from prefect.runtime import flow_run
from pydantic import BaseModel, Field

from flows import steps
from flows.catalogue import prepare_tables
from tasks.reports import RunSummary
from tasks.settings import load_settings, today
from tasks.warehouse import world_lock


class Model(StrEnum):
    """The models that can be trained, by the name of their MLflow experiment."""

    TRACK_GENRE = "track-genre"
    FILM_GENRE = "film-genre"
    TRACK_MOOD = "track-mood"
    FILM_RATING = "film-rating"


class TrainOptions(BaseModel):
    """Which model to train."""

    model: Model = Field(Model.TRACK_GENRE, title="Model to train", description="The job whose model is trained.")
    as_of: date | None = Field(None, title="As of", description="The day to work for. Empty: today in Seoul.")


DEFAULTS = TrainOptions()


def _run_name() -> str:
    options = flow_run.parameters.get("options")
    model = options.get("model") if isinstance(options, dict) else getattr(options, "model", Model.TRACK_GENRE)
    return f"train {Model(model or Model.TRACK_GENRE)}"


@flow(
    name="train",
    description="Builds the warehouse if it is behind the lake, trains one model and logs it to MLflow.",
    flow_run_name=_run_name,
)
def train(options: TrainOptions = DEFAULTS) -> RunSummary:
    """Prepare the tables, train, tell."""
    settings = load_settings()
    with world_lock(settings):
        summary = RunSummary(f"Training {options.model}", settings.profile)
        prepare_tables(summary, training=True)
        summary.training = [steps.train(str(options.model), options.as_of or today())]
        steps.tell(summary, "train")
        return summary
