/*
description: |
  Recordings of soundtrack albums as MusicBrainz lists them, one row per album and recording, from the newest answer
  for the album. A recording that stands on it twice is at its first place.
grain: release group x recording
key: [release_group_id, recording_id]
columns:
  release_group_id: VARCHAR; MusicBrainz' id of the album, whatever its editions
  recording_id: VARCHAR; MusicBrainz' id of the recording
  position: BIGINT; place on the album, over all media, from 1
  isrcs: VARCHAR[]; recording codes, well-formed ones only, upper case, in alphabetical order
  title: VARCHAR; of the recording
  artists: VARCHAR[]; as credited
  album: VARCHAR; of the edition that was read
  released_on: VARCHAR; of that edition, ISO 8601, as fine as MusicBrainz knows it
  duration_ms: BIGINT; ms
  fetched_at: TIMESTAMP WITH TIME ZONE; when the answer was read
*/
with
newest_answer as (
    select
        trim(release_group_id) as release_group_id,
        trim(recording_id) as recording_id,
        position,
        list_sort(list_distinct([
            code
            for code in [regexp_replace(upper(isrc), '[^A-Z0-9]', '', 'g') for isrc in isrcs]
            if regexp_full_match(code, '[A-Z]{2}[A-Z0-9]{3}\d{7}')
        ])) as isrcs,
        trim(title) as title,
        coalesce([trim(name) for name in artists if trim(name) <> ''], []) as artists,
        nullif(trim(album), '') as album,
        nullif(trim(released_on), '') as released_on,
        nullif(greatest(duration_ms, 0), 0) as duration_ms,
        fetched_at
    from raw.musicbrainz_recording
    where trim(release_group_id) <> '' and trim(recording_id) <> '' and trim(title) <> ''
    qualify fetched_at = max(fetched_at) over (partition by trim(release_group_id))
)

select
    release_group_id,
    recording_id,
    position,
    coalesce(isrcs, []) as isrcs,
    title,
    artists,
    album,
    released_on,
    duration_ms,
    fetched_at
from newest_answer
qualify row_number() over (partition by release_group_id, recording_id order by position, newest_answer) = 1
