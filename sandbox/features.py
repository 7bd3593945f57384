"""Audio features drawn from the measured profiles: real marginals per genre, real dependence between features.

A track's point is Gaussian; its correlation is that of the features within a genre. Each coordinate goes through
the genre's own quantiles (a Gaussian copula), so a made-up track looks like one of its genre, feature by feature.
"""

from __future__ import annotations

import json
import math
from random import Random

import numpy as np

from sandbox.profiles import FEATURES, PROFILES_FILE

WHOLE = frozenset({"key", "mode", "duration_ms", "time_signature"})
ARTIST_SHARE = 0.3  # share of the variance within a genre that an artist's tracks have in common

Point = np.ndarray
Features = dict[str, float]


class Profiles:
    """The measured profiles, and the draws from them."""

    def __init__(self) -> None:
        table = json.loads(PROFILES_FILE.read_text("utf-8"))
        self.levels = np.array(table["levels"])
        self.songs: dict[str, list[list[float]]] = {k: v["quantiles"] for k, v in table["songs"]["genres"].items()}
        self.companions: dict[str, dict[str, float]] = {
            k: v["companions"] for k, v in table["songs"]["genres"].items()
        }
        self.films: dict[str, list[list[float]]] = table["films"]["genres"]
        self.combinations: dict[str, int] = table["films"]["combinations"]
        self._song_factor = _factor(table["songs"]["correlation"])
        self._film_factor = _factor(table["films"]["correlation"])

    def song_point(self, rng: Random) -> Point:
        """A standard Gaussian point with the dependence of songs, shape (13,)."""
        return self._song_factor @ _normal(rng)

    def film_point(self, rng: Random) -> Point:
        """A standard Gaussian point with the dependence of score cues, shape (13,)."""
        return self._film_factor @ _normal(rng)

    def song(self, seed: str, point: Point) -> Features:
        """The features at `point` as genre seed `seed` spreads them."""
        return self._through(self.songs[seed], point)

    def cue(self, film_genre: str, point: Point) -> Features:
        """The features at `point` as the soundtracks of `film_genre` spread them; a rare genre as all films do."""
        return self._through(self.films.get(film_genre, self.films["any"]), point)

    def _through(self, quantiles: list[list[float]], point: Point) -> Features:
        drawn: Features = {}
        for name, table, coordinate in zip(FEATURES, quantiles, point, strict=True):
            share = 0.5 * (1.0 + math.erf(coordinate / math.sqrt(2.0)))
            value = float(np.interp(share, self.levels, table))
            drawn[name] = round(value) if name in WHOLE else float(f"{value:.4g}")
        return drawn


def with_artist(artist: Point, own: Point) -> Point:
    """A track's point: partly its artist's, partly its own; the variance stays one."""
    return math.sqrt(ARTIST_SHARE) * artist + math.sqrt(1.0 - ARTIST_SHARE) * own


def _normal(rng: Random) -> Point:
    return np.array([rng.gauss(0.0, 1.0) for _ in FEATURES])


def _factor(correlation: list[list[float]]) -> np.ndarray:
    """Cholesky factor of a correlation matrix, pulled slightly to the identity because it was rounded."""
    matrix = 0.99 * np.array(correlation) + 0.01 * np.eye(len(correlation))
    return np.asarray(np.linalg.cholesky(matrix))
