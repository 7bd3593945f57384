/*
description: Film-genre fits whose probability or lift cannot be.
severity: error
*/
select *
from marts.film_genre_fit
where probability is null or not probability between 0 and 1 or lift < 0
