/*
description: |
  Audio files of the operator that are tracks which another source lists, one row per file and track: by ISRC, else by
  title and first artist where the lengths agree within 3 seconds, since score cues of different films share names.
grain: file x track
key: [file_id, track_id]
columns:
  file_id: VARCHAR; `file:` and the start of the content's hash
  track_id: VARCHAR; the track
tests:
  references: {file_id: staging.audio_file.track_id}
*/
with
file as (
    select *
    from core.listed_track
    where track_id like 'file:%'
),

listed as (
    select *
    from core.listed_track
    where
        not contains(track_id, ':')
        or track_id in (select track_id from core.musicbrainz_recording_track where is_own_track)
),

same_code as (
    select
        file.track_id as file_id,
        listed.track_id
    from file
    join listed using (isrc)
),

same_name as (
    select
        file.track_id as file_id,
        listed.track_id
    from file
    join listed using (title_key, artist_key)
    where
        len(file.artists) > 0
        and abs(file.duration_ms - listed.duration_ms) <= 3000
        and file.track_id not in (select file_id from same_code)
)

select * from same_code
union
select * from same_name
