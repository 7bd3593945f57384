/*
description: |
  Audio features as Spotify sent them to an approved app, one row per track, from the newest answer.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; Spotify's id
  isrc: VARCHAR; recording code, upper case, empty where the answer names none
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  provider: VARCHAR; spotify
  fetched_at: TIMESTAMP WITH TIME ZONE; when the answer was read
incremental:
  by: [track_id]
  reads:
    raw.spotify_audio_features: trim(track_id)
*/
select
    trim(track_id) as track_id,
    upper(coalesce(trim(isrc), '')) as isrc,
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
    'spotify' as provider,
    fetched_at
from raw.spotify_audio_features as answer
where trim(track_id) <> ''
qualify row_number() over (partition by trim(track_id) order by fetched_at desc, answer) = 1
