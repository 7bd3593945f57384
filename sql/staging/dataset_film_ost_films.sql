/*
description: Films of the imported soundtrack albums with IMDb's genres, one row each.
grain: film
key: [imdb_id]
columns:
  imdb_id: VARCHAR; the film
  title: VARCHAR; wrongly decoded names repaired
  original_title: VARCHAR; title in the film's own language
  original_language: VARCHAR; ISO 639-1
  overview: VARCHAR; the plot in some sentences
  released_on: VARCHAR; ISO 8601, mostly the year
  runtime_min: BIGINT; minutes
  genres: VARCHAR[]; IMDb's own names
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
select
    trim(film.imdb_id) as imdb_id,
    nullif(trim(coalesce(fixed_title.repaired, film.title)), '') as title,
    nullif(trim(coalesce(fixed_original.repaired, film.original_title)), '') as original_title,
    nullif(trim(film.original_language), '') as original_language,
    nullif(trim(coalesce(fixed_overview.repaired, film.overview)), '') as overview,
    nullif(trim(film.release_date), '') as released_on,
    nullif(greatest(try_cast(round(film.runtime) as bigint), 0), 0) as runtime_min,
    film.genres,
    film.fetched_at
from raw.dataset_film_ost_films as film
left join staging.repaired_text as fixed_title on film.title = fixed_title.broken
left join staging.repaired_text as fixed_original on film.original_title = fixed_original.broken
left join staging.repaired_text as fixed_overview on film.overview = fixed_overview.broken
where trim(film.imdb_id) <> ''
qualify row_number() over (partition by trim(film.imdb_id) order by film.fetched_at desc, film) = 1
