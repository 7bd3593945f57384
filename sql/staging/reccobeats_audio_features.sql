/*
description: |
  Audio features as the provider sent them, one row per track and provider, from the newest answer. Where the answer
  names no track, the recording is known by its ISRC alone. Answers of Spotify are here only where an older version put
  them here.
grain: track id, else ISRC x provider
key: [track_id, isrc, provider]
columns:
  track_id: VARCHAR; Spotify's id, empty where the answer names none
  isrc: VARCHAR; recording code, upper case, empty where the answer names none
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  provider: VARCHAR; who measured, reccobeats or spotify
  fetched_at: TIMESTAMP WITH TIME ZONE; when the answer was read
incremental:
  by: [track_id]
  reads:
    raw.reccobeats_audio_features: "coalesce(trim(track_id), '')"
*/
with
answer as (
    select
        * exclude (track_id, isrc),
        coalesce(trim(track_id), '') as track_id,
        upper(coalesce(trim(isrc), '')) as isrc
    from raw.reccobeats_audio_features
)

select
    track_id,
    isrc,
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
    provider,
    fetched_at
from answer
where (track_id <> '' or isrc <> '') and provider is not null
qualify row_number() over (
    partition by if(track_id = '', isrc, track_id), track_id = '', provider
    order by fetched_at desc, answer
) = 1
