"""The four steps that fan out, each on a small world of its own, and all that it leaves there, to be compared."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import bodies
import duckdb
import lightgbm
import numpy as np
import pyarrow as pa
import pytest
import test_matching_nights as nights
from sounds import cadence, saved

from tasks import lake
from tasks.collecting.features import audio_files
from tasks.collecting.features.audio_files import measure_files
from tasks.collecting.rereading import reread_pages
from tasks.fanout import Fanout
from tasks.fetching import archive
from tasks.lake import write_batch
from tasks.matching import blocks, match_all
from tasks.models import track_mood
from tasks.models.bundle import Bundle, Form, Spec
from tasks.models.calibration import Calibration
from tasks.models.features import FEATURES
from tasks.settings import Settings
from tasks.tagging import scoring, tag_tracks, tracks
from tasks.warehouse import open_warehouse

AS_OF = date(2026, 11, 20)
N_BATCHES, PAGES_A_BATCH, N_FILES, N_TRACKS = 10, 30, 5, 900
LABELS = {"genre": ("pop", "rock", "jazz"), "film_genre": ("Comedy", "Drama", "Western")}


@dataclass(frozen=True)
class HeavyStep:
    """A step: how its world is made, how it is run there, and what is to be the same however it was run."""

    prepare: Callable[[Settings], None]
    run: Callable[[Settings, Fanout], Any]
    outcome: Callable[[Settings], Any]


def archive_pages(settings: Settings) -> None:
    """Pages of films whose lists of songs nobody has read yet, one of them damaged, one away."""
    for number in range(N_BATCHES):
        films = [f"tt{number * PAGES_A_BATCH + n:07d}" for n in range(PAGES_A_BATCH)]
        lines = [manifest_line(settings, film) for film in films]
        write_batch(settings.lake, "imdb", "fetch", lines, batch_key=f"b{number}", ingest_date=AS_OF)
    kept = sorted(archive.page_path(settings.pages, "0" * 64).parent.parent.rglob("*.zst"))
    kept[0].write_bytes(b"damaged")
    kept[1].unlink()


def manifest_line(settings: Settings, film: str) -> dict[str, Any]:
    entries = [
        {"id": f"sn{n}", "rowTitle": f"Song {n} of {film}", "listContent": [{"html": f"Performed by Band {n}"}]}
        for n in range(20)
    ]
    content = json.loads(json.dumps(bodies.SOUNDTRACK).replace("tt0000042", film))
    section = content["props"]["pageProps"]["contentData"]
    section["section"] = {"items": entries, "total": len(entries)}
    section["data"]["title"]["soundtrack"]["total"] = len(entries)
    page = f'<html><script id="__NEXT_DATA__" type="application/json">{json.dumps(content)}</script></html>'
    return {
        "entity": "soundtrack",
        "key": film,
        "url": f"https://www.imdb.com/title/{film}/soundtrack/",
        "state": "broken",
        "parser_version": 1,
        "page_sha256": archive.store(settings.pages, page.encode()),
        "fetched_at": datetime(2026, 11, 20, tzinfo=UTC),
    }


def lake_files(settings: Settings) -> dict[str, str]:
    """Every file of the lake by its place, and a hash of its bytes."""
    found = sorted(settings.lake.rglob("*.parquet"))
    return {str(file.relative_to(settings.lake)): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def record_music(settings: Settings) -> None:
    """Recordings beside the home, the same for every world of a test, one of them no sound."""
    folder = settings.home.parent / "music"
    if not folder.exists():
        folder.mkdir()
        for number in range(N_FILES):
            saved(folder, f"{number}.wav", cadence(6.0 + number / 10))
        (folder / "broken.mp3").write_bytes(b"ID3" + bytes(5000))


def measured(settings: Settings) -> list[list[dict[str, Any]]]:
    tables = [lake.read(settings.lake, "audio", table) for table in ("audio_features", "file")]
    return [table.drop_columns(["fetched_at"]).to_pylist() for table in tables]


def champions(_: Settings) -> dict[str, Bundle]:
    """A champion of each kind, two of them with trees."""
    return {"genre": boosted("genre"), "mood": track_mood.baseline().bundle, "film_genre": boosted("film_genre")}


def boosted(kind: str) -> Bundle:
    features = made_features(300, seed=0)
    params = {"objective": "multiclass", "num_class": 3, "num_leaves": 8, "num_threads": 1, "seed": 1, "verbose": -1}
    data = lightgbm.Dataset(features, np.digitize(features[:, 1], [0.3, 0.7]))
    calibration, thresholds = Calibration(0.8, (0.1, -0.1, 0.0)), (0.5, 0.4, 0.3)
    spec = Spec(kind, f"track-{kind}", Form.MULTICLASS, LABELS[kind], thresholds, (0.3, 0.4, 0.3), calibration)
    return Bundle(spec, (lightgbm.train(params, data, 20),), "7")


def made_features(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((n, len(FEATURES)))


def build_features(settings: Settings) -> None:
    """A warehouse with features of tracks, which nobody has tagged yet."""
    features = made_features(N_TRACKS, seed=3)
    columns = {name: features[:, number] for number, name in enumerate(FEATURES)}
    table = pa.table({"track_id": [f"track {n}" for n in range(N_TRACKS)], **columns})
    with open_warehouse(settings) as con:
        con.execute("create schema if not exists features")
        con.register("rows", table)
        con.execute("create table features.track_audio as from rows")


def tags(settings: Settings) -> list[Any]:
    with open_warehouse(settings, read_only=True) as con:
        return [
            con.execute("select * exclude (tagged_at) from tagging.track_label").fetchall(),
            con.execute("select * exclude (tagged_at) from tagging.track_film_genre").fetchall(),
            con.execute("from tagging.track_state").fetchall(),
        ]


def build_songs(settings: Settings) -> None:
    """A warehouse of credits, songs and tracks that resemble each other, whose matches nobody has looked for yet."""
    by = random.Random(5)
    sizes = {"film": 3, "soundtrack_credit": 120, "chart_song": 40, "track": 120}
    world = {
        table: {f"{table[0]}{n}": nights.some_row(table, f"{table[0]}{n}", by) for n in range(size)}
        for table, size in sizes.items()
    }
    nights.write(settings, {**world, "film_track_link": {"t1": ["f1", "t1", "ost_album_ids"]}}, by)


def matches(settings: Settings) -> dict[str, list[Any]]:
    """Every row of every table that matching keeps, results in the order in which they lie."""
    with open_warehouse(settings, read_only=True) as con:
        names = "select table_name from duckdb_tables() where schema_name = 'matching' order by 1"
        tables = [name for (name,) in con.execute(names).fetchall()]
        return {name: ordered(con, name) for name in tables}


def ordered(con: duckdb.DuckDBPyConnection, name: str) -> list[Any]:
    rows = con.execute(f"from matching.{name}").fetchall()
    return rows if name in ("credit_track", "chart_track") else sorted(rows, key=repr)


STEPS = {
    "parsing": HeavyStep(
        archive_pages, lambda settings, fanout: reread_pages(settings, "imdb", fanout=fanout), lake_files
    ),
    "measuring": HeavyStep(
        record_music,
        lambda settings, fanout: replace(
            measure_files(settings, [settings.home.parent / "music"], AS_OF, fanout=fanout),
            started_at=datetime(2026, 11, 20, tzinfo=UTC),
            ended_at=None,
        ),
        measured,
    ),
    "scoring": HeavyStep(
        build_features,
        lambda settings, fanout: replace(tag_tracks(settings, AS_OF, fanout=fanout), seconds=0.0),
        tags,
    ),
    "matching": HeavyStep(
        build_songs,
        lambda settings, fanout: replace(match_all(settings, trainable=False, fanout=fanout), seconds=0.0),
        matches,
    ),
}


def use_small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units of so few items that each step has several, and champions without a registry."""
    monkeypatch.setattr(audio_files, "FILES_A_BATCH", 1)
    monkeypatch.setattr(scoring, "BATCH_TRACKS", 100)
    monkeypatch.setattr(tracks, "BATCH_TRACKS", 100)
    monkeypatch.setattr(blocks, "QUERIES_A_BLOCK", 20)
    monkeypatch.setattr(tracks, "load_champions", champions)


def run_step(name: str, settings: Settings, fanout: Fanout) -> tuple[Any, Any]:
    """Make the step's world, run it, and return its report and what it left, which must be something."""
    step = STEPS[name]
    settings.world.mkdir(parents=True)
    step.prepare(settings)
    report, left = step.run(settings, fanout), step.outcome(settings)
    assert left
    assert not any(Path(settings.world).glob("aside/*")), "what was written aside is removed"
    return report, left


def fail(fault: Exception) -> None:
    """Raise it, as a unit does that meets what it did not expect."""
    raise fault
