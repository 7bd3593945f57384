"""The real credits, chart songs and tracks that matching is measured on, as a warehouse of real tables has them.

Credits are those of IMDB4M and the album lists of soundtrack.net; tracks those of the Spotify tables, the imported
soundtrack albums and the Korean daily chart of 2025. A table of five films that is not imported stands beside them.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.settings import PROJECT_ROOT, Profile, Settings
from tasks.sources.datasets import import_files
from tasks.warehouse import Phase, build, open_warehouse

DATA = PROJECT_ROOT.parent / "shared" / "data"
IMPORTED = (
    "spotify_tracks_114k",
    "spotify_tracks_2024_146genres",
    "film_ost_tracks_features",
    "film_ost_films",
    "film_ost_listings_ml1m",
    "film_ost_spotify_albums",
    "cmu_tmdb_movies_composers",
    "derived_film_track_links",
    "movielens25m_movies",
    "tmdb_5000_movies",
    "imdb_movies_imdb4m",
    "imdb_soundtracks_imdb4m",
    "melon_weekly_top100_2010_2024",
    "melon_monthly_top50_genre_2014_2018",
    "kr_spotify_daily_top200_2025",
    "kr_tracks_librosa_genre_2025",
)
FIVE_FILMS = "film_ost_features_5films"

# The same columns as the step of a refresh hands over; an id begins with the film's and a bar.
_CREDITS = """
select film_id || '|' || credit_id as id, credit.title, performers, writers,
    film.title || if(film.original_title <> film.title, ' (' || film.original_title || ')', '') as film_title,
    film.year as film_year, listed_by, list_score
from core.soundtrack_credit as credit left join core.film as film using (film_id)
order by id
"""
_SONGS = """
select song_key as id, title, artists as performers, null::varchar[] as writers, null::varchar as film_title,
    null::integer as film_year
from core.chart_song order by id
"""
_TRACKS = """
with known_album as (
    select track_id, film.title || ' (Soundtrack)' as album, film.year
    from core.film_track_link join core.film as film using (film_id)
    where route in ('ost_album_features', 'ost_album_ids')
    qualify row_number() over (partition by track_id order by film.title, film.year) = 1
)
select track_id, track.title, artists, coalesce(track.album, known_album.album) as album,
    coalesce(try_cast(left(track.released_on, 4) as integer), known_album.year) as release_year
from core.track left join known_album using (track_id)
where track.title is not null
order by track_id
"""
_LINKS = "select film_id, track_id, route, match_score from core.film_track_link order by all"
_BY_IMDB_LIST = """
select distinct film_id, track_id
from staging.dataset_film_track_links join core.film_identity using (imdb_id)
where route = 'imdb_listing' and track_id in (select track_id from core.track)
order by all
"""
_FIVE_FILMS = """
select identity.film_id, five.track_id, five.track_name as title, film.title || ' (Soundtrack)' as album, film.year
from read_parquet($path) as five
join core.film_identity as identity on five.ml_movie_id = identity.movielens_id
join core.film as film using (film_id)
order by all
"""


class RealTables(NamedTuple):
    """Both sides of matching, and what is known from elsewhere."""

    credits: pa.Table
    """As `match` takes queries, and whose list it is (`listed_by`, `list_score`)."""
    songs: pa.Table
    """Songs of Melon's charts, as `match` takes queries."""
    tracks: pa.Table
    """As `match` takes tracks."""
    links: pa.Table
    """Ties known without a credit: `film_id`, `track_id`, `route` and its `match_score`."""
    by_imdb_list: pa.Table
    """`film_id` and `track_id` that an imported table ties by IMDb's list, title and performer."""
    five_films: pa.Table
    """Tracks of five films by their titles alone: `film_id`, `track_id`, `title`, `album`, `year`."""


def missing_tables() -> list[str]:
    """Names of the tables that are needed and not there."""
    return [name for name in (*IMPORTED, FIVE_FILMS) if not (DATA / f"{name}.parquet").is_file()]


def load() -> RealTables:
    """Import the tables into a home of their own, build its warehouse and read it, in about 15 s."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), profile=Profile.LIVE)
        import_files(settings, [DATA / f"{name}.parquet" for name in IMPORTED], date(2026, 11, 21))
        build(settings, phase=Phase.COLLECTED)
        with open_warehouse(settings, read_only=True) as con:
            return _read(con)


def _read(con: duckdb.DuckDBPyConnection) -> RealTables:
    plain = (con.sql(text).to_arrow_table() for text in (_CREDITS, _SONGS, _TRACKS, _LINKS, _BY_IMDB_LIST))
    return RealTables(
        *plain, con.sql(_FIVE_FILMS, params={"path": str(DATA / f"{FIVE_FILMS}.parquet")}).to_arrow_table()
    )


def save(tables: RealTables, folder: Path) -> None:
    """Write the tables for another process to `read` them."""
    for name, table in tables._asdict().items():
        pq.write_table(table, folder / f"{name}.parquet")


def read(folder: Path) -> RealTables:
    """The tables that `save` wrote."""
    return RealTables(*(pq.read_table(folder / f"{name}.parquet") for name in RealTables._fields))
