"""Which films' music is asked for: the collected ones first, then those of imported tables that nobody credits yet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from tasks import lake
from tasks.collecting.freshness import settled_keys
from tasks.collecting.report import SourceReport
from tasks.fetching.answer import FetchState
from tasks.settings import Settings

_EVER = timedelta(days=36_500)

# Well-known films first: nearly all of them have a soundtrack list, and of all films only one in eight.
_KNOWN_FILMS = r"""
with
listed as (
    select imdb_id, true as is_collected, null as n_votes, released_on from raw.tmdb_film
    union all by name
    select imdb_id, false as is_collected, vote_count as n_votes, release_date as released_on
    from raw.dataset_movies_metadata
    union all by name
    select imdb_id, false as is_collected, imdb_votes as n_votes, date_published as released_on
    from raw.dataset_imdb_films
    union all by name
    select imdb_id, false as is_collected, release_date as released_on from raw.dataset_film_ost_films
    union all by name
    select
        film.imdb_id,
        false as is_collected,
        tmdb.vote_count as n_votes,
        regexp_extract(film.title, '\((\d{4})\)\W*$', 1) as released_on
    from raw.dataset_movielens_films as film
    left join raw.dataset_tmdb_films as tmdb on film.tmdbId = tmdb.id
),

credited as (
    select distinct trim(imdb_id) as imdb_id, source
    from (
        select imdb_id, 'imdb' as source from raw.imdb_soundtrack
        union all
        select imdb_id, 'dataset' as source from raw.dataset_imdb_soundtracks
        union all
        select imdb_id, 'dataset' as source from raw.dataset_soundtrack_listings
        union all
        select imdb_id, 'dataset' as source from raw.dataset_film_ost_tracks
        union all
        select imdb_id, 'dataset' as source from raw.dataset_film_track_links
        union all
        select imdb_id, 'musicbrainz' as source
        from raw.musicbrainz_url
        where release_group_id in (select release_group_id from raw.musicbrainz_recording)
    )
),

film as (
    select
        trim(imdb_id) as imdb_id,
        bool_or(is_collected) as is_collected,
        max(n_votes) as n_votes,
        max(nullif(trim(released_on), '')) as released_on
    from listed
    where regexp_full_match(trim(imdb_id), 'tt\d{7,10}')
    group by all
)

select
    film.imdb_id,
    any_value(is_collected) as is_collected,
    coalesce(list(source) filter (source is not null), []) as credited_by
from film
left join credited using (imdb_id)
group by film.imdb_id
order by is_collected desc, any_value(n_votes) desc nulls last, any_value(released_on) desc nulls last, film.imdb_id
"""


@dataclass(frozen=True, slots=True)
class Film:
    """A film of the lake that has an IMDb id, and the sources in it that credit its music."""

    imdb_id: str
    is_collected: bool
    credited_by: frozenset[str]


def known_films(settings: Settings) -> list[Film]:
    """The lake's films that have an IMDb id: collected ones first, then the best known, then the newest."""
    with closing(duckdb.connect(config={"temp_directory": ""})) as con, lake.read_lock(settings.lake):
        lake.attach_raw(con, settings.lake)
        table = con.sql(_KNOWN_FILMS).to_arrow_table()
    columns = (table[name].to_pylist() for name in ("imdb_id", "is_collected", "credited_by"))
    return [Film(imdb_id, collected, frozenset(sources)) for imdb_id, collected, sources in zip(*columns, strict=True)]


def nothing_to_ask(source: str, entity: str, name: str) -> SourceReport:
    """The report of a source that is asked for films' music while the lake knows no film to ask for."""
    note = f"{name} had nothing to be asked for: no film with an IMDb id has been collected or imported."
    return SourceReport(source, entity, notes=[note]).close(FetchState.IDLE)


def new_first(settings: Settings, source: str, entity: str, as_of: date, imdb_ids: Sequence[str]) -> list[str]:
    """Films that a source was never asked for, then those whose answer has grown old, each in the order given.

    With so many a night the old ones would otherwise come round again before the last had its first turn.
    """
    answered = settled_keys(settings, source, entity, as_of, _EVER)
    return sorted(imdb_ids, key=lambda imdb_id: imdb_id in answered)
