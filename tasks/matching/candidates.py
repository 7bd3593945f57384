"""Pairs worth scoring, so that nothing is compared with everything.

A pair needs evidence besides its title: a name in common, names that look alike, or a film that the album speaks of. So
titles are joined together with names or films, and likeness is measured once for each distinct pair of texts.

What is read: `q` and `t`, the two sides (tables or views of this connection), and the text tables. What is made:
`pair`, the candidates with the likeness of their titles and performers, and `credit_name`, the names in each list of
credits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import duckdb
import pyarrow as pa

from tasks.matching.likeness import Scores, name_similarity, title_similarity
from tasks.matching.texts import read_texts

NEAR_TITLE_AT = 0.87
"""Likeness from which two titles of one artist may be the same song (`Rhumboogie` and `Drum Boogie` have .86)."""
WITH_OTHERS = 0.93
"""Agreement where a performer of the credit is among the track's artists, beside others that it does not name."""
PERFORMER_AGREES_AT = 0.8
"""Agreement from which a credit's performer is found; for these no other spelling of the title is looked for."""
COMMON_TITLE_FROM = 100
"""Tracks of one title from which it is so common that a name must be the same: of many names some always look alike."""
BATCH = 500_000
"""Pairs of texts compared letter by letter at once, which take some 200 MB."""

QUERY_FORM = """
select id, coalesce(title, '') as title, coalesce(array_to_string(performers, chr(31)), '') as performers,
    coalesce(array_to_string(writers, chr(31)), '') as writers, coalesce(film_title, '') as film, film_year
"""
"""A query as matching reads it, lists of names joined by the unit separator."""
TRACK_FORM = """
select track_id, coalesce(title, '') as title, coalesce(array_to_string(artists, chr(31)), '') as artists,
    coalesce(album, '') as album, release_year
"""
"""A track as matching reads it."""

