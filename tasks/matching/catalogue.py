"""The matching step of a refresh: credits and chart songs of the warehouse against its tracks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from tasks.matching.deciding import best_only, match
from tasks.settings import Settings
from tasks.warehouse import open_warehouse, replace_table

# A film's two titles go as one text, the second in brackets, which `film_keys` reads as either.
_CREDITS = """
select credit_id as id, credit.title, performers, writers,
    film.title || if(film.original_title <> film.title, ' (' || film.original_title || ')', '') as film_title
from core.soundtrack_credit as credit left join core.film as film using (film_id)
"""
_SONGS = """
select song_key as id, title, artists as performers, null::varchar[] as writers, null::varchar as film_title
from core.chart_song
"""
_TRACKS = "select track_id, title, artists, album from core.track where title is not null"


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
    """Write `matching.credit_track` and `matching.chart_track` from `core`.

    The warehouse is open while its tables are read and again while results are written, not in between.

    Raises
    ------
    OstinatoError
        When the warehouse was not built yet or another process writes to it.
    """
    started = time.monotonic()
    with open_warehouse(settings, read_only=True) as con:
        credits, songs, tracks = (con.sql(sql).to_arrow_table() for sql in (_CREDITS, _SONGS, _TRACKS))
    links = match(credits, tracks, threads=settings.threads)
    chart = best_only(match(songs, tracks, threads=settings.threads))
    with open_warehouse(settings) as con:
        replace_table(con, "matching.credit_track", links.rename_columns({"id": "credit_id"}))
        replace_table(con, "matching.chart_track", chart.rename_columns({"id": "song_key"}))
    sure, in_chart = links.filter(links["is_match"]), chart.filter(chart["is_match"])
    return MatchReport(
        n_credits=credits.num_rows,
        n_credits_matched=_n_distinct(sure, "id"),
        n_links=sure.num_rows,
        n_doubtful=links.num_rows - sure.num_rows,
        n_songs=songs.num_rows,
        n_songs_matched=in_chart.num_rows,
        methods={row["values"]: row["counts"] for row in pc.value_counts(sure["match_method"]).to_pylist()},
        seconds=time.monotonic() - started,
    )


def _n_distinct(rows: pa.Table, column: str) -> int:
    return int(pc.count_distinct(rows[column]).as_py())
