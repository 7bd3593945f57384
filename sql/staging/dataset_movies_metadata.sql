/*
description: |
  Films of the imported The Movies Dataset, one row each: TMDB's metadata of 2017. A number that cannot be is null, and
  so is an amount, a length or a score of 0, which stands for unknown. Adult films are left out.
content_of: [tmdb]
grain: film on TMDB
key: [tmdb_id]
columns:
  tmdb_id: BIGINT; TMDB's film id
  imdb_id: VARCHAR; from TMDB's external ids
  title: VARCHAR; in English
  original_title: VARCHAR; title in the film's own language
  original_language: VARCHAR; ISO 639-1
  genres: VARCHAR[]; TMDB's own names
  runtime_min: BIGINT; minutes, null where TMDB has none
  companies: VARCHAR[]; production companies, as TMDB writes them
  user_score: DOUBLE; 0 to 100, null where nobody voted
  n_votes: BIGINT; votes behind the user score
  overview: VARCHAR; the plot in some sentences
  budget_usd: BIGINT; US dollars, null where TMDB has none
  revenue_usd: BIGINT; US dollars, null where TMDB has none
  released_on: VARCHAR; ISO 8601
  poster_url: VARCHAR; address of the poster
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
select
    id as tmdb_id,
    if(regexp_full_match(trim(imdb_id), 'tt\d+'), trim(imdb_id), null) as imdb_id,
    nullif(trim(title), '') as title,
    nullif(trim(original_title), '') as original_title,
    nullif(trim(original_language), '') as original_language,
    if(json_valid(genres), json_extract_string(genres, '$[*].name'), []) as genres,
    nullif(greatest(try_cast(round(runtime) as bigint), 0), 0) as runtime_min,
    if(json_valid(production_companies), json_extract_string(production_companies, '$[*].name'), []) as companies,
    if(vote_count > 0 and vote_average > 0 and vote_average <= 10, round(vote_average * 10, 1), null) as user_score,
    greatest(vote_count, 0) as n_votes,
    if(lower(trim(overview)) in ('', 'no overview found.', 'no overview'), null, trim(overview)) as overview,
    nullif(greatest(budget, 0), 0) as budget_usd,
    nullif(greatest(revenue, 0), 0) as revenue_usd,
    nullif(trim(release_date), '') as released_on,
    'https://image.tmdb.org/t/p/w500' || if(trim(poster_path) like '/%', trim(poster_path), null) as poster_url,
    fetched_at
from raw.dataset_movies_metadata as film
where id > 0 and not coalesce(adult, false)
-- The file repeats some films; of two readings the one with more votes is the later.
qualify row_number() over (partition by id order by fetched_at desc, vote_count desc nulls last, film) = 1
