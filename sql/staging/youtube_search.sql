/*
description: Videos that a search on YouTube found for a track, one row each, from the newest answer for the track.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; the track that was asked for
  video_id: VARCHAR; YouTube's id of the video, null where the search found none
  fetched_at: TIMESTAMP WITH TIME ZONE; when the answer was read
*/
select
    trim(track_id) as track_id,
    if(regexp_full_match(trim(video_id), '[\w-]{11}'), trim(video_id), null) as video_id,
    fetched_at
from raw.youtube_search as answer
where trim(track_id) <> ''
qualify row_number() over (partition by trim(track_id) order by fetched_at desc, answer) = 1
