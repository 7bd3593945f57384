/*
description: Rows of the imported one-million-track table, one per track and genre seed; it names the first artist only.
grain: track x genre seed
key: [track_id, genre]
columns:
  track_id: VARCHAR; Spotify's id
  genre: VARCHAR; the seed whose list the track was in, empty where the file has none
  title: VARCHAR; as Spotify writes it
  artists: VARCHAR[]; the first artist only, as the file has no more
  released_on: VARCHAR; the year
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
incremental:
  by: [track_id]
  reads:
    raw.dataset_spotify_million_tracks: trim(track_id)
*/
with
labelled as (
    select
        * exclude (track_id, genre),
        trim(track_id) as track_id,
        coalesce(lower(trim(genre)), '') as genre
    from raw.dataset_spotify_million_tracks
)

select
    track_id,
    genre,
    nullif(trim(track_name), '') as title,
    [name for name in [trim(artist_name)] if name <> ''] as artists,
    if(year between 1850 and 2100, year::varchar, null) as released_on,
    danceability,
    energy,
    key,
    loudness,
    mode,
    speechiness,
    acousticness,
    instrumentalness,
    liveness,
    valence,
    tempo,
    duration_ms,
    time_signature,
    fetched_at
from labelled
where track_id <> ''
qualify row_number() over (partition by track_id, genre order by fetched_at desc, labelled) = 1
