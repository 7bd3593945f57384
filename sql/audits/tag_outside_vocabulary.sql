/*
description: Tags that are none of the 28 genre groups or 5 moods.
severity: error
*/
with
known_label as (
    select distinct 'genre' as kind, genre as label
    from vocabulary.genre_group
    union all
    select 'mood', mood
    from vocabulary.mood
)

select tag.*
from marts.track_tag as tag
anti join known_label using (kind, label)
