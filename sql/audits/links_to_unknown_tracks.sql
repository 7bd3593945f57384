/*
description: Imported ties of films to tracks that no source describes; they are left out.
severity: warn
*/
select distinct
    link.imdb_id,
    link.track_id
from staging.dataset_film_track_links as link
anti join core.track as track using (track_id)
