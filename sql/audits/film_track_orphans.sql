/*
description: Ties whose film or track the catalogue does not hold.
severity: error
*/
select tie.*
from marts.film_track as tie
left join marts.film as film using (film_id)
left join marts.track as track using (track_id)
where film.film_id is null or track.track_id is null
