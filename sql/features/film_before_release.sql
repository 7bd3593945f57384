/*
description: |
  What is known of a film before anybody has seen it, one row per film: what a rating is predicted from. Votes,
  popularity and revenue are never among it. What may be trained on is its counterpart `trainable.film_before_release`.
grain: film
key: [film_id]
columns:
  film_id: VARCHAR; the film
  released_on: VARCHAR; ISO 8601, as fine as the source knows it
  genres: VARCHAR[]; TMDB's names, null where no source has any
  runtime_min: BIGINT; minutes
  budget_usd: BIGINT; US dollars
  original_language: VARCHAR; as TMDB names it
  companies: VARCHAR[]; production companies, as TMDB writes them, null where no imported table has the film
  keywords: VARCHAR[]; TMDB's keywords, likewise
materialized: view
*/
select
    film.film_id,
    film.released_on,
    film.genres,
    film.runtime_min,
    film.budget_usd,
    film.original_language,
    coalesce(imported.companies, metadata.companies) as companies,
    imported.keywords
from core.film as film
left join staging.dataset_tmdb_films as imported on film.tmdb_id = imported.tmdb_id
left join staging.dataset_movies_metadata as metadata on film.tmdb_id = metadata.tmdb_id
