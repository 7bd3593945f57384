/*
description: |
  Tracks with known genres, one row each, for training. A track has the genres of all tracks of its recording. Labels
  and features come only from sources that may be trained on; a duration from any other source is null.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; Spotify's id
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
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
    union all
    select track_id, genre, 'dataset' from staging.dataset_spotify_million_tracks
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
