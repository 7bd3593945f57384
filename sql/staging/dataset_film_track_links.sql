/*
description: Imported links from films to tracks, one row per link and way it was found.
grain: film x track x route
key: [imdb_id, track_id, route]
columns:
  imdb_id: VARCHAR; the film
  track_id: VARCHAR; Spotify's id
  route: VARCHAR; how the link was found, as the file names it
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
route_found as (
    select
        trim(imdb_id) as imdb_id,
        trim(track_id) as track_id,
        unnest(string_split(routes, ',')) as route,
        fetched_at
    from raw.dataset_film_track_links
)

select
    imdb_id,
    track_id,
    trim(route) as route,
    max(fetched_at) as fetched_at
from route_found
where imdb_id <> '' and track_id <> '' and trim(route) <> ''
group by all
