"""`ostinato tag`: scores a user's own table of audio features with the champions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import expit, logit

from tasks.models.bundle import Bundle
from tasks.models.features import FEATURES, MAY_BE_MISSING, REQUIRED, row_faults, to_matrix
from tasks.settings import OstinatoError, Settings
from tasks.tagging.champions import MODEL_OF_KIND, load_champions
from tasks.tagging.table_files import TableWriter, check_target, read_table

BATCH_ROWS = 20_000


@dataclass
class FileReport:
    """What became of a user's table."""

    out: Path
    n_input: int = 0
    n_scored: int = 0
    """Input rows that were scored; the others have null probabilities and a reason."""
    n_rows: int = 0
    """Rows written."""
    models: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    """Why rows were not scored, and how many."""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answers:
    """What is asked about, one entry per input row or per group."""

    key: str
    """Name of the first output column: row or group."""
    keys: pa.Array
    reasons: np.ndarray
    """Why an entry has no probabilities; None where it has."""
    features: np.ndarray
    """(scorable input rows, 13)."""
    entry: np.ndarray
    """The entry that each row of `features` belongs to, rising."""


def tag_file(settings: Settings, file: Path, out: Path, group: str | None = None) -> FileReport:
    """Write one row per input row (or group) x kind x label to `out`, which appears whole or not at all.

    A group's probability comes from the mean log-odds of its rows that can be scored.

    Raises
    ------
    OstinatoError
        When the file cannot be read or lacks a column, `out` cannot be written, or no model has been trained.
    """
    check_target(out, file)
    champions = load_champions(settings)
    if not champions:
        raise OstinatoError(
            f"No model has been trained in the {settings.profile} world; run `ostinato train track-genre` first."
        )
    table = read_table(file, [*FEATURES, *([group] if group else [])], text_columns=[group] if group else [])
    _require_columns(table, file, group)
    report = FileReport(out, n_input=len(table), models={kind: bundle.name for kind, bundle in champions.items()})
    report.warnings += [
        f"There is no {MODEL_OF_KIND[kind]} champion yet, so {kind} is left out; run `ostinato train {name}`."
        for kind, name in MODEL_OF_KIND.items()
        if kind not in champions
    ]
    answers = _answers(table, group, report)
    with TableWriter(out) as writer:
        for rows in _output(answers, champions, settings.threads):
            writer.write(rows)
            report.n_rows += rows.num_rows
    return report


def _require_columns(table: pd.DataFrame, file: Path, group: str | None) -> None:
    if group is not None and group not in table.columns:
        raise OstinatoError(f"{file} has no column {group} to group by; name one of its columns with --group.")
    absent = [name for name in REQUIRED if name not in table.columns]
    if absent:
        raise OstinatoError(
            f"{file} lacks {', '.join(absent)}; it needs the columns {', '.join(REQUIRED)} "
            f"({' and '.join(MAY_BE_MISSING)} may be missing)."
        )
    if table.empty:
        raise OstinatoError(f"{file} holds no rows; give it one row a track.")


def _answers(table: pd.DataFrame, group: str | None, report: FileReport) -> Answers:
    matrix = to_matrix(table)
    faults = row_faults(table, matrix)
    is_scored = np.array([fault is None for fault in faults])
    report.n_scored = int(is_scored.sum())
    report.reasons = dict(Counter(faults[~is_scored]).most_common())
    if group is None:
        return Answers("row", pa.array(np.arange(len(table))), faults, matrix[is_scored], np.flatnonzero(is_scored))
    return _grouped_answers(table[group], matrix, faults, is_scored, report)


def _grouped_answers(
    names: pd.Series[str], matrix: np.ndarray, faults: np.ndarray, is_scored: np.ndarray, report: FileReport
) -> Answers:
    code, groups = pd.factorize(names)  # in order of appearance; -1 where a row names no group
    if (code < 0).any():
        report.warnings.append(f"{int((code < 0).sum()):,} rows name no group and are left out.")
    reasons = np.full(len(groups), None, dtype=object)
    for row in np.flatnonzero(code >= 0)[::-1]:
        reasons[code[row]] = faults[row]
    used = np.flatnonzero(is_scored & (code >= 0))
    reasons[np.unique(code[used])] = None
    order = used[np.argsort(code[used], kind="stable")]
    report.n_scored = len(used)
    return Answers("group", pa.array(groups, from_pandas=True), reasons, matrix[order], code[order])


def _output(answers: Answers, champions: Mapping[str, Bundle], threads: int) -> Iterator[pa.Table]:
    """Output tables for some thousand entries at a time."""
    n = len(answers.keys)
    for start in range(0, n, BATCH_ROWS):
        stop = min(start + BATCH_ROWS, n)
        first, last = np.searchsorted(answers.entry, [start, stop])
        entry, features = answers.entry[first:last] - start, answers.features[first:last]
        pooled = {
            kind: _pooled(bundle.score(features, threads), entry, stop - start) for kind, bundle in champions.items()
        }
        yield _rows(answers, start, stop, champions, pooled)


def _pooled(probability: np.ndarray, entry: np.ndarray, n_entries: int) -> np.ndarray:
    """Mean log-odds per entry, back as probabilities; NaN for an entry without a row."""
    count = np.bincount(entry, minlength=n_entries)[:, None]
    total = np.zeros((n_entries, probability.shape[1]))
    np.add.at(total, entry, logit(np.clip(probability, 1e-9, 1 - 1e-9)))
    with np.errstate(invalid="ignore"):
        return np.asarray(expit(total / np.where(count == 0, np.nan, count)))


def _rows(
    answers: Answers, start: int, stop: int, champions: Mapping[str, Bundle], pooled: Mapping[str, np.ndarray]
) -> pa.Table:
    """All kinds and labels of entries `start` to `stop`, sorted by entry."""
    n = stop - start
    labels = [label for bundle in champions.values() for label in bundle.labels]
    kinds = [kind for kind, bundle in champions.items() for _ in bundle.labels]
    models = [bundle.name for bundle in champions.values() for _ in bundle.labels]
    probability = np.hstack([pooled[kind] for kind in champions])
    decision = np.hstack([bundle.decide(pooled[kind]) for kind, bundle in champions.items()])
    lift = probability / np.concatenate([bundle.training_share for bundle in champions.values()])
    each = np.repeat(np.arange(n), len(labels))
    return pa.table(
        {
            answers.key: answers.keys.take(pa.array(start + each)),
            "kind": _tiled(kinds, n),
            "label": _tiled(labels, n),
            "probability": pa.array(probability.ravel(), from_pandas=True),
            "is_tag": pa.array(decision.ravel()),
            "lift": pa.array(lift.ravel(), from_pandas=True),
            "model": _tiled(models, n),
            "reason": pa.array(answers.reasons[start:stop], pa.string()).take(pa.array(each)),
        }
    )


def _tiled(values: list[str], n: int) -> pa.Array:
    return pa.array(values).take(pa.array(np.tile(np.arange(len(values)), n)))
