/*
description: |
  MovieLens films, one row each. The imported copy writes semicolons for the commas of titles ("Rock;The"): articles
  go back to the front, the others become commas again. Commas that the copy wrote as blanks stay lost.
grain: film on MovieLens
key: [movielens_id]
columns:
  movielens_id: BIGINT; MovieLens' film id
  tmdb_id: BIGINT; TMDB's film id
  imdb_id: VARCHAR; IMDb's film id
  title: VARCHAR; without the year, other titles in brackets
  year: INTEGER; of release
  genres: VARCHAR[]; MovieLens' own names
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
film as (
    select
        movieId as movielens_id,
        if(tmdbId > 0, tmdbId, null) as tmdb_id,
        nullif(trim(imdb_id), '') as imdb_id,
        regexp_replace(trim(title), '\s*\(\d{4}\)+$', '') as title,
        try_cast(nullif(regexp_extract(trim(title), '\((\d{4})\)+$', 1), '') as integer) as year,
        [name for name in string_split(genres, '|') if name not in ('', '(no genres listed)')] as genres,
        fetched_at
    from raw.dataset_movielens_films
    where movieId > 0
),

film_with_articles as (
    select
        * replace (
            regexp_replace(
                regexp_replace(
                    regexp_replace(title, '^([^(]+);\s*([LD]'')( \(|$)', '\2\1\3'),
                    '^([^(]+);\s*(The|An?|Les?|La|Las|Los|El|Il|Lo|I|Gli|Der|Die|Das|Une?|Den?|Det)( \(|$)',
                    '\2 \1\3'
                ),
                '\(([^()]+);\s*(The|An?|Les?|La|Las|Los|El|Il|Lo|I|Gli|Der|Die|Das|Une?|Den?|Det)\)',
                '(\2 \1)'
            ) as title
        )
    from film
)

select
    movielens_id,
    tmdb_id,
    imdb_id,
    nullif(trim(regexp_replace(title, ';\s*', ', ', 'g')), '') as title,
    year,
    genres,
    fetched_at
from film_with_articles
qualify row_number() over (partition by movielens_id order by fetched_at desc, film_with_articles) = 1
