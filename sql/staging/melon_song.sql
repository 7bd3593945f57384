/*
description: Songs as their Melon pages show them, one row each, from the newest page.
grain: song on Melon
key: [song_id]
columns:
  song_id: VARCHAR; Melon's song number
  title: VARCHAR; as Melon writes it
  artists: VARCHAR[]; as Melon writes them
  album: VARCHAR; as Melon writes it
  released_on: VARCHAR; ISO 8601, as fine as Melon knows it
  genres: VARCHAR[]; as Melon writes them, English in older pages and Korean in newer ones
  fetched_at: TIMESTAMP WITH TIME ZONE; when the page was read
incremental:
  by: [song_id]
  reads:
    raw.melon_song: trim(song_id)
*/
select
    trim(song_id) as song_id,
    nullif(trim(title), '') as title,
    artists,
    nullif(trim(album), '') as album,
    nullif(trim(released_on), '') as released_on,
    genres,
    fetched_at
from raw.melon_song as song
where trim(song_id) <> ''
qualify row_number() over (partition by trim(song_id) order by fetched_at desc, song) = 1
