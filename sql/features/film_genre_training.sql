/*
description: |
  Soundtrack tracks with the genres of their film, one row per film and track, for training. Ties, names, genres and
  features are what sources that may be trained on say by themselves: a tie that holds only through the ISRC or the name
  that another source gives is left out, and the genres are those of the first such source.
grain: film x track
key: [film_id, track_id]
columns:
  film_id: VARCHAR; the film, to split by
  track_id: VARCHAR; Spotify's id, else `isrc:`, `mbid:` or `file:` and that id
  13 audio features: in the order, types and units of vocabularies/audio_feature.csv
  film_genres: VARCHAR[]; TMDB's names, in alphabetical order
  artist_key: VARCHAR; first artist, to split by
  recording_key: VARCHAR; title and artists
  route: VARCHAR; how film and track are tied, a route of core.film_track_link or a method of core.credit_track
  name_source: VARCHAR; where the track's title and artists came from, as sources.toml names it
  provider: VARCHAR; who measured the features, likewise
  label_source: VARCHAR; where the film's genres came from, likewise
  tie_source: VARCHAR; where the tie came from, likewise
tests:
  not_null: [danceability, energy, loudness, film_genres, artist_key]
  references: {film_id: trainable.film.film_id, track_id: trainable.track.track_id}
*/
select *
from trainable.film_genre_example
-- Spotify's answers that an older version put beside ReccoBeats' are known by their provider alone.
where provider in (select source from vocabulary.source_policy where may_train)
