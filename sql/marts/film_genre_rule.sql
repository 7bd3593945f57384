/*
description: What the film-genre model needs to decide and to compare, one row per film genre that it knows.
grain: film genre
key: [film_genre]
example: |
  select film_genre, threshold, training_share from film_genre_rule order by training_share desc
may_shrink: true
columns:
  film_genre: VARCHAR; one of TMDB's 19
  threshold: DOUBLE; probability from which on the model tags a track, 0 to 1
  training_share: DOUBLE; share of training tracks whose film has the genre, 0 to 1
  model: VARCHAR; model and version
tests:
  not_null: [threshold, training_share]
  range: {threshold: [0, 1], training_share: [0, 1]}
  references: {film_genre: vocabulary.film_genre.film_genre}
*/
select
    film_genre,
    threshold,
    training_share,
    model
from tagging.film_genre_rule
