/*
description: |
  Places of the imported monthly Melon charts with genres, one row each; the file does not say which chart it is. Melon
  joins the names of several artists by commas; a comma inside brackets belongs to the name, and so does every `&`.
grain: month x rank
key: [month, rank]
columns:
  month: VARCHAR; `2014-12`
  rank: BIGINT; from 1
  song_id: VARCHAR; Melon's song number
  title: VARCHAR; as Melon writes it
  artists: VARCHAR[]; as Melon writes them
  genre: VARCHAR; as Melon writes it
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
place as (
    select
        * exclude (date),
        regexp_replace(trim(date), '^(\d{4})[.-]?(\d{2})$', '\1-\2') as month
    from raw.dataset_melon_monthly_chart
)

select
    month,
    rank,
    if(song_id > 0, song_id::varchar, null) as song_id,
    trim(regexp_replace(title, '\s+', ' ', 'g')) as title,
    coalesce([
        trim(regexp_replace(name, '\s+', ' ', 'g'))
        for name in regexp_extract_all(artist, '(?:[^,(]|\([^)]*\)|\()+')
        if trim(name) <> ''
    ], []) as artists,
    nullif(trim(genre), '') as genre,
    fetched_at
from place
where
    regexp_full_match(month, '\d{4}-\d{2}')
    and try_cast(month || '-01' as date) is not null
    and rank > 0
    and trim(title) <> ''
qualify row_number() over (partition by month, rank order by fetched_at desc, place) = 1
