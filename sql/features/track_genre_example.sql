/*
description: |
  Tracks with known names, genres and features, one row each. A track has the genres of all tracks of its recording.
  What may be trained on is its counterpart `trainable.track_genre_example`.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:` or `file:` and that id
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  genres: VARCHAR[]; one or more of the 28 groups, in alphabetical order
  artist_key: VARCHAR; first artist, to split by
  recording_key: VARCHAR; title and artists, to split by
  name_source: VARCHAR; where title and artists came from, as sources.toml names it
  provider: VARCHAR; who measured the features, likewise
  label_source: VARCHAR; where the genres came from, likewise
materialized: view
*/
with
recording_genres as (
    select
        track.recording_key,
        list(distinct told.genre order by told.genre) as genres
    from core.track_genre as told
    join core.track as track using (track_id)
    where told.told_by in ('genre_seed', 'million_tracks', 'search_word')
    group by track.recording_key
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
    recording_genres.genres,
    track.artist_key,
    track.recording_key,
    track.source as name_source,
    audio.provider,
    'dataset' as label_source
from features.track_audio as audio
join core.track as track on audio.track_id = track.track_id
join recording_genres on track.recording_key = recording_genres.recording_key
where audio.is_complete and track.title is not null