_ARTISTS_OF = "select unnest(string_split(credit, chr(31))) from (select distinct {} as credit from {})"
_HANGUL_ARTISTS_OF = f"{_ARTISTS_OF} where regexp_matches(credit, '[가-힣]')"
# Where one artist of a credit gives Hangul and Latin names, every credit with the one also has the other.
_LEARN_SPELLINGS = f"""
create or replace temp table spelling as
with hangul as (select artist, name from artist_name where regexp_matches(name, '[가-힣]')),
mixed as (
    select artist, hangul.name as hangul, latin.name as latin
    from hangul join artist_name as latin using (artist)
    where not regexp_matches(latin.name, '[가-힣]')
        and artist not in (select artist from artist_name where contains(name, ' and '))
        and artist in (
            {_HANGUL_ARTISTS_OF.format("performers", "q")} union {_HANGUL_ARTISTS_OF.format("writers", "q")}
            union {_HANGUL_ARTISTS_OF.format("artists", "t")})
)
select hangul as name, latin as other from mixed union select latin, hangul from mixed
"""
_CREDIT_NAMES = """
create or replace temp table credit_name as
with credit as (
    select performers as credit from q union select writers from q union select artists from t
),
artist as (
    select credit, unnest(string_split(credit, chr(31))) as artist,
        unnest(range(len(string_split(credit, chr(31))))) as part
    from credit where credit <> ''
),
own_name as (select credit, part, name from artist join artist_name using (artist) where name is not null)
select credit, part, name from own_name
union
select credit, part, other from own_name join spelling using (name)
"""
_COMMON_TITLES = """
create or replace temp table common_title as
select key from t join title_key using (title) where key is not null group by key having count(*) >= $common_title_from
"""
# Names by title, so that one join finds tracks of an equal title and of the same name.
_TITLES_AND_NAMES = """
create or replace temp table q_title as
    select id, key, performers from q join title_key using (title) where key is not null;
create or replace temp table t_title as
    select track_id, key, artists from t join title_key using (title) where key is not null;
"""
# Where the track has artists that the credit does not name, it may be another recording: a duet, a cast album.
_SHARED_NAME = """
create or replace temp table shared as
with n_parts as (select credit, count(distinct part) as n_parts from credit_name group by credit),
asked as materialized (select id, key, name from q_title join credit_name on credit = performers),
known as materialized (
    select track_id, key, part, name, n_parts
    from t_title join credit_name on credit_name.credit = artists join n_parts on n_parts.credit = artists
)
select id, track_id, if(count(distinct part) < any_value(n_parts), $with_others, 1.0)::double as score
from asked join known using (key, name)
group by id, track_id
"""
_ALIKE = """
create or replace temp table alike as
with asked as materialized (
    select distinct key, performers from q_title anti join common_title using (key) where performers <> ''
),
known as materialized (
    select distinct key, artists from t_title semi join asked using (key) where artists <> ''
)
select key, performers, artists from asked join known using (key)
"""
# No more letters can be the same than the shorter name has; a name can lie within a longer one where both have words.
_NAME_PAIRS = """
create or replace temp table text_pair as
with names as (
    select distinct a.name as left_text, b.name as right_text
    from (select distinct performers, artists from alike)
        join credit_name a on a.credit = performers join credit_name b on b.credit = artists
    where a.name <> b.name and (
        2 * least(length(a.name), length(b.name)) >= $alike_at * (length(a.name) + length(b.name)) - 1e-9
        or contains(a.name, ' ') and contains(b.name, ' '))
)
select row_number() over () as place, left_text, right_text from names
"""
_NEAREST_NAME = """
create or replace temp table nearest as
with credit_score as (
    select performers, artists, max(score) as score
    from (select distinct performers, artists from alike)
        join credit_name a on a.credit = performers join credit_name b on b.credit = artists
        join text_score on left_text = a.name and right_text = b.name
    where score >= $alike_at
    group by performers, artists
)
select id, track_id, max(score) as score
from alike join credit_score using (performers, artists)
    join q_title using (key, performers) join t_title using (key, artists)
group by id, track_id
"""
_OF_FILM = """
create or replace temp table of_film as
with album_film as materialized (
    select track_id, key as film_key from t join soundtrack_film using (album) where key is not null
    union select track_id, key from t join source_film on text = album where key is not null
    union select track_id, key from t join source_film on text = title where key is not null
),
asked as materialized (
    select id, q_title.key, film_key.key as film_key
    from q join q_title using (id) join film_key using (film) where film_key.key is not null
)
select distinct id, track_id
from (select track_id, key, film_key from album_film join t_title using (track_id)) join asked using (key, film_key)
"""
_BY_WRITER = """
create or replace temp table by_writer as
with asked as materialized (select id, key, name from q join q_title using (id) join credit_name on credit = writers),
known as materialized (select track_id, key, name from t_title join credit_name on credit = artists)
select distinct id, track_id from asked join known using (key, name)
"""
# Only for queries whose performer no equal title brought.
_NEAR_TITLE = """
create or replace temp table near as
with n_parts as (select credit, count(distinct part) as n_parts from credit_name group by credit),
agreed as (
    select id from shared where score >= $performer_agrees_at
    union select id from nearest where score >= $performer_agrees_at
),
asked as materialized (
    select id, title, key, name from q join q_title using (id) join credit_name on credit = q.performers
    where id not in (from agreed) and length(key) > 3
),
known as materialized (
    select track_id, title, key, part, name, n_parts
    from (from t semi join (select credit from credit_name semi join asked using (name)) on credit = artists)
        join t_title using (track_id)
        join credit_name on credit_name.credit = t_title.artists join n_parts on n_parts.credit = t_title.artists
),
found as (
    select id, track_id, a.title, b.title as track_title, part, n_parts, a.key as left_key, b.key as right_key
    from asked a join known b on a.name = b.name and left(a.key, 3) = left(b.key, 3)
    union all
    select id, track_id, a.title, b.title, part, n_parts, a.key, b.key
    from asked a join known b on a.name = b.name and right(a.key, 4) = right(b.key, 4)
)
select id, track_id, any_value(title) as title, any_value(track_title) as track_title,
    if(count(distinct part) < any_value(n_parts), $with_others, 1.0)::double as score
from found
where length(right_key) between 0.75 * length(left_key) and length(left_key) / 0.75
group by id, track_id
"""
_TITLE_PAIRS = """
create or replace temp table text_pair as
with cores as (
    select distinct a.core as left_text, b.core as right_text
    from near join title_fact a on a.title = near.title join title_fact b on b.title = near.track_title
    where 2 * least(length(a.core), length(b.core)) >= $near_title_at * (length(a.core) + length(b.core)) - 1e-9
)
select row_number() over () as place, left_text, right_text from cores
"""
_PAIRS = """
create or replace temp table pair as
with near_title as (
    select id, track_id, text_score.score as title_score, near.score
    from near join title_fact a on a.title = near.title join title_fact b on b.title = near.track_title
        join text_score on left_text = a.core and right_text = b.core
    where text_score.score >= $near_title_at
),
evidence as (
    select id, track_id, 1.0::double as title_score, score as shared, null::double as alike from shared
    union all select id, track_id, 1.0, null, score from nearest
    union all select id, track_id, 1.0, null, null from of_film
    union all select id, track_id, 1.0, null, null from by_writer
    union all select id, track_id, title_score, score, null from near_title
)
select id, track_id, max(title_score) as title_score, coalesce(max(shared), max(alike), 0) as performer_score
from evidence
group by id, track_id
"""


