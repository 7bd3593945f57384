/*
description: |
  Tracks with known genres, one row each, for training. A track has the genres of all tracks of its recording. Labels
  and features come only from sources that may be trained on; a duration from any other source is null.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; Spotify's id
  danceability: DOUBLE; 0 to 1
  energy: DOUBLE; 0 to 1
  key: DOUBLE; 0 to 11 = C to B, -1 none
  loudness: DOUBLE; dB
  mode: DOUBLE; 1 major, 0 minor
  speechiness: DOUBLE; 0 to 1
  acousticness: DOUBLE; 0 to 1
  instrumentalness: DOUBLE; 0 to 1
  liveness: DOUBLE; 0 to 1
  valence: DOUBLE; 0 to 1
  tempo: DOUBLE; BPM, 0 not detected
  duration_ms: DOUBLE; ms
  time_signature: DOUBLE; beats per bar, 0 not detected
  genres: VARCHAR[]; one or more of the 28 groups, in alphabetical order
  artist_key: VARCHAR; first artist, to split by
  recording_key: VARCHAR; title and artists, to split by
tests:
  not_null: [danceability, energy, loudness, genres, artist_key, recording_key]
*/
with
trainable_source as (
    select source from vocabulary.source_policy where may_train
),

label as (
    select track_id, track_genre as subgenre, 'dataset' as source from staging.dataset_spotify_tracks
    union all
    select track_id, query_genre, 'dataset' from staging.dataset_spotify_query_tracks
),

recording_genres as (
    select
        track.recording_key,
        list(distinct genre_group.genre order by genre_group.genre) as genres
    from label
    semi join trainable_source using (source)
    join vocabulary.genre_group as genre_group using (subgenre)
    join core.track as track using (track_id)
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
    if(audio.duration_source in (from trainable_source), audio.duration_ms, null) as duration_ms,
    audio.time_signature,
    recording_genres.genres,
    track.artist_key,
    track.recording_key
from features.track_audio as audio
semi join trainable_source on audio.provider = trainable_source.source
join core.track as track on audio.track_id = track.track_id
join recording_genres on track.recording_key = recording_genres.recording_key
where audio.is_complete
