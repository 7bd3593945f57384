/*
description: Films of the imported IMDb table, one row each. Its texts hold the entities of the pages it was read from.
grain: film
key: [imdb_id]
columns:
  imdb_id: VARCHAR; the film
  title: VARCHAR; as IMDb writes it
  overview: VARCHAR; the plot in a sentence or two, at times cut short by IMDb
  genres: VARCHAR[]; IMDb's own names
  released_on: VARCHAR; ISO 8601
  runtime_min: BIGINT; minutes
  poster_url: VARCHAR; address of the poster
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
film as (
    select
        trim(imdb_id) as imdb_id,
        [
            nullif(trim(replace(replace(replace(replace(replace(replace(
                text, '&apos;', ''''), '&#39;', ''''), '&quot;', '"'), '&lt;', '<'), '&gt;', '>'), '&amp;', '&'
            )), '')
            for text in [name, abstract]
        ] as decoded,
        genres,
        nullif(trim(date_published), '') as released_on,
        regexp_extract(trim(duration), '^PT(?:(\d{1,3})H)?(?:(\d{1,4})M)?$', ['hours', 'minutes']) as runtime,
        poster_url,
        fetched_at
    from raw.dataset_imdb_films
    where regexp_full_match(trim(imdb_id), 'tt\d+')
)

select
    imdb_id,
    decoded[1] as title,
    decoded[2] as overview,
    genres,
    released_on,
    nullif(
        coalesce(try_cast(runtime.hours as bigint), 0) * 60 + coalesce(try_cast(runtime.minutes as bigint), 0), 0
    ) as runtime_min,
    nullif(trim(poster_url), '') as poster_url,
    fetched_at
from film
qualify row_number() over (partition by imdb_id order by fetched_at desc, film) = 1
