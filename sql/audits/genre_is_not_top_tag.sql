/*
description: Tracks whose genre or mood is not their likeliest tag of that kind.
severity: error
*/
with
shown_label as (
    select track_id, 'genre' as kind, genre as label, genre_probability as probability
    from marts.track
    where genre is not null
    union all
    select track_id, 'mood', mood, mood_probability
    from marts.track
    where mood is not null
),

top_probability as (
    select track_id, kind, max(probability) as probability
    from marts.track_tag
    group by track_id, kind
)

select
    shown.track_id,
    shown.kind,
    shown.label
from shown_label as shown
left join top_probability as top using (track_id, kind)
where top.probability is null or shown.probability < top.probability
