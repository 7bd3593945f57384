/*
description: |
  Places of the imported weekly Melon charts of all genres, one row each. Melon joins the names of several artists by
  commas; a comma inside brackets belongs to the name, and so does every `&`.
grain: week x rank
key: [week_start, rank]
columns:
  week_start: VARCHAR; first day of the week, ISO 8601
  rank: BIGINT; from 1
  title: VARCHAR; as Melon writes it
  artists: VARCHAR[]; as Melon writes them
  album: VARCHAR; as Melon writes it
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
select
    replace(trim(date), '.', '-') as week_start,
    rank,
    trim(regexp_replace(title, '\s+', ' ', 'g')) as title,
    coalesce([
        trim(regexp_replace(name, '\s+', ' ', 'g'))
        for name in regexp_extract_all(singer, '(?:[^,(]|\([^)]*\)|\()+')
        if trim(name) <> ''
    ], []) as artists,
    nullif(trim(album), '') as album,
    fetched_at
from raw.dataset_melon_weekly_chart as place
where
    regexp_full_match(trim(date), '\d{4}[.-]\d{2}[.-]\d{2}')
    and try_cast(replace(trim(date), '.', '-') as date) is not null
    and rank > 0
    and trim(title) <> ''
qualify row_number() over (partition by replace(trim(date), '.', '-'), rank order by fetched_at desc, place) = 1
