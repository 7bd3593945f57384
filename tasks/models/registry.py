"""The one place that talks to MLflow: experiments, runs, registered models and their aliases.

Works on the SQLite file itself, which needs no server, and through a server named by MLFLOW_TRACKING_URI.
"""

from __future__ import annotations

import logging
import os
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.models.bundle import Bundle
from tasks.models.crossfit import TrainResult
from tasks.models.features import FEATURES, MAY_BE_MISSING, example_row
from tasks.models.film_facts import FIELDS
from tasks.models.film_rating import NAME as FILM_RATING
from tasks.models.film_rating import PARAMS, SPLIT, RatingEvaluation, RatingModel
from tasks.settings import PROJECT_ROOT, TRACKING_URI, OstinatoError, Settings, prepare_environment

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

CATALOGUE = PROJECT_ROOT / "mlflow" / "experiments.toml"
CHAMPION, CHALLENGER = "champion", "challenger"
SERVED_SCRIPT = Path(__file__).with_name("served.py")
SERVED_RATING_SCRIPT = Path(__file__).with_name("served_rating.py")
NOTE_TAG = "mlflow.note.content"  # MLflow shows this tag as the description


@dataclass(frozen=True, slots=True)
class Registered:
    """A logged training: where to look at it and what it was registered as."""

    version: str
    stage: str
    run_id: str
    url: str
    """Page of the run where a server is known, else the run's id."""


@dataclass(frozen=True, slots=True)
class _Served:
    """A model as MLflow keeps and serves it."""

    name: str
    save: Callable[[Path], None]
    script: Path
    signature: Callable[[], ModelSignature]
    example: pd.DataFrame
    summary: str
    note: str = ""


def log_training(
    settings: Settings, result: TrainResult, *, tags: Mapping[str, str], figures: Mapping[str, Figure], description: str
) -> Registered:
    """Log one run with its model, register a version, and give it an alias.

    The first version of a model becomes champion, later ones challenger until they are promoted.
    """
    bundle = result.bundle
    note = bundle.spec.note
    served = _Served(
        name=bundle.spec.model,
        save=bundle.save,
        script=SERVED_SCRIPT,
        signature=lambda: _signature(bundle),
        example=pd.DataFrame([example_row()] * 5),
        summary=f"{note or 'trained'}: {len(bundle.labels)} labels",
        note=note,
    )
    run_tags = {**tags, "split": result.split, NOTE_TAG: description}
    return _log_run(settings, served, run_tags, lambda client, id_: _log_findings(client, id_, result, figures))


def log_rating(
    settings: Settings,
    model: RatingModel,
    evaluation: RatingEvaluation,
    *,
    tags: Mapping[str, str],
    description: str,
) -> Registered:
    """The same for a model that rates films."""
    served = _Served(
        name=FILM_RATING,
        save=model.save,
        script=SERVED_RATING_SCRIPT,
        signature=_rating_signature,
        example=pd.DataFrame([example_film()] * 5),
        summary=f"trained: {evaluation.n_learnt + evaluation.n_held_out:,} films",
    )
    chosen = {"n_trees": evaluation.n_trees, "ridge_strength": evaluation.ridge_strength}
    run_tags = {**tags, "split": SPLIT, NOTE_TAG: description}

    def findings(client: MlflowClient, run_id: str) -> None:
        _log_numbers(client, run_id, {**evaluation.metrics(), **evaluation.counts()}, {**PARAMS, **chosen})

    return _log_run(settings, served, run_tags, findings)


def _log_run(
    settings: Settings, served: _Served, tags: Mapping[str, str], log_findings: Callable[[MlflowClient, str], None]
) -> Registered:
    name = served.name
    with _quiet_client(settings) as client:
        experiment_id = _experiment(client, settings, name)
        run = client.create_run(experiment_id, tags=dict(tags), run_name=f"{name} {tags['as_of']}")
        run_id = str(run.info.run_id)
        try:
            log_findings(client, run_id)
            version = _register(settings, client, experiment_id, run_id, served)
        except BaseException:
            client.set_terminated(run_id, status="FAILED")
            raise
        client.set_terminated(run_id)
        stage = CHALLENGER if _version_of(client, name, CHAMPION) else CHAMPION
        client.set_registered_model_alias(name, stage, version)
    return Registered(version, stage, run_id, run_url(settings, experiment_id, run_id))


