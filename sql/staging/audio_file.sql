/*
description: |
  The operator's own audio files with what was measured in them, one row per content, from its newest measuring.
grain: audio content
key: [track_id]
columns:
  track_id: VARCHAR; `file:` and the start of the content's hash
  isrc: VARCHAR; recording code of the file's tags, well-formed ones only, upper case
  title: VARCHAR; of the file's tags, else the file's name without its ending
  artists: VARCHAR[]; of the file's tags
  album: VARCHAR; of the file's tags
  released_on: VARCHAR; of the file's tags, ISO 8601
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  fetched_at: TIMESTAMP WITH TIME ZONE; when it was measured
*/
with
measured as (
    select
        *,
        regexp_replace(upper(isrc), '[^A-Z0-9]', '', 'g') as code
    from raw.audio_audio_features
)

select
    trim(track_id) as track_id,
    if(regexp_full_match(code, '[A-Z]{2}[A-Z0-9]{3}\d{7}'), code, null) as isrc,
    coalesce(
        nullif(trim(title), ''),
        nullif(trim(regexp_replace(regexp_replace(file_name, '^.*/', ''), '\.[^.]*$', '')), ''),
        trim(track_id)
    ) as title,
    coalesce([trim(name) for name in artists if trim(name) <> ''], []) as artists,
    nullif(trim(album), '') as album,
    nullif(trim(released_on), '') as released_on,
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
from measured
where trim(track_id) <> ''
qualify row_number() over (partition by trim(track_id) order by fetched_at desc, measured) = 1
