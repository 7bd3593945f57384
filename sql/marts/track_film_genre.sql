/*
description: |
  How likely a film that uses the track is of each genre, one row per track with a column per film genre: the stored
  form of `film_genre_fit`, a tenth of its size.
grain: track
key: [track_id]
example: |
  select title, artists, "Horror", "Comedy" from track_film_genre join track using (track_id)
  order by "Horror" desc limit 5
columns:
  track_id: VARCHAR; the track
  Action: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Action
  Adventure: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Adventure
  Animation: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Animation
  Comedy: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Comedy
  Crime: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Crime
  Documentary: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Documentary
  Drama: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Drama
  Family: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Family
  Fantasy: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Fantasy
  History: FLOAT; calibrated probability, 0 to 1, that a film scored with it is History
  Horror: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Horror
  Music: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Music
  Mystery: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Mystery
  Romance: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Romance
  Science Fiction: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Science Fiction
  TV Movie: FLOAT; calibrated probability, 0 to 1, that a film scored with it is TV Movie
  Thriller: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Thriller
  War: FLOAT; calibrated probability, 0 to 1, that a film scored with it is War
  Western: FLOAT; calibrated probability, 0 to 1, that a film scored with it is Western
  model: VARCHAR; model and version
  tagged_at: TIMESTAMP WITH TIME ZONE; when the track was scored
incremental:
  by: [track_id]
  reads:
    tagging.track_film_genre: track_id
    core.track: track_id
tests:
  not_null: [model]
  references: {track_id: marts.track.track_id}
*/
select
    scored.track_id,
    scored."Action",
    scored."Adventure",
    scored."Animation",
    scored."Comedy",
    scored."Crime",
    scored."Documentary",
    scored."Drama",
    scored."Family",
    scored."Fantasy",
    scored."History",
    scored."Horror",
    scored."Music",
    scored."Mystery",
    scored."Romance",
    scored."Science Fiction",
    scored."TV Movie",
    scored."Thriller",
    scored."War",
    scored."Western",
    scored.model,
    scored.tagged_at
from tagging.track_film_genre as scored
semi join core.track as track using (track_id)
