/*
description: |
  Recordings that are tied to a Spotify track by their ISRC although neither title holds the other: one of the two
  sources may have the code of another recording. Titles in different scripts are not compared.
severity: warn
*/
with
pair as (
    select
        recording.recording_id,
        recording.title,
        track.track_id,
        track.title as track_title,
        regexp_replace(lower(nfc_normalize(recording.title)), '[^\p{L}\p{N}]+', '', 'g') as title_key,
        regexp_replace(lower(nfc_normalize(track.title)), '[^\p{L}\p{N}]+', '', 'g') as track_title_key
    from core.musicbrainz_recording_track as known
    join staging.musicbrainz_recording as recording on known.recording_mbid = recording.recording_id
    join core.track as track using (track_id)
    where not known.is_own_track
)

select distinct
    recording_id,
    title,
    track_id,
    track_title
from pair
where
    not contains(title_key, track_title_key)
    and not contains(track_title_key, title_key)
    and regexp_full_match(title_key, '[\p{Latin}\p{N}]+') = regexp_full_match(track_title_key, '[\p{Latin}\p{N}]+')
