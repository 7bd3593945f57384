"""Pairs worth scoring, so that nothing is compared with everything.

Two blocks: titles that share a key, and tracks of the very performer whose title is spelt a little differently.
Texts repeat a thousandfold, so each distinct title and each distinct list of credits is read once.

The tables here live in an in-memory DuckDB: `q` and `t` are the two sides, `pair` the candidates with the likeness of
their titles, `credit_score` the agreement of performers and artists, the rest says what texts mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import duckdb
import pyarrow as pa

from tasks.matching.likeness import name_similarity, title_similarity
from tasks.text import artist_names, title_core, word_set
from tasks.titles import film_keys, is_cue, soundtrack_films, source_films, title_keys, version_marks

NEAR_TITLE_AT = 0.87
"""Likeness from which two titles of one artist may be the same song (`Rhumboogie` and `Drum Boogie` have .86)."""
WITH_OTHERS = 0.93
"""Agreement where a performer of the credit is among the track's artists, beside others that it does not name."""
PERFORMER_AGREES_AT = 0.8
"""Agreement from which a credit's performer is found; for these no other spelling of the title is looked for."""

_LIST_SEPARATOR = "\x1f"
# Performers that name nobody: agreeing on them is no agreement.
_NOBODY = word_set(
    "cast chorus ensemble orchestra choir company various artists traditional unknown anonymous band children "
    "strings soundtrack disney"
) | {"various artists", "original cast", "studio orchestra", "original broadway cast"}

_BOTH_SIDES = """
create table q as
    select row_number() over (order by id) as q, id, coalesce(title, '') as title,
        coalesce(array_to_string(performers, chr(31)), '') as performers,
        coalesce(array_to_string(writers, chr(31)), '') as writers, coalesce(film_title, '') as film, film_year
    from queries;
create table t as
    select row_number() over (order by track_id) as t, track_id, coalesce(title, '') as title,
        coalesce(array_to_string(artists, chr(31)), '') as artists, coalesce(album, '') as album, release_year
    from tracks;
create table credit_score (performers varchar, artists varchar, score double);
"""
# Where one credit gives an artist's Hangul and Latin names, every credit with the one also has the other.
_LEARN_SPELLINGS = """
create temp table spelling as
    select distinct a.name, b.name as other
    from credit_name a join credit_name b using (credit, part)
    where regexp_matches(a.name, '[가-힣]') <> regexp_matches(b.name, '[가-힣]')
        and (credit, part) not in (select (credit, part) from credit_name where contains(name, ' and '));
insert into credit_name
    select distinct credit, part, other from credit_name join spelling using (name)
    except select credit, part, name from credit_name;
"""
_SAME_TITLE = """
create table pair as
    select distinct q.q, t.t, 1.0::double as title_score
    from q join title_key a using (title) join title_key b using (key) join t on t.title = b.title
"""
# Only for queries whose performer no equal title brought.
_NEAR_TITLE = """
create temp table near as
    select distinct q.q, t.t, q.title, t.title as track_title
    from q join credit_name p on p.credit = q.performers
        join credit_name n on n.name = p.name join t on t.artists = n.credit
        join title_key a on a.title = q.title join title_key b on b.title = t.title
    where q.q not in (
            select pair.q from pair join q using (q) join t using (t) join credit_score using (performers, artists)
            where score >= $performer_agrees_at)
        and (left(a.key, 3) = left(b.key, 3) or right(a.key, 4) = right(b.key, 4))
        and length(a.key) > 3 and length(b.key) between 0.75 * length(a.key) and length(a.key) / 0.75
"""
_UNSCORED_CREDITS = """
create or replace temp table unscored as
    select distinct q.performers, t.artists from pair join q using (q) join t using (t)
        anti join credit_score using (performers, artists)
    where q.performers <> ''
"""
# Two credits share a name, or their nearest names are compared letter by letter. Where the track has artists that
# the credit does not name, it may be another recording: a duet, a cast album.
_SHARED_NAME = """
insert into credit_score
    select c.performers, c.artists, if(count(distinct b.part) < any_value(n.n_parts), $with_others, 1.0)
    from unscored c
        join credit_name a on a.credit = c.performers
        join credit_name b on b.credit = c.artists and a.name = b.name
        join (select credit, count(distinct part) as n_parts from credit_name group by credit) n on n.credit = c.artists
    group by all
"""
_NAME_PAIRS = """
select distinct a.name as left_name, b.name as right_name
from unscored c anti join credit_score using (performers, artists)
    join credit_name a on a.credit = c.performers join credit_name b on b.credit = c.artists
order by all
"""
_NEAREST_NAME = """
insert into credit_score
    select c.performers, c.artists, max(score)
    from unscored c anti join credit_score using (performers, artists)
        join credit_name a on a.credit = c.performers join credit_name b on b.credit = c.artists
        join name_score on left_name = a.name and right_name = b.name
    group by all
"""


