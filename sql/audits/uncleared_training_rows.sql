/*
description: Training rows with a name, feature, label or tie of a source that may not be trained on.
severity: error
*/
with
used_source as (
    select 'track_genre' as training_set, track_id, null as film_id, unnest([name_source, provider, label_source]) as source
    from features.track_genre_training
    union all
    select 'film_genre', track_id, film_id, unnest([name_source, provider, label_source, tie_source])
    from features.film_genre_training
    union all
    select 'track_mood', track_id, null, unnest([name_source, provider, label_source])
    from features.track_mood_training
    union all
    select 'film_rating', null, film_id, label_source
    from features.film_rating_training
)

select used.*
from used_source as used
anti join (from vocabulary.source_policy where may_train) using (source)
