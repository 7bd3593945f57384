/*
description: |
  Audio features of recordings, one row per ISRC: those of the first of its tracks that was measured, or of an answer
  that names the recording alone. A track that nobody measured has the features of its recording.
grain: ISRC
key: [isrc]
columns:
  isrc: VARCHAR; recording code
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  provider: VARCHAR; who measured, dataset, reccobeats or spotify
  preference: INTEGER; of the measurement, see features.track_measurement
  fetched_at: TIMESTAMP WITH TIME ZONE; when the measurement was read
incremental:
  by: [isrc]
  reads:
    features.track_measurement: isrc
    staging.reccobeats_audio_features: isrc
*/
with
measured as (
    select *
    from features.track_measurement
    where isrc is not null
    union all by name
    select
        *,
        if(provider = 'spotify', 6, 5) as preference
    from staging.reccobeats_audio_features
    where track_id = '' and energy is not null
)

select
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
    preference,
    fetched_at
from measured
qualify row_number() over (partition by isrc order by preference, fetched_at desc, track_id, measured) = 1