def champion(settings: Settings, name: str) -> Bundle | None:
    """The model that tags now, read from its text files; None where none has been trained."""
    found = _champion_folder(settings, name)
    return Bundle.load(*found) if found else None


def rating_champion(settings: Settings) -> tuple[RatingModel, str] | None:
    """The model that rates films now, and its version; None where none has been trained."""
    found = _champion_folder(settings, FILM_RATING)
    return (RatingModel.load(found[0]), found[1]) if found else None


def _champion_folder(settings: Settings, name: str) -> tuple[Path, str] | None:
    if not _has_store(settings):
        return None
    with _quiet_client(settings) as client:
        version = _version_of(client, name, CHAMPION)
        if version is None:
            return None
        source = str(client.get_model_version_download_uri(name, version))
        return _local_folder(source) / "artifacts" / "bundle", version


def champion_versions(settings: Settings) -> dict[str, str]:
    """Model name -> version of its champion, of those that have one."""
    if not _has_store(settings):
        return {}
    with _quiet_client(settings) as client:
        found = {name: _version_of(client, name, CHAMPION) for name in catalogue()}
    return {name: version for name, version in found.items() if version}


def promote(settings: Settings, name: str, version: str) -> None:
    """Make `version` the champion; it is no longer a challenger.

    Raises
    ------
    OstinatoError
        When the model has no such version.
    """
    from mlflow.exceptions import MlflowException

    with _quiet_client(settings) as client:
        try:
            client.set_registered_model_alias(name, CHAMPION, version)
        except MlflowException as fault:
            raise OstinatoError(f"{name} has no version {version} to promote; look it up in MLflow.") from fault
        if _version_of(client, name, CHALLENGER) == version:
            client.delete_registered_model_alias(name, CHALLENGER)


def prepare_experiments(settings: Settings) -> dict[str, str]:
    """Make every experiment of `mlflow/experiments.toml` that is missing; name -> id."""
    with _quiet_client(settings) as client:
        return {name: _experiment(client, settings, name) for name in catalogue()}


def catalogue() -> dict[str, dict[str, str]]:
    """Experiments and registered models with their descriptions."""
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


def run_url(settings: Settings, experiment_id: str, run_id: str) -> str:
    """The run's page on the tracking server; without a server the run's id."""
    uri = settings.mlflow_uri
    return f"{uri}/#/experiments/{experiment_id}/runs/{run_id}" if uri.startswith("http") else run_id


def _has_store(settings: Settings) -> bool:
    uri = settings.mlflow_uri
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).is_file()


@contextmanager
def _quiet_client(settings: Settings) -> Iterator[MlflowClient]:
    """A client on the world's store; MLflow's log lines and advice stay out of the terminal.

    Raises
    ------
    OstinatoError
        When the store cannot be reached or read.
    """
    prepare_environment(settings)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    settings.world.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow.exceptions import MlflowException
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
        from sqlalchemy.exc import SQLAlchemyError

        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        uri = settings.mlflow_uri
        if uri.startswith("sqlite:///") and not _has_store(settings):
            # made here with a root of its own: MLflow's default experiment would keep its files where the user stands
            SqlAlchemyStore(uri, settings.mlflow_artifacts.as_uri())  # type: ignore[no-untyped-call]
        given = os.environ.get(TRACKING_URI)
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            yield mlflow.MlflowClient(uri, uri)
        except (MlflowException, SQLAlchemyError) as fault:
            first = str(fault).strip().splitlines()[0]
            raise OstinatoError(
                f"MLflow at {uri} answered: {first}; if its database is damaged, move it away and train again."
            ) from fault
        finally:  # MLflow sets it for child processes; left there, it would name this store for every other world
            os.environ.pop(TRACKING_URI, None)
            if given is not None:
                os.environ[TRACKING_URI] = given


