/*
description: The catalogue holds no film at all.
severity: warn
*/
select count(*) as n_films
from marts.film
having count(*) = 0
