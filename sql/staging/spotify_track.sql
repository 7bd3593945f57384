/*
description: Tracks as Spotify's search and track reads show them, one row each, from the newest answer.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; Spotify's id
  isrc: VARCHAR; recording code, upper case, where Spotify sends it
  title: VARCHAR; as Spotify writes it
  artists: VARCHAR[]; as Spotify orders them
  album: VARCHAR; as Spotify writes it
  released_on: VARCHAR; the album's date, ISO 8601, as fine as Spotify knows it
  duration_ms: BIGINT; ms
  explicit: BOOLEAN; marked as explicit
  fetched_at: TIMESTAMP WITH TIME ZONE; when the answer was read
incremental:
  by: [track_id]
  reads:
    raw.spotify_track: trim(track_id)
*/
select
    trim(track_id) as track_id,
    -- A code once told is kept: to an app in development mode Spotify may not show it again.
    first_value(upper(nullif(trim(isrc), '')) ignore nulls) over (
        partition by trim(track_id) order by fetched_at desc, track
        rows between unbounded preceding and unbounded following
    ) as isrc,
    nullif(trim(title), '') as title,
    artists,
    nullif(trim(album), '') as album,
    nullif(trim(released_on), '') as released_on,
    nullif(greatest(duration_ms, 0), 0) as duration_ms,
    explicit,
    fetched_at
from raw.spotify_track as track
where trim(track_id) <> ''
qualify row_number() over (partition by trim(track_id) order by fetched_at desc, track) = 1
