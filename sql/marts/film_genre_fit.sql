/*
description: How well a track fits films of each genre, one row per track and film genre, for music licensing.
grain: track x film genre
materialized: view
key: [track_id, film_genre]
example: |
  select title, artists, probability, lift from film_genre_fit join track using (track_id)
  where film_genre = 'Romance' order by lift desc limit 5
columns:
  track_id: VARCHAR; the track
  film_genre: VARCHAR; one of TMDB's 19
  probability: FLOAT; calibrated, 0 to 1, that a film with the track is of the genre
  is_tag: BOOLEAN; the model's own decision
  lift: DOUBLE; ratio, probability over the share of the genre among training tracks, 1 is no better than chance
tests:
  range: {probability: [0, 1], lift: [0, null]}
  not_null: [probability, is_tag]
*/
select
    fit.track_id,
    fit.film_genre,
    fit.probability,
    fit.probability >= rule.threshold as is_tag,
    fit.probability / nullif(rule.training_share, 0) as lift
from marts.track_film_genre
unpivot (
    probability for film_genre in (
        "Action",
        "Adventure",
        "Animation",
        "Comedy",
        "Crime",
        "Documentary",
        "Drama",
        "Family",
        "Fantasy",
        "History",
        "Horror",
        "Music",
        "Mystery",
        "Romance",
        "Science Fiction",
        "TV Movie",
        "Thriller",
        "War",
        "Western"
    )
) as fit
join marts.film_genre_rule as rule on fit.film_genre = rule.film_genre
