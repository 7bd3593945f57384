/*
description: |
  Genres that iTunes gives to charted tracks, one row per title and artists. What the file says of their sound is left
  raw: other measures than the 13 features.
grain: title x artists
key: [title, artist_names]
columns:
  title: VARCHAR; spelt as in the imported daily chart
  artist_names: VARCHAR; the same, as that chart joins them
  genre: VARCHAR; as iTunes names it
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
select
    trim(track_name) as title,
    trim(artist_names) as artist_names,
    trim(genre) as genre,
    fetched_at
from raw.dataset_charted_track_audio as track
where trim(track_name) <> '' and trim(artist_names) <> '' and trim(genre) <> ''
qualify row_number() over (partition by trim(track_name), trim(artist_names) order by fetched_at desc, track) = 1
