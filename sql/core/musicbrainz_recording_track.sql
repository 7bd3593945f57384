/*
description: |
  Which tracks a MusicBrainz recording is, one row per recording and track: those that Spotify knows under one of its
  ISRCs, else those with a Spotify id of the same title, first artist and length (within 3 seconds, since a composer
  writes a "Main Title" for every film), else a track of its own.
grain: recording x track
key: [recording_mbid, track_id]
columns:
  recording_mbid: VARCHAR; MusicBrainz' id
  track_id: VARCHAR; Spotify's id, else `isrc:` and the first ISRC, else `mbid:` and the recording's id
  is_own_track: BOOLEAN; no source but MusicBrainz names the track
tests:
  not_null: [is_own_track]
  references: {recording_mbid: core.musicbrainz_recording.recording_mbid}
*/
with
spotify_track as (
    select *
    from core.listed_track
    where not contains(track_id, ':')
),

recording_code as (
    select
        recording_mbid,
        unnest(isrcs) as isrc
    from core.musicbrainz_recording
),

same_code as (
    select distinct
        code.recording_mbid,
        track.track_id
    from recording_code as code
    join spotify_track as track using (isrc)
),

same_name as (
    select
        recording.recording_mbid,
        track.track_id
    from core.musicbrainz_recording as recording
    join core.listed_track as own on recording.own_track_id = own.track_id
    join spotify_track as track using (title_key, artist_key)
    where
        len(recording.artists) > 0
        and abs(recording.duration_ms - track.duration_ms) <= 3000
        and recording.recording_mbid not in (select recording_mbid from same_code)
),

known as (
    select * from same_code
    union
    select * from same_name
)

select
    recording_mbid,
    track_id,
    false as is_own_track
from known
union all
select
    recording_mbid,
    own_track_id,
    true as is_own_track
from core.musicbrainz_recording
where recording_mbid not in (select recording_mbid from known)
