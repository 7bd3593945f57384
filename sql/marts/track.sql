/*
description: |
  Every track that can be found, with its genre, its mood and where to hear it, one row each. Charted songs that no
  track was matched to are here under their Melon number.
grain: track
key: [track_id]
example: |
  select title, artists, genre, listen_url from track
  where origin = 'kpop' and mood = 'happy' order by mood_probability desc limit 5
columns:
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:`, `melon:`, `file:` and that id
  isrc: VARCHAR; recording code
  title: VARCHAR; as the source writes it
  artists: VARCHAR[]; in the source's order
  album: VARCHAR; as the source writes it
  released_on: VARCHAR; ISO 8601, as fine as the source knows it
  origin: VARCHAR; kpop (charted as domestic on Melon, a K-pop tag of a source, or Hangul in title or artist), other
    (classical and instrumental sources), else pop
  genre: VARCHAR; the likeliest of the 28 groups, null where the track is not tagged
  genre_probability: FLOAT; 0 to 1, that this genre is among the true ones
  mood: VARCHAR; the likeliest of happy, romantic, sad, aggressive, dramatic, null where the track is not tagged or
    the model is not sure enough
  mood_probability: FLOAT; 0 to 1, that this mood is among the true ones
  genre_model: VARCHAR; model and version that gave the genre
  mood_model: VARCHAR; model and version that gave the mood
  features_provider: VARCHAR; who measured the audio features, null where nobody did
  listen_url: VARCHAR; Spotify's page of the track, else a video on YouTube (imported, else found by search), else a
    search for it there
  tagged_at: TIMESTAMP WITH TIME ZONE; when genre and mood were given, the later of the two
  duration_ms: BIGINT; ms
  explicit: BOOLEAN; marked as explicit
  source: VARCHAR; where title and artists came from, as the table `attribution` names it
  fetched_at: TIMESTAMP WITH TIME ZONE; newest reading of any source, null for a song known from charts alone
  recording_id: VARCHAR; the same for all tracks that are releases of one recording, see core.track_recording
incremental:
  by: [track_id]
  reads:
    core.track: track_id
    core.track_recording: track_id
    features.track_audio: track_id
    tagging.track_label: track_id
    staging.youtube_search: track_id
    core.chart_song: >-
      select unnest([matched.track_id, 'melon:' || changed.song_id])
      from changed left join core.chart_song_track as matched using (song_key)
    core.chart_song_track: >-
      select unnest([changed.track_id, 'melon:' || song.song_id])
      from changed left join core.chart_song as song using (song_key)
tests:
  not_null: [origin, listen_url, source, recording_id]
  accepted: {origin: [kpop, pop, other]}
  range: {genre_probability: [0, 1], mood_probability: [0, 1], duration_ms: [1, null]}
  references: {genre: vocabulary.genre_group.genre, mood: vocabulary.mood.mood}
warn:
  not_null: [title]
*/
with
song_of_track as (
    select
        matched.track_id,
        bool_or(song.is_domestic) as is_domestic
    from core.chart_song_track as matched
    join core.chart_song as song using (song_key)
    group by matched.track_id
),

track_with_tags as (
    select
        track.track_id,
        bool_or(origin_tag.origin = 'kpop') as is_tagged_kpop,
        bool_or(origin_tag.origin = 'other') as is_tagged_other
    from (select track_id, unnest(source_tags) as tag from core.track) as track
    join vocabulary.origin_tag as origin_tag using (tag)
    group by track.track_id
),

listed_track as (
    select
        track.*,
        coalesce(song.is_domestic, false) or coalesce(tagged.is_tagged_kpop, false) as is_named_kpop,
        coalesce(tagged.is_tagged_other, false) as is_named_other
    from core.track as track
    left join song_of_track as song using (track_id)
    left join track_with_tags as tagged using (track_id)
    union all by name
    select
        'melon:' || song.song_id as track_id,
        song.title,
        song.artists,
        song.album,
        song.released_on,
        song.source,
        song.is_domestic as is_named_kpop,
        false as is_named_other
    from core.chart_song as song
    anti join core.chart_song_track as matched using (song_key)
    where song.song_id is not null
),

-- An imported credit names the first performer of a song or all of them: either way it is the song.
imported_video as (
    select
        track.track_id,
        arg_max(video.video_id, (video.match_confidence, video.video_id)) as video_id
    from (
        select
            track_id,
            regexp_replace(lower(nfc_normalize(title)), '[^\p{L}\p{N}]+', '', 'g') as title_key,
            unnest(list_distinct([
                regexp_replace(lower(nfc_normalize(performer)), '[^\p{L}\p{N}]+', '', 'g')
                for performer in [artists[1], array_to_string(artists, ' ')]
            ])) as performer_key
        from listed_track
        where contains(track_id, ':')
    ) as track
    join staging.dataset_soundtrack_videos as video using (title_key, performer_key)
    group by track.track_id
),

-- A model that abstains gives probabilities and no tag.
top_label as (
    select *
    from tagging.track_label
    where is_tag
    qualify row_number() over (partition by track_id, kind order by probability desc, label) = 1
)

select
    track.track_id,
    track.isrc,
    track.title,
    track.artists,
    track.album,
    track.released_on,
    case
        when track.is_named_kpop then 'kpop'
        when regexp_matches(concat_ws(' ', track.title, array_to_string(track.artists, ' ')), '\p{Hangul}') then 'kpop'
        when track.is_named_other then 'other'
        else 'pop'
    end as origin,
    genre.label as genre,
    genre.probability as genre_probability,
    mood.label as mood,
    mood.probability as mood_probability,
    genre.model as genre_model,
    mood.model as mood_model,
    audio.provider as features_provider,
    coalesce(
        if(contains(track.track_id, ':'), null, 'https://open.spotify.com/track/' || track.track_id),
        'https://www.youtube.com/watch?v=' || coalesce(imported_video.video_id, found_video.video_id),
        'https://www.youtube.com/results?search_query='
        || url_encode(concat_ws(' ', track.title, array_to_string(track.artists, ' ')))
    ) as listen_url,
    greatest(genre.tagged_at, mood.tagged_at) as tagged_at,
    track.duration_ms,
    track.explicit,
    track.source,
    track.fetched_at,
    coalesce(recording.recording_id, track.track_id) as recording_id
from listed_track as track
left join top_label as genre on track.track_id = genre.track_id and genre.kind = 'genre'
left join top_label as mood on track.track_id = mood.track_id and mood.kind = 'mood'
left join features.track_audio as audio on track.track_id = audio.track_id
left join core.track_recording as recording on track.track_id = recording.track_id
left join imported_video on track.track_id = imported_video.track_id
left join staging.youtube_search as found_video on track.track_id = found_video.track_id
