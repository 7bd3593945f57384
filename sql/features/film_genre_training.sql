/*
description: |
  Soundtrack tracks with the genres of their film, one row per film and track, for training: ties that imported tables
  know, and soundtrack credits matched to a track, none of them likelier wrong than right. Ties, genres and features
  come only from sources that may be trained on (so the genres are those of the first such source); a duration from any
  other source is null.
grain: film x track
key: [film_id, track_id]
columns:
  film_id: VARCHAR; the film, to split by
  track_id: VARCHAR; Spotify's id
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  film_genres: VARCHAR[]; TMDB's names, in alphabetical order
  artist_key: VARCHAR; first artist, to split by
  recording_key: VARCHAR; title and artists
  route: VARCHAR; how film and track are tied, a route of core.film_track_link or a method of matching.credit_track
tests:
  not_null: [danceability, energy, loudness, film_genres, artist_key]
  references: {film_id: core.film.film_id, track_id: core.track.track_id}
*/
with
trainable_source as (
    select source from vocabulary.source_policy where may_train
),

tie as (
    select film_id, track_id, route, source, match_score, true as is_known
    from core.film_track_link
    union all
    select
        credit.film_id,
        matched.track_id,
        matched.match_method,
        credit.source,
        matched.match_score * credit.list_score,
        false
    from matching.credit_track as matched
    join core.soundtrack_credit as credit using (credit_id)
    where matched.is_match
),

trainable_tie as (
    select film_id, track_id, route
    from tie
    semi join trainable_source using (source)
    where match_score >= 0.5
    qualify row_number() over (
        partition by film_id, track_id
        order by is_known desc, match_score desc, route, source
    ) = 1
),

trainable_genres as (
    select film_id, arg_min(genres, preference) as film_genres
    from core.film_genre
    semi join trainable_source using (source)
    group by film_id
)

select
    tie.film_id,
    tie.track_id,
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
    trainable_genres.film_genres,
    track.artist_key,
    track.recording_key,
    tie.route
from trainable_tie as tie
join trainable_genres using (film_id)
join features.track_audio as audio on tie.track_id = audio.track_id
join core.track as track on tie.track_id = track.track_id
semi join trainable_source on audio.provider = trainable_source.source
where audio.is_complete
