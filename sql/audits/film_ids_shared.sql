/*
description: Films that share an IMDb, TMDB or MovieLens id with another one.
severity: error
*/
with
external_id as (
    select film_id, 'imdb' as site, imdb_id as id from core.film where imdb_id is not null
    union all
    select film_id, 'tmdb', tmdb_id::varchar from core.film where tmdb_id is not null
    union all
    select film_id, 'movielens', movielens_id::varchar from core.film where movielens_id is not null
)

select
    site,
    id,
    list(film_id order by film_id) as film_ids
from external_id
group by site, id
having count(*) > 1
