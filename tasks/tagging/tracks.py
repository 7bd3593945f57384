"""Tags every track of the warehouse with the champions; what has not changed since the last time is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb
import pyarrow as pa

from tasks import warehouse
from tasks.fanout import HERE, Fanout
from tasks.lake import utc_now, write_batch
from tasks.models.bundle import Bundle
from tasks.models.features import FEATURES, REQUIRED
from tasks.settings import OstinatoError, Settings
from tasks.tagging.champions import load_champions
from tasks.tagging.scoring import BATCH_TRACKS, scored_batches
from tasks.warehouse.state import content_revision, note_changed_rows

Progress = Callable[[int, int], None]
"""Called with tracks scored and tracks in all."""


@dataclass
class TaggingReport:
    """What one tagging did."""

    n_tracks: int = 0
    """Tracks with all the features that scoring needs."""
    n_scored: int = 0
    """Of those, the ones that were new, or whose features or models had changed."""
    n_without_features: int = 0
    """Tracks with a row of features that lacks one that scoring needs."""
    n_changed: int = 0
    """Top labels that differ from those of the tagging before."""
    n_tracks_by_kind: dict[str, int] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def tag_tracks(
    settings: Settings, as_of: date, progress: Progress | None = None, fanout: Fanout = HERE
) -> TaggingReport:
    """Bring `tagging.*` up to date with the features and the champions, and write changed tags to the lake.

    All tables change together or not at all. A second run on the same features and models scores nothing and
    writes no history.

    Raises
    ------
    OstinatoError
        When the warehouse has not been built.
    """
    started = time.perf_counter()
    champions = load_champions(settings)
    report = TaggingReport(models={kind: bundle.name for kind, bundle in champions.items()})
    with warehouse.open_warehouse(settings) as con:

        def tag() -> None:
            _tag(con, settings, as_of, champions, report, progress, fanout)

        warehouse.in_transaction(con, tag, turn="tagging")
    report.seconds = time.perf_counter() - started
    return report


def _tag(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    as_of: date,
    champions: Mapping[str, Bundle],
    report: TaggingReport,
    progress: Progress | None,
    fanout: Fanout,
) -> None:
    tagged_at = utc_now()
    former = {table: content_revision(con, table) for table in ("tagging.track_label", "tagging.track_film_genre")}
    _find_waiting(con, report)
    _drop_outdated(con)
    with closing(scored_batches(con, settings, champions, report.n_scored, tagged_at, fanout)) as scored:
        for n_batches, tags in enumerate(scored, start=1):
            for table, rows in tags:
                _insert(con, table, rows)
            if progress:
                progress(min(n_batches * BATCH_TRACKS, report.n_scored), report.n_scored)
    _write_rules(con, champions)
    con.execute("insert into tagging.track_state select track_id, features_hash, models from waiting")
    for table, revision in former.items():
        note_changed_rows(con, table, revision, "from outdated")
    report.n_changed = _write_history(con, settings, as_of, tagged_at, former["tagging.track_label"])
    report.n_tracks_by_kind = _count_tracks(con)


def _find_waiting(con: duckdb.DuckDBPyConnection, report: TaggingReport) -> None:
    """Tables of this connection: `wanted` (all that can be scored), `waiting` (to be scored now), `old_top`."""
    con.execute(
        "create table if not exists tagging.track_state (track_id VARCHAR, features_hash UBIGINT, models VARCHAR)"
    )
    complete = " and ".join(f"{name} is not null" for name in REQUIRED)
    columns = ", ".join(FEATURES)
    try:
        con.execute(
            f"create or replace temp table wanted as select track_id, {columns}, hash({columns}) as features_hash, "
            f"? as models from features.track_audio where {complete}",
            ["; ".join(report.models.values())],
        )
    except duckdb.CatalogException:
        raise OstinatoError("The warehouse has no features.track_audio yet; run `ostinato build` first.") from None
    con.execute(
        "create or replace temp table waiting as "
        "select row_number() over (order by track_id) - 1 as position, wanted.* "
        "from wanted anti join tagging.track_state using (track_id, features_hash, models)"
    )
    con.execute(f"create or replace temp table old_top as {TOP_LABELS}")
    report.n_tracks = _number(con, "select count(*) from wanted")
    report.n_scored = _number(con, "select count(*) from waiting")
    report.n_without_features = _number(con, "select count(*) from features.track_audio") - report.n_tracks


TOP_LABELS = (
    "select track_id, kind, arg_max(label, (probability, label)) as label, any_value(model) as model "
    "from tagging.track_label where is_tag group by track_id, kind"
)


def _drop_outdated(con: duckdb.DuckDBPyConnection) -> None:
    """Remove the tags of tracks that are scored again now, or that have no features any more."""
    con.execute(
        "create or replace temp table settled as select track_id from wanted anti join waiting using (track_id)"
    )
    con.execute(
        "create or replace temp table outdated as "
        "select track_id from tagging.track_state anti join settled using (track_id) "
        "union select track_id from waiting"
    )
    for table in ("track_label", "track_film_genre", "track_state"):
        con.execute(f"delete from tagging.{table} where track_id in (select track_id from outdated)")


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    con.register("tag_rows", rows)
    con.execute(f"insert into tagging.{table} by name select * from tag_rows")
    con.unregister("tag_rows")


def _write_rules(con: duckdb.DuckDBPyConnection, champions: Mapping[str, Bundle]) -> None:
    """The film-genre model's thresholds and shares, from which the published view derives `is_tag` and `lift`."""
    con.execute("delete from tagging.film_genre_rule")
    bundle = champions.get("film_genre")
    if bundle:
        rules = {
            "film_genre": list(bundle.labels),
            "threshold": list(bundle.spec.thresholds),
            "training_share": list(bundle.spec.training_share),
            "model": [bundle.name] * len(bundle.labels),
        }
        _insert(con, "film_genre_rule", pa.table(rules))


def _write_history(
    con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date, changed_at: datetime, former: str
) -> int:
    """Land one row per track and kind whose top label differs from the last tagging's; a first tag is no change.

    The batch is named by the revision of the tags before: what a run landed that died before its commit is replaced by
    the next one, of whatever night, and the same change from another state is another batch.
    """
    query = (
        f"select track_id, kind, old_top.label as old_label, new_top.label as new_label, new_top.model as model "
        f"from old_top join ({TOP_LABELS}) as new_top using (track_id, kind) "
        "where old_top.label <> new_top.label order by track_id, kind"
    )
    changes = con.sql(query).to_arrow_table().to_pylist()
    rows = [{**change, "changed_at": changed_at} for change in changes]
    write_batch(settings.lake, "ostinato", "tag_history", rows, batch_key=former, ingest_date=as_of)
    return len(rows)


def _count_tracks(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    counts = con.execute("select kind, count(distinct track_id) from tagging.track_label group by kind order by kind")
    found = {str(kind): int(count) for kind, count in counts.fetchall()}
    return {**found, "film_genre": _number(con, "select count(*) from tagging.track_film_genre")}


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0
