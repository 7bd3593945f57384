/*
description: Songs that stood in a Melon chart, one row each, as their Melon page names them, else as the newest chart does.
grain: song
key: [song_key]
columns:
  song_key: VARCHAR; `melon:` and the song number, else `name:` and a hash of title and artists
  song_id: VARCHAR; Melon's song number
  title: VARCHAR; as Melon writes it
  artists: VARCHAR[]; as Melon writes them
  album: VARCHAR; as Melon writes it
  released_on: VARCHAR; ISO 8601, as fine as Melon knows it
  genre: VARCHAR; Melon's first genre, in its English names where known
  is_domestic: BOOLEAN; stood in a chart of Korean songs only
  is_soundtrack: BOOLEAN; from a film, drama, game or musical, by the genres of its page or an OST in its album's name
  source: VARCHAR; as sources.toml names it, melon or dataset
incremental:
  by: [song_key]
  reads:
    core.chart_entry: song_key
    staging.melon_song: "'melon:' || song_id"
tests:
  not_null: [title, is_domestic, is_soundtrack]
*/
with
-- The newest period first by itself, so that few wide rows are sorted.
newest_period as (
    select
        song_key,
        max((source = 'melon', period)) as newest
    from core.chart_entry
    where track_id is null
    group by song_key
),

newest_entry as (
    select entry.*
    from core.chart_entry as entry
    join newest_period
        on
            entry.song_key = newest_period.song_key
            and (entry.source = 'melon', entry.period) = newest_period.newest
    where entry.track_id is null
    qualify row_number() over (
        partition by entry.song_key order by entry.chart, entry.scope, entry.rank
    ) = 1
),

domestic_song as (
    select distinct entry.song_key
    from core.chart_entry as entry
    join vocabulary.melon_scope as melon_scope using (scope)
    where melon_scope.is_domestic
),

soundtrack_genre as (
    select list(name) as names
    from vocabulary.melon_genre
    where is_soundtrack
)

select
    entry.song_key,
    entry.song_id,
    coalesce(song.title, entry.title) as title,
    if(len(song.artists) > 0, song.artists, entry.artists) as artists,
    coalesce(song.album, entry.album) as album,
    song.released_on,
    entry.genre,
    domestic_song.song_key is not null as is_domestic,
    list_has_any(list_append(coalesce(song.genres, []), entry.genre), soundtrack_genre.names)
    or regexp_matches(coalesce(song.album, entry.album, ''), '(?i)\bo\.?s\.?t\b') as is_soundtrack,
    entry.source
from newest_entry as entry
cross join soundtrack_genre
left join staging.melon_song as song using (song_id)
left join domestic_song on entry.song_key = domestic_song.song_key
