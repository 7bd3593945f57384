"""Matching of soundtrack credits to tracks, beside an exact join on normalised text in DuckDB.

Both look for the credits of IMDB4M among the tracks of two Spotify tables and of the soundtrack albums, each in a
process of its own. Recall is the share of the known film and track pairs (`imdb_listing`) that were found; precision
is the share of right ones among the pairs labelled by hand that a method claims (`tests/real/labelled_matches.csv`).

Run: `python bench/matching.py [--times 10]`; `--times` repeats everything with changed names, to show the growth.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
LABELS = ROOT / "tests" / "real" / "labelled_matches.csv"
sys.path.insert(0, str(ROOT))

from tasks.matching import match  # noqa: E402  after the path

_TRACKS = """
with every as (
    select track_id, track_name as title, string_split(artists, ';') as artists, album_name as album,
        null as released_on, 1 as place
    from 'spotify_tracks_114k.parquet'
    union all
    select track_id, song_title, regexp_extract_all(artists, '''([^'']+)''|"([^"]+)"', 0),
        album_title || ' (Original Motion Picture Soundtrack)', album_date, 2
    from 'film_ost_tracks_features.parquet' left join (
            select imdb_id, min(album_date) as album_date from 'film_ost_films.parquet' group by imdb_id
        ) using (imdb_id)
    where track_id is not null
    union all
    select track_id, track_name, [artist_name], album_name, release_date, 3 from 'spotify_tracks_2024_146genres.parquet'
)
select track_id, title, list_transform(artists, name -> trim(name, '''"')) as artists, album,
    try_cast(left(min(released_on) over (partition by track_id), 4) as integer) as release_year
from every
where title is not null
qualify row_number() over (partition by track_id order by place, title, album) = 1
"""
_CREDITS = """
with film as (
    select imdb_id, any_value(regexp_replace(title, ' \\(\\d{4}\\)$', '') order by movieId) as title,
        any_value(try_cast(regexp_extract(title, '\\((\\d{4})\\)$', 1) as integer) order by movieId) as year
    from 'movielens25m_movies.parquet' group by imdb_id
)
select imdb_id || '|' || row_number() over (partition by imdb_id order by recording_name, performers) as id,
    recording_name as title, coalesce(performers, []) as performers,
    list_concat(coalesce(composers, []), coalesce(lyricists, []), coalesce(authors, [])) as writers,
    film.title as film_title, film.year as film_year
from 'imdb_soundtracks_imdb4m.parquet' left join film using (imdb_id)
where recording_name is not null
"""
_KNOWN = """
select imdb_id, track_id from 'derived_film_track_links.parquet'
where list_contains(string_split(routes, ','), 'imdb_listing')
"""
_PLAIN = "trim(regexp_replace(lower(strip_accents({})), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g'))"
_EXACT = f"""
with credit as (
    select distinct id, {_PLAIN.format("title")} as title, {_PLAIN.format("performer")} as artist
    from queries, unnest(performers) as each(performer)
),
track as (
    select distinct track_id, {_PLAIN.format("title")} as title, {_PLAIN.format("artist")} as artist
    from tracks, unnest(artists) as each(artist)
)
select distinct id, track_id from credit join track using (title, artist) where title <> ''
"""


def load(times: int = 1) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Credits, tracks and known pairs; copies beyond the first have other names, which match among themselves."""
    with duckdb.connect() as con:
        con.execute(f"set file_search_path = '{DATA}'")
        copies = f"(select unnest(range({times})) as copy)"
        renamed = "if(copy = 0, {0}, 'copy' || copy || ' ' || {0})"
        credits = f"""
            select id || if(copy = 0, '', '#' || copy) as id, {renamed.format("title")} as title,
                list_transform(performers, name -> {renamed.format("name")}) as performers, writers, film_title,
                film_year
            from ({_CREDITS}), {copies}
        """
        tracks = f"""
            select track_id || if(copy = 0, '', '#' || copy) as track_id, {renamed.format("title")} as title,
                list_transform(artists, name -> {renamed.format("name")}) as artists, album,
                release_year
            from ({_TRACKS}), {copies}
        """
        known = f"select distinct imdb_id, track_id from ({_KNOWN}) semi join ({_TRACKS}) using (track_id)"
        return tuple(con.sql(sql).to_arrow_table() for sql in (credits, tracks, known))


def ours(queries: pa.Table, tracks: pa.Table) -> pa.Table:
    """Pairs that Ostinato calls matches."""
    found = match(queries, tracks)
    return found.filter(found["is_match"]).select(["id", "track_id"])


def exact_join(queries: pa.Table, tracks: pa.Table) -> pa.Table:
    """Pairs whose lower-case titles and one artist are equal after accents and signs are gone."""
    with duckdb.connect() as con:
        con.register("queries", queries)
        con.register("tracks", tracks)
        return con.sql(_EXACT).to_arrow_table()


METHODS = {"exact join": exact_join, "ostinato": ours}


def measure(method: str, times: int) -> dict[str, float]:
    """One method's figures, in this process."""
    queries, tracks, known = load(times)
    before_mb = _peak_mb()
    started = time.perf_counter()
    pairs = METHODS[method](queries, tracks)
    seconds = time.perf_counter() - started
    with duckdb.connect() as con:
        con.register("pairs", pairs)
        con.register("known", known)
        found = "select distinct split_part(id, '|', 1) as imdb_id, track_id from pairs where not contains(id, '#')"
        labelled = f"select is_right from read_csv('{LABELS}') join ({found}) using (imdb_id, track_id)"
        n_found, precision, n_known = con.execute(f"""
            select (select count(*) from ({found})), (select avg(is_right::int) from ({labelled})),
                (select count(*) from known semi join ({found}) using (imdb_id, track_id))
        """).fetchone()  # type: ignore[misc]
    return {
        "pairs": n_found,
        "precision": precision,
        "recall": n_known / known.num_rows,
        "seconds": seconds,
        "memory_mb": _peak_mb() - before_mb,
        "credits": queries.num_rows,
        "tracks": tracks.num_rows,
    }


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def main() -> None:
    """Print the table, each method measured in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=1, help="how many times the real size")
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not DATA.is_dir():
        print("bench/matching.py needs the real tables (../shared/data); skipped.")
        return
    if options.method:
        print(json.dumps(measure(options.method, options.times)))
        return
    rows = {}
    for method in METHODS:
        command = [sys.executable, __file__, "--method", method, "--times", str(options.times)]
        rows[method] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    peer = rows["exact join"]
    print(f"{peer['credits']:,} credits against {peer['tracks']:,} tracks; precision on pairs labelled by hand")
    print(f"{'':12}{'pairs':>8}{'precision':>11}{'recall':>8}{'seconds':>9}{'ratio':>7}{'memory MB':>11}{'ratio':>7}")
    for method, row in rows.items():
        slower, larger = row["seconds"] / peer["seconds"], row["memory_mb"] / peer["memory_mb"]
        print(
            f"{method:12}{row['pairs']:>8,.0f}{row['precision']:>11.3f}{row['recall']:>8.3f}{row['seconds']:>9.2f}"
            f"{slower:>7.1f}{row['memory_mb']:>11.0f}{larger:>7.1f}"
        )


if __name__ == "__main__":
    main()
