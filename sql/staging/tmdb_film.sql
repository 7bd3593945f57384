/*
description: |
  Films as their TMDB pages show them, one row each, from the newest page. A number that cannot be is null.
grain: film on TMDB
key: [tmdb_id]
columns:
  tmdb_id: BIGINT; TMDB's film id
  imdb_id: VARCHAR; from TMDB's external ids
  title: VARCHAR; title in the language that was asked for
  original_title: VARCHAR; title in the film's own language, null where the page's facts were not read
  original_language: VARCHAR; as TMDB names it
  genres: VARCHAR[]; TMDB's own names
  runtime_min: BIGINT; minutes, null where TMDB has none
  user_score: DOUBLE; 0 to 100, null where nobody voted
  overview: VARCHAR; the plot in some sentences
  budget_usd: BIGINT; US dollars, null where TMDB has none
  revenue_usd: BIGINT; US dollars, null where TMDB has none
  directors: VARCHAR[]; names
  released_on: VARCHAR; ISO 8601, as fine as TMDB knows it
  poster_url: VARCHAR; address of the poster
  fetched_at: TIMESTAMP WITH TIME ZONE; when the page was read
incremental:
  by: [tmdb_id]
  reads:
    raw.tmdb_film: tmdb_id
*/
select
    tmdb_id,
    -- An id once told is kept: where the API was blocked, the newest page comes without one.
    first_value(nullif(trim(imdb_id), '') ignore nulls) over (
        partition by tmdb_id order by fetched_at desc, film
        rows between unbounded preceding and unbounded following
    ) as imdb_id,
    nullif(trim(title), '') as title,
    -- A page shows it only where it differs from the shown title. One whose facts are named in an unknown language names
    -- no original language either, which every page shows: of such a page nothing is known.
    coalesce(nullif(trim(original_title), ''), if(trim(original_language) <> '', nullif(trim(title), ''), null))
        as original_title,
    nullif(trim(original_language), '') as original_language,
    genres,
    nullif(greatest(runtime_min, 0), 0) as runtime_min,
    if(user_score > 0 and user_score <= 100, user_score, null) as user_score,
    nullif(trim(overview), '') as overview,
    nullif(greatest(budget_usd, 0), 0) as budget_usd,
    nullif(greatest(revenue_usd, 0), 0) as revenue_usd,
    directors,
    nullif(trim(released_on), '') as released_on,
    nullif(trim(poster_url), '') as poster_url,
    fetched_at
from raw.tmdb_film as film
where tmdb_id > 0
qualify row_number() over (partition by tmdb_id order by fetched_at desc, film) = 1
