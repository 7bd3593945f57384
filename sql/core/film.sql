/*
description: |
  Films of every source, one row each. A value comes from the first source that has it: TMDB's page, the imported
  TMDB table, TMDB's list, the imported soundtrack films, MovieLens.
grain: film
key: [film_id]
columns:
  film_id: VARCHAR; the imdb_id, else `tmdb:` or `ml:` and that id
  tmdb_id: BIGINT; TMDB's id
  imdb_id: VARCHAR; IMDb's id
  movielens_id: BIGINT; MovieLens' id
  title: VARCHAR; null for a film that soundtrack credits or links name by its id alone
  original_title: VARCHAR; title in the film's own language
  original_language: VARCHAR; as TMDB names it
  genres: VARCHAR[]; TMDB's names, of the first of IMDb, TMDB and MovieLens that has any, else null
  genre_source: VARCHAR; imdb, tmdb or movielens, null where none has any
  released_on: VARCHAR; ISO 8601, as fine as the source knows it
  year: INTEGER; of release
  runtime_min: BIGINT; minutes
  user_score: DOUBLE; TMDB's, 0 to 100
  overview: VARCHAR; the plot in some sentences
  directors: VARCHAR[]; names
  budget_usd: BIGINT; US dollars
  revenue_usd: BIGINT; US dollars
  poster_url: VARCHAR; address of the poster
tests:
  range: {user_score: [0, 100], runtime_min: [1, null], budget_usd: [1, null], revenue_usd: [1, null]}
  accepted: {genre_source: [imdb, tmdb, movielens]}
warn:
  not_null: [title]
*/
with
preferred_genres as (
    select
        film_id,
        arg_min(genres, preference) as genres,
        arg_min(genre_source, preference) as genre_source
    from core.film_genre
    group by film_id
),

soundtrack_film as (
    select
        imdb_id,
        min(film_title) as title
    from staging.dataset_film_ost_tracks
    group by imdb_id
),

described_film as (
    select
        identity.*,
        coalesce(page.title, imported.title, listed.title, album_film.title, soundtrack_film.title, movielens.title)
            as title,
        coalesce(page.original_title, imported.original_title, album_film.original_title) as original_title,
        coalesce(page.original_language, imported.original_language, album_film.original_language)
            as original_language,
        coalesce(
            page.released_on,
            imported.released_on,
            listed.released_on,
            album_film.released_on,
            movielens.year::varchar
        ) as released_on,
        coalesce(page.runtime_min, imported.runtime_min, album_film.runtime_min) as runtime_min,
        coalesce(page.user_score, listed.user_score, imported.user_score) as user_score,
        coalesce(page.overview, imported.overview, album_film.overview) as overview,
        page.directors,
        coalesce(page.budget_usd, imported.budget_usd) as budget_usd,
        coalesce(page.revenue_usd, imported.revenue_usd) as revenue_usd,
        page.poster_url
    from core.film_identity as identity
    left join staging.tmdb_film as page using (tmdb_id)
    left join staging.tmdb_list as listed using (tmdb_id)
    left join staging.dataset_tmdb_films as imported using (tmdb_id)
    left join staging.dataset_film_ost_films as album_film on identity.imdb_id = album_film.imdb_id
    left join soundtrack_film on identity.imdb_id = soundtrack_film.imdb_id
    left join staging.dataset_movielens_films as movielens on identity.movielens_id = movielens.movielens_id
)

select
    film.film_id,
    film.tmdb_id,
    film.imdb_id,
    film.movielens_id,
    film.title,
    film.original_title,
    film.original_language,
    preferred_genres.genres,
    preferred_genres.genre_source,
    film.released_on,
    try_cast(left(film.released_on, 4) as integer) as year,
    film.runtime_min,
    film.user_score,
    film.overview,
    film.directors,
    film.budget_usd,
    film.revenue_usd,
    film.poster_url
from described_film as film
left join preferred_genres using (film_id)
