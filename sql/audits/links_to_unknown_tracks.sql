/*
description: Imported ties of films to tracks that no source describes; they are left out.
severity: warn
*/
with
tie as (
    select
        imdb_id as film,
        track_id
    from staging.dataset_film_track_links
    union
    select
        title || ' (' || year || ')' as film,
        unnest(track_ids) as track_id
    from staging.dataset_film_spotify_albums
)

select tie.*
from tie
anti join core.track as track using (track_id)
