"""Brings data set files into the lake: all are recognised before any is read, and all land together or none does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa

from tasks import lake
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import OstinatoError, Settings
from tasks.sources.datasets.checking import check
from tasks.sources.datasets.kinds import SOURCE
from tasks.sources.datasets.opening import open_table
from tasks.sources.datasets.reading import DataFile
from tasks.sources.datasets.recognising import Recognised, recognise
from tasks.sources.datasets.rejects import RejectFile, open_rejects

Progress = Callable[[int, int], None]
"""Called with bytes read and bytes in all."""


@dataclass(frozen=True)
class ImportReport:
    """What became of one file."""

    path: Path
    entity: str
    """The kind of data set, which names its table: `raw.dataset_<entity>`."""
    n_rows: int
    """Rows that went into the lake."""
    n_rejected: int
    batch: Path
    """The lake file; named by kind and content, so that the same file again replaces itself."""
    reject_file: Path | None
    """CSV of the rejected rows with row number, reason and text; None when none was rejected."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Reason -> rows, the most frequent first."""
    ignored_columns: tuple[str, ...] = ()
    """Columns of the file that the lake has no place for."""
    absent_columns: tuple[str, ...] = ()
    """Columns that files of this kind may have and this one does not; they are null."""


@dataclass(frozen=True)
class _Arrival:
    """A file that was recognised and is still to be read."""

    file: DataFile
    recognised: Recognised
    batch_key: str
    n_bytes: int

    @property
    def entity(self) -> str:
        """The kind of data set."""
        return self.recognised.kind.entity


def import_files(
    settings: Settings, paths: Sequence[Path], as_of: date, progress: Progress | None = None
) -> list[ImportReport]:
    """Load data set files (CSV, gzipped CSV, Parquet) into the lake of the chosen world, under source `dataset`.

    A row that cannot be read goes to the reject file of its batch and the rest goes in. Importing the same
    content again replaces it, whatever the file is called.

    Raises
    ------
    OstinatoError
        When a file is missing, damaged, no table, of no known kind or without one good row, or the home
        cannot be written; nothing has landed then, of any file. A kill, too, lands all of them or none.
    """
    arrivals = _recognise_all(paths)
    n_total, n_before = sum(arrival.n_bytes for arrival in arrivals), 0
    reports: list[ImportReport] = []
    batches: list[lake.Batch] = []
    with lake.landing(batches), ExitStack() as rejected:  # the reject files land first
        for arrival in arrivals:
            batches.append(_batch(settings, arrival, as_of))
            rejects = rejected.enter_context(open_rejects(settings, arrival.entity, arrival.batch_key))
            reports.append(_read(arrival, batches[-1], rejects, _part_of(progress, n_before, n_total)))
            n_before += arrival.n_bytes
    return reports


def _recognise_all(paths: Sequence[Path]) -> list[_Arrival]:
    """Every file as what it is; all that are refused are named at once, so that a folder takes one try."""
    arrivals, refused = [], []
    for path in paths:
        try:
            arrivals.append(_recognise(Path(path)))
        except OstinatoError as fault:
            refused.append(str(fault))
    if len(refused) > 1:
        listed = "".join(f"\n  - {fault}" for fault in refused)
        raise OstinatoError(f"{len(refused)} of {len(paths)} files are refused, so none was imported:{listed}")
    if refused:
        raise OstinatoError(refused[0])
    return arrivals


def _recognise(path: Path) -> _Arrival:
    file = open_table(path)
    recognised = recognise(file.columns, str(path))
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return _Arrival(file, recognised, f"{recognised.kind.entity}-{digest[:16]}", path.stat().st_size)


def _batch(settings: Settings, arrival: _Arrival, as_of: date) -> lake.Batch:
    path = lake.batch_path(settings.lake, SOURCE, arrival.entity, arrival.batch_key, as_of)
    return lake.Batch(path, LAKE_SCHEMAS[(SOURCE, arrival.entity)])


def _read(arrival: _Arrival, batch: lake.Batch, rejects: RejectFile, progress: Progress) -> ImportReport:
    """Read one file to its end: what is good into its batch, the rest into its reject file."""
    fetched_at = lake.utc_now()
    for piece in arrival.file.pieces(arrival.recognised.positions, arrival.recognised.n_cells_min):
        good, rejected = check(piece, arrival.recognised.kind)
        batch.write(_with_provenance(good, batch.schema, fetched_at))
        rejects.write(rejected)
        progress(piece.n_bytes, arrival.n_bytes)
    if batch.n_rows == 0:
        raise _nothing_read(arrival, rejects)
    return ImportReport(
        path=arrival.file.path,
        entity=arrival.entity,
        n_rows=batch.n_rows,
        n_rejected=rejects.n_rows,
        batch=batch.path,
        reject_file=rejects.path if rejects.n_rows else None,
        reasons=dict(rejects.reasons.most_common()),
        ignored_columns=arrival.recognised.ignored,
        absent_columns=arrival.recognised.absent,
    )


def _with_provenance(rows: pa.Table, schema: pa.Schema, fetched_at: datetime) -> pa.Table:
    """The lake's table: imported rows come from no page, so their page hash is null."""
    rows = rows.append_column("fetched_at", pa.repeat(pa.scalar(fetched_at, pa.timestamp("us", "UTC")), len(rows)))
    return rows.append_column("page_sha256", pa.nulls(len(rows), pa.string())).select(schema.names).cast(schema)


def _nothing_read(arrival: _Arrival, rejects: RejectFile) -> OstinatoError:
    """The fault of a file without one good row; its reject file stays, so that the rows can be looked at."""
    kept = rejects.land()
    if kept is None:
        return OstinatoError(f"{arrival.file.path} has a header line but no rows; fetch it again.")
    reason, n_times = rejects.reasons.most_common(1)[0]
    return OstinatoError(
        f"{arrival.file.path} was taken for {arrival.entity}, but none of its {rejects.n_rows} rows "
        f"could be read ({n_times} times: {reason}); see {kept}, mend the file and import it again."
    )


def _part_of(progress: Progress | None, n_before: int, n_total: int) -> Progress:
    """Progress of one file, told as progress of all."""

    def tell(n_bytes: int, _: int) -> None:
        if progress is not None:
            progress(n_before + n_bytes, n_total)

    return tell
