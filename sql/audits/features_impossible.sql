/*
description: Tracks with audio features of which some are missing or impossible; they stay untagged.
severity: warn
*/
select *
from features.track_audio
where not is_complete
