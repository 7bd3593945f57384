"""The matching step of a refresh: credits and chart songs of the warehouse against its tracks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb

from tasks.fanout import HERE, Fanout
from tasks.matching.blocks import decide_in_blocks
from tasks.matching.candidates import QUERY_FORM, TRACK_FORM
from tasks.matching.changes import Side, find_changes, forget_other_rules, remember
from tasks.matching.deciding import BEST
from tasks.matching.texts import create_text_tables
from tasks.settings import OstinatoError, Settings
from tasks.warehouse import open_warehouse
from tasks.warehouse.models import TRAINABLE
from tasks.warehouse.state import content_revision, note_changed_rows
from tasks.warehouse.transactions import in_transaction

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and what was done last."""

_CREDIT, _SONG = "credit/", "song/"
_SIDES = (Side("core"), Side(TRAINABLE, f"{TRAINABLE}_"))
_RESULTS = (("credit_track", "credit_id", _CREDIT), ("chart_track", "song_key", _SONG))
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
    n_anew: int = 0
    """Credits and songs that were looked at anew; all others have the rows of an earlier night."""
    seconds: float = 0.0


def match_all(
    settings: Settings, *, trainable: bool = True, progress: Progress | None = None, fanout: Fanout = HERE
) -> MatchReport:
    """Bring `matching.credit_track` and `matching.chart_track` up to date with `core`, by matching what changed.

    The result is that of matching everything anew. What a model is trained on is matched by the names of cleared
    sources alone, from the schema `trainable` into tables of that prefix: only with `trainable`, before a training.

    Results and what they rest on change in one transaction: a run that dies leaves those of the night before.

    Raises
    ------
    OstinatoError
        When the warehouse was not built yet or another process writes to it.
    """
    started = time.monotonic()
    sides = _SIDES if trainable else _SIDES[:1]
    with open_warehouse(settings) as con:
        forget_other_rules(con, _SIDES)
        create_text_tables(con)
        n_anew = []
        for done, side in enumerate(sides, start=1):
            n_anew.append(_bring_up_to_date(con, settings, side, fanout))
            if progress:
                progress(done, len(sides), side.schema)
        return _report(con, n_anew[0], started)


def _bring_up_to_date(con: duckdb.DuckDBPyConnection, settings: Settings, side: Side, fanout: Fanout) -> int:
    """Match what changed on one side and return the number of queries looked at anew."""
    _load(con, side)
    is_all = find_changes(con, side, threads=settings.threads)
    decide_in_blocks(con, settings, fanout)

    def write() -> None:
        _write(con, side, is_all=is_all)
        remember(con, side, is_all=is_all)

    in_transaction(con, write, turn=f"matching.{side.prefix}credit_track")
    row = con.execute("select count(*) from anew").fetchone()
    return int(row[0]) if row else 0


def _load(con: duckdb.DuckDBPyConnection, side: Side) -> None:
    """Make `query_now` and `track_now` of one schema."""
    queries, tracks = (select.replace("core.", f"{side.schema}.") for select in (_QUERIES, _TRACKS))
    try:
        con.execute(f"create or replace temp table query_now as {QUERY_FORM} from ({queries})")
        con.execute(f"create or replace temp table track_now as {TRACK_FORM} from ({tracks})")
    except duckdb.CatalogException:
        raise OstinatoError(
            f"Credits cannot be matched: tables of {side.schema} were not built yet; run `ostinato build` first."
        ) from None


def _write(con: duckdb.DuckDBPyConnection, side: Side, *, is_all: bool) -> None:
    """Put the rows found in the place of those of the same credits and songs; a song keeps its best track alone."""
    for table, key, kind in _RESULTS:
        name = f"matching.{side.prefix}{table}"
        own = f"select * replace (id[{len(kind) + 1}:] as id) from found where starts_with(id, '{kind}')"
        rows = f"with matches as ({own}) {BEST if kind == _SONG else 'from matches'}"
        rows = f"select id as {key}, * exclude (id) from ({rows}) order by all"
        if is_all:
            con.execute(f"create or replace table {name} as {rows}")
            continue
        former = content_revision(con, name)
        ids = f"select id[{len(kind) + 1}:] as {key} from (select id from anew union select id from gone_query)"
        ids = f"{ids} where starts_with(id, '{kind}')"
        con.execute(f"delete from {name} where {key} in ({ids})")
        con.execute(f"insert into {name} {rows}")
        note_changed_rows(con, name, former, ids)


def _report(con: duckdb.DuckDBPyConnection, n_anew: int, started: float) -> MatchReport:
    """Count what the tables of all sources hold now."""
    n_credits, n_songs = _numbers(
        con, "select count(*) filter (starts_with(id, $kind)), count(*) from matching.seen_query", kind=_CREDIT
    )
    n_matched, n_links, n_rows = _numbers(
        con,
        "select count(distinct credit_id) filter (is_match), count(*) filter (is_match), count(*) "
        "from matching.credit_track",
    )
    (n_songs_matched,) = _numbers(con, "select count(*) filter (is_match) from matching.chart_track")
    methods = con.execute(
        "select match_method, count(*) from matching.credit_track where is_match group by all order by 2 desc, 1"
    ).fetchall()
    return MatchReport(
        n_credits=n_credits,
        n_credits_matched=n_matched,
        n_links=n_links,
        n_doubtful=n_rows - n_links,
        n_songs=n_songs - n_credits,
        n_songs_matched=n_songs_matched,
        methods={str(method): int(n) for method, n in methods},
        n_anew=n_anew,
        seconds=time.monotonic() - started,
    )


def _numbers(con: duckdb.DuckDBPyConnection, sql: str, **values: str) -> tuple[int, ...]:
    return tuple(int(number) for number in con.execute(sql, values).fetchone() or ())
