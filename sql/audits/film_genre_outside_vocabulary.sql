/*
description: Film genres that are none of TMDB's 19 names.
severity: error
*/
with
named_genre as (
    select
        film_id,
        unnest(genres) as film_genre
    from marts.film
)

select named_genre.*
from named_genre
anti join vocabulary.film_genre using (film_genre)
