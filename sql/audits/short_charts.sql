/*
description: Charts with fewer than 95 places, apart from imported ones of which it is not known how long they are.
severity: warn
*/
select
    chart,
    scope,
    period,
    count(*) as n_places
from marts.chart_entry
where scope <> 'UNKNOWN'
group by all
having count(*) < 95
