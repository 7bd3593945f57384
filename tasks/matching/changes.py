"""What was matched before, and which queries have to be matched anew since.

The rows of one query follow from that query, the tracks, the spellings learned and which titles are common (`decide`).
So a query is matched anew when it changed itself; when a track that is new, changed or gone is, or was, a candidate for
it; when a spelling of a name in it or in such a track was learned or forgotten; or when its title became common or
ceased to be.

What was seen is kept beside the results, in tables `matching.[trainable_]seen_*`, and changes with them.
"""

from __future__ import annotations

import hashlib
import platform
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import duckdb
import rapidfuzz

from tasks import text, titles
from tasks.matching.candidates import find_candidates, learn_from_all, read_sides
from tasks.matching.deciding import REVIEW_AT
from tasks.matching.texts import TEXT_TABLES
from tasks.warehouse.state import content_revision
from tasks.warehouse.transactions import in_transaction

SEEN = ("query", "track", "spelling", "common_title", "result")
"""What is remembered, each as `matching.[prefix]seen_<name>`: both sides, what was learned from all of them, and which
results they led to."""
FULL_FROM = 0.1
"""Share of changed tracks from which everything is matched anew: that takes less time then, and gives the same."""


@dataclass(frozen=True)
class Side:
    """Where one matching reads and writes: `core`, or `trainable` with tables of the same names after a prefix."""

    schema: str
    prefix: str = ""

    @property
    def results(self) -> tuple[str, str]:
        """The tables of matches."""
        return f"matching.{self.prefix}credit_track", f"matching.{self.prefix}chart_track"

    def seen(self, name: str) -> str:
        """The table that remembers `name`."""
        return f"matching.{self.prefix}seen_{name}"


