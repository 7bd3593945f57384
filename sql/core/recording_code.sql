/*
description: |
  ISRCs that mean one recording, since MusicBrainz gives a recording both, one row for each that is not the first of
  them. Codes are followed from recording to recording: what shares a code with a third is one with it too.
grain: ISRC
key: [isrc]
columns:
  isrc: VARCHAR; recording code
  first_isrc: VARCHAR; the first in alphabetical order of all codes of the recording
tests:
  not_null: [first_isrc]
*/
with recursive
shared_code as (
    select
        recording_mbid,
        unnest(isrcs) as isrc
    from core.musicbrainz_recording
    where len(isrcs) > 1
),

same_recording as (
    select distinct
        one.isrc,
        other.isrc as other_isrc
    from shared_code as one
    join shared_code as other using (recording_mbid)
),

reached as (
    select isrc, other_isrc from same_recording
    union
    select reached.isrc, same_recording.other_isrc
    from reached
    join same_recording on reached.other_isrc = same_recording.isrc
)

select
    isrc,
    min(other_isrc) as first_isrc
from reached
group by isrc
having isrc <> min(other_isrc)
