/*
description: |
  Tracks that a source ties to a film without a credit to be matched, one row per film and track, by the surest of the
  ways in which the tie was found: recordings of the albums that MusicBrainz relates to the film, and ties of imported
  tables. Left out are ties to tracks that no source describes, ties that a table made of a list of credits by title and
  performer alone where that list is here itself (matching reads it with more care), and ties of a route and album of
  which fewer than half are right.
grain: film x track
key: [film_id, track_id]
columns:
  film_id: VARCHAR; the film
  track_id: VARCHAR; the track
  route: VARCHAR; how the tie was found, the first that fits of vocabularies/film_track_route.csv, else any other
  match_score: DOUBLE; share of the ties of that route that are right, 0.5 to 1, 1 where nobody measured; an imported
    album that was chosen for several films is at most one's, so each has its part
  credit_title: VARCHAR; how the album writes it, null for imported ties
  source: VARCHAR; as sources.toml names it
tests:
  not_null: [route, match_score]
  range: {match_score: [0.5, 1]}
  references: {film_id: core.film_identity.film_id, track_id: core.track.track_id}
*/
with
film_of_album as (
    select
        identity.film_id,
        album.track_ids,
        1 / count(*) over (partition by album.album_id) as part
    from staging.dataset_film_spotify_albums as album
    join staging.dataset_cmu_films as film using (title, year)
    join core.film_identity as identity using (tmdb_id)
),

tie as (
    select
        identity.film_id,
        link.track_id,
        link.route,
        1.0 as part,
        null as credit_title,
        'dataset' as source
    from staging.dataset_film_track_links as link
    join core.film_identity as identity using (imdb_id)
    union all
    select identity.film_id, track.track_id, 'ost_album_features', 1.0, null, 'dataset'
    from staging.dataset_film_ost_tracks as track
    join core.film_identity as identity using (imdb_id)
    union all
    select film_id, unnest(track_ids), 'ost_album_ids', part, null, 'dataset'
    from film_of_album
    union all
    select credit.film_id, recording.track_id, 'musicbrainz', 1.0, credit.title, 'musicbrainz'
    from core.soundtrack_credit as credit
    join core.musicbrainz_recording_track as recording using (recording_mbid)
),

-- Of two tables that know a tie by the same route, the one that knows of other films with the album is to be believed.
tie_by_route as (
    select
        film_id,
        track_id,
        route,
        source,
        min(part) as part,
        min(credit_title) as credit_title
    from tie
    group by all
),

-- Of such ties that matching does not make as well, 13 % were right of 55 judged by eye: they are live, remixed, duets.
list_at_hand as (
    select distinct
        credit.film_id,
        route.route
    from core.soundtrack_credit as credit
    join vocabulary.film_track_route as route on credit.listed_by = route.made_of_list
)

select
    tie.film_id,
    tie.track_id,
    tie.route,
    coalesce(route.match_score, 1.0) * tie.part as match_score,
    tie.credit_title,
    tie.source
from tie_by_route as tie
left join vocabulary.film_track_route as route using (route)
semi join core.track as track on tie.track_id = track.track_id
anti join list_at_hand on tie.film_id = list_at_hand.film_id and tie.route = list_at_hand.route
where coalesce(route.match_score, 1.0) * tie.part >= 0.5
qualify row_number() over (
    partition by tie.film_id, tie.track_id
    order by coalesce(route.match_score, 1.0) * tie.part desc, route.preference nulls last, tie.route
) = 1
