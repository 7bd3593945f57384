/*
description: Recording codes of tracks, one row each; a track that MusicBrainz alone names has all of its recording's.
grain: track x ISRC
key: [track_id, isrc]
columns:
  track_id: VARCHAR; the track
  isrc: VARCHAR; recording code
incremental:
  by: [track_id]
  reads:
    core.track: track_id
    core.musicbrainz_recording_track: track_id
    core.musicbrainz_recording: >-
      select track_id from core.musicbrainz_recording_track join changed using (recording_mbid)
*/
select
    track_id,
    isrc
from core.track
where isrc is not null
union
select
    own.track_id,
    unnest(recording.isrcs) as isrc
from core.musicbrainz_recording_track as own
join core.musicbrainz_recording as recording using (recording_mbid)
where own.is_own_track
