"""From what speaks for a pair to a score, and from scores to matches. Performers decide: a title alone never does."""

from __future__ import annotations

from contextlib import closing

import duckdb
import pyarrow as pa

from tasks.matching.candidates import find_candidates

MATCH_AT = 0.80
"""Score from which a pair counts as a match."""
REVIEW_AT = 0.68
"""Score from which a pair is doubtful and worth a person's look; below it is dropped."""
SAME_WITHIN = 0.06
"""Matches this close to the best are releases of it: `The Jimi Hendrix Experience` beside `Jimi Hendrix`."""
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

# Scores, and what they were measured on: IMDB4M's credits against 141,000 tracks, pairs judged by eye.
# - A cue's name (`Main Title`) and another version of the song (live, remix, a language) are doubtful, unless the
#   track says that it comes from this film.
# - A film's own album makes up for performers that nobody credited, not for others than those credited: of 40 such
#   pairs half were remakes and stand-ins. A title that names the film does so where the artist is the writer; covers
#   name it too.
# - The writer as the artist is not enough on its own: a third of 72 such pairs were right (`Carmen` by Bizet).
_DECIDE = """
with own_album as (
    select distinct q.q, t.t
    from pair join q using (q) join t using (t) join film_key f using (film) join soundtrack_film s using (album, key)
),
named as (
    select distinct q.q, t.t
    from pair join q using (q) join t using (t) join film_key f using (film) join source_film s using (key)
    where s.text in (t.title, t.album)
),
written as (
    select distinct q.q, t.t
    from pair join q using (q) join t using (t)
        join credit_name w on w.credit = q.writers join credit_name n on n.credit = t.artists and n.name = w.name
),
evidence as (
    select q.id, t.track_id, pair.title_score, coalesce(s.score, 0) as performer_score,
        q.performers <> '' as has_performer, o.t is not null as is_own_album, w.t is not null as is_by_writer,
        is_own_album or m.t is not null as is_from_film,
        if(a.marks = b.marks, 1, if(is_from_film, 0.9, 0.75)) as version_weight,
        if(a.is_cue and q.film <> '' and not is_from_film, 0.75, 1) as cue_weight
    from pair join q using (q) join t using (t)
        join title_fact a on a.title = q.title join title_fact b on b.title = t.title
        left join credit_score s using (performers, artists)
        left join own_album o on o.q = pair.q and o.t = pair.t
        left join named m on m.q = pair.q and m.t = pair.t
        left join written w on w.q = pair.q and w.t = pair.t
),
scored as (
    select id, track_id,
        case
            when performer_score >= $review_at then if(title_score = 1, 'title_performer', 'near_title_performer')
            when is_from_film then 'title_album'
            when is_by_writer and not has_performer then 'title_writer'
        end as match_method,
        title_score * version_weight * cue_weight * case
            when performer_score >= $review_at then greatest(performer_score, if(is_own_album, 0.98, 0))
            when is_own_album and not has_performer then 0.88
            when is_from_film and is_by_writer and not has_performer then 0.85
            when is_from_film then 0.7
            else 0.75
        end as score
    from evidence
    where match_method is not null
),
ranked as (
    select id, track_id, round(score, 4) as match_score, match_method,
        max(match_score) over (partition by id) as best,
        match_score >= $match_at and match_score >= best - $same_within as is_match,
        row_number() over (partition by id order by match_score desc, track_id) as place
    from scored
    where score >= $review_at
)
select id, track_id, match_score, match_method, is_match
from ranked
where is_match or best < $match_at and place <= $n_review
order by id, track_id
"""


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
    # Matching never spills: DuckDB would put its files into the working directory.
    with closing(duckdb.connect(config={"temp_directory": ""})) as con:
        if threads:
            con.execute(f"set threads = {threads}")
        find_candidates(con, queries, tracks)
        bounds = {"match_at": MATCH_AT, "review_at": REVIEW_AT, "same_within": SAME_WITHIN, "n_review": N_REVIEW}
        return con.sql(_DECIDE, params=bounds).to_arrow_table().cast(MATCHES)


def best_only(matches: pa.Table) -> pa.Table:
    """At most one match per id; doubtful pairs stay as they are.

    The best is that of the highest score, then a track with a Spotify id before one without, then the lowest track id.
    """
    best = """
        select * from matches
        qualify not is_match
            or row_number() over (
                partition by id, is_match order by match_score desc, contains(track_id, ':'), track_id
            ) = 1
        order by id, track_id
    """
    with closing(duckdb.connect()) as con:
        con.register("matches", matches)
        return con.sql(best).to_arrow_table().cast(MATCHES)
