"""From what speaks for a pair to a score, and from scores to matches. Performers decide: a title alone never does."""

from __future__ import annotations

from contextlib import closing

import duckdb
import pyarrow as pa

from tasks.matching.candidates import QUERY_FORM, TRACK_FORM, find_candidates, learn_from_all, read_sides
from tasks.matching.texts import create_text_tables

MATCH_AT = 0.80
"""Score from which a pair counts as a match: the best F1 on the tuned labels, where precision is .965 and recall .948.

On those held out they are .956 and .959; at 0.75 .921 and .966, at 0.90 .949 and .830.
"""
REVIEW_AT = 0.68
"""Score from which a pair is doubtful and worth a person's look; below it is dropped: of 33 such pairs 1 was right."""
SAME_WITHIN = 0.06
"""Matches this close to the best are releases of it: `The Jimi Hendrix Experience` beside `Jimi Hendrix`."""
ALBUM_WITHIN_YEARS = 2
"""Years after the film within which an album of its name is its own, and not a namesake's or a new recording."""
N_REVIEW = 5
"""Doubtful candidates kept for a query that found no match."""

MATCHES = pa.schema(
    [
        ("id", pa.string()),
        ("track_id", pa.string()),
        ("match_score", pa.float64()),
        ("match_method", pa.string()),
        ("is_match", pa.bool_()),
    ]
)
"""What `match` returns. Methods: title_performer, near_title_performer, title_album, title_writer."""

# What a title says that names the film as its soundtrack does; covers say only `From "Frozen"`.
_FROM_SOUNDTRACK = r"""(?i)\bfrom\b.+["“”«»'’]\W*(?:original\s+)?(?:soundtrack|score|motion picture)"""

# Scores, and what they were measured on: tests/real/labelled_matches.csv, pairs of 35,000 credits of IMDB4M and
# soundtrack.net and 142,000 tracks, judged by eye; `python bench/matching.py` prints precision by method and threshold.
# - A cue's name (`Main Title`) and another version of the song (live, remix, a language) are doubtful, unless the
#   track says that it comes from this film: 10 of 43 such pairs were right (`Alabama`, of which only one is known).
# - A film's own album, or a title that names its soundtrack, makes up for performers that nobody credited: 76 of 77.
#   Instrumentals on it are the score itself (8 of 8), but give way to the same title without that note. It does not
#   make up for others than those credited (11 of 14 right, the rest stand-ins), unless the artist wrote the piece.
# - An album of the film's name is its own from the year before it to two years after: later ones are of namesakes and
#   remakes (0 of 10 right), older ones never the film's. An unknown year is not held against a pair. Of a performer's
#   song the year says little: 132 of 141 right where the track is older than the film, 54 of 57 within those years, 54
#   of 65 later, so it does not count there.
# - A title that names the film, but no soundtrack, is the film's where the artist is the writer; covers name it too.
# - The writer as the artist is not enough on its own: 4 of 20 pairs were right (`Carmen` by Bizet).
_SCORE = """
create or replace temp table scored as
with own_album as (
    select distinct id, track_id, coalesce(release_year > film_year + $album_within, false) as is_late
    from pair join q using (id) join t using (track_id)
        join film_key f using (film) join soundtrack_film s using (album, key)
    where coalesce(release_year >= film_year - 1, true)
),
named as (
    select id, track_id, bool_or(regexp_matches(s.text, $from_soundtrack)) as is_from_soundtrack
    from pair join q using (id) join t using (track_id)
        join film_key f using (film) join source_film s using (key)
    where s.text in (t.title, t.album)
    group by id, track_id
),
written as (
    select distinct id, track_id
    from pair join q using (id) join t using (track_id)
        join credit_name w on w.credit = q.writers join credit_name n on n.credit = t.artists and n.name = w.name
),
evidence as (
    select id, track_id, title_score, performer_score,
        q.performers <> '' as has_performer, w.track_id is not null as is_by_writer,
        coalesce(not is_late, false) or coalesce(is_from_soundtrack, false) as is_original,
        o.track_id is not null or m.track_id is not null as is_from_film,
        case
            when a.marks = b.marks then 1
            when is_original and not has_performer and a.marks = '' and b.marks = 'karaoke' then 0.92
            when is_from_film then 0.9
            else 0.75
        end as version_weight,
        if(a.is_cue and q.film <> '' and not is_from_film, 0.75, 1) as cue_weight
    from pair join q using (id) join t using (track_id)
        join title_fact a on a.title = q.title join title_fact b on b.title = t.title
        left join own_album o using (id, track_id)
        left join named m using (id, track_id)
        left join written w using (id, track_id)
),
way as (
    select id, track_id, title_score * version_weight * cue_weight as weight, title_score,
        if(is_original and performer_score >= $alike_at, greatest(performer_score, 0.98), performer_score)
            as by_performer,
        case
            when is_original and not has_performer then 0.88
            when is_from_film and is_by_writer and (is_original or not has_performer) then 0.85
            when is_from_film then 0.7
            else 0
        end as by_album,
        if(is_by_writer and not has_performer, 0.75, 0) as by_writer
    from evidence
)
select id, track_id, round(weight * greatest(by_performer, by_album, by_writer), 4) as match_score,
    case
        when by_performer >= greatest(by_album, by_writer)
            then if(title_score = 1, 'title_performer', 'near_title_performer')
        when by_album >= by_writer then 'title_album'
        else 'title_writer'
    end as match_method
from way
where match_score >= $floor
"""
_DECIDE = """
create or replace temp table found as
with ranked as (
    select *, max(match_score) over (partition by id) as best,
        match_score >= $match_at and match_score >= best - $same_within as is_match,
        row_number() over (partition by id order by match_score desc, track_id) as place
    from scored
)
select id, track_id, match_score, match_method, is_match
from ranked
where is_match or best < $match_at and place <= $n_review
"""
BEST = """
select * from matches
qualify not is_match
    or row_number() over (partition by id, is_match order by match_score desc, contains(track_id, ':'), track_id) = 1
"""
"""The SELECT of `best_only`."""


