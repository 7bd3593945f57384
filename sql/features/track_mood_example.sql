/*
description: |
  Recordings with known names, features and a place on the plane of valence and arousal, one row each: songs of the
  imported mood set, found by title and first artist, where a remaster and a guest named in the title make no other
  song. The set knows names alone, so of several releases the one of the lowest track id stands for all. What may be
  trained on is its counterpart `trainable.track_mood_example`.
grain: recording
key: [recording_key]
columns:
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:` or `file:` and that id
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  rated_valence: DOUBLE; standard deviations from the set's mean, dark to bright; not the feature valence
  rated_arousal: DOUBLE; standard deviations, likewise, calm to excited
  mood: VARCHAR; the sector of vocabularies/mood.csv in which that point lies, by its angle around the mean of the set
  artist_key: VARCHAR; first artist, to split by
  recording_key: VARCHAR; title and artists, to split by
  name_source: VARCHAR; where title and artists came from, as sources.toml names it
  provider: VARCHAR; who measured the features, likewise
  label_source: VARCHAR; where valence and arousal came from, likewise
materialized: view
*/
with
song as (
    select
        title_key,
        artist_key,
        avg(valence) as valence,
        avg(arousal) as arousal
    from staging.dataset_mood_ratings
    group by title_key, artist_key
),

placed_song as (
    select
        *,
        (degrees(atan2(arousal, valence)) + 360) % 360 as angle
    from song
),

rated_song as (
    select
        song.*,
        sector.mood
    from placed_song as song
    join vocabulary.mood as sector on song.angle >= sector.from_degrees and song.angle < sector.to_degrees
),

plain_track as (
    select
        *,
        regexp_replace(title, ' - (.*\W)?remaster.*| [(\[](feat\.|with |(.*\W)?remaster).*', '', 'i') as plain_title
    from core.track
    where artist_key in (select artist_key from song)
),

named_track as (
    select
        *,
        regexp_replace(lower(nfc_normalize(plain_title)), '[^\p{L}\p{N}]+', '', 'g') as title_key
    from plain_track
)

select
    audio.track_id,
    audio.danceability,
    audio.energy,
    audio.key,
    audio.loudness,
    audio.mode,
    audio.speechiness,
    audio.acousticness,
    audio.instrumentalness,
    audio.liveness,
    audio.valence,
    audio.tempo,
    audio.duration_ms,
    audio.time_signature,
    rated_song.valence as rated_valence,
    rated_song.arousal as rated_arousal,
    rated_song.mood,
    track.artist_key,
    track.recording_key,
    track.source as name_source,
    audio.provider,
    'dataset' as label_source
from features.track_audio as audio
join named_track as track on audio.track_id = track.track_id
join rated_song on track.title_key = rated_song.title_key and track.artist_key = rated_song.artist_key
where audio.is_complete
qualify row_number() over (partition by rated_song.title_key, rated_song.artist_key order by audio.track_id) = 1
