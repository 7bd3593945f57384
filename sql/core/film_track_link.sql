/*
description: |
  Tracks that imported tables already tie to a film, one row per film and track, by the surest of the ways in which
  the tie was found. Links to tracks that no source describes are left out.
grain: film x track
key: [film_id, track_id]
columns:
  film_id: VARCHAR; the film
  track_id: VARCHAR; Spotify's id
  route: VARCHAR; how the tie was found, of ost_album_features, imdb_listing, ost_album_ids, soundtracknet_listing,
    album_title and others the first
  source: VARCHAR; as sources.toml names it
tests:
  not_null: [route]
  references: {film_id: core.film_identity.film_id, track_id: core.track.track_id}
*/
with
known_link as (
    select imdb_id, track_id, route
    from staging.dataset_film_track_links
    union
    select imdb_id, track_id, 'ost_album_features' as route
    from staging.dataset_film_ost_tracks
),

ranked_link as (
    select
        *,
        coalesce(
            list_position(
                ['ost_album_features', 'imdb_listing', 'ost_album_ids', 'soundtracknet_listing', 'album_title'],
                route
            ),
            6
        ) as preference
    from known_link
)

select
    identity.film_id,
    link.track_id,
    link.route,
    'dataset' as source
from ranked_link as link
join core.film_identity as identity using (imdb_id)
semi join core.track as track on link.track_id = track.track_id
qualify row_number() over (partition by identity.film_id, link.track_id order by link.preference, link.route) = 1
