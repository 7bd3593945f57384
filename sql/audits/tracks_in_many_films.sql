/*
description: Tracks tied to more than 30 films, which no song is in; a cue's name that fits any film may tie them.
severity: warn
*/
select
    track_id,
    count(*) as n_films
from marts.film_track
group by track_id
having count(*) > 30
