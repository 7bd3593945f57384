/*
description: Entries of IMDb's soundtrack pages, one row each, from the newest reading of the entry.
grain: film x soundtrack entry
key: [imdb_id, entry_key]
columns:
  imdb_id: VARCHAR; the film
  entry_key: VARCHAR; IMDb's id of the entry, else its position as text
  position: BIGINT; place on the page, from 1
  title: VARCHAR; of the song or cue
  performers: VARCHAR[]; names after "performed by", in page order
  writers: VARCHAR[]; names after "written", "composed" or "lyrics by", in page order, each once
  fetched_at: TIMESTAMP WITH TIME ZONE; when the page was read
incremental:
  by: [imdb_id]
  reads:
    raw.imdb_soundtrack: imdb_id
*/
with
entry as (
    select
        imdb_id,
        coalesce(nullif(trim(entry_id), ''), position::varchar) as entry_key,
        position,
        nullif(trim(title), '') as title,
        flatten([credit.names for credit in credits if credit.role = 'performed_by']) as performers,
        flatten([
            credit.names for credit in credits if credit.role in ('written_by', 'composed_by', 'lyrics_by')
        ]) as writers,
        fetched_at
    from raw.imdb_soundtrack
)

select
    imdb_id,
    entry_key,
    position,
    title,
    list_filter(performers, lambda name, place: list_position(performers, name) = place) as performers,
    list_filter(writers, lambda name, place: list_position(writers, name) = place) as writers,
    fetched_at
from entry
where imdb_id is not null and entry_key is not null and title is not null
qualify row_number() over (partition by imdb_id, entry_key order by fetched_at desc, entry) = 1