def read_sides(con: duckdb.DuckDBPyConnection) -> None:
    """Learn what the texts of `q` and `t` mean, so far as the text tables do not know it yet."""
    read_texts(con, "title_key", "select title from q union all select title from t")
    artists = (("performers", "q"), ("writers", "q"), ("artists", "t"))
    read_texts(con, "artist_name", " union all ".join(_ARTISTS_OF.format(*each) for each in artists))
    read_texts(con, "film_key", "select film from q")
    read_texts(con, "soundtrack_film", "select album from t")
    read_texts(con, "source_film", "select album from t union all select title from t")


def learn_from_all(con: duckdb.DuckDBPyConnection) -> None:
    """Make what all rows of both sides say together: `spelling` and `common_title`.

    `spelling` has the names that one artist bears in Hangul and in Latin letters, `common_title` the keys that so many
    tracks share that names which look alike say nothing.
    """
    con.execute(_LEARN_SPELLINGS)
    con.execute(_COMMON_TITLES, {"common_title_from": COMMON_TITLE_FROM})


def find_candidates(con: duckdb.DuckDBPyConnection, *, alike_at: float, threads: int = 1) -> None:
    """Make `pair` of the two sides, given `spelling` and `common_title`, and learn what the candidates' titles say.

    Names that are less alike than `alike_at` make no pair.
    """
    bounds = {"with_others": WITH_OTHERS, "performer_agrees_at": PERFORMER_AGREES_AT}
    for sql in (_CREDIT_NAMES, _TITLES_AND_NAMES):
        con.execute(sql)
    con.execute(_SHARED_NAME, {"with_others": WITH_OTHERS})
    con.execute(_ALIKE)
    con.execute(_NAME_PAIRS, {"alike_at": alike_at})
    _compare(con, partial(name_similarity, at_least=alike_at, threads=threads))
    con.execute(_NEAREST_NAME, {"alike_at": alike_at})
    con.execute(_OF_FILM)
    con.execute(_BY_WRITER)
    con.execute(_NEAR_TITLE, bounds)
    read_texts(con, "title_fact", "select title from near union all select track_title from near")
    con.execute(_TITLE_PAIRS, {"near_title_at": NEAR_TITLE_AT})
    _compare(con, partial(title_similarity, at_least=NEAR_TITLE_AT, threads=threads))
    con.execute(_PAIRS, {"near_title_at": NEAR_TITLE_AT})
    titles = "select title from {} semi join pair using ({})"
    read_texts(con, "title_fact", titles.format("q", "id") + " union all " + titles.format("t", "track_id"))


def _compare(con: duckdb.DuckDBPyConnection, likeness: Callable[[Sequence[str], Sequence[str]], Scores]) -> None:
    """Make `text_score`, the likeness of the pairs in `text_pair` that are alike at all, a batch at a time."""
    con.execute("create or replace temp table text_score (left_text varchar, right_text varchar, score double)")
    row = con.execute("select count(*) from text_pair").fetchone()
    for first in range(1, (row[0] if row else 0) + 1, BATCH):
        batch = "select left_text, right_text from text_pair where place between $first and $last"
        bounds = {"first": first, "last": first + BATCH - 1}
        texts = con.sql(batch, params=bounds).to_arrow_table()
        left, right = texts["left_text"], texts["right_text"]
        score = likeness(left.to_pylist(), right.to_pylist())
        con.register("scored_batch", pa.table({"left_text": left, "right_text": right, "score": score}))
        con.execute("insert into text_score from scored_batch where score > 0")
        con.unregister("scored_batch")
    con.execute("drop table text_pair")
