/*
description: |
  Places of Melon's charts, one row per place and song, from the newest reading of the place. Two songs on one place
  are kept only where one and the same reading held both.
grain: chart x scope x period x rank x song
key: [chart, scope, period, rank, song_id, title]
columns:
  chart: VARCHAR; top100, day, week, month, age_year or age_decade
  scope: VARCHAR; KPOP, POP or Melon's class code
  period: VARCHAR; hour, day, week's first day, month, year or decade, ISO 8601
  rank: BIGINT; from 1
  song_id: VARCHAR; Melon's song number, empty where the row has none
  title: VARCHAR; as Melon writes it
  artists: VARCHAR[]; as Melon writes them
  album: VARCHAR; as Melon writes it
  fetched_at: TIMESTAMP WITH TIME ZONE; when the chart was read
incremental:
  by: [chart, scope, period]
  reads:
    raw.melon_chart: [chart, scope, period]
*/
with
place as (
    select
        chart,
        scope,
        period,
        rank,
        coalesce(trim(song_id), '') as song_id,
        trim(title) as title,
        coalesce([name for name in artists if trim(name) <> ''], []) as artists,
        nullif(trim(album), '') as album,
        fetched_at
    from raw.melon_chart
    where chart is not null and scope is not null and period is not null and rank > 0 and trim(title) <> ''
),

-- Most charts were read once and hold one song a place: only the others are worth a window.
crowded_chart as (
    select
        chart,
        scope,
        period
    from place
    group by all
    having count(*) > count(distinct rank)
),

newest_reading as (
    select *
    from (from place semi join crowded_chart using (chart, scope, period))
    qualify fetched_at = max(fetched_at) over (partition by chart, scope, period, rank)
)

select *
from place
anti join crowded_chart using (chart, scope, period)
where fetched_at is not null
union all
select *
from newest_reading
qualify row_number() over (partition by chart, scope, period, rank, song_id, title order by newest_reading) = 1
