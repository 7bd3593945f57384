/*
description: |
  Places of Melon's charts and of imported Spotify charts, one row each. A chart that was read from Melon comes before
  the same place of an imported file; where one reading holds two songs on one place, the one with the lower song number
  stays (the audit `melon_rank_ties` counts them).
grain: chart x scope x period x rank
key: [chart, scope, period, rank]
columns:
  chart: VARCHAR; Melon's top100, day, week, month, age_year or age_decade, or spotify_day
  scope: VARCHAR; KPOP, POP or Melon's class code, UNKNOWN where an imported file does not say which; Spotify's country
  period: VARCHAR; hour, day, week's first day, month, year or decade, ISO 8601
  rank: BIGINT; from 1
  song_id: VARCHAR; Melon's song number
  song_key: VARCHAR; `melon:` and the song number, `name:` and a hash of title and artists, or `spotify:` and the track
  track_id: VARCHAR; the track where the chart itself says which, as Spotify's does
  title: VARCHAR; as the chart writes it
  artists: VARCHAR[]; as the chart writes them
  album: VARCHAR; as the chart writes it
  genre: VARCHAR; Melon's first genre of the song, in its English names where known; iTunes' where the chart is Spotify's
  source: VARCHAR; as sources.toml names it, melon or dataset
incremental:
  by: [chart, scope, period]
  reads:
    staging.melon_chart: [chart, scope, period]
    staging.dataset_melon_weekly_chart: ["'week'", "'GN0000'", week_start]
    staging.dataset_melon_monthly_chart: ["'month'", "'UNKNOWN'", month]
    staging.dataset_spotify_daily_chart: ["'spotify_day'", "'KR'", chart_day]
    staging.melon_song: >-
      select chart, scope, period from core.chart_entry join changed using (song_id)
tests:
  not_null: [song_key, title]
  range: {rank: [1, null]}
  accepted: {chart: [top100, day, week, month, age_year, age_decade, spotify_day]}
  references: {track_id: core.track.track_id}
*/
with
place as (
    select
        chart,
        scope,
        period,
        rank,
        nullif(song_id, '') as song_id,
        title,
        coalesce(artists, []) as artists,
        album,
        null as genre,
        'melon' as source
    from staging.melon_chart
    union all
    select 'week', 'GN0000', week_start, rank, null, title, artists, album, null, 'dataset'
    from staging.dataset_melon_weekly_chart
    union all
    select 'month', 'UNKNOWN', month, rank, song_id, title, artists, null, genre, 'dataset'
    from staging.dataset_melon_monthly_chart
),

preferred_place as (
    select *
    from place
    qualify row_number() over (
        partition by chart, scope, period, rank
        order by source = 'melon' desc, try_cast(song_id as bigint), song_id, title, artists
    ) = 1
)

select
    place.chart,
    place.scope,
    place.period,
    place.rank,
    place.song_id,
    coalesce(
        'melon:' || place.song_id,
        'name:' || md5(lower(place.title) || '|' || lower(array_to_string(place.artists, '|')))
    ) as song_key,
    null as track_id,
    place.title,
    place.artists,
    place.album,
    coalesce(melon_genre.melon_genre, song.genres[1], place.genre) as genre,
    place.source
from preferred_place as place
left join staging.melon_song as song using (song_id)
left join vocabulary.melon_genre as melon_genre on coalesce(song.genres[1], place.genre) = melon_genre.name
union all
select
    'spotify_day' as chart,
    'KR' as scope,
    charted.chart_day as period,
    charted.rank,
    null as song_id,
    'spotify:' || charted.track_id as song_key,
    charted.track_id,
    charted.title,
    charted.artists,
    null as album,
    itunes.genre,
    'dataset' as source
from staging.dataset_spotify_daily_chart as charted
left join staging.dataset_charted_track_audio as itunes using (title, artist_names)
