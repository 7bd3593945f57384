/*
description: |
  Soundtrack credits and the tracks that they may mean, one row per pair: what matching found, unless a person has said
  whether the two are the same, which holds whatever matching finds later.
grain: credit x track
key: [credit_id, track_id]
columns:
  credit_id: VARCHAR; the credit
  film_id: VARCHAR; its film
  track_id: VARCHAR; the track
  match_score: DOUBLE; 0 to 1; 1 or 0 where a person settled it
  match_method: VARCHAR; how the pair was found, or `settled`
  is_match: BOOLEAN; the credit means the track
  verdict: VARCHAR; same or different where a person settled it, else null
incremental:
  by: [credit_id]
  reads:
    matching.credit_track: credit_id
    staging.match_verdict: credit_id
    core.soundtrack_credit: credit_id
    core.track: >-
      select credit_id from matching.credit_track join changed using (track_id)
      union select credit_id from staging.match_verdict join changed using (track_id)
      union select credit_id from core.credit_track join changed using (track_id)
tests:
  not_null: [film_id, match_score, match_method, is_match]
  range: {match_score: [0, 1]}
  accepted: {verdict: [same, different]}
  references: {credit_id: core.soundtrack_credit.credit_id, track_id: core.track.track_id}
*/
with
pair as (
    select
        coalesce(settled.credit_id, matched.credit_id) as credit_id,
        coalesce(settled.track_id, matched.track_id) as track_id,
        if(settled.verdict is null, matched.match_score, (settled.verdict = 'same')::double) as match_score,
        if(settled.verdict is null, matched.match_method, 'settled') as match_method,
        if(settled.verdict is null, matched.is_match, settled.verdict = 'same') as is_match,
        settled.verdict
    from matching.credit_track as matched
    full join staging.match_verdict as settled
        on matched.credit_id = settled.credit_id and matched.track_id = settled.track_id
)

select
    pair.credit_id,
    credit.film_id,
    pair.track_id,
    pair.match_score,
    pair.match_method,
    pair.is_match,
    pair.verdict
from pair
join core.soundtrack_credit as credit using (credit_id)
semi join core.track as track using (track_id)
qualify row_number() over (
    partition by pair.credit_id, pair.track_id
    order by pair.match_score desc, pair.match_method
) = 1
