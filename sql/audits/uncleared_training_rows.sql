/*
description: Training rows with a name, feature, label or tie of a source that may not be trained on.
severity: error
*/
with
used_source as (
    select 'track_genre' as training_set, track_id, unnest([name_source, provider, label_source]) as source
    from features.track_genre_training
    union all
    select 'film_genre', track_id, unnest([name_source, provider, label_source, tie_source])
    from features.film_genre_training
    union all
    select 'track_mood', track_id, unnest([name_source, provider, label_source])
    from features.track_mood_training
)

select used.*
from used_source as used
anti join (from vocabulary.source_policy where may_train) using (source)
