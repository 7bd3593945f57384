/*
description: |
  Genres of tracks as each source gives them, in the 28 groups, one row per track, group and way it was told. A label
  in none of the groups is left out. Training takes what the lists and searches of tracks say; the others are here to
  be read: an artist's genres are not each track's, and Melon and iTunes have their own words.
grain: track x genre x teller x source
key: [track_id, genre, told_by, source]
columns:
  track_id: VARCHAR; the track
  genre: VARCHAR; one of the 28 groups
  told_by: VARCHAR; genre_seed, million_tracks (lists of Spotify's genre seeds), search_word (it was found by the word),
    artist_genre (Spotify's genres of its first artist), itunes, melon_page, melon_chart (songs matched to the track)
  source: VARCHAR; as sources.toml names it
  labels: VARCHAR[]; the teller's own labels of the group, in alphabetical order, `itunes:` or `melon:` before theirs
incremental:
  by: [track_id]
  reads:
    staging.dataset_spotify_tracks: track_id
    staging.dataset_spotify_query_tracks: track_id
    staging.dataset_spotify_million_tracks: track_id
    core.chart_entry: track_id
    core.chart_song_track: track_id
    core.chart_song: >-
      select track_id from core.chart_song_track join changed using (song_key)
    staging.melon_song: >-
      select matched.track_id
      from core.chart_song as song join changed using (song_id) join core.chart_song_track as matched using (song_key)
tests:
  not_null: [labels]
  accepted:
    told_by: [genre_seed, million_tracks, search_word, artist_genre, itunes, melon_page, melon_chart]
  references: {track_id: core.track.track_id}
*/
with
melon_label as (
    select
        matched.track_id,
        unnest(page.genres) as name,
        'melon_page' as told_by,
        'melon' as source
    from core.chart_song_track as matched
    join core.chart_song as song using (song_key)
    join staging.melon_song as page using (song_id)
    union all
    select matched.track_id, song.genre, 'melon_chart', song.source
    from core.chart_song_track as matched
    join core.chart_song as song using (song_key)
    anti join staging.melon_song as page using (song_id)
),

told as (
    select track_id, track_genre as label, 'genre_seed' as told_by, 'dataset' as source
    from staging.dataset_spotify_tracks
    union all
    select track_id, genre, 'million_tracks', 'dataset'
    from staging.dataset_spotify_million_tracks
    union all
    select track_id, query_genre, 'search_word', 'dataset'
    from staging.dataset_spotify_query_tracks
    union all
    select track_id, unnest(artist_genres), 'artist_genre', 'dataset'
    from staging.dataset_spotify_query_tracks
    union all
    select track_id, 'itunes:' || replace(lower(genre), ' ', '-'), 'itunes', source
    from core.chart_entry
    where chart = 'spotify_day' and genre is not null
    union all
    select
        melon_label.track_id,
        'melon:' || replace(lower(coalesce(english.melon_genre, melon_label.name)), ' ', '-'),
        melon_label.told_by,
        melon_label.source
    from melon_label
    left join vocabulary.melon_genre as english on melon_label.name = english.name
)

select
    told.track_id,
    genre_group.genre,
    told.told_by,
    told.source,
    list_sort(list_distinct(list(told.label))) as labels
from told
join vocabulary.genre_group as genre_group on told.label = genre_group.subgenre
group by told.track_id, genre_group.genre, told.told_by, told.source
