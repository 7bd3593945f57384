/*
description: |
  MusicBrainz' recordings of soundtrack albums, one row each, with the names of the first album that has it, and the
  id that it has as a track where no other source lists it.
grain: recording
key: [recording_mbid]
columns:
  recording_mbid: VARCHAR; MusicBrainz' id
  own_track_id: VARCHAR; `isrc:` and the first ISRC, else `mbid:` and the recording's id
  isrcs: VARCHAR[]; recording codes, in alphabetical order
  title: VARCHAR; of the recording
  artists: VARCHAR[]; as credited
  album: VARCHAR; the earliest album with it
  released_on: VARCHAR; of that album, ISO 8601, as fine as MusicBrainz knows it
  duration_ms: BIGINT; ms
  fetched_at: TIMESTAMP WITH TIME ZONE; when the answer was read
tests:
  not_null: [own_track_id, title]
*/
with
code_of_recording as (
    select
        recording_id as recording_mbid,
        list_sort(list_distinct(flatten(list(isrcs)))) as isrcs
    from staging.musicbrainz_recording
    group by recording_id
)

select
    code.recording_mbid,
    coalesce('isrc:' || code.isrcs[1], 'mbid:' || code.recording_mbid) as own_track_id,
    code.isrcs,
    recording.title,
    recording.artists,
    recording.album,
    recording.released_on,
    recording.duration_ms,
    recording.fetched_at
from staging.musicbrainz_recording as recording
join code_of_recording as code on recording.recording_id = code.recording_mbid
qualify row_number() over (
    partition by code.recording_mbid order by recording.released_on, recording.release_group_id
) = 1
