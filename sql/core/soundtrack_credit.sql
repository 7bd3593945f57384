/*
description: |
  Songs and cues that a film's soundtrack names, one row per credit and source. A film whose IMDb page was read and
  that an imported listing holds too has both: only the latter may be trained on.
grain: film x credit
key: [credit_id]
columns:
  credit_id: VARCHAR; hash of source, film and entry, or title and performers, the same in every run
  film_id: VARCHAR; the film
  imdb_id: VARCHAR; the film's IMDb id
  source: VARCHAR; as sources.toml names it, imdb or dataset
  position: BIGINT; place on IMDb's page, null where the listing has no order
  title: VARCHAR; of the song or cue
  performers: VARCHAR[]; names, often none
  writers: VARCHAR[]; names of those who wrote, composed or put words to it
tests:
  not_null: [film_id, title, performers, writers]
  references: {film_id: core.film_identity.film_id}
*/
with
credit as (
    select
        md5(concat_ws('|', 'imdb', imdb_id, entry_key)) as credit_id,
        imdb_id,
        'imdb' as source,
        position,
        title,
        coalesce(performers, []) as performers,
        coalesce(writers, []) as writers
    from staging.imdb_soundtrack
    union all
    select
        md5(concat_ws('|', 'dataset', imdb_id, title, array_to_string(performers, '|'))) as credit_id,
        imdb_id,
        'dataset' as source,
        null as position,
        title,
        performers,
        writers
    from staging.dataset_imdb_soundtracks
)

select
    credit.credit_id,
    identity.film_id,
    credit.imdb_id,
    credit.source,
    credit.position,
    credit.title,
    credit.performers,
    credit.writers
from credit
join core.film_identity as identity using (imdb_id)
