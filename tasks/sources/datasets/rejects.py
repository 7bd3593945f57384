"""Where rows go that could not be imported: one CSV file a batch, for people to read."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from tasks.lake import writing
from tasks.settings import Settings
from tasks.sources.datasets.checking import REJECTS


class RejectFile:
    """The rejected rows of one file with the reason against each, `<world>/rejects/<entity>/<batch>.csv`.

    Written aside; `land` puts it in its place, or removes an earlier one when nothing was rejected this time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        self._writer: pa_csv.CSVWriter | None = None

    @property
    def n_rows(self) -> int:
        """How many rows were rejected so far."""
        return self.reasons.total()

    def write(self, rejects: pa.Table) -> None:
        """Add rows of the schema `REJECTS`."""
        if rejects.num_rows == 0:
            return
        with writing(self.path):
            if self._writer is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = pa_csv.CSVWriter(self._aside, REJECTS)
            self._writer.write_table(rejects)
        self.reasons.update(rejects["reason"].to_pylist())

    def land(self) -> Path | None:
        """Put the file in its place and return its path; None when there is nothing to tell."""
        with writing(self.path):
            if self._writer is None:
                self.path.unlink(missing_ok=True)
                return None
            self._writer.close()
            return self._aside.replace(self.path)

    def drop(self) -> None:
        """Remove what was written aside, if anything still is."""
        with suppress(OSError):  # a full disk, which is already being reported
            if self._writer is not None:
                self._writer.close()
        with suppress(OSError):
            self._aside.unlink(missing_ok=True)


@contextmanager
def open_rejects(settings: Settings, entity: str, batch_key: str) -> Iterator[RejectFile]:
    """The reject file of a batch; it lands if the block raises nothing."""
    rejects = RejectFile(settings.world / "rejects" / entity / f"{batch_key}.csv")
    try:
        yield rejects
        rejects.land()
    finally:
        rejects.drop()
