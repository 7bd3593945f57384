"""Tracks scored by the champions, a batch at a time: here from memory, or on workers from and to files aside."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.fanout import Fanout, folder_aside, write_aside
from tasks.models.bundle import Bundle
from tasks.models.features import FEATURES
from tasks.settings import Settings

LEAST_PROBABILITY = 0.02
"""Labels below it are not worth naming; the most probable one always is."""

BATCH_TRACKS = 20_000
LABEL_KINDS = ("genre", "mood")

Tags: TypeAlias = list[tuple[str, pa.Table]]
"""Tables of `tagging` and the rows for them, in the order in which they are written."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One batch for a worker: a Parquet file of tracks' features, and the models to score them by."""

    file: Path
    models: tuple[tuple[str, Path, str], ...]
    """Kind, folder of the bundle and version of each champion."""
    tagged_at: datetime


def scored_batches(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    champions: Mapping[str, Bundle],
    n_waiting: int,
    tagged_at: datetime,
    fanout: Fanout,
) -> Generator[Tags]:
    """The tags of the `n_waiting` tracks in the table `waiting`, in its order, `BATCH_TRACKS` at a time.

    Workers open no warehouse and ask no registry: they find features and models in files aside.
    """
    starts = range(0, n_waiting, BATCH_TRACKS)
    if fanout.is_here:
        for start in starts:
            yield tags_of(champions, _read_batch(con, start), tagged_at, settings.threads)
        return
    if not n_waiting:
        return
    with folder_aside(settings, "scoring") as folder:
        models = tuple(_kept_aside(bundle, folder) for bundle in champions.values())
        files = [write_aside(_read_batch(con, start), folder / f"{start:09d}.parquet") for start in starts]
        for tables in fanout.map(score_slice, [Slice(file, models, tagged_at) for file in files]):
            yield [(table, pq.read_table(file)) for table, file in tables]


def _kept_aside(bundle: Bundle, folder: Path) -> tuple[str, Path, str]:
    bundle.save(folder / bundle.kind)
    return bundle.kind, folder / bundle.kind, bundle.version


def score_slice(one: Slice) -> list[tuple[str, Path]]:
    """Score one slice on a worker: tables of `tagging`, and the files that hold the rows for them."""
    champions = {kind: _bundle(folder, version) for kind, folder, version in one.models}
    tags = tags_of(champions, pq.read_table(one.file), one.tagged_at)
    files = [one.file.with_suffix(f".{number}.tags") for number in range(len(tags))]
    return [(table, write_aside(rows, file)) for (table, rows), file in zip(tags, files, strict=True)]


@lru_cache(maxsize=4)
def _bundle(folder: Path, version: str) -> Bundle:
    """A champion that this worker may have read for an earlier slice; each run has a folder of its own."""
    return Bundle.load(folder, version)


def _read_batch(con: duckdb.DuckDBPyConnection, start: int) -> pa.Table:
    """Track ids and features of one batch."""
    columns = ", ".join(FEATURES)
    query = f"select track_id, {columns} from waiting where position >= $first and position < $after order by position"
    return con.sql(query, params={"first": start, "after": start + BATCH_TRACKS}).to_arrow_table()


def tags_of(champions: Mapping[str, Bundle], tracks: pa.Table, tagged_at: datetime, threads: int = 1) -> Tags:
    """The tags of tracks by every champion; the result does not depend on the threads."""
    columns = [tracks[name].to_numpy(zero_copy_only=False).astype(float) for name in FEATURES]
    features, ids = np.column_stack(columns), tracks["track_id"].combine_chunks()
    tags: Tags = []
    for kind, bundle in champions.items():
        probability = bundle.score(features, threads)
        if kind in LABEL_KINDS:
            tags.append(("track_label", label_rows(bundle, ids, probability, tagged_at)))
        else:
            tags.append(("track_film_genre", wide_rows(bundle, ids, probability, tagged_at)))
    return tags


def label_rows(bundle: Bundle, ids: pa.Array, probability: np.ndarray, tagged_at: datetime) -> pa.Table:
    """One row per track and label worth naming, in the columns of `tagging.track_label`."""
    is_top = np.zeros(probability.shape, dtype=bool)
    is_top[np.arange(len(probability)), probability.argmax(axis=1)] = True
    row, column = np.nonzero((probability >= LEAST_PROBABILITY) | is_top)
    n = len(row)
    return pa.table(
        {
            "track_id": ids.take(pa.array(row)),
            "kind": pa.repeat(pa.scalar(bundle.kind), n),
            "label": pa.array(bundle.labels).take(pa.array(column)),
            "probability": pa.array(probability[row, column].astype(np.float32)),
            "is_tag": pa.array(bundle.decide(probability)[row, column]),
            "model": pa.repeat(pa.scalar(bundle.name), n),
            "tagged_at": pa.repeat(pa.scalar(tagged_at, pa.timestamp("us", tz="UTC")), n),
        }
    )


def wide_rows(bundle: Bundle, ids: pa.Array, probability: np.ndarray, tagged_at: datetime) -> pa.Table:
    """One row per track with a column per film genre; genres that the model does not know are left to be null."""
    columns = {label: pa.array(probability[:, k].astype(np.float32)) for k, label in enumerate(bundle.labels)}
    common = {
        "model": pa.repeat(pa.scalar(bundle.name), len(ids)),
        "tagged_at": pa.repeat(pa.scalar(tagged_at, pa.timestamp("us", tz="UTC")), len(ids)),
    }
    return pa.table({"track_id": ids, **columns, **common})
