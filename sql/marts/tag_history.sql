/*
description: Changes of a track's genre or mood from one tagging to the next, one row each.
grain: track x kind x change
key: [track_id, kind, changed_at]
example: |
  select title, artists, kind, old_label, new_label from tag_history join track using (track_id)
  where old_label is not null order by changed_at desc limit 5
columns:
  track_id: VARCHAR; the track
  kind: VARCHAR; genre or mood
  old_label: VARCHAR; the label before, null at the first tagging
  new_label: VARCHAR; the label after
  model: VARCHAR; model and version that gave the new label
  changed_at: TIMESTAMP WITH TIME ZONE; when
tests:
  accepted: {kind: [genre, mood]}
incremental:
  by: [track_id, kind, changed_at]
  reads:
    raw.ostinato_tag_history: [track_id, kind, changed_at]
*/
select
    track_id,
    kind,
    old_label,
    new_label,
    model,
    changed_at
from raw.ostinato_tag_history as change
where track_id is not null and kind is not null and changed_at is not null
qualify row_number() over (partition by track_id, kind, changed_at order by change) = 1
