/*
description: |
  How many more tracks could be trained on, one row per set of sources that would have to be cleared for it together
  (`training` in sources.toml).
grain: set of sources
key: [sources]
columns:
  sources: VARCHAR[]; those of its sources that are not cleared, in alphabetical order
  n_rows: BIGINT; tracks
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
    from features.track_genre_example as example
    anti join features.track_genre_training using (track_id)
),

needed_source as (
    select track_id, label_source as source from missing_row
    union
    select track_id, name_source from missing_row
    anti join (from trainable.track where title is not null) using (track_id)
    union
    select track_id, provider from missing_row
    anti join (from trainable.track_audio where is_complete) using (track_id)
),

needed_sources as (
    select track_id, list(source order by source) as sources
    from needed_source
    semi join uncleared_source using (source)
    group by track_id
)

select
    -- What nothing else keeps out has its label through Spotify's name of a recording, or its features by an ISRC.
    coalesce(needed.sources, ['spotify']) as sources,
    count(*) as n_rows
from missing_row
left join needed_sources as needed using (track_id)
group by coalesce(needed.sources, ['spotify'])
