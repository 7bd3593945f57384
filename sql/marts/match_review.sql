/*
description: |
  Soundtrack credits and tracks that may or may not be the same, one row per pair, for people to settle with
  `ostinato review`; what was settled stays here with what was said.
grain: credit x candidate
key: [credit_id, track_id]
example: |
  select credit_title, credit_performers, track_title, track_artists, match_score from match_review
  where settled is null order by match_score desc limit 5
may_shrink: true
columns:
  credit_id: VARCHAR; the credit
  film_id: VARCHAR; the film
  credit_title: VARCHAR; how the film's credit writes it
  credit_performers: VARCHAR[]; names in the credit, often none
  track_id: VARCHAR; the candidate
  track_title: VARCHAR; as Spotify writes it
  track_artists: VARCHAR[]; in Spotify's order
  match_score: DOUBLE; 0 to 1; 1 or 0 where a person settled it
  match_method: VARCHAR; how the pair was found, or `settled`
  settled: VARCHAR; same or different, null while in doubt
  settled_how: VARCHAR; who settled it as they gave themselves, else `person`, null while in doubt
  settled_at: TIMESTAMP WITH TIME ZONE; when, null while in doubt
incremental:
  by: [credit_id]
  reads:
    core.credit_track: credit_id
    staging.match_verdict: credit_id
    core.soundtrack_credit: credit_id
    core.track: >-
      select credit_id from core.credit_track join changed using (track_id)
tests:
  range: {match_score: [0, 1]}
  references: {film_id: marts.film.film_id, track_id: marts.track.track_id}
  accepted: {settled: [same, different]}
*/
select
    pair.credit_id,
    pair.film_id,
    credit.title as credit_title,
    credit.performers as credit_performers,
    pair.track_id,
    track.title as track_title,
    track.artists as track_artists,
    pair.match_score,
    pair.match_method,
    pair.verdict as settled,
    if(pair.verdict is null, null, coalesce(verdict.settled_by, 'person')) as settled_how,
    verdict.settled_at
from core.credit_track as pair
join core.soundtrack_credit as credit using (credit_id)
join core.track as track using (track_id)
left join staging.match_verdict as verdict using (credit_id, track_id)
where not pair.is_match or pair.verdict is not null
