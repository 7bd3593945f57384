/*
description: Rows of imported track tables labelled with the genre word searched for, one per track and word.
grain: track x search word
key: [track_id, query_genre]
columns:
  track_id: VARCHAR; Spotify's id
  query_genre: VARCHAR; the word, spelt like Spotify's seeds (hip-hop, r-n-b), empty where the file has none
  title: VARCHAR; as Spotify writes it
  artists: VARCHAR[]; the first artist only, as the file has no more
  artist_genres: VARCHAR[]; Spotify's genres of that artist, spelt like the seeds
  album: VARCHAR; as Spotify writes it
  released_on: VARCHAR; the album's date, ISO 8601, as fine as Spotify knows it
  explicit: BOOLEAN; marked as explicit
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
incremental:
  by: [track_id]
  reads:
    raw.dataset_spotify_query_tracks: trim(track_id)
*/
with
searched as (
    select
        * exclude (track_id, query_genre, artist_genres),
        trim(track_id) as track_id,
        coalesce(replace(replace(lower(trim(query_genre)), '&', '-n-'), ' ', '-'), '') as query_genre,
        [replace(replace(lower(trim(genre)), '&', '-n-'), ' ', '-') for genre in artist_genres] as artist_genres
    from raw.dataset_spotify_query_tracks
)

select
    track_id,
    query_genre,
    nullif(trim(track_name), '') as title,
    [name for name in [trim(artist_name)] if name <> ''] as artists,
    artist_genres,
    nullif(trim(album_name), '') as album,
    nullif(nullif(trim(release_date), ''), '0000') as released_on,
    explicit,
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
from searched
where track_id <> ''
qualify row_number() over (partition by track_id, query_genre order by fetched_at desc, searched) = 1