def rules_fingerprint() -> str:
    """A name of everything that decides on matches besides the rows: this code and the libraries under it."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(text.__file__), Path(titles.__file__)]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    versions = duckdb.__version__, rapidfuzz.__version__, unicodedata.unidata_version, platform.python_version()
    digest.update(" ".join(versions).encode())
    return digest.hexdigest()[:16]


def forget_other_rules(con: duckdb.DuckDBPyConnection, sides: tuple[Side, ...]) -> None:
    """Forget all that was remembered under other rules, so that everything is read and matched anew."""
    fingerprint = rules_fingerprint()
    con.execute("create schema if not exists matching")
    con.execute("create table if not exists matching.rules (fingerprint varchar)")
    listed = "select table_name from duckdb_tables() where schema_name = 'matching'"
    here = {name for (name,) in con.execute(listed).fetchall()}
    is_same = con.execute("select fingerprint from matching.rules").fetchall() == [(fingerprint,)]
    if is_same and here >= TEXT_TABLES.keys():
        return
    kept = [*(side.seen(name) for side in sides for name in SEEN), *(f"matching.{name}" for name in TEXT_TABLES)]

    def forget() -> None:
        for table in kept:
            con.execute(f"drop table if exists {table}")
        con.execute("delete from matching.rules")
        con.execute("insert into matching.rules values ($fingerprint)", {"fingerprint": fingerprint})

    in_transaction(con, forget, turn="matching.rules")


def find_changes(con: duckdb.DuckDBPyConnection, side: Side, *, threads: int) -> bool:
    """Point `q` and `t` at what has to be matched, and make `anew`, the ids of those queries; true when that is all.

    Given `query_now` and `track_now`. Makes `spelling`, `common_title` and the changed ids as well.
    """
    if not _is_remembered(con, side):
        return _all_anew(con)
    _compare_rows(con, side, "query", "id")
    _compare_rows(con, side, "track", "track_id")
    if _count(con, "changed_track") > FULL_FROM * _count(con, "track_now"):
        return _all_anew(con)
    show(
        con,
        "from query_now semi join changed_query using (id)",
        "from track_now semi join changed_track using (track_id)",
    )
    read_sides(con)
    show(con, "from query_now", "from track_now")
    learn_from_all(con)
    _add_rows_spelt_otherwise(con, side)
    _find_touched(con, side, threads)
    _keep_reachable(con, ("query_anew", "performers"), ("track_now", "artists"))
    show(con, "from query_anew", "from reachable")
    return False


def _is_remembered(con: duckdb.DuckDBPyConnection, side: Side) -> bool:
    """Whether the side was matched before, with the columns that it has now, and has the results of that."""
    try:
        has_columns = all(
            con.table(f"{name}_now").columns == con.sql(f"from {side.seen(name)}").columns
            for name in ("query", "track")
        )
        seen = dict(con.execute(f"from {side.seen('result')}").fetchall())
    except duckdb.CatalogException:
        return False
    return has_columns and seen == {name: content_revision(con, name) for name in side.results}


def _all_anew(con: duckdb.DuckDBPyConnection) -> bool:
    show(con, "from query_now", "from track_now")
    read_sides(con)
    learn_from_all(con)
    con.execute("create or replace temp table anew as select id from query_now")
    return True


def show(con: duckdb.DuckDBPyConnection, queries: str, tracks: str) -> None:
    """Let `q` and `t` mean these SELECTs."""
    con.execute(f"create or replace temp view q as {queries}")
    con.execute(f"create or replace temp view t as {tracks}")


def _compare_rows(con: duckdb.DuckDBPyConnection, side: Side, name: str, key: str) -> None:
    """Make `changed_<name>` and `gone_<name>`: keys of rows that are new or differ, and of those no longer there."""
    columns = [column for column in con.table(f"{name}_now").columns if column != key]
    differs = " or ".join(f"now.{column} is distinct from seen.{column}" for column in columns)
    con.execute(f"""
        create or replace temp table compared as
        select coalesce(now.{key}, seen.{key}) as {key}, now.{key} is null as is_gone
        from {name}_now as now full join {side.seen(name)} as seen using ({key})
        where now.{key} is null or seen.{key} is null or {differs};
        create or replace temp table changed_{name} as select {key} from compared where not is_gone;
        create or replace temp table gone_{name} as select {key} from compared where is_gone;
        drop table compared;
    """)


def _add_rows_spelt_otherwise(con: duckdb.DuckDBPyConnection, side: Side) -> None:
    """Count rows as changed that have a name of which another spelling was learned or forgotten."""
    seen = side.seen("spelling")
    con.execute(f"""
        create or replace temp table respelt as
        select distinct name from ((from spelling except from {seen}) union all (from {seen} except from spelling))
    """)
    if not _count(con, "respelt"):
        return
    has_respelt = (
        "list_has_any(string_split({}, chr(31)), (select list(artist) from artist_name semi join respelt using (name)))"
    )
    con.execute(f"""
        insert into changed_track
            select track_id from track_now anti join changed_track using (track_id)
            where {has_respelt.format("artists")};
        insert into changed_query
            select id from query_now anti join changed_query using (id)
            where {has_respelt.format("performers")} or {has_respelt.format("writers")};
    """)


def _find_touched(con: duckdb.DuckDBPyConnection, side: Side, threads: int) -> None:
    """Make `anew` and `query_anew`: queries that changed, and those that changed tracks or titles bear on."""
    seen_tracks, seen_titles = side.seen("track"), side.seen("common_title")
    con.execute(f"""
        create or replace temp table track_then_and_now as
        select * replace (track_id || '/now' as track_id) from track_now semi join changed_track using (track_id)
        union all
        select * replace (track_id || '/then' as track_id) from {seen_tracks}
        where track_id in (from changed_track union all from gone_track);
        create or replace temp table spelling_now as from spelling;
        create or replace temp table spelling as from spelling_now union from {side.seen("spelling")};
    """)
    unchanged = "(from query_now anti join changed_query using (id))"
    _keep_reachable(con, ("track_then_and_now", "artists"), (unchanged, "performers"))
    show(con, "from reachable", "from track_then_and_now")
    find_candidates(con, alike_at=REVIEW_AT, threads=threads)
    con.execute(f"""
        create or replace temp table spelling as from spelling_now;
        create or replace temp table anew as
        with other_title as (
            select title from title_key
            where key in (
                (from common_title except from {seen_titles}) union all (from {seen_titles} except from common_title))
        )
        from changed_query
        union select id from pair
        union select id from query_now semi join other_title using (title);
        create or replace temp table query_anew as from query_now semi join anew using (id);
    """)


def _keep_reachable(con: duckdb.DuckDBPyConnection, few: tuple[str, str], many: tuple[str, str]) -> None:
    """Make `reachable`: the rows of a large side that a small one can make pairs with, each named with its credits.

    Every pair shares a form of the title or a name, so that the joins of `candidates` need not see the rest.
    """
    (few_rows, few_credits), (many_rows, many_credits) = few, many
    con.execute(f"""
        create or replace temp table reach_title as
        select distinct title from title_key where key in (select key from {few_rows} join title_key using (title));
        create or replace temp table reach_credit as
        with own_name as (
            select distinct name from artist_name
            where artist in (select unnest(string_split({few_credits}, chr(31))) from {few_rows})
        ),
        reach_name as (from own_name union select other from spelling join own_name using (name)),
        reach_artist as (select distinct artist from artist_name semi join reach_name using (name))
        select distinct credit from (
            select credit, unnest(string_split(credit, chr(31))) as artist
            from (select distinct {many_credits} as credit from {many_rows})
        ) semi join reach_artist using (artist);
        create or replace temp table reachable as
        from {many_rows} where title in (from reach_title) or {many_credits} in (from reach_credit)
    """)


def remember(con: duckdb.DuckDBPyConnection, side: Side, *, is_all: bool) -> None:
    """Remember the rows and the learned things of now; part of the transaction that writes the results."""
    con.execute(f"create or replace table {side.seen('spelling')} as from spelling")
    con.execute(f"create or replace table {side.seen('common_title')} as from common_title")
    con.execute(f"create or replace table {side.seen('result')} (name varchar, revision varchar)")
    for name in side.results:
        con.execute(f"insert into {side.seen('result')} values (?, ?)", [name, content_revision(con, name)])
    for name, key in (("query", "id"), ("track", "track_id")):
        seen = side.seen(name)
        if is_all:
            con.execute(f"create or replace table {seen} as from {name}_now")
        else:
            con.execute(f"delete from {seen} where {key} in (from changed_{name} union all from gone_{name})")
            con.execute(f"insert into {seen} from {name}_now semi join changed_{name} using ({key})")


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0
