"""Audio features drawn from the measured profiles: real marginals per genre, real dependence between features.

A track's point is Gaussian. It gets the correlation of its genre, and each coordinate goes through the genre's own
quantiles (a Gaussian copula), so a made-up track looks like one of its genre, feature by feature and pair by pair.
"""

from __future__ import annotations

import json
import math
from random import Random
from typing import NamedTuple

import numpy as np

from sandbox.profiles import FEATURES, PROFILES_FILE

WHOLE = frozenset({"key", "mode", "duration_ms", "time_signature"})
ARTIST_SHARE = 0.3  # share of the variance within a genre that an artist's tracks have in common

Point = np.ndarray
Features = dict[str, float]


class Profile(NamedTuple):
    """How one genre spreads: quantiles, one list per feature, and the Cholesky factor of the correlation."""

    quantiles: list[list[float]]
    factor: np.ndarray


class Profiles:
    """The measured profiles, and the draws from them."""

    def __init__(self) -> None:
        table = json.loads(PROFILES_FILE.read_text("utf-8"))
        self.levels = np.array(table["levels"])
        self.songs = {seed: Profile(row["quantiles"], _factor(row["correlation"])) for seed, row in table["songs"].items()}
        self.companions: dict[str, dict[str, float]] = {seed: row["companions"] for seed, row in table["songs"].items()}
        self.films = {
            name: Profile(row["quantiles"], _factor(row["correlation"])) for name, row in table["films"]["genres"].items()
        }
        self.combinations: dict[str, int] = table["films"]["combinations"]

    def song(self, seed: str, point: Point) -> Features:
        """The features at `point` as genre seed `seed` spreads them."""
        return self._through(self.songs[seed], point)

    def cue(self, film_genre: str, point: Point) -> Features:
        """The features at `point` as the soundtracks of `film_genre` spread them; a rare genre as all films do."""
        return self._through(self.films.get(film_genre, self.films["any"]), point)

    def _through(self, profile: Profile, point: Point) -> Features:
        drawn: Features = {}
        for name, table, coordinate in zip(FEATURES, profile.quantiles, profile.factor @ point, strict=True):
            share = 0.5 * (1.0 + math.erf(coordinate / math.sqrt(2.0)))
            value = float(np.interp(share, self.levels, table))
            drawn[name] = round(value) if name in WHOLE else float(f"{value:.4g}")
        return drawn


def with_artist(artist: Point, own: Point) -> Point:
    """A track's point: partly its artist's, partly its own; the variance stays one."""
    return math.sqrt(ARTIST_SHARE) * artist + math.sqrt(1.0 - ARTIST_SHARE) * own


def draw_point(rng: Random) -> Point:
    """A standard Gaussian point, shape (13,)."""
    return np.array([rng.gauss(0.0, 1.0) for _ in FEATURES])


def _factor(lower: list[list[float]]) -> np.ndarray:
    """Cholesky factor of a correlation matrix given below its diagonal, pulled to the identity as it was rounded."""
    matrix = np.eye(len(lower))
    for number, line in enumerate(lower):
        matrix[number, :number] = matrix[:number, number] = 0.97 * np.array(line)
    return np.asarray(np.linalg.cholesky(matrix))
