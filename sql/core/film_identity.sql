/*
description: |
  Which ids of IMDb, TMDB and MovieLens mean one film, one row per film of any source. Where sources disagree, TMDB's
  own external ids come before those of The Movies Dataset (TMDB's in 2017), these before MovieLens' links, and of
  MovieLens' the lowest film id; `core.film_id_conflict` has what was not believed.
grain: film
key: [film_id]
columns:
  film_id: VARCHAR; the imdb_id, else `tmdb:` or `ml:` and that id
  imdb_id: VARCHAR; IMDb's id
  tmdb_id: BIGINT; TMDB's id
  movielens_id: BIGINT; MovieLens' id
*/
with
-- Each TMDB id first chooses its IMDb id, then each IMDb id among the TMDB ids that chose it.
pair_of_tmdb as (
    select *
    from core.film_id_pair
    qualify row_number() over (partition by tmdb_id order by preference, movielens_id, imdb_id) = 1
),

paired as (
    select *
    from pair_of_tmdb
    qualify row_number() over (partition by imdb_id order by preference, movielens_id, tmdb_id) = 1
),

known_imdb_id as (
    select imdb_id from core.film_id_pair
    union
    select imdb_id from staging.dataset_movielens_films
    union
    select imdb_id from staging.dataset_film_ost_films
    union
    select imdb_id from staging.dataset_film_ost_tracks
    union
    select imdb_id from staging.dataset_film_track_links
    union
    select imdb_id from staging.dataset_imdb_soundtracks
    union
    select imdb_id from staging.dataset_imdb_films
    union
    select imdb_id from staging.dataset_soundtrack_listings
    union
    select imdb_id from staging.imdb_soundtrack
    union
    select imdb_id from staging.musicbrainz_url
),

known_tmdb_id as (
    select tmdb_id from staging.tmdb_film
    union
    select tmdb_id from staging.tmdb_list
    union
    select tmdb_id from staging.dataset_tmdb_films
    union
    select tmdb_id from staging.dataset_movies_metadata
    union
    select film.tmdb_id
    from staging.dataset_cmu_films as film
    semi join staging.dataset_film_spotify_albums as album using (title, year)
    union
    select tmdb_id from staging.dataset_movielens_films where imdb_id is null
),

film_of_ids as (
    select
        known_imdb_id.imdb_id as film_id,
        known_imdb_id.imdb_id,
        paired.tmdb_id
    from known_imdb_id
    left join paired using (imdb_id)
    where known_imdb_id.imdb_id is not null
    union all
    select
        'tmdb:' || tmdb_id as film_id,
        null as imdb_id,
        tmdb_id
    from known_tmdb_id
    where tmdb_id is not null and tmdb_id not in (select tmdb_id from paired)
),

film_of_movielens as (
    select
        coalesce(movielens.imdb_id, paired.imdb_id, 'tmdb:' || movielens.tmdb_id, 'ml:' || movielens.movielens_id)
            as film_id,
        min(movielens.movielens_id) as movielens_id
    from staging.dataset_movielens_films as movielens
    left join paired using (tmdb_id)
    group by all
)

select
    film_id,
    film_of_ids.imdb_id,
    film_of_ids.tmdb_id,
    film_of_movielens.movielens_id
from film_of_ids
full join film_of_movielens using (film_id)
