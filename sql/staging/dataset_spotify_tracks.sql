/*
description: Rows of imported track tables labelled with Spotify's genre seeds, one per track and seed.
grain: track x genre seed
key: [track_id, track_genre]
columns:
  track_id: VARCHAR; Spotify's id
  track_genre: VARCHAR; the seed whose list the track was in, empty where the file has none
  title: VARCHAR; as Spotify writes it
  artists: VARCHAR[]; as Spotify orders them
  album: VARCHAR; as Spotify writes it
  explicit: BOOLEAN; marked as explicit
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
incremental:
  by: [track_id]
  reads:
    raw.dataset_spotify_tracks: trim(track_id)
*/
with
labelled as (
    select
        * exclude (track_id, track_genre),
        trim(track_id) as track_id,
        coalesce(lower(trim(track_genre)), '') as track_genre
    from raw.dataset_spotify_tracks
)

select
    track_id,
    track_genre,
    nullif(trim(track_name), '') as title,
    [trim(name) for name in string_split(artists, ';') if trim(name) <> ''] as artists,
    nullif(trim(album_name), '') as album,
    explicit,
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
qualify row_number() over (partition by track_id, track_genre order by fetched_at desc, labelled) = 1
