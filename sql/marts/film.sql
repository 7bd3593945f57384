/*
description: Films of every source, one row each.
grain: film
key: [film_id]
example: |
  select title, genres, user_score, n_tracks from film
  where list_contains(genres, 'Romance') order by n_tracks desc limit 5
columns:
  film_id: VARCHAR; the imdb_id, else `tmdb:` or `ml:` and that id
  tmdb_id: BIGINT; TMDB's id
  imdb_id: VARCHAR; IMDb's id
  title: VARCHAR; null for a film that soundtrack credits or links name by its id alone
  genres: VARCHAR[]; TMDB's names, of the first of IMDb, TMDB and MovieLens that has any
  released_on: VARCHAR; ISO 8601, as fine as the source knows it
  runtime_min: BIGINT; minutes
  user_score: DOUBLE; TMDB's, 0 to 100
  predicted_score: DOUBLE; 0 to 100, foretold from what is known before release (nearer to the user score where the model learnt from the film); null until a film-rating model is trained
  overview: VARCHAR; the plot in some sentences
  directors: VARCHAR[]; names
  budget_usd: BIGINT; US dollars
  revenue_usd: BIGINT; US dollars
  poster_url: VARCHAR; address of the poster
  original_title: VARCHAR; title in the film's own language
  original_language: VARCHAR; as TMDB names it
  genre_source: VARCHAR; whose genres they are, imdb, tmdb or movielens
  n_tracks: BIGINT; tracks tied to it in film_track
incremental:
  by: [film_id]
  reads:
    core.film: film_id
    tagging.film_score: film_id
    marts.film_track: film_id
tests:
  range: {user_score: [0, 100], predicted_score: [0, 100], runtime_min: [1, null], budget_usd: [0, null], revenue_usd: [0, null], n_tracks: [0, null]}
warn:
  not_null: [title]
*/
with
tied_film as (
    select film_id, count(*) as n_tracks
    from marts.film_track
    group by film_id
)

select
    film.film_id,
    film.tmdb_id,
    film.imdb_id,
    film.title,
    film.genres,
    film.released_on,
    film.runtime_min,
    film.user_score,
    scored.predicted_score,
    film.overview,
    film.directors,
    film.budget_usd,
    film.revenue_usd,
    film.poster_url,
    film.original_title,
    film.original_language,
    film.genre_source,
    coalesce(tied_film.n_tracks, 0) as n_tracks
from core.film as film
left join tied_film using (film_id)
left join tagging.film_score as scored on film.film_id = scored.film_id
