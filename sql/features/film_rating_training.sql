/*
description: |
  Films with the score that viewers gave them, one row each, for training: every field and score is what sources that
  may be trained on say by themselves.
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
  not_null: [released_on, user_score, n_votes]
  range: {user_score: [0, 100], n_votes: [1, null]}
  references: {film_id: trainable.film.film_id}
*/
select *
from trainable.film_rating_example
where label_source in (select source from vocabulary.source_policy where may_train)
