/*
description: |
  Films with the score that viewers gave them, one row each. Only imported tables say how many voted, so the scores are
  theirs; of two tables the one with more votes speaks. What may be trained on is its counterpart
  `trainable.film_rating_example`.
grain: film
key: [film_id]
columns:
  film_id: VARCHAR; the film
  released_on: VARCHAR; ISO 8601, as fine as the source knows it, to split by
  genres: VARCHAR[]; TMDB's names, null where no source has any
  runtime_min: BIGINT; minutes
  budget_usd: BIGINT; US dollars
  original_language: VARCHAR; as TMDB names it
  companies: VARCHAR[]; production companies, as TMDB writes them
  keywords: VARCHAR[]; TMDB's keywords
  user_score: DOUBLE; TMDB's, 0 to 100, what is predicted
  n_votes: BIGINT; votes behind the score, to leave out films with too few; never predicted from
  label_source: VARCHAR; where the score came from, as sources.toml names it
tests:
  range: {user_score: [0, 100], n_votes: [1, null]}
materialized: view
*/
with
voted_film as (
    select tmdb_id, user_score, n_votes from staging.dataset_tmdb_films where user_score is not null
    union all
    select tmdb_id, user_score, n_votes from staging.dataset_movies_metadata where user_score is not null
),

scored_film as (
    select *
    from voted_film
    qualify row_number() over (partition by tmdb_id order by n_votes desc, user_score desc) = 1
)

select
    known.*,
    scored_film.user_score,
    scored_film.n_votes,
    'dataset' as label_source
from features.film_before_release as known
join core.film as film using (film_id)
join scored_film on film.tmdb_id = scored_film.tmdb_id
where film.year is not null
