/*
description: Charted songs for which a track was found, one row each.
grain: song
key: [song_key]
columns:
  song_key: VARCHAR; the song
  track_id: VARCHAR; the track
  match_score: DOUBLE; 0 to 1
  match_method: VARCHAR; how the two were matched
incremental:
  by: [song_key]
  reads:
    matching.chart_track: song_key
    core.chart_song: song_key
    core.track: >-
      select song_key from matching.chart_track join changed using (track_id)
tests:
  references: {song_key: core.chart_song.song_key, track_id: core.track.track_id}
*/
select
    matched.song_key,
    matched.track_id,
    matched.match_score,
    matched.match_method
from matching.chart_track as matched
semi join core.chart_song as song using (song_key)
semi join core.track as track using (track_id)
where matched.is_match
qualify row_number() over (
    partition by matched.song_key
    order by matched.match_score desc, contains(matched.track_id, ':'), matched.track_id, matched.match_method
) = 1
