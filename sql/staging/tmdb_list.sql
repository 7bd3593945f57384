/*
description: Films as TMDB's list shows them, one row each, from the newest time the list was read.
grain: film on TMDB
key: [tmdb_id]
columns:
  tmdb_id: BIGINT; TMDB's film id
  title: VARCHAR; as listed
  released_on: VARCHAR; ISO 8601, as fine as TMDB knows it
  user_score: DOUBLE; 0 to 100, null where nobody voted
  fetched_at: TIMESTAMP WITH TIME ZONE; when the list was read
*/
select
    tmdb_id,
    nullif(trim(title), '') as title,
    nullif(trim(released_on), '') as released_on,
    if(user_score > 0 and user_score <= 100, user_score, null) as user_score,
    fetched_at
from raw.tmdb_list as listed
where tmdb_id > 0
qualify row_number() over (partition by tmdb_id order by fetched_at desc, listed) = 1
