/*
description: |
  Films of every source, one row each. A value comes from the first source that has it: TMDB's page, the imported
  TMDB table, The Movies Dataset, TMDB's list, the imported soundtrack films, the imported IMDb films, MovieLens, and a
  title also from the tables that lead to the film's music.
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
incremental:
  by: [film_id]
  reads:
    core.film_identity: film_id
    core.film_genre: film_id
    staging.tmdb_film: >-
      select film_id from core.film_identity join changed using (tmdb_id)
    staging.tmdb_list: >-
      select film_id from core.film_identity join changed using (tmdb_id)
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

listed_film as (
    select
        movielens_id,
        imdb_id,
        film_title as title,
        year
    from staging.dataset_soundtrack_listings
    qualify row_number() over (partition by coalesce(imdb_id, movielens_id::varchar) order by movielens_id, position) = 1
),

album_search_film as (
    select
        tmdb_id,
        title,
        year
    from staging.dataset_cmu_films
    qualify row_number() over (partition by tmdb_id order by year, title) = 1
),

described_film as (
    select
        identity.*,
        coalesce(
            page.title,
            imported.title,
            metadata.title,
            listed.title,
            album_film.title,
            imdb_film.title,
            soundtrack_film.title,
            movielens.title,
            listed_film.title,
            album_search_film.title
        ) as title,
        coalesce(
            page.original_title, imported.original_title, metadata.original_title, album_film.original_title
        ) as original_title,
        coalesce(
            page.original_language,
            imported.original_language,
            metadata.original_language,
            album_film.original_language
        ) as original_language,
        coalesce(
            page.released_on,
            imported.released_on,
            metadata.released_on,
            listed.released_on,
            album_film.released_on,
            imdb_film.released_on,
            movielens.year::varchar,
            listed_film.year::varchar,
            album_search_film.year::varchar
        ) as released_on,
        coalesce(
            page.runtime_min,
            imported.runtime_min,
            metadata.runtime_min,
            album_film.runtime_min,
            imdb_film.runtime_min
        ) as runtime_min,
        coalesce(page.user_score, listed.user_score, imported.user_score, metadata.user_score) as user_score,
        coalesce(page.overview, imported.overview, metadata.overview, album_film.overview, imdb_film.overview)
            as overview,
        page.directors,
        coalesce(page.budget_usd, imported.budget_usd, metadata.budget_usd) as budget_usd,
        coalesce(page.revenue_usd, imported.revenue_usd, metadata.revenue_usd) as revenue_usd,
        coalesce(page.poster_url, metadata.poster_url, imdb_film.poster_url) as poster_url
    from core.film_identity as identity
    left join staging.tmdb_film as page using (tmdb_id)
    left join staging.tmdb_list as listed using (tmdb_id)
    left join staging.dataset_tmdb_films as imported using (tmdb_id)
    left join staging.dataset_movies_metadata as metadata using (tmdb_id)
    left join album_search_film using (tmdb_id)
    left join staging.dataset_film_ost_films as album_film on identity.imdb_id = album_film.imdb_id
    left join staging.dataset_imdb_films as imdb_film on identity.imdb_id = imdb_film.imdb_id
    left join soundtrack_film on identity.imdb_id = soundtrack_film.imdb_id
    left join listed_film
        on coalesce(identity.imdb_id, identity.movielens_id::varchar)
        = coalesce(listed_film.imdb_id, listed_film.movielens_id::varchar)
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
