/*
description: |
  Songs and cues that a film's soundtrack names, one row per credit and list. A song that several lists name has a row
  for each: only those of a source that is cleared may be trained on. The imported album lists are the first hits of a
  search for the film's title: one that several films share, or whose film has a later namesake, is left out. It is at
  most one's, and of 60 such films with a namesake some 38 had the other's (the audit `soundtrack_lists_left_out`).
grain: film x credit
key: [credit_id]
columns:
  credit_id: VARCHAR; hash of list, film and entry, or of film, title and performers, the same in every run
  film_id: VARCHAR; the film
  imdb_id: VARCHAR; the film's IMDb id
  source: VARCHAR; how the row came, as sources.toml names it, imdb, musicbrainz or dataset
  listed_by: VARCHAR; whose list names it, imdb, musicbrainz or soundtrack_net
  list_score: DOUBLE; share of such lists that are the film's own, 0 to 1; of 166 of soundtrack.net, read by eye, 151
  position: BIGINT; place in the list, null where it has no order
  title: VARCHAR; of the song or cue
  performers: VARCHAR[]; names, often none
  writers: VARCHAR[]; names of those who wrote, composed or put words to it
  recording_mbid: VARCHAR; MusicBrainz' id of the recording, null where the list does not say which it is
incremental:
  by: [film_id]
  reads:
    staging.imdb_soundtrack: imdb_id
    staging.dataset_imdb_soundtracks: imdb_id
    staging.musicbrainz_url: imdb_id
    staging.musicbrainz_recording: >-
      select imdb_id from staging.musicbrainz_url join changed using (release_group_id)
    core.film_identity: >-
      select film_id from changed
    core.film: >-
      select coalesce(named.film_id, numbered.film_id)
      from staging.dataset_soundtrack_listings as listing
      left join core.film_identity as named on listing.imdb_id = named.imdb_id
      left join core.film_identity as numbered on listing.movielens_id = numbered.movielens_id
tests:
  not_null: [film_id, title, performers, writers]
  range: {list_score: [0, 1]}
  references: {film_id: core.film_identity.film_id}
*/
with
credit as (
    select
        -- An entry without an id of its own is known by its place and title: what was settled of it holds while both do.
        md5(concat_ws('|', 'imdb', imdb_id, entry_key, if(entry_key = position::varchar, title, null))) as credit_id,
        imdb_id,
        'imdb' as source,
        'imdb' as listed_by,
        position,
        title,
        coalesce(performers, []) as performers,
        coalesce(writers, []) as writers,
        null as recording_mbid
    from staging.imdb_soundtrack
    union all
    select
        md5(concat_ws('|', 'dataset', imdb_id, title, array_to_string(performers, '|'))) as credit_id,
        imdb_id,
        'dataset' as source,
        'imdb' as listed_by,
        null as position,
        title,
        performers,
        writers,
        null as recording_mbid
    from staging.dataset_imdb_soundtracks
    union all
    select
        md5(concat_ws('|', 'musicbrainz', film.imdb_id, recording.recording_id)) as credit_id,
        film.imdb_id,
        'musicbrainz' as source,
        'musicbrainz' as listed_by,
        recording.position,
        recording.title,
        recording.artists as performers,
        [] as writers,
        recording.recording_id as recording_mbid
    from staging.musicbrainz_url as film
    join staging.musicbrainz_recording as recording using (release_group_id)
    qualify row_number() over (
        partition by film.imdb_id, recording.recording_id
        order by recording.released_on, recording.release_group_id
    ) = 1
),

namesake as (
    select
        regexp_replace(
            lower(nfc_normalize(regexp_replace(title, '\s*\(.*\)', ''))), '[^\p{L}\p{N}]+', '', 'g'
        ) as title_key,
        max(year) as newest_year
    from core.film
    where title is not null
    group by title_key
),

album_list as (
    select
        movielens_id,
        arg_min(imdb_id, position) as imdb_id,
        regexp_replace(
            lower(nfc_normalize(regexp_replace(arg_min(film_title, position), '\s*\(.*\)', ''))), '[^\p{L}\p{N}]+', '', 'g'
        ) as title_key,
        arg_min(year, position) as year,
        md5(string_agg(title || '|' || array_to_string(performers, '|'), chr(10) order by position)) as content
    from staging.dataset_soundtrack_listings
    group by movielens_id
),

-- A year's difference is two sources on one film.
own_album_list as (
    select list.*
    from album_list as list
    anti join namesake on list.title_key = namesake.title_key and namesake.newest_year > list.year + 1
    qualify count(*) over (partition by content) = 1
)

select
    credit.credit_id,
    identity.film_id,
    identity.imdb_id,
    credit.source,
    credit.listed_by,
    1.0::double as list_score,
    credit.position,
    credit.title,
    credit.performers,
    credit.writers,
    credit.recording_mbid
from credit
join core.film_identity as identity using (imdb_id)
union all
select
    md5(concat_ws('|', 'soundtrack_net', entry.movielens_id, entry.position)) as credit_id,
    coalesce(named.film_id, numbered.film_id) as film_id,
    coalesce(named.imdb_id, numbered.imdb_id) as imdb_id,
    'dataset' as source,
    'soundtrack_net' as listed_by,
    0.91 as list_score,
    entry.position,
    entry.title,
    entry.performers,
    [] as writers,
    null as recording_mbid
from staging.dataset_soundtrack_listings as entry
semi join own_album_list as list using (movielens_id)
left join core.film_identity as named on entry.imdb_id = named.imdb_id
left join core.film_identity as numbered on entry.movielens_id = numbered.movielens_id
where coalesce(named.film_id, numbered.film_id) is not null