def match(queries: pa.Table, tracks: pa.Table, *, threads: int | None = None) -> pa.Table:
    """The tracks that each query may mean, with score and method: matches, or doubtful pairs where there is none.

    Parameters
    ----------
    queries
        `id` (unique), `title`, `performers` (list), `writers` (list), `film_title`, `film_year` (integer); all but the
        id may be null. A chart song is a query without writers and film.
    tracks
        `track_id` (unique), `title`, `artists` (list), `album`, `release_year` (integer); all but the id may be null.
    threads
        Threads for the joins; the result does not depend on them.

    Returns
    -------
    Rows of `MATCHES`, sorted by id and track id, whatever the order of the input. `is_match` holds for every release of
    the best recording; up to `N_REVIEW` candidates between `REVIEW_AT` and `MATCH_AT` are doubtful.
    """
    with closing(_read(queries, tracks, threads)) as con:
        decide(con, threads=threads)
        return con.sql("from found order by id, track_id").to_arrow_table().cast(MATCHES)


def score(queries: pa.Table, tracks: pa.Table, *, floor: float = 0.5, threads: int | None = None) -> pa.Table:
    """Every pair of `match`'s two sides that scores at least `floor`, undecided: what thresholds are chosen on.

    Rows of `MATCHES` without `is_match`, sorted by id and track id.
    """
    with closing(_read(queries, tracks, threads)) as con:
        _score(con, floor, threads)
        return con.sql("from scored order by id, track_id").to_arrow_table()


def decide(con: duckdb.DuckDBPyConnection, *, threads: int | None = None) -> None:
    """Make `found`, rows of `MATCHES`, of the sides that `candidates` has read into this connection.

    The rows of one query depend on that query, the tracks, the spellings learned and the common titles alone.
    """
    _score(con, REVIEW_AT, threads)
    con.execute(_DECIDE, {"match_at": MATCH_AT, "same_within": SAME_WITHIN, "n_review": N_REVIEW})


def _read(queries: pa.Table, tracks: pa.Table, threads: int | None) -> duckdb.DuckDBPyConnection:
    """A database of its own with both sides and all that is to be known of them."""
    # Such matching never spills: DuckDB would put its files into the working directory.
    con = duckdb.connect(config={"temp_directory": ""})
    con.execute("set enable_progress_bar = false")
    if threads:
        con.execute(f"set threads = {threads}")
    for side, form, rows in (("q", QUERY_FORM, queries), ("t", TRACK_FORM, tracks)):
        con.register("incoming", rows)
        con.execute(f"create temp table {side} as {form} from incoming")
        con.unregister("incoming")
    create_text_tables(con)
    read_sides(con)
    learn_from_all(con)
    return con


def _score(con: duckdb.DuckDBPyConnection, floor: float, threads: int | None) -> None:
    """Make `scored`: the pairs that score at least `floor`, and by which way."""
    find_candidates(con, alike_at=floor, threads=threads or 1)
    bounds = {"floor": floor, "alike_at": REVIEW_AT, "album_within": ALBUM_WITHIN_YEARS}
    con.execute(_SCORE, {**bounds, "from_soundtrack": _FROM_SOUNDTRACK})


def best_only(matches: pa.Table) -> pa.Table:
    """At most one match per id; doubtful pairs stay as they are.

    The best is that of the highest score, then a track with a Spotify id before one without, then the lowest track id.
    """
    with closing(duckdb.connect()) as con:
        con.register("matches", matches)
        return con.sql(f"{BEST} order by id, track_id").to_arrow_table().cast(MATCHES)
