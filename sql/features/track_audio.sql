/*
description: |
  Audio features of tracks, one row each, from the first provider that has them: imported tables, ReccoBeats, Spotify,
  each for the track itself and then for its recording (the same ISRC), and last what was measured in the operator's own
  audio file of it. A value that cannot be (the bounds are those of `tasks.models.features`) is null; a duration that
  the provider does not send is the track's own.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; the track
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  provider: VARCHAR; who measured, dataset, reccobeats, spotify or audio (estimated from the operator's own file)
  duration_source: VARCHAR; where the duration came from, as sources.toml names it
  is_complete: BOOLEAN; has the 11 features that models cannot do without, all but duration and time signature
incremental:
  by: [track_id]
  reads:
    features.track_measurement: track_id
    features.recording_measurement: >-
      select track_id from core.track_code join changed using (isrc)
    core.track: track_id
    core.track_code: track_id
    core.audio_file_track: select unnest([track_id, file_id]) from changed
    staging.audio_file: >-
      select coalesce(same.track_id, changed.track_id)
      from changed left join core.audio_file_track as same on changed.track_id = same.file_id
tests:
  not_null: [is_complete]
  range:
    danceability: [0, 1]
    energy: [0, 1]
    key: [-1, 11]
    loudness: [-100, 10]
    mode: [0, 1]
    speechiness: [0, 1]
    acousticness: [0, 1]
    instrumentalness: [0, 1]
    liveness: [0, 1]
    valence: [0, 1]
    tempo: [0, 400]
    duration_ms: [1, 86400000]
    time_signature: [0, 16]
  accepted: {provider: [dataset, reccobeats, spotify, audio]}
  references: {track_id: core.track.track_id}
*/
with
candidate as (
    select
        * exclude (isrc),
        null as file_id
    from features.track_measurement
    union all by name
    select
        code.track_id,
        recording.isrc as code,
        recording.* exclude (isrc, preference),
        recording.preference + 10 as preference
    from features.recording_measurement as recording
    join core.track_code as code using (isrc)
    union all by name
    select
        'audio' as provider,
        30 as preference,
        file.track_id as file_id,
        file.* replace (coalesce(same.track_id, file.track_id) as track_id)
    from staging.audio_file as file
    left join core.audio_file_track as same on file.track_id = same.file_id
    where file.energy is not null
),

preferred_measurement as (
    select *
    from candidate
    qualify row_number() over (partition by track_id order by preference, fetched_at desc, code, file_id) = 1
),

plausible_measurement as (
    select
        track_id,
        if(danceability between 0 and 1, danceability, null) as danceability,
        if(energy between 0 and 1, energy, null) as energy,
        if(key in (from range(-1, 12)), key, null) as key,
        if(loudness between -100 and 10, loudness, null) as loudness,
        if(mode in (0, 1), mode, null) as mode,
        if(speechiness between 0 and 1, speechiness, null) as speechiness,
        if(acousticness between 0 and 1, acousticness, null) as acousticness,
        if(instrumentalness between 0 and 1, instrumentalness, null) as instrumentalness,
        if(liveness between 0 and 1, liveness, null) as liveness,
        if(valence between 0 and 1, valence, null) as valence,
        if(tempo between 0 and 400, tempo, null) as tempo,
        if(duration_ms between 1 and 86400000, duration_ms, null) as duration_ms,
        if(time_signature in (from range(0, 17)), time_signature, null) as time_signature,
        provider
    from preferred_measurement
)

select
    track.track_id,
    measured.danceability,
    measured.energy,
    measured.key,
    measured.loudness,
    measured.mode,
    measured.speechiness,
    measured.acousticness,
    measured.instrumentalness,
    measured.liveness,
    measured.valence,
    measured.tempo,
    coalesce(measured.duration_ms, track.duration_ms::double) as duration_ms,
    measured.time_signature,
    measured.provider,
    if(measured.duration_ms is not null, measured.provider, track.duration_source) as duration_source,
    -- A sum is null as soon as one of its terms is.
    measured.danceability
    + measured.energy
    + measured.key
    + measured.loudness
    + measured.mode
    + measured.speechiness
    + measured.acousticness
    + measured.instrumentalness
    + measured.liveness
    + measured.valence
    + measured.tempo is not null as is_complete
from plausible_measurement as measured
join core.track as track using (track_id)
