/*
description: Films with the album that an automatic search on Spotify chose for them, one row each.
grain: film
key: [title, year]
columns:
  title: VARCHAR; of the film, spelt as in the imported table that leads it to TMDB's ids
  year: INTEGER; of the film's release
  album_id: VARCHAR; Spotify's id of the album
  track_ids: VARCHAR[]; Spotify's ids of its tracks, the first 20 at most
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
select
    trim(movie_name) as title,
    try_cast(left(trim(release_date), 4) as integer) as year,
    trim(album_id) as album_id,
    list_distinct([trim(track_id) for track_id in track_ids if trim(track_id) <> '']) as track_ids,
    fetched_at
from raw.dataset_film_spotify_albums as film
where trim(movie_name) <> '' and year is not null and trim(album_id) <> ''
qualify row_number() over (partition by trim(movie_name), year order by fetched_at desc, film) = 1
