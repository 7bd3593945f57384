"""Bring data set files into the lake."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from pydantic import BaseModel, Field

from flows import steps
from tasks import reports
from tasks.settings import OstinatoError, load_settings, today
from tasks.sources.datasets import ImportReport
from tasks.warehouse import world_lock


class ImportOptions(BaseModel):
    """Which files to import."""

    paths: list[str] = Field(
        [],
        title="Files",
        description="Paths on the worker's machine: CSV, CSV.gz or Parquet. Importing a file is your word that models "
        "may be trained on it.",
    )
    as_of: date | None = Field(None, title="As of", description="The day to book the import under. Empty: today.")


DEFAULTS = ImportOptions()


@flow(
    name="import-datasets",
    description="Recognises data set files by their columns and lands them in the lake.",
    flow_run_name="import",
)
def import_datasets(options: ImportOptions = DEFAULTS) -> list[ImportReport]:
    """Recognise all files, then land them."""
    if not options.paths:
        raise OstinatoError("No file was named; give at least one path to import.")
    with world_lock(load_settings()):
        as_of = options.as_of or today()
        imported = steps.imports([Path(path) for path in options.paths], as_of)
        reports.write_import_books(load_settings(), as_of, imported)
    create_markdown_artifact(reports.import_markdown(imported), key="import-summary", description="Files imported")
    return imported
