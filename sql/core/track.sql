/*
description: |
  Tracks of every source, one row each: those of `core.listed_track` without the recordings of MusicBrainz and the audio
  files of the operator that are one of the others.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:` or `file:` and that id
  isrc: VARCHAR; recording code
  title: VARCHAR; null for a track that its only source names by its id alone
  artists: VARCHAR[]; in the source's order
  album: VARCHAR; as the source writes it
  released_on: VARCHAR; the album's date, ISO 8601, as fine as the source knows it
  duration_ms: BIGINT; ms
  explicit: BOOLEAN; marked as explicit
  source: VARCHAR; where title and artists came from, as sources.toml names it
  duration_source: VARCHAR; where the duration came from, as sources.toml names it
  source_tags: VARCHAR[]; genre seeds, search words and artist genres that sources put on it, iTunes' after `itunes:`
  artist_key: VARCHAR; first artist, lower case, letters and digits only; else of the track alone
  recording_key: VARCHAR; title and artists, likewise, whatever the length; models split by it and the artist
  fetched_at: TIMESTAMP WITH TIME ZONE; newest reading of any source
incremental:
  by: [track_id]
  reads:
    core.listed_track: track_id
    core.musicbrainz_recording_track: track_id
    core.audio_file_track: file_id
tests:
  not_null: [artist_key, recording_key, source]
  range: {duration_ms: [1, null]}
warn:
  not_null: [title]
*/
select
    listed.track_id,
    listed.isrc,
    listed.title,
    listed.artists,
    listed.album,
    listed.released_on,
    listed.duration_ms,
    listed.explicit,
    listed.source,
    listed.duration_source,
    listed.source_tags,
    listed.artist_key,
    listed.recording_key,
    listed.fetched_at
from core.listed_track as listed
where
    not contains(listed.track_id, ':')
    or listed.track_id in (select track_id from core.musicbrainz_recording_track where is_own_track)
    or (
        listed.track_id like 'file:%'
        and listed.track_id not in (select file_id from core.audio_file_track)
    )
