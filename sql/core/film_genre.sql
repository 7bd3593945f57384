/*
description: |
  Film genres as each source gives them, in TMDB's 19 names, one row per film and source. Names without a counterpart
  there (Biography, Sport) are left out, and so is a source that has none of the 19.
grain: film x genre source x origin of the row
key: [film_id, genre_source, source]
columns:
  film_id: VARCHAR; the film
  genre_source: VARCHAR; whose genres they are, imdb, tmdb or movielens
  source: VARCHAR; where the row came from, as sources.toml names it (an imported table is `dataset`)
  preference: INTEGER; the lowest one of a film gives its genres
  genres: VARCHAR[]; TMDB's names, in alphabetical order
incremental:
  by: [film_id]
  reads:
    core.film_identity: film_id
    staging.tmdb_film: >-
      select film_id from core.film_identity join changed using (tmdb_id)
tests:
  references: {film_id: core.film_identity.film_id}
*/
with
named_genre as (
    select
        identity.film_id,
        'imdb' as genre_source,
        'dataset' as source,
        1 as preference,
        unnest(film.genres) as name
    from staging.dataset_film_ost_films as film
    join core.film_identity as identity on film.imdb_id = identity.imdb_id
    union all
    select identity.film_id, 'imdb', 'dataset', 2, unnest(film.genres)
    from staging.dataset_imdb_films as film
    join core.film_identity as identity on film.imdb_id = identity.imdb_id
    union all
    select identity.film_id, 'tmdb', 'tmdb', 3, unnest(film.genres)
    from staging.tmdb_film as film
    join core.film_identity as identity on film.tmdb_id = identity.tmdb_id
    union all
    select identity.film_id, 'tmdb', 'dataset', 4, unnest(film.genres)
    from staging.dataset_tmdb_films as film
    join core.film_identity as identity on film.tmdb_id = identity.tmdb_id
    union all
    select identity.film_id, 'tmdb', 'dataset', 5, unnest(film.genres)
    from staging.dataset_movies_metadata as film
    join core.film_identity as identity on film.tmdb_id = identity.tmdb_id
    union all
    select identity.film_id, 'movielens', 'dataset', 6, unnest(film.genres)
    from staging.dataset_movielens_films as film
    join core.film_identity as identity on film.movielens_id = identity.movielens_id
)

select
    named.film_id,
    named.genre_source,
    named.source,
    named.preference,
    list(distinct vocabulary.film_genre order by vocabulary.film_genre) as genres
from named_genre as named
join vocabulary.film_genre as vocabulary
    on named.genre_source = vocabulary.source and named.name = vocabulary.name
group by named.film_id, named.genre_source, named.source, named.preference
-- Two imported tables may hold a film: the first of them that has any genres speaks for its source.
qualify row_number() over (partition by named.film_id, named.genre_source, named.source order by named.preference) = 1
