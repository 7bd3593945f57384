/*
description: Soundtrack credits and tracks that may or may not be the same, one row per pair, for people to settle.
grain: credit x candidate
key: [credit_id, track_id]
may_shrink: true
columns:
  credit_id: VARCHAR; the credit
  film_id: VARCHAR; the film
  credit_title: VARCHAR; how the film's credit writes it
  credit_performers: VARCHAR[]; names in the credit, often none
  track_id: VARCHAR; the candidate
  track_title: VARCHAR; as Spotify writes it
  track_artists: VARCHAR[]; in Spotify's order
  match_score: DOUBLE; 0 to 1
  match_method: VARCHAR; how the pair was found
  settled: VARCHAR; same or different, null while in doubt
  settled_how: VARCHAR; who or what settled it, null while in doubt
tests:
  range: {match_score: [0, 1]}
  references: {film_id: marts.film.film_id, track_id: marts.track.track_id}
*/
select
    matched.credit_id,
    credit.film_id,
    credit.title as credit_title,
    credit.performers as credit_performers,
    matched.track_id,
    track.title as track_title,
    track.artists as track_artists,
    matched.match_score,
    matched.match_method,
    null::varchar as settled,
    null::varchar as settled_how
from matching.credit_track as matched
join core.soundtrack_credit as credit using (credit_id)
join core.track as track on matched.track_id = track.track_id
where not matched.is_match
qualify row_number() over (
    partition by matched.credit_id, matched.track_id
    order by matched.match_score desc, matched.match_method
) = 1
