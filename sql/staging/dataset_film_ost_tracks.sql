/*
description: Tracks of imported soundtrack albums with their film, one row per film and track.
grain: film x track
key: [imdb_id, track_id]
columns:
  imdb_id: VARCHAR; the film
  track_id: VARCHAR; Spotify's id
  title: VARCHAR; of the track, wrongly decoded names repaired
  artists: VARCHAR[]; as Spotify orders them, wrongly decoded names repaired
  film_title: VARCHAR; the title under which the file lists the album, which is the film's
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
listed as (
    select *
    from raw.dataset_film_ost_tracks as track
    where trim(imdb_id) <> '' and trim(track_id) <> ''
    qualify row_number() over (partition by trim(imdb_id), trim(track_id) order by fetched_at desc, track) = 1
),

credited_artist as (
    select
        imdb_id,
        track_id,
        unnest(artists) as name,
        generate_subscripts(artists, 1) as place
    from listed
),

track_artists as (
    select
        credited_artist.imdb_id,
        credited_artist.track_id,
        list(coalesce(fixed.repaired, credited_artist.name) order by credited_artist.place) as artists
    from credited_artist
    left join staging.repaired_text as fixed on credited_artist.name = fixed.broken
    group by all
)

select
    trim(listed.imdb_id) as imdb_id,
    trim(listed.track_id) as track_id,
    nullif(trim(coalesce(fixed_title.repaired, listed.song_title)), '') as title,
    coalesce(track_artists.artists, []) as artists,
    nullif(trim(coalesce(fixed_film.repaired, listed.album_title)), '') as film_title,
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
    listed.fetched_at
from listed
left join track_artists using (imdb_id, track_id)
left join staging.repaired_text as fixed_title on listed.song_title = fixed_title.broken
left join staging.repaired_text as fixed_film on listed.album_title = fixed_film.broken
