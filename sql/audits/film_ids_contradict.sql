/*
description: Ids of films that two sources tie to different films; the source that is believed first has its way.
severity: warn
*/
select *
from core.film_id_conflict
