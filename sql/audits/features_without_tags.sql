/*
description: Tracks with all features that carry no genre although other tracks do.
severity: warn
*/
select audio.track_id
from features.track_audio as audio
anti join marts.track_tag as tag on audio.track_id = tag.track_id and tag.kind = 'genre'
where audio.is_complete and exists (from marts.track_tag)
