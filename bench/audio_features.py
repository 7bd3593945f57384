"""How far the estimates of `tasks/sources/audio_file.py` can be trusted, and the calibration that they use.

Reads 155 charted tracks whose librosa descriptors and published features are both known (`charted_track_audio` joined
with the daily chart and the two feature tables below `../shared/data`), fits each feature by ridge regression, and
prints its quality out of fold (five folds, no artist in two of them) beside the peer: always saying the median.
`--write` writes the calibration. Without the tables it says so and ends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.sources.audio_file import CALIBRATION, DESCRIPTORS

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ESTIMATED = (
    "danceability",
    "energy",
    "loudness",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
)
EDGE = 0.001  # a share of 0 or 1 has no logit


def known_tracks() -> pd.DataFrame:
    """One row a track: librosa's descriptors, and the published features (suffix `_published` for the tempo)."""
    audio = pd.read_parquet(DATA / "kr_tracks_librosa_genre_2025.parquet")
    chart = pd.read_parquet(DATA / "kr_spotify_daily_top200_2025.parquet")
    chart["track_id"] = chart["uri"].str.removeprefix("spotify:track:")
    names = chart.drop_duplicates(["track_name", "artist_names"])[["track_name", "artist_names", "track_id"]]
    tables = ("spotify_tracks_114k", "spotify_tracks_2024_146genres")
    published = pd.concat([pd.read_parquet(DATA / f"{name}.parquet") for name in tables]).drop_duplicates("track_id")
    joined = audio.merge(names, on=["track_name", "artist_names"]).merge(
        published[["track_id", "tempo", *ESTIMATED]], on="track_id", suffixes=("", "_published")
    )
    return joined[(joined["mean_rms"] > 0) & (joined["mean_centroid"] > 0)].drop_duplicates("track_id")


def descriptors_of(tracks: pd.DataFrame) -> np.ndarray:
    """The columns of `DESCRIPTORS`, (n, 6)."""
    columns = [
        np.log10(tracks["mean_rms"]),
        np.log10(tracks["max_rms"]),
        tracks["mean_zcr"],
        tracks["std_zcr"],
        np.log10(tracks["mean_centroid"]),
        tracks["mean_mel"],
    ]
    return np.column_stack(columns)


def model() -> Pipeline:
    """A line through standardised descriptors; its penalty is chosen inside the training folds."""
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 3, 16)))


def fitted(name: str, known: np.ndarray, x: np.ndarray, artists: pd.Series) -> dict[str, object]:
    """The line of one feature in the units of the descriptors, with its quality out of fold.

    Where the line is no better than always saying the median, the estimate is the median.
    """
    is_db = name == "loudness"
    share = np.clip(known, EDGE, 1 - EDGE)
    target = known if is_db else np.log(share / (1 - share))
    out_of_fold = cross_val_predict(model(), x, target, groups=artists, cv=GroupKFold(5))
    estimate = out_of_fold if is_db else 1 / (1 + np.exp(-out_of_fold))
    scaler, ridge = (step for _, step in model().fit(x, target).steps)
    weights = ridge.coef_ / scaler.scale_
    mae, mae_of_median = (float(np.mean(np.abs(guess - known))) for guess in (estimate, np.median(known)))
    is_guide = mae < mae_of_median
    return {
        "weights": [round(float(weight) if is_guide else 0.0, 6) for weight in weights],
        "intercept": round(float(ridge.intercept_ - weights @ scaler.mean_ if is_guide else np.median(target)), 6),
        "r": round(float(np.corrcoef(known, estimate)[0, 1]), 3),
        "bias": round(float(np.mean(estimate - known)), 4),
        "mae": round(mae, 4),
        "mae_of_median": round(mae_of_median, 4),
    }


def calibrate(tracks: pd.DataFrame) -> dict[str, object]:
    """The whole calibration, as it is written."""
    x, artists = descriptors_of(tracks), tracks["artist_names"].str.split(",").str[0]
    return {
        "descriptors": list(DESCRIPTORS),
        "descriptor_min": [round(float(value), 6) for value in x.min(axis=0)],
        "descriptor_max": [round(float(value), 6) for value in x.max(axis=0)],
        "n_tracks": len(tracks),
        "features": {name: fitted(name, tracks[name].to_numpy(float), x, artists) for name in ESTIMATED},
    }


def main() -> None:
    """Print the table; with `--write` also the calibration."""
    if not DATA.is_dir():
        print(f"There are no tables in {DATA}, so there is nothing to calibrate on.")
        return
    tracks = known_tracks()
    calibration = calibrate(tracks)
    print(f"Estimates from audio, {len(tracks)} charted tracks with known values, out of fold by artist\n")
    print(f"{'feature':18} {'r':>6} {'bias':>8} {'MAE':>8} {'MAE of the median':>18}")
    for name, line in calibration["features"].items():  # type: ignore[attr-defined]
        print(
            f"{name:18} {line['r']:6.2f} {line['bias']:+8.3f} {line['mae']:8.3f} {line['mae_of_median']:18.3f}"
            f"{'' if any(line['weights']) else '  -> the median is taken'}"
        )
    ratio = tracks["tempo"] / tracks["tempo_published"]
    octaves = [(abs(ratio / octave - 1) < 0.04).mean() for octave in (1, 2, 0.5)]
    print(
        f"\ntempo (measured, not calibrated): {octaves[0]:.0%} within 4 %, {sum(octaves):.0%} counting half and double"
    )
    if "--write" in sys.argv[1:]:
        CALIBRATION.write_text(json.dumps(calibration, indent=1) + "\n", encoding="utf-8")
        print(f"Written to {CALIBRATION.name}.")


if __name__ == "__main__":
    main()
