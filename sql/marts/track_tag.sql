/*
description: Every genre and mood worth naming for a track, not only the first, one row each.
grain: track x kind x label
key: [track_id, kind, label]
example: |
  select title, artists, probability from track_tag join track using (track_id)
  where kind = 'mood' and label = 'romantic' and is_tag order by probability desc limit 5
sorted_by: [kind, label, track_id]
columns:
  track_id: VARCHAR; the track
  kind: VARCHAR; genre or mood
  label: VARCHAR; one of the 28 genre groups or of the 5 moods
  probability: FLOAT; calibrated, 0 to 1, that the label is among the true ones
  is_tag: BOOLEAN; the model's own decision
  model: VARCHAR; model and version
  tagged_at: TIMESTAMP WITH TIME ZONE; when the label was given
incremental:
  by: [track_id]
  reads:
    tagging.track_label: track_id
    core.track: track_id
tests:
  not_null: [probability, is_tag, model]
  accepted: {kind: [genre, mood]}
  range: {probability: [0, 1]}
  references: {track_id: marts.track.track_id}
*/
select
    label.track_id,
    label.kind,
    label.label,
    label.probability,
    label.is_tag,
    label.model,
    label.tagged_at
from tagging.track_label as label
semi join core.track as track using (track_id)
