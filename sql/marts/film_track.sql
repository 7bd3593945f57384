/*
description: |
  Which tracks are in which film, one row per pair by its surest tie: known from an imported table, or a soundtrack
  credit matched to the track.
grain: film x track
key: [film_id, track_id]
columns:
  film_id: VARCHAR; the film
  track_id: VARCHAR; the track
  credit_title: VARCHAR; how the film's credit writes it, null where only an imported table ties them
  match_score: DOUBLE; 0 to 1, 1 for known ties
  match_method: VARCHAR; how they were tied, the route of a known tie or the method of a match
tests:
  not_null: [match_score, match_method]
  range: {match_score: [0, 1]}
  references: {film_id: core.film.film_id, track_id: core.track.track_id}
*/
with
matched_credit as (
    select
        credit.film_id,
        matched.track_id,
        credit.title as credit_title,
        matched.match_score,
        matched.match_method
    from matching.credit_track as matched
    join core.soundtrack_credit as credit using (credit_id)
    semi join core.track as track on matched.track_id = track.track_id
    where matched.is_match
    qualify row_number() over (
        partition by credit.film_id, matched.track_id
        order by matched.match_score desc, matched.match_method, credit.title
    ) = 1
)

select
    film_id,
    track_id,
    matched_credit.credit_title,
    if(link.route is null, matched_credit.match_score, 1.0) as match_score,
    coalesce(link.route, matched_credit.match_method) as match_method
from core.film_track_link as link
full join matched_credit using (film_id, track_id)
