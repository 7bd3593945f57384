/*
description: |
  Soundtrack tracks with the genres of their film, one row per film and track: ties that MusicBrainz and imported tables
  know, and soundtrack credits matched to a track, none of them likelier wrong than right. What may be trained on is its
  counterpart `trainable.film_genre_example`.
grain: film x track
key: [film_id, track_id]
columns:
  film_id: VARCHAR; the film, to split by
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:` or `file:` and that id
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  film_genres: VARCHAR[]; TMDB's names, in alphabetical order
  artist_key: VARCHAR; first artist, to split by
  recording_key: VARCHAR; title and artists
  route: VARCHAR; how film and track are tied, a route of core.film_track_link or a method of core.credit_track
  name_source: VARCHAR; where the track's title and artists came from, as sources.toml names it
  provider: VARCHAR; who measured the features, likewise
  label_source: VARCHAR; where the film's genres came from, likewise
  tie_source: VARCHAR; where the tie came from, likewise
materialized: view
*/
with
tie as (
    select film_id, track_id, route, source, match_score, true as is_known
    from core.film_track_link
    union all
    select
        credit.film_id,
        matched.track_id,
        matched.match_method,
        credit.source,
        if(matched.verdict = 'same', 1, matched.match_score * credit.list_score),
        false
    from core.credit_track as matched
    join core.soundtrack_credit as credit using (credit_id)
    where matched.is_match
),

likely_tie as (
    select film_id, track_id, route, source
    from tie
    where match_score >= 0.5
    qualify row_number() over (
        partition by film_id, track_id
        order by is_known desc, match_score desc, route, source
    ) = 1
),

preferred_genres as (
    select
        film_id,
        arg_min(genres, preference) as genres,
        arg_min(source, preference) as source
    from core.film_genre
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
    audio.duration_ms,
    audio.time_signature,
    preferred_genres.genres as film_genres,
    track.artist_key,
    track.recording_key,
    tie.route,
    track.source as name_source,
    audio.provider,
    preferred_genres.source as label_source,
    tie.source as tie_source
from likely_tie as tie
join preferred_genres using (film_id)
join features.track_audio as audio on tie.track_id = audio.track_id
join core.track as track on tie.track_id = track.track_id
where audio.is_complete and track.title is not null
