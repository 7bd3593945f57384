/*
description: |
  YouTube videos that a machine chose for imported soundtrack credits, one row per title and performer: the surest of
  those that can be believed. The file's own confidence is not enough: of videos between 0.65 and 0.75 about half are
  by somebody else, above 0.75 a cover still turns up here and there. So it has to be 0.7 at least, and the video's
  title and channel have to name the song and its performer.
grain: title x performer
key: [title_key, performer_key]
columns:
  title_key: VARCHAR; of the song, lower case, letters and digits only
  performer_key: VARCHAR; all performers of the credit, likewise
  video_id: VARCHAR; YouTube's id of the video
  match_confidence: DOUBLE; the file's own, 0.7 to 1
*/
with
video as (
    select
        regexp_replace(lower(nfc_normalize(title)), '[^\p{L}\p{N}]+', '', 'g') as title_key,
        regexp_replace(lower(nfc_normalize(performer)), '[^\p{L}\p{N}]+', '', 'g') as performer_key,
        regexp_replace(lower(nfc_normalize(youtube_title)), '[^\p{L}\p{N}]+', '', 'g') as video_title_key,
        regexp_replace(lower(nfc_normalize(youtube_channel)), '[^\p{L}\p{N}]+', '', 'g') as channel_key,
        trim(youtube_video_id) as video_id,
        match_confidence
    from raw.dataset_soundtrack_videos
    where match_confidence between 0.7 and 1 and regexp_full_match(trim(youtube_video_id), '[\w-]{11}')
)

select
    title_key,
    performer_key,
    video_id,
    match_confidence
from video
where
    title_key <> ''
    and performer_key <> ''
    and contains(video_title_key, title_key)
    and (contains(video_title_key, performer_key) or contains(channel_key, performer_key))
qualify row_number() over (partition by title_key, performer_key order by match_confidence desc, video_id) = 1
