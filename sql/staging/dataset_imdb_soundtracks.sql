/*
description: |
  Soundtrack credits of the imported IMDb listing, one row per film, recording and performers. The file gives no
  position, and a few films list a recording twice with other writers: the fuller credit stays.
grain: film x recording x performers
key: [imdb_id, title, performers]
columns:
  imdb_id: VARCHAR; the film
  title: VARCHAR; of the recording
  performers: VARCHAR[]; names
  writers: VARCHAR[]; composers, lyricists and authors, each once
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
credit as (
    select
        trim(imdb_id) as imdb_id,
        coalesce(nullif(trim(recording_name), ''), nullif(trim(composition_name), '')) as title,
        coalesce(performers, []) as performers,
        list_concat(coalesce(composers, []), coalesce(lyricists, []), coalesce(authors, [])) as writers,
        fetched_at
    from raw.dataset_imdb_soundtracks
)

select
    imdb_id,
    title,
    performers,
    list_filter(writers, lambda name, place: list_position(writers, name) = place) as writers,
    fetched_at
from credit
where imdb_id <> '' and title is not null
qualify row_number() over (
    partition by imdb_id, title, performers
    order by fetched_at desc, len(writers) desc, credit
) = 1
