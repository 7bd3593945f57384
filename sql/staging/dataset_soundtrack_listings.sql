/*
description: |
  Entries of imported soundtrack.net album lists, one row each. The performer stands in brackets at the end
  ("Caramel (Suzanne Vega)"), or behind a quoted title ("Bubbles" - Bush); a note in brackets ("Main Title (Alternate)")
  stays with the title. Many titles are those of any film's cues, and the list of a film may be another work's.
grain: film x position
key: [movielens_id, position]
columns:
  movielens_id: BIGINT; MovieLens' film id
  imdb_id: VARCHAR; IMDb's film id
  film_title: VARCHAR; of the film, its article in front
  year: INTEGER; of the film's release
  position: BIGINT; place in the list, from 1
  title: VARCHAR; of the song or cue
  performers: VARCHAR[]; names, often none
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
entry as (
    select
        ml_movie_id as movielens_id,
        if(regexp_full_match(trim(imdb_id), 'tt\d+'), trim(imdb_id), null) as imdb_id,
        trim(movie_title) as movie_title,
        position,
        trim(regexp_replace(
            regexp_replace(
                regexp_replace(track_raw, '\s+', ' ', 'g'),
                '^ ?(?:(?:SIDE|DISC|DISK|CD) ?\w+|BONUS (?:TRACK|CUE)S?) ?: ',
                ''
            ),
            '[\s*†]+$',
            ''
        )) as entry_text,
        fetched_at
    from raw.dataset_soundtrack_listings
    where ml_movie_id > 0 and position > 0
),

split_entry as (
    select
        *,
        regexp_extract(entry_text, '^"(.+)" - ([^"]+)$', ['title', 'performer']) as quoted,
        regexp_extract(entry_text, '^(.*\S) ?\(([^()]+)\)$', ['title', 'performer']) as bracketed
    from entry
    where entry_text <> ''
),

named_entry as (
    select
        *,
        case
            when quoted.title <> '' then quoted.title
            when bracketed.title <> '' and not regexp_matches(
                bracketed.performer,
                '(?i)\b(version|mix|remix|edit|reprise|alternat\w*|instrumental|inst|themes?|dialogue|bonus|tracks?|'
                || 'unused|unreleased|demo|live|part|pt|vol|medley|extended|film|movie|album|original|rescored?|'
                || 'revised|mono|stereo|source|trailer|score|titles?|credits?|cues?|take|excerpts?|suite|radio|single|'
                || 'acoustic|overture|finale|intro|outro|opening|ending|interlude|contains|includes|inspired|from|'
                || 'feat|featuring|written|composed|music by|lyrics)\b|^(with|in|for|aka|and) |'
                || '^(sfx|outtake|piano|organ|guitar|vocals?|alt\.?|solo|duet|trio|quartet|[ivx]+|[^\pL]*)$'
            ) or regexp_matches(bracketed.performer, '(?i)performed by ') then bracketed.title
            else entry_text
        end as title
    from split_entry
)

select
    movielens_id,
    imdb_id,
    nullif(regexp_replace(
        regexp_replace(movie_title, '\s*\(\d{4}\)$', ''),
        '^([^(]+), (The|An?|Les?|La|Las|Los|El|Il|Lo|Der|Die|Das|Une?|Den?|Det)( \(|$)',
        '\2 \1\3'
    ), '') as film_title,
    try_cast(regexp_extract(movie_title, '\((\d{4})\)$', 1) as integer) as year,
    position,
    regexp_replace(title, '^"([^"]+)"$', '\1') as title,
    [
        trim(name)
        for name in string_split(
            if(
                title = entry_text,
                '',
                regexp_replace(
                    if(quoted.title <> '', quoted.performer, bracketed.performer), '(?i)^.*performed by ', ''
                )
            ),
            ', '
        )
        if trim(name) <> ''
    ] as performers,
    fetched_at
from named_entry
qualify row_number() over (partition by movielens_id, position order by fetched_at desc, named_entry) = 1
