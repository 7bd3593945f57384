/*
description: Films of the imported TMDB table, one row each. A number that cannot be is null.
content_of: [tmdb]
grain: film on TMDB
key: [tmdb_id]
columns:
  tmdb_id: BIGINT; TMDB's film id
  title: VARCHAR; in English
  original_title: VARCHAR; title in the film's own language
  original_language: VARCHAR; ISO 639-1
  genres: VARCHAR[]; TMDB's own names
  runtime_min: BIGINT; minutes, null where TMDB has none
  companies: VARCHAR[]; production companies, as TMDB writes them
  keywords: VARCHAR[]; TMDB's keywords
  user_score: DOUBLE; 0 to 100, null where nobody voted
  n_votes: BIGINT; votes behind the user score
  overview: VARCHAR; the plot in some sentences
  budget_usd: BIGINT; US dollars, null where TMDB has none
  revenue_usd: BIGINT; US dollars, null where TMDB has none
  released_on: VARCHAR; ISO 8601
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
select
    id as tmdb_id,
    nullif(trim(title), '') as title,
    nullif(trim(original_title), '') as original_title,
    nullif(trim(original_language), '') as original_language,
    if(json_valid(genres), json_extract_string(genres, '$[*].name'), []) as genres,
    nullif(greatest(try_cast(round(runtime) as bigint), 0), 0) as runtime_min,
    if(json_valid(production_companies), json_extract_string(production_companies, '$[*].name'), []) as companies,
    if(json_valid(keywords), json_extract_string(keywords, '$[*].name'), []) as keywords,
    if(vote_count > 0 and vote_average > 0 and vote_average <= 10, round(vote_average * 10, 1), null) as user_score,
    greatest(vote_count, 0) as n_votes,
    nullif(trim(overview), '') as overview,
    nullif(greatest(budget, 0), 0) as budget_usd,
    nullif(greatest(revenue, 0), 0) as revenue_usd,
    nullif(trim(release_date), '') as released_on,
    fetched_at
from raw.dataset_tmdb_films as film
where id > 0
qualify row_number() over (partition by id order by fetched_at desc, film) = 1
