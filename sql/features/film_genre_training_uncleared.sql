/*
description: |
  How many more soundtrack tracks could be trained on, one row per set of sources that would have to be cleared for it
  together (`training` in sources.toml).
grain: set of sources
key: [sources]
columns:
  sources: VARCHAR[]; those of its sources that are not cleared, in alphabetical order
  n_rows: BIGINT; pairs of film and track
tests:
  range: {n_rows: [1, null]}
materialized: view
*/
with
uncleared_source as (
    select source from vocabulary.source_policy where not may_train
),

missing_row as (
    select example.*
    from features.film_genre_example as example
    anti join features.film_genre_training using (film_id, track_id)
),

needed_source as (
    select film_id, track_id, tie_source as source from missing_row
    union
    select film_id, track_id, label_source from missing_row
    anti join trainable.film_genre using (film_id)
    union
    select film_id, track_id, name_source from missing_row
    anti join (from trainable.track where title is not null) using (track_id)
    union
    select film_id, track_id, provider from missing_row
    anti join (from trainable.track_audio where is_complete) using (track_id)
),

needed_sources as (
    select film_id, track_id, list(source order by source) as sources
    from needed_source
    semi join uncleared_source using (source)
    group by film_id, track_id
),

explained_row as (
    select
        coalesce(
            needed.sources,
            -- What nothing else keeps out is tied through an ISRC or a name of Spotify's, or an IMDb id of TMDB's.
            [if(missing_row.name_source in (from uncleared_source), missing_row.name_source, 'tmdb')]
        ) as sources
    from missing_row
    left join needed_sources as needed using (film_id, track_id)
)

select
    sources,
    count(*) as n_rows
from explained_row
group by sources
