/*
description: |
  Where songs lie on the plane of valence and arousal, one row per song of the imported mood set (Deezer's, Delbouys et
  al. 2018). Nobody listened for it: the values are averages of a lexicon over the words of last.fm tags.
grain: song on Deezer
key: [deezer_id]
columns:
  deezer_id: BIGINT; Deezer's song id
  title: VARCHAR; as the file writes it
  artist: VARCHAR; as the file writes it
  title_key: VARCHAR; title, lower case, letters and digits only, as in core.listed_track
  artist_key: VARCHAR; artist, likewise
  valence: DOUBLE; standard deviations from the mean, about -2.2 (dark) to 1.6 (bright)
  arousal: DOUBLE; standard deviations, likewise, about -2.4 (calm) to 2.8 (excited)
  fetched_at: TIMESTAMP WITH TIME ZONE; when the file was imported
*/
with
song as (
    select
        dzr_sng_id as deezer_id,
        trim(track_name) as title,
        trim(artist_name) as artist,
        regexp_replace(lower(nfc_normalize(track_name)), '[^\p{L}\p{N}]+', '', 'g') as title_key,
        regexp_replace(lower(nfc_normalize(artist_name)), '[^\p{L}\p{N}]+', '', 'g') as artist_key,
        valence,
        arousal,
        fetched_at
    from raw.dataset_mood_ratings
    where valence between -6 and 6 and arousal between -6 and 6
)

select
    deezer_id,
    title,
    artist,
    title_key,
    artist_key,
    valence,
    arousal,
    fetched_at
from song
where deezer_id > 0 and title_key <> '' and artist_key <> ''
qualify row_number() over (partition by deezer_id order by fetched_at desc, song) = 1