def _experiment(client: MlflowClient, settings: Settings, name: str) -> str:
    """The experiment's id; made with an absolute artifact folder, or artifacts would land in `./mlruns`."""
    found = client.get_experiment_by_name(name)
    if found:
        return str(found.experiment_id)
    described = catalogue()[name]
    location = (settings.mlflow_artifacts.absolute() / name).as_uri()
    made = client.create_experiment(name, artifact_location=location, tags={NOTE_TAG: described["description"].strip()})
    return str(made)


def _log_findings(client: MlflowClient, run_id: str, result: TrainResult, figures: Mapping[str, Figure]) -> None:
    scores = {**(result.evaluation.metrics() if result.evaluation else {}), **result.more_metrics}
    scores |= {"n_rows": float(result.n_rows), "n_groups": float(result.n_groups)} if result.n_rows else {}
    _log_numbers(client, run_id, scores, result.params)
    for file_name, figure in figures.items():
        client.log_figure(run_id, figure, f"figures/{file_name}.png")
    if result.evaluation:
        client.log_table(run_id, result.evaluation.per_label.round(4), artifact_file="tables/per_label.json")
        client.log_table(run_id, result.evaluation.reliability.round(4), artifact_file="tables/reliability.json")


def _log_numbers(client: MlflowClient, run_id: str, scores: Mapping[str, float], params: Mapping[str, object]) -> None:
    from mlflow.entities import Metric, Param

    client.log_batch(
        run_id,
        metrics=[Metric(key, float(value), 0, 0) for key, value in scores.items() if np.isfinite(value)],
        params=[Param(key, str(value)) for key, value in params.items()],
    )


def _register(settings: Settings, client: MlflowClient, experiment_id: str, run_id: str, served: _Served) -> str:
    """Log the model's text as a model from code and register it under the experiment's name; the new version."""
    import mlflow
    from mlflow.exceptions import MlflowException

    name = served.name
    with (
        tempfile.TemporaryDirectory(dir=settings.world) as folder,
        mlflow.start_run(run_id=run_id, experiment_id=experiment_id),
    ):
        served.save(Path(folder) / "bundle")
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(served.script),
            artifacts={"bundle": str(Path(folder) / "bundle")},
            signature=served.signature(),
            input_example=served.example,
            pip_requirements=_requirements(),
        )
    described = catalogue()[name]["model"]
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name, description=described)
    tags = {"note": served.note} if served.note else {}
    made = client.create_model_version(
        name,
        source=logged.model_uri,
        run_id=run_id,
        model_id=logged.model_id,
        tags=tags,
        description=served.summary,
    )
    return str(made.version)


def _signature(bundle: Bundle) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec("double", name, required=name not in MAY_BE_MISSING) for name in FEATURES])
    return ModelSignature(inputs, Schema([ColSpec("double", label) for label in bundle.labels]))


def example_film() -> Mapping[str, object]:
    """One ordinary film before its release, in the order of `FIELDS`."""
    values = ("2012-03-09", ["Drama", "Mystery"], 112, 20_000_000, "ko", ["CJ Entertainment"], ["harbour", "secret"])
    return dict(zip(FIELDS, values, strict=True))


def _rating_signature() -> ModelSignature:
    from mlflow.models import ModelSignature, infer_signature

    inputs = infer_signature(pd.DataFrame([example_film()])).inputs
    return ModelSignature(inputs, infer_signature(pd.DataFrame({"predicted_score": [62.5]})).inputs)


def _requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in ("lightgbm", "mlflow", "numpy", "pandas", "scipy")]


def _version_of(client: MlflowClient, name: str, alias: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as fault:
        if fault.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _local_folder(source: str) -> Path:
    """The model's folder on this machine; artifacts behind a server are fetched first."""
    from mlflow.artifacts import download_artifacts

    return Path(download_artifacts(artifact_uri=source))
