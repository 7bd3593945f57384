"""Measures what the made-up world is drawn from: how audio features lie, by genre seed and by film genre.

Run once on real tables, and its result, `profiles.json`, is kept in the project::

    python -m sandbox.profiles DATA_FOLDER GENRE_GROUPS_CSV

Only quantiles, correlations and counts are kept: no row, no name and no id of a real track or film. DATA_FOLDER
holds `spotify_tracks_114k.parquet`, `film_ost_tracks_features.parquet` and `film_ost_films.parquet`.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

FEATURES = (
    "danceability",
    "energy",
    "key",
    "loudness",
    "mode",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
    "tempo",
    "duration_ms",
    "time_signature",
)
LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
PROFILES_FILE = Path(__file__).with_name("profiles.json")
KOREAN_SEED = "k-pop"
# IMDb's names that TMDB words otherwise; a name missing on TMDB (Biography, Sport) is left out.
TMDB_GENRES = {"Sci-Fi": "Science Fiction", "Musical": "Music"}
TMDB_NAMES = {"Action", "Adventure", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy"}
TMDB_NAMES |= {"History", "Horror", "Music", "Mystery", "Romance", "Science Fiction", "Thriller", "War", "Western"}
MIN_TRACKS = 60  # a film genre with fewer has no medians of its own


def quantile_table(rows: Any) -> list[list[float]]:
    """Quantiles of every feature at LEVELS: one list per feature, four significant digits."""
    return [[float(f"{value:.4g}") for value in rows[name].quantile(list(LEVELS))] for name in FEATURES]


def correlation(rows: Any) -> list[list[float]]:
    """Spearman correlation of the features below the diagonal; 0 where a feature does not vary."""
    table = rows[list(FEATURES)].corr(method="spearman").fillna(0.0).to_numpy()
    return [[round(float(value), 2) for value in line[:number]] for number, line in enumerate(table)]


def profile(rows: Any) -> dict[str, Any]:
    """How one genre's tracks lie: each feature's quantiles, and how the features go together."""
    return {"correlation": correlation(rows), "quantiles": quantile_table(rows)}


def companions(tracks: Any, seeds: set[str]) -> dict[str, dict[str, float]]:
    """Per seed, the share of its tracks that are listed under another seed as well, by that seed."""
    pairs = tracks[["track_id", "track_genre"]].drop_duplicates()
    both = pairs.merge(pairs, on="track_id")
    both = both[(both.track_genre_x != both.track_genre_y) & both.track_genre_y.isin(seeds)]
    size = pairs.track_genre.value_counts()
    count = both.groupby(["track_genre_x", "track_genre_y"]).size()
    shares: dict[str, dict[str, float]] = {seed: {} for seed in sorted(seeds)}
    for (seed, other), n in count.items():
        share = n / size[seed]
        if seed in shares and share >= 0.02:
            shares[seed][other] = round(float(share), 3)
    return shares


def tmdb_genres(text: str | None) -> list[str]:
    """Genre names as TMDB words them, from a Python list written as text."""
    names = [TMDB_GENRES.get(name, name) for name in ast.literal_eval(text or "[]")]
    return sorted({name for name in names if name in TMDB_NAMES})


def measure_songs(tracks: Any, seeds: set[str]) -> dict[str, Any]:
    """Profiles of the genre seeds."""
    rows = tracks[tracks.track_genre.isin(seeds) & (tracks.duration_ms > 0)]
    also = companions(tracks, seeds)
    return {str(seed): {"companions": also[str(seed)]} | profile(part) for seed, part in rows.groupby("track_genre")}


def measure_films(tracks: Any, films: Any) -> dict[str, Any]:
    """The profile of soundtrack albums, their medians by film genre, and how often genres go together."""
    genres = {row.imdb_id: tmdb_genres(row.genres) for row in films.itertuples()}
    rows = tracks.dropna(subset=list(FEATURES)).assign(film_genre=tracks.imdb_id.map(genres))
    single = rows.explode("film_genre")
    enough = [name for name, part in single.groupby("film_genre") if len(part) >= MIN_TRACKS]
    combinations = Counter("|".join(names) for names in genres.values() if names)
    return {
        "any": profile(rows),
        "medians": {
            str(name): [
                float(f"{value:.4g}") for value in single.loc[single.film_genre == name, list(FEATURES)].median()
            ]
            for name in enough
        },
        "combinations": dict(sorted(combinations.items())),
    }


def main(data: Path, groups: Path) -> None:
    """Measure the real tables below `data` and write `profiles.json`."""
    import pandas as pd

    seeds = set(pd.read_csv(groups).subgenre) | {KOREAN_SEED}
    songs = measure_songs(pd.read_parquet(data / "spotify_tracks_114k.parquet"), seeds)
    films = measure_films(
        pd.read_parquet(data / "film_ost_tracks_features.parquet"), pd.read_parquet(data / "film_ost_films.parquet")
    )
    profiles = {"features": FEATURES, "levels": LEVELS, "songs": songs, "films": films}
    PROFILES_FILE.write_text(json.dumps(profiles, separators=(",", ":")).replace('},"', '},\n"') + "\n", "utf-8")
    print(f"{PROFILES_FILE}: {len(songs)} seeds, {len(films['medians'])} film genres")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: python -m sandbox.profiles DATA_FOLDER GENRE_GROUPS_CSV")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
