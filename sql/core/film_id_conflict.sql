/*
description: |
  Contradictions about the ids of films, one row each: a source gives an id of one site another id on a second site than
  the one that is believed (core.film_identity says by which order). The pair that is not believed ties nothing, its two
  ids stay films of their own. Two films of MovieLens with one IMDb or TMDB id are such a contradiction as well.
grain: site x id x second site x refused id x who says it
key: [site, id, second_site, refused_id, refused_by]
columns:
  site: VARCHAR; where the id in question is from, imdb or tmdb
  id: VARCHAR; that id
  second_site: VARCHAR; where the two ids that contradict each other are from, imdb, tmdb or movielens
  kept_id: VARCHAR; the id that won, null where what it lost against was tied elsewhere itself
  kept_by: VARCHAR; who says the one that won, as core.film_id_pair names it
  refused_id: VARCHAR; the id that lost
  refused_by: VARCHAR; who says the one that lost
  film_id: VARCHAR; the film that has `id` now
tests:
  not_null: [film_id]
  references: {film_id: core.film_identity.film_id}
*/
with
kept as (
    select
        identity.film_id,
        identity.tmdb_id,
        identity.imdb_id,
        arg_min(pair.told_by, pair.preference) as told_by
    from core.film_identity as identity
    join core.film_id_pair as pair using (tmdb_id, imdb_id)
    group by identity.film_id, identity.tmdb_id, identity.imdb_id
),

refused as (
    select pair.*
    from core.film_id_pair as pair
    anti join core.film_identity as identity using (tmdb_id, imdb_id)
),

movielens as (
    select
        if(film.imdb_id is null, 'tmdb', 'imdb') as site,
        coalesce(film.imdb_id, film.tmdb_id::varchar) as id,
        film.movielens_id,
        coalesce(named.film_id, numbered.film_id) as film_id,
        coalesce(named.movielens_id, numbered.movielens_id) as kept_id
    from staging.dataset_movielens_films as film
    left join core.film_identity as named on film.imdb_id = named.imdb_id
    left join core.film_identity as numbered on if(film.imdb_id is null, film.tmdb_id, null) = numbered.tmdb_id
)

select
    'tmdb' as site,
    refused.tmdb_id::varchar as id,
    'imdb' as second_site,
    kept.imdb_id as kept_id,
    kept.told_by as kept_by,
    refused.imdb_id as refused_id,
    refused.told_by as refused_by,
    kept.film_id
from refused
join kept using (tmdb_id)
union all
select
    'imdb' as site,
    refused.imdb_id as id,
    'tmdb' as second_site,
    kept.tmdb_id::varchar as kept_id,
    kept.told_by as kept_by,
    refused.tmdb_id::varchar as refused_id,
    refused.told_by as refused_by,
    refused.imdb_id as film_id
from refused
left join kept using (imdb_id)
where kept.film_id is not null or refused.tmdb_id not in (select tmdb_id from kept)
union all
select
    site,
    id,
    'movielens' as second_site,
    kept_id::varchar as kept_id,
    'movielens' as kept_by,
    movielens_id::varchar as refused_id,
    'movielens' as refused_by,
    film_id
from movielens
where film_id is not null and movielens_id <> kept_id