def find_candidates(con: duckdb.DuckDBPyConnection, queries: pa.Table, tracks: pa.Table) -> None:
    """Fill `pair` and `credit_score`, and say of the candidates' titles and albums which version and film they name."""
    _load(con, queries, tracks)
    con.execute(_SAME_TITLE)
    _score_credits(con)
    _add_near_titles(con)
    _score_credits(con)
    _describe_candidates(con)


def _load(con: duckdb.DuckDBPyConnection, queries: pa.Table, tracks: pa.Table) -> None:
    """Bring in both sides, the keys of all titles and the names in all credits."""
    con.register("queries", queries)
    con.register("tracks", tracks)
    con.execute(_BOTH_SIDES)
    titles = _distinct(con, "select title from q union select title from t")
    _explode(con, "title_key", ("title", "key"), titles, title_keys)
    credits = _distinct(con, "select performers from q union select writers from q union select artists from t")
    _explode(con, "credit_name", ("credit", "part", "name"), credits, credit_names)
    con.execute(_LEARN_SPELLINGS)


def credit_names(joined: str) -> set[tuple[int, str]]:
    r"""The names in a list of credits joined by the unit separator, with their place; none for those naming nobody.

    >>> sorted(credit_names("Lea Salonga\x1fChorus\x1f아이유 (IU)"))
    [(0, 'lea salonga'), (2, 'iu'), (2, '아이유')]
    """
    parts = enumerate(joined.split(_LIST_SEPARATOR))
    return {(place, name) for place, part in parts for name in artist_names(part) - _NOBODY}


def _score_credits(con: duckdb.DuckDBPyConnection) -> None:
    """Agreement of performers and artists, 0 to 1, for each distinct pair of credits among the candidates."""
    con.execute(_UNSCORED_CREDITS)
    con.execute(_SHARED_NAME, {"with_others": WITH_OTHERS})
    names = con.sql(_NAME_PAIRS).to_arrow_table()
    left, right = names["left_name"].to_pylist(), names["right_name"].to_pylist()
    _create(con, "name_score", {"left_name": left, "right_name": right, "score": name_similarity(left, right)})
    con.execute(_NEAREST_NAME)


def _add_near_titles(con: duckdb.DuckDBPyConnection) -> None:
    """Add candidates whose artist agrees and whose title is spelt a little differently."""
    con.execute(_NEAR_TITLE, {"performer_agrees_at": PERFORMER_AGREES_AT})
    titles = con.sql("select distinct title, track_title from near order by all").to_arrow_table()
    left, right = titles["title"].to_pylist(), titles["track_title"].to_pylist()
    scores = title_similarity([title_core(title) for title in left], [title_core(title) for title in right])
    _create(con, "title_score", {"title": left, "track_title": right, "score": scores})
    add = """
        insert into pair
            select q, t, score from near join title_score using (title, track_title) anti join pair using (q, t)
            where score >= $near_title_at
    """
    con.execute(add, {"near_title_at": NEAR_TITLE_AT})


def _describe_candidates(con: duckdb.DuckDBPyConnection) -> None:
    """Make `title_fact` and the films that titles and albums name; only texts of candidates are read."""
    texts = "select distinct q.title, t.title as track_title, album, film from pair join q using (q) join t using (t)"
    con.execute(f"create temp table candidate as {texts}")
    titles = _distinct(con, "select title from candidate union select track_title from candidate")
    marks, cues = [version_marks(title) for title in titles], [is_cue(title) for title in titles]
    _create(con, "title_fact", {"title": titles, "marks": marks, "is_cue": cues})
    _explode(con, "film_key", ("film", "key"), _distinct(con, "select distinct film from candidate"), film_keys)
    albums = _distinct(con, "select distinct album from candidate")
    _explode(con, "soundtrack_film", ("album", "key"), albums, soundtrack_films)
    sources = _distinct(con, "select album from candidate union select track_title from candidate")
    _explode(con, "source_film", ("text", "key"), sources, source_films)


def _distinct(con: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    return [text for (text,) in con.execute(f"{sql} order by 1").fetchall()]


def _explode(
    con: duckdb.DuckDBPyConnection,
    table: str,
    columns: tuple[str, ...],
    texts: Iterable[str],
    forms: Callable[[str], Iterable[str | tuple[int, str]]],
) -> None:
    """Make a table of each text beside each of its forms."""
    rows = [(text, *(form if isinstance(form, tuple) else (form,))) for text in texts for form in forms(text)]
    _create(con, table, dict(zip(columns, zip(*rows, strict=True) if rows else [()] * len(columns), strict=True)))


def _create(con: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Iterable[object]]) -> None:
    types = {"is_cue": pa.bool_(), "part": pa.int32(), "score": pa.float64()}
    arrays = {name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()}
    con.register("incoming", pa.table(arrays))
    con.execute(f"create or replace table {table} as select * from incoming")
    con.unregister("incoming")
