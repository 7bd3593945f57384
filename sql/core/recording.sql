/*
description: |
  Recordings, one row each, whatever the number of their releases (core.track_recording says which tracks those are).
  Names and length are those of the earliest of them whose date is known, else of the lowest track id.
grain: recording
key: [recording_id]
columns:
  recording_id: VARCHAR; `isrc:` and its first code, else the lowest id of its tracks
  title: VARCHAR; of the earliest release
  artists: VARCHAR[]; of the earliest release
  n_tracks: BIGINT; tracks that are releases of it
  isrcs: VARCHAR[]; recording codes of all its tracks, in alphabetical order, empty where none is known
  duration_ms: BIGINT; ms, of the earliest release
  released_on: VARCHAR; the earliest date of any release, ISO 8601, as fine as its source knows it
  genres: VARCHAR[]; of the 28 groups, those that any teller of core.track_genre but artist_genre gives a release, in
    alphabetical order
incremental:
  by: [recording_id]
  reads:
    core.track_recording: recording_id
    core.track: >-
      select recording_id from core.track_recording join changed using (track_id)
    core.track_code: >-
      select recording_id from core.track_recording join changed using (track_id)
    core.track_genre: >-
      select recording_id from core.track_recording join changed using (track_id)
tests:
  not_null: [n_tracks, isrcs, genres]
  range: {n_tracks: [1, null], duration_ms: [1, null]}
warn:
  not_null: [title]
*/
with
release as (
    select
        same.recording_id,
        track.title,
        track.artists,
        track.duration_ms,
        track.released_on,
        concat_ws(' ', coalesce(track.released_on, '9999'), track.track_id) as place
    from core.track_recording as same
    join core.track as track using (track_id)
),

code as (
    select
        same.recording_id,
        list_sort(list_distinct(list(track_code.isrc))) as isrcs
    from core.track_recording as same
    join core.track_code as track_code using (track_id)
    group by same.recording_id
),

genre as (
    select
        same.recording_id,
        list_sort(list_distinct(list(track_genre.genre))) as genres
    from core.track_recording as same
    join core.track_genre as track_genre using (track_id)
    where track_genre.told_by <> 'artist_genre'
    group by same.recording_id
),

recording as (
    select
        recording_id,
        arg_min(title, place) as title,
        arg_min(artists, place) as artists,
        count(*) as n_tracks,
        arg_min(duration_ms, place) as duration_ms,
        min(released_on) as released_on
    from release
    group by recording_id
)

select
    recording.recording_id,
    recording.title,
    recording.artists,
    recording.n_tracks,
    coalesce(code.isrcs, []) as isrcs,
    recording.duration_ms,
    recording.released_on,
    coalesce(genre.genres, []) as genres
from recording
left join code using (recording_id)
left join genre using (recording_id)
