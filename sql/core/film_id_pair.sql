/*
description: |
  Ids of TMDB and IMDb that a source says to be one film, one row per source and pair: TMDB's own external ids, those of
  The Movies Dataset (TMDB's in 2017) and MovieLens' links.
grain: source x TMDB id x IMDb id
key: [told_by, tmdb_id, imdb_id]
columns:
  told_by: VARCHAR; whose word it is, tmdb, movies_metadata or movielens
  tmdb_id: BIGINT; TMDB's id
  imdb_id: VARCHAR; IMDb's id
  preference: INTEGER; where sources disagree, the lowest is believed
  movielens_id: BIGINT; the lowest MovieLens id with that link, null for the others
tests:
  accepted: {told_by: [tmdb, movies_metadata, movielens]}
*/
with
told as (
    select 'tmdb' as told_by, tmdb_id, imdb_id, 1 as preference, null as movielens_id
    from staging.tmdb_film
    union all
    select 'movies_metadata', tmdb_id, imdb_id, 2, null
    from staging.dataset_movies_metadata
    union all
    select 'movielens', tmdb_id, imdb_id, 3, movielens_id
    from staging.dataset_movielens_films
)

select
    told_by,
    tmdb_id,
    imdb_id,
    preference,
    min(movielens_id) as movielens_id
from told
where tmdb_id is not null and imdb_id is not null
group by told_by, tmdb_id, imdb_id, preference
