/*
description: |
  Which tracks are in which film, one row per pair by its surest tie: known from MusicBrainz or an imported table, or a
  soundtrack credit that means the track, by matching or by a person's word. Where a person said that a credit of the film
  does not mean the track, and of none that it does, no table's word ties the two either.
grain: film x track
key: [film_id, track_id]
example: |
  select film.title, track.title, track.artists, match_score, match_method
  from film_track join film using (film_id) join track using (track_id)
  order by match_score desc limit 5
columns:
  film_id: VARCHAR; the film
  track_id: VARCHAR; the track
  credit_title: VARCHAR; how the film's credit writes it, null where only an imported table ties them
  match_score: DOUBLE; 0 to 1; for known ties the share of that route's ties that are right, for credits how well they
    fit the track, times the share of such lists that are the film's own
  match_method: VARCHAR; how they were tied, the route of a known tie or the method of a match
  source: VARCHAR; where that tie came from, as the table `attribution` names it, imdb, musicbrainz or dataset
incremental:
  by: [film_id]
  reads:
    core.credit_track: film_id
    core.soundtrack_credit: film_id
    core.film_track_link: film_id
tests:
  not_null: [match_score, match_method, source]
  range: {match_score: [0, 1]}
  references: {film_id: core.film.film_id, track_id: core.track.track_id}
*/
with
weighed_credit as (
    select
        matched.film_id,
        matched.track_id,
        credit.title as credit_title,
        if(matched.verdict = 'same', 1.0, matched.match_score * credit.list_score) as weighed_score,
        matched.match_method,
        credit.source
    from core.credit_track as matched
    join core.soundtrack_credit as credit using (credit_id)
    where matched.is_match
),

matched_credit as (
    select * rename (weighed_score as match_score)
    from weighed_credit
    qualify row_number() over (
        partition by film_id, track_id order by weighed_score desc, match_method, credit_title, source
    ) = 1
),

not_in_film as (
    select film_id, track_id
    from core.credit_track
    group by film_id, track_id
    having bool_or(verdict = 'different') and not bool_or(is_match)
),

known as (
    select link.*
    from core.film_track_link as link
    anti join not_in_film using (film_id, track_id)
),

tie as (
    select
        film_id,
        track_id,
        matched_credit.credit_title as matched_title,
        link.credit_title as linked_title,
        coalesce(link.match_score >= coalesce(matched_credit.match_score, 0), false) as is_known_best,
        matched_credit.match_score as matched_score,
        link.match_score as linked_score,
        matched_credit.match_method,
        link.route,
        matched_credit.source as matched_source,
        link.source as linked_source
    from known as link
    full join matched_credit using (film_id, track_id)
)

select
    film_id,
    track_id,
    coalesce(matched_title, linked_title) as credit_title,
    if(is_known_best, linked_score, matched_score) as match_score,
    if(is_known_best, route, match_method) as match_method,
    if(is_known_best, linked_source, matched_source) as source
from tie
