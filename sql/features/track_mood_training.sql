/*
description: |
  Recordings with a place on the plane of valence and arousal, one row each, for training. Names, labels and features
  are what sources that may be trained on say by themselves. The labels are weak: averages of a lexicon over the words
  of last.fm tags, which nobody gave while listening.
grain: recording
key: [recording_key]
columns:
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:` or `file:` and that id
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  rated_valence: DOUBLE; standard deviations from the set's mean, dark to bright; not the feature valence
  rated_arousal: DOUBLE; standard deviations, likewise, calm to excited
  mood: VARCHAR; happy, romantic, sad, aggressive or dramatic, by the angle of that point (vocabularies/mood.csv)
  artist_key: VARCHAR; first artist, to split by
  recording_key: VARCHAR; title and artists, to split by
  name_source: VARCHAR; where title and artists came from, as sources.toml names it
  provider: VARCHAR; who measured the features, likewise
  label_source: VARCHAR; where valence and arousal came from, likewise
tests:
  not_null: [danceability, energy, loudness, rated_valence, rated_arousal, mood, artist_key, recording_key]
  references: {track_id: trainable.track.track_id, mood: vocabulary.mood.mood}
*/
select *
from trainable.track_mood_example
-- Spotify's answers that an older version put beside ReccoBeats' are known by their provider alone.
where provider in (select source from vocabulary.source_policy where may_train)
