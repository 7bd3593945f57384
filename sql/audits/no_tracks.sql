/*
description: The catalogue holds no track at all.
severity: error
*/
select count(*) as n_tracks
from marts.track
having count(*) = 0
