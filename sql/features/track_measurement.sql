/*
description: |
  Audio features of tracks as the first provider that has them measured the track itself, one row each: imported tables,
  then ReccoBeats, then Spotify. Values that cannot be are still here.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; the track
  isrc: VARCHAR; recording code, of the first answer that names one, else the track's own
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  provider: VARCHAR; who measured, dataset, reccobeats or spotify
  preference: INTEGER; the lowest one of a recording gives its features
  fetched_at: TIMESTAMP WITH TIME ZONE; when the measurement was read
incremental:
  by: [track_id]
  reads:
    staging.dataset_spotify_tracks: track_id
    staging.dataset_spotify_query_tracks: track_id
    staging.dataset_film_ost_tracks: track_id
    staging.dataset_spotify_million_tracks: track_id
    staging.reccobeats_audio_features: track_id
    staging.spotify_audio_features: track_id
    core.track: track_id
tests:
  accepted: {provider: [dataset, reccobeats, spotify]}
*/
with
measurement as (
    select 'dataset' as provider, 1 as preference, * from staging.dataset_spotify_tracks
    union all by name
    select 'dataset' as provider, 2 as preference, * from staging.dataset_spotify_query_tracks
    union all by name
    select 'dataset' as provider, 3 as preference, * from staging.dataset_film_ost_tracks
    union all by name
    select 'dataset' as provider, 4 as preference, * from staging.dataset_spotify_million_tracks
    union all by name
    select if(provider = 'spotify', 6, 5) as preference, * from staging.reccobeats_audio_features
    union all by name
    select 6 as preference, * from staging.spotify_audio_features
),

measured as (
    select
        *,
        row_number() over (
            partition by track_id
            order by preference, fetched_at desc, track_genre, query_genre, imdb_id, genre, isrc, measurement
        ) as place
    from measurement
    where energy is not null and track_id <> ''
),

told_code as (
    select
        track_id,
        arg_min(isrc, place) as isrc
    from measured
    where isrc <> ''
    group by track_id
)

select
    measured.track_id,
    coalesce(told_code.isrc, track.isrc) as isrc,
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
    measured.duration_ms,
    measured.time_signature,
    measured.provider,
    measured.preference,
    measured.fetched_at
from measured
left join told_code using (track_id)
left join core.track as track using (track_id)
where measured.place = 1
