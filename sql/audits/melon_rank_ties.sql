/*
description: Places of a Melon chart on which one reading held two songs; only one is published.
severity: warn
*/
select
    chart,
    scope,
    period,
    rank,
    count(*) as n_songs
from staging.melon_chart
group by all
having count(*) > 1
