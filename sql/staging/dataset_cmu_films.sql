/*
description: Films of the imported CMU Movie Summary table with TMDB's ids, one row per title and year.
content_of: [tmdb]
grain: film
key: [title, year]
columns:
  title: VARCHAR; of the film
  year: INTEGER; of the film's release
  tmdb_id: BIGINT; TMDB's film id
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
select
    trim(name) as title,
    try_cast(left(trim(release_date), 4) as integer) as year,
    try_cast(try_cast(tmdb_id as double) as bigint) as tmdb_id,  -- the file writes `19995.0`
    fetched_at
from raw.dataset_cmu_films as film
where trim(name) <> '' and year is not null and try_cast(tmdb_id as double) between 1 and 2147483647
qualify row_number() over (partition by trim(name), year order by fetched_at desc, film) = 1
