/*
description: |
  Tracks as all sources together list them, one row each. A value comes from the first source that has it: Spotify, the
  imported genre seed tables, the imported soundtrack albums, the imported genre search tables and the million-track
  table (which name the first artist only), the imported daily chart. Every recording of MusicBrainz and every audio
  file of the operator is here as if it were a track of its own; `core.track` has those that are.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:` or `file:` and that id
  isrc: VARCHAR; recording code
  title: VARCHAR; null for a track that its only source names by its id alone
  artists: VARCHAR[]; in the source's order
  album: VARCHAR; as the source writes it
  released_on: VARCHAR; the album's date, ISO 8601, as fine as the source knows it
  duration_ms: BIGINT; ms
  explicit: BOOLEAN; marked as explicit
  source: VARCHAR; where title and artists came from, as sources.toml names it
  duration_source: VARCHAR; where the duration came from, as sources.toml names it
  source_tags: VARCHAR[]; genre seeds, search words and artist genres that sources put on it, iTunes' after `itunes:`
  title_key: VARCHAR; title, lower case, letters and digits only, null where it is unknown
  artist_key: VARCHAR; first artist, likewise; else of the track alone
  recording_key: VARCHAR; title and artists, likewise, whatever the length; models split by it and the artist
  fetched_at: TIMESTAMP WITH TIME ZONE; newest reading of any source
incremental:
  by: [track_id]
  reads:
    staging.spotify_track: track_id
    staging.dataset_spotify_tracks: track_id
    staging.dataset_film_ost_tracks: track_id
    staging.dataset_spotify_query_tracks: track_id
    staging.dataset_spotify_million_tracks: track_id
    staging.dataset_spotify_daily_chart: track_id
    staging.audio_file: track_id
    core.musicbrainz_recording: own_track_id
tests:
  not_null: [artist_key, recording_key, source]
  range: {duration_ms: [1, null]}
*/
with
newest_charted_track as (
    select *
    from staging.dataset_spotify_daily_chart
    qualify row_number() over (partition by track_id order by chart_day desc, rank) = 1
),

listing as (
    select
        track_id,
        1 as preference,
        'spotify' as source,
        isrc,
        title,
        artists,
        album,
        released_on,
        duration_ms,
        explicit,
        [] as source_tags,
        fetched_at
    from staging.spotify_track
    union all by name
    select
        track_id,
        2 as preference,
        'dataset' as source,
        title,
        artists,
        album,
        duration_ms,
        explicit,
        [track_genre] as source_tags,
        fetched_at
    from staging.dataset_spotify_tracks
    union all by name
    select
        track_id,
        3 as preference,
        'dataset' as source,
        title,
        artists,
        duration_ms,
        fetched_at
    from staging.dataset_film_ost_tracks
    union all by name
    select
        track_id,
        4 as preference,
        'dataset' as source,
        title,
        artists,
        album,
        released_on,
        duration_ms,
        explicit,
        list_concat([query_genre], artist_genres) as source_tags,
        fetched_at
    from staging.dataset_spotify_query_tracks
    union all by name
    select
        track_id,
        5 as preference,
        'dataset' as source,
        title,
        artists,
        released_on,
        duration_ms,
        [genre] as source_tags,
        fetched_at
    from staging.dataset_spotify_million_tracks
    union all by name
    select
        charted.track_id,
        6 as preference,
        'dataset' as source,
        charted.title,
        charted.artists,
        ['itunes:' || replace(lower(itunes.genre), ' ', '-')] as source_tags,
        charted.fetched_at
    from newest_charted_track as charted
    left join staging.dataset_charted_track_audio as itunes using (title, artist_names)
    union all by name
    select
        own_track_id as track_id,
        7 as preference,
        'musicbrainz' as source,
        isrcs[1] as isrc,
        title,
        artists,
        album,
        released_on,
        duration_ms,
        fetched_at
    from core.musicbrainz_recording
    union all by name
    select
        track_id,
        8 as preference,
        'audio' as source,
        isrc,
        title,
        artists,
        album,
        released_on,
        duration_ms,
        fetched_at
    from staging.audio_file
),

-- One source may list a track several times, under several labels: the text of the row breaks the tie.
preferred_listing as (
    select
        * replace (if(duration_ms between 1 and 86400000, round(duration_ms)::bigint, null) as duration_ms),
        row_number() over (
            partition by track_id
            order by preference, fetched_at desc, title, artists, album, released_on, duration_ms, explicit
        ) as place
    from listing
),

track as (
    select
        track_id,
        arg_min(isrc, place) as isrc,
        arg_min(title, place) as title,
        arg_min(artists, place) filter (len(artists) > 0) as artists,
        arg_min(album, place) as album,
        arg_min(released_on, place) as released_on,
        arg_min(duration_ms, place) as duration_ms,
        arg_min(explicit, place) as explicit,
        coalesce(arg_min(source, place) filter (title is not null), arg_min(source, place)) as source,
        arg_min(source, place) filter (duration_ms is not null) as duration_source,
        list_sort(list_distinct(flatten(list(source_tags)))) as source_tags,
        max(fetched_at) as fetched_at
    from preferred_listing
    group by track_id
),

track_with_plain_names as (
    select
        *,
        regexp_replace(lower(nfc_normalize(title)), '[^\p{L}\p{N}]+', '', 'g') as plain_title,
        regexp_replace(lower(nfc_normalize(artists[1])), '[^\p{L}\p{N}]+', '', 'g') as plain_artist,
        regexp_replace(lower(nfc_normalize(array_to_string(artists, ';'))), '[^\p{L}\p{N};]+', '', 'g')
            as plain_artists
    from track
)

select
    track_id,
    isrc,
    title,
    artists,
    album,
    released_on,
    duration_ms,
    explicit,
    source,
    duration_source,
    source_tags,
    coalesce(nullif(plain_title, ''), nullif(trim(title), '')) as title_key,
    -- Names of signs alone ("!!!") keep them, so that no two of them fall together.
    coalesce(nullif(plain_artist, ''), nullif(trim(artists[1]), ''), 'track:' || track_id) as artist_key,
    coalesce(
        coalesce(nullif(plain_title, ''), nullif(trim(title), ''))
        || '|' || coalesce(nullif(plain_artists, ''), array_to_string(artists, ';')),
        'track:' || track_id
    ) as recording_key,
    fetched_at
from track_with_plain_names
