/*
description: |
  Soundtrack albums that MusicBrainz relates to a film's IMDb page, one row each, from the newest answer for the film.
grain: film x release group
key: [imdb_id, release_group_id]
columns:
  imdb_id: VARCHAR; the film
  release_group_id: VARCHAR; MusicBrainz' id of the album, whatever its editions
  title: VARCHAR; of the album
  fetched_at: TIMESTAMP WITH TIME ZONE; when the answer was read
*/
with
newest_answer as (
    select
        trim(imdb_id) as imdb_id,
        trim(release_group_id) as release_group_id,
        nullif(trim(title), '') as title,
        fetched_at
    from raw.musicbrainz_url
    where regexp_full_match(trim(imdb_id), 'tt\d+') and trim(release_group_id) <> ''
    qualify fetched_at = max(fetched_at) over (partition by trim(imdb_id))
)

select *
from newest_answer
qualify row_number() over (partition by imdb_id, release_group_id order by title) = 1
