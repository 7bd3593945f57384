/*
description: Imported albums that a search chose for several films; each has its part of the score.
severity: warn
*/
select
    album_id,
    list(title || ' (' || year || ')' order by year, title) as films
from staging.dataset_film_spotify_albums
group by album_id
having count(*) > 1
