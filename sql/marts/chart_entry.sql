/*
description: Places of Melon's charts and of imported Spotify charts with the track that stood there, one row each.
grain: chart x scope x period x rank
key: [chart, scope, period, rank]
example: |
  select rank, title, artists, predicted_genre from chart_entry
  where chart = 'month' and scope = 'KPOP' order by period desc, rank limit 5
columns:
  chart: VARCHAR; Melon's top100, day, week, month, age_year or age_decade, or spotify_day
  scope: VARCHAR; KPOP, POP or Melon's class code, UNKNOWN where an imported file does not say which; Spotify's country
  period: VARCHAR; hour, day, week's first day, month, year or decade, ISO 8601
  rank: BIGINT; from 1
  song_id: VARCHAR; Melon's song number
  track_id: VARCHAR; Spotify's own or the matched track, else `melon:` and the song number, null where there is none
  title: VARCHAR; as the chart writes it
  artists: VARCHAR[]; as the chart writes them
  genre: VARCHAR; Melon's; iTunes' where the chart is Spotify's
  predicted_genre: VARCHAR; the track's, one of the 28 groups
  album: VARCHAR; as the chart writes it
  source: VARCHAR; as the table `attribution` names it, melon or dataset
incremental:
  by: [chart, scope, period, rank]
  reads:
    core.chart_entry: [chart, scope, period, rank]
    core.chart_song_track: >-
      select chart, scope, period, rank from core.chart_entry join changed using (song_key)
    marts.track: >-
      select entry.chart, entry.scope, entry.period, entry.rank
      from core.chart_entry as entry
      left join core.chart_song_track as matched using (song_key)
      join changed on coalesce(entry.track_id, matched.track_id, 'melon:' || entry.song_id) = changed.track_id
tests:
  not_null: [title]
  range: {rank: [1, null]}
  references: {track_id: marts.track.track_id}
*/
with
entry as (
    select
        entry.* exclude (track_id),
        coalesce(entry.track_id, matched.track_id, 'melon:' || entry.song_id) as track_id
    from core.chart_entry as entry
    left join core.chart_song_track as matched using (song_key)
)

select
    entry.chart,
    entry.scope,
    entry.period,
    entry.rank,
    entry.song_id,
    entry.track_id,
    entry.title,
    entry.artists,
    entry.genre,
    track.genre as predicted_genre,
    entry.album,
    entry.source
from entry
left join marts.track as track using (track_id)
