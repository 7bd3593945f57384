/*
description: Imported soundtrack lists that are left out, since other films share them or have the same name later.
severity: warn
*/
select
    list.movielens_id,
    any_value(list.film_title) as film_title,
    any_value(list.year) as year
from staging.dataset_soundtrack_listings as list
left join core.film_identity as named on list.imdb_id = named.imdb_id
left join core.film_identity as numbered on list.movielens_id = numbered.movielens_id
anti join core.soundtrack_credit as credit
    on credit.listed_by = 'soundtrack_net' and credit.film_id = coalesce(named.film_id, numbered.film_id)
group by list.movielens_id
