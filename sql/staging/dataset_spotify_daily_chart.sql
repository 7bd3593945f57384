/*
description: |
  Places of imported daily Spotify charts of South Korea, one row each. The file joins the names of several artists by
  commas; names that hold a comma themselves are those of vocabularies/artist_with_comma.csv.
grain: day x rank
key: [chart_day, rank]
columns:
  chart_day: VARCHAR; ISO 8601
  rank: BIGINT; from 1
  track_id: VARCHAR; Spotify's id
  title: VARCHAR; as Spotify writes it
  artists: VARCHAR[]; as Spotify orders them
  artist_names: VARCHAR; the same as the file joins them
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
name_with_comma as (
    select list(artist order by length(artist) desc, artist) as artists
    from vocabulary.artist_with_comma
),

place as (
    select
        replace(trim(chart_date), '.', '-') as chart_day,
        rank,
        regexp_extract(trim(uri), '^(?:spotify:track:|https://open\.spotify\.com/track/)([0-9A-Za-z]+)', 1) as track_id,
        nullif(trim(track_name), '') as title,
        trim(artist_names) as artist_names,
        fetched_at
    from raw.dataset_spotify_daily_chart
    where
        regexp_full_match(trim(chart_date), '\d{4}[.-]\d{2}[.-]\d{2}')
        and try_cast(replace(trim(chart_date), '.', '-') as date) is not null
        and rank > 0
),

credit as (
    select
        artist_names,
        [
            replace(name, chr(31), ', ')
            for name in string_split(
                list_reduce(
                    list_prepend(artist_names, coalesce(name_with_comma.artists, [])),
                    lambda names, known: replace(names, known, replace(known, ', ', chr(31)))
                ),
                ', '
            )
            if name <> ''
        ] as artists
    from (select distinct artist_names from place where artist_names <> '') as credited
    cross join name_with_comma
)

select
    place.chart_day,
    place.rank,
    place.track_id,
    place.title,
    coalesce(credit.artists, []) as artists,
    place.artist_names,
    place.fetched_at
from place
left join credit using (artist_names)
where place.track_id <> '' and place.title is not null
qualify row_number() over (partition by place.chart_day, place.rank order by place.fetched_at desc, place) = 1
