"""The matching step of a refresh: credits and chart songs of the warehouse against its tracks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tasks.matching.deciding import best_only, match
from tasks.settings import Settings
from tasks.warehouse import open_warehouse, replace_table
from tasks.warehouse.models import TRAINABLE

_CREDIT, _SONG = "credit/", "song/"
# Credits and songs are asked for at once, so that the tracks' names are read once. A film's two titles go as one text,
# the second in brackets, which `film_keys` reads as either. Recordings are left out: they say themselves what they are.
_QUERIES = f"""
select '{_CREDIT}' || credit_id as id, credit.title, performers, writers,
    film.title || if(film.original_title <> film.title, ' (' || film.original_title || ')', '') as film_title,
    film.year as film_year
from core.soundtrack_credit as credit left join core.film as film using (film_id)
where recording_mbid is null
union all
select '{_SONG}' || song_key, title, artists, null, null, null
from core.chart_song
"""
# Imported soundtrack albums name their film, not the album: a track of one without an album of its own says so here,
# and has the film's year for want of the album's.
_TRACKS = """
with known_album as (
    select track_id, film.title || ' (Soundtrack)' as album, film.year
    from core.film_track_link join core.film as film using (film_id)
    where route in ('ost_album_features', 'ost_album_ids')
    qualify row_number() over (partition by track_id order by film.title, film.year) = 1
)
select track_id, track.title, artists, coalesce(track.album, known_album.album) as album,
    coalesce(try_cast(left(track.released_on, 4) as integer), known_album.year) as release_year
from core.track as track left join known_album using (track_id)
where track.title is not null
"""


@dataclass(frozen=True)
class MatchReport:
    """What matching found: credits and songs with a match, links made, pairs left for a person to settle."""

    n_credits: int
    n_credits_matched: int
    n_links: int
    n_doubtful: int
    n_songs: int
    n_songs_matched: int
    methods: dict[str, int] = field(default_factory=dict)
    """Links of credits to tracks, by method."""
    seconds: float = 0.0


def match_all(settings: Settings) -> MatchReport:
    """Write `matching.credit_track` and `matching.chart_track` from `core`, and the same from `trainable`.

    What a model is trained on is matched by the names of cleared sources alone, a second time where they differ.

    The warehouse is open while its tables are read and again while results are written, not in between.

    Raises
    ------
    OstinatoError
        When the warehouse was not built yet or another process writes to it.
    """
    started = time.monotonic()
    with open_warehouse(settings, read_only=True) as con:
        queries, tracks = sides = _both_sides(con, "core")
        trainable_sides = _both_sides(con, TRAINABLE)
    found = match(queries, tracks, threads=settings.threads)
    trainable = found if trainable_sides == sides else match(*trainable_sides, threads=settings.threads)
    links, chart = _those_of(found, _CREDIT), best_only(_those_of(found, _SONG))
    with open_warehouse(settings) as con:
        _write(con, "matching.", links, chart)
        _write(con, f"matching.{TRAINABLE}_", _those_of(trainable, _CREDIT), best_only(_those_of(trainable, _SONG)))
    n_credits = _those_of(queries, _CREDIT).num_rows
    sure, in_chart = links.filter(links["is_match"]), chart.filter(chart["is_match"])
    return MatchReport(
        n_credits=n_credits,
        n_credits_matched=_n_distinct(sure, "id"),
        n_links=sure.num_rows,
        n_doubtful=links.num_rows - sure.num_rows,
        n_songs=queries.num_rows - n_credits,
        n_songs_matched=in_chart.num_rows,
        methods={row["values"]: row["counts"] for row in pc.value_counts(sure["match_method"]).to_pylist()},
        seconds=time.monotonic() - started,
    )


def _both_sides(con: duckdb.DuckDBPyConnection, schema: str) -> tuple[pa.Table, pa.Table]:
    """Credits and songs, and tracks, of one schema, ordered so that two schemas' can be compared."""
    queries, tracks = (
        con.sql(f"{text.replace('core.', f'{schema}.')} order by 1").to_arrow_table() for text in (_QUERIES, _TRACKS)
    )
    return queries, tracks


def _write(con: duckdb.DuckDBPyConnection, prefix: str, links: pa.Table, chart: pa.Table) -> None:
    replace_table(con, f"{prefix}credit_track", links.rename_columns({"id": "credit_id"}))
    replace_table(con, f"{prefix}chart_track", chart.rename_columns({"id": "song_key"}))


def _those_of(rows: pa.Table, kind: str) -> pa.Table:
    """The rows whose id is of one kind, with the id as the warehouse knows it."""
    chosen = rows.filter(pc.starts_with(rows["id"], kind))
    return chosen.set_column(0, "id", pc.utf8_slice_codeunits(chosen["id"], start=len(kind)))


def _n_distinct(rows: pa.Table, column: str) -> int:
    return int(pc.count_distinct(rows[column]).as_py())
