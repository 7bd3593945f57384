/*
description: What people said of soundtrack credits and tracks that were in doubt, one row per pair, the last word of each.
grain: credit x track
key: [credit_id, track_id]
columns:
  credit_id: VARCHAR; the credit
  track_id: VARCHAR; the track
  verdict: VARCHAR; same or different
  note: VARCHAR; why, in the words of who settled it, often null
  settled_by: VARCHAR; who settled it, as they gave themselves, often null
  settled_at: TIMESTAMP WITH TIME ZONE; when the verdict was taken in
tests:
  accepted: {verdict: [same, different]}
*/
select
    credit_id,
    track_id,
    verdict,
    note,
    settled_by,
    settled_at
from raw.ostinato_match_verdict as verdict
where credit_id is not null and track_id is not null and verdict.verdict in ('same', 'different')
qualify row_number() over (partition by credit_id, track_id order by settled_at desc, verdict) = 1
