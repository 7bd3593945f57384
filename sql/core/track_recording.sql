/*
description: |
  Which recording each track is a release of, one row per track. Tracks of one ISRC are one recording, whatever their
  names, and so are the codes that MusicBrainz gives to one recording. A track without a code is the recording of a
  track with one that has its name (title with its additions, such as live or remix, and all artists) and its length,
  within 2 s. Of tracks of one name without any such, those are one recording whose lengths, in their order, are never
  more than 2 s apart: what arrives later can join two recordings but never tears one. A track of unknown length joins
  its name only where all of that name is one recording; else it is one by itself.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; the track
  recording_id: VARCHAR; `isrc:` and the first of the recording's codes, which no further release changes; else the
    lowest id of its tracks, which changes only when a lower one comes
  recording_key: VARCHAR; the track's title and artists, within which names are compared
  known_by: VARCHAR; what says so, isrc, code_of_name (a track of its name and length has a code), name (and length),
    name_alone (its length is unknown), or nothing where it is by itself
incremental:
  by: [recording_key]
  reads:
    core.track: recording_key
    core.track_code: >-
      select recording_key from core.track join changed using (track_id)
    core.recording_code: >-
      select track.recording_key
      from core.track as track join core.track_code as code using (track_id) join changed on code.isrc = changed.isrc
tests:
  not_null: [recording_id, recording_key, known_by]
  accepted: {known_by: [isrc, code_of_name, name, name_alone, nothing]}
  references: {track_id: core.track.track_id}
*/
with
code_of_track as (
    select
        code.track_id,
        'isrc:' || min(coalesce(same.first_isrc, code.isrc)) as recording_id
    from core.track_code as code
    left join core.recording_code as same using (isrc)
    group by code.track_id
),

shared_name as (
    select recording_key
    from core.track
    group by recording_key
    having count(*) > 1
),

-- Most names are one track's: only the others are compared.
namesake as (
    select
        track.track_id,
        track.recording_key,
        track.duration_ms,
        code.recording_id as code_id
    from core.track as track
    semi join shared_name using (recording_key)
    left join code_of_track as code using (track_id)
),

timed as (
    select
        *,
        coalesce(code_id, min(code_id) over same_length, min(code_id) over like_length) as known_id
    from namesake
    where duration_ms is not null
    window
        same_length as (
            partition by recording_key order by duration_ms range between current row and current row
        ),
        like_length as (
            partition by recording_key order by duration_ms range between 2000 preceding and 2000 following
        )
),

uncoded as (
    select
        *,
        coalesce(duration_ms - lag(duration_ms) over by_length > 2000, true) as is_first
    from timed
    where known_id is null
    window by_length as (partition by recording_key order by duration_ms)
),

length_group as (
    select
        *,
        count_if(is_first) over (partition by recording_key order by duration_ms) as place
    from uncoded
),

same_name as (
    select
        track_id,
        recording_key,
        code_id,
        known_id as recording_id,
        if(code_id is null, 'code_of_name', 'isrc') as known_by
    from timed
    where known_id is not null
    union all
    select
        track_id,
        recording_key,
        null,
        min(track_id) over lengths,
        if(count(*) over lengths > 1, 'name', 'nothing')
    from length_group
    window lengths as (partition by recording_key, place)
    union all
    select track_id, recording_key, code_id, code_id, 'isrc'
    from namesake
    where duration_ms is null and code_id is not null
),

only_recording as (
    select
        recording_key,
        min(recording_id) as recording_id
    from same_name
    group by recording_key
    having count(distinct recording_id) = 1
)

select track_id, recording_id, recording_key, known_by
from same_name
union all
select
    untimed.track_id,
    coalesce(only_recording.recording_id, untimed.track_id) as recording_id,
    untimed.recording_key,
    if(only_recording.recording_id is null, 'nothing', 'name_alone') as known_by
from namesake as untimed
left join only_recording using (recording_key)
where untimed.duration_ms is null and untimed.code_id is null
union all
select
    track.track_id,
    coalesce(code.recording_id, track.track_id) as recording_id,
    track.recording_key,
    if(code.recording_id is null, 'nothing', 'isrc') as known_by
from core.track as track
anti join shared_name using (recording_key)
left join code_of_track as code using (track_id)
