/*
description: |
  Tracks with known genres, one row each, for training. Names, labels and features are what sources that may be trained
  on say by themselves: a track that none of them names is left out.
grain: track
key: [track_id]
columns:
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:` or `file:` and that id
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  genres: VARCHAR[]; one or more of the 28 groups, in alphabetical order
  artist_key: VARCHAR; first artist, to split by
  recording_key: VARCHAR; title and artists, to split by
  name_source: VARCHAR; where title and artists came from, as sources.toml names it
  provider: VARCHAR; who measured the features, likewise
  label_source: VARCHAR; where the genres came from, likewise
tests:
  not_null: [danceability, energy, loudness, genres, artist_key, recording_key]
  references: {track_id: trainable.track.track_id}
*/
select *
from trainable.track_genre_example
-- Spotify's answers that an older version put beside ReccoBeats' are known by their provider alone.
where provider in (select source from vocabulary.source_policy where may_train)
