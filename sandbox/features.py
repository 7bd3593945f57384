"""Audio features drawn from the measured profiles: real marginals per genre, real dependence between features.

A track's point is Gaussian. It gets the correlation of its genre, and each coordinate goes through the genre's own
quantiles (a Gaussian copula), so a made-up track looks like one of its genre, feature by feature and pair by pair.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from random import Random
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from sandbox.profiles import FEATURES, PROFILES_FILE

WHOLE = frozenset({"key", "mode", "duration_ms", "time_signature"})
ARTIST_SHARE = 0.2  # share of the variance within a genre that an artist's tracks have in common

# A real genre holds much that a small table cannot teach. Drawn a little nearer to its middle, the 2,000 rows of
# the sandbox's table teach about as much about genre as 100,000 real ones.
SPREAD = 0.72

# A film of four genres leans to each of them a little; this makes the lean as plain as it is in real albums.
EMPHASIS = 2.0
NORMAL = NormalDist()

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
        songs, films = table["songs"], table["films"]
        self.songs = {seed: profile_of(row) for seed, row in songs.items()}
        self.companions: dict[str, dict[str, float]] = {seed: row["companions"] for seed, row in songs.items()}
        self.all_films = profile_of(films["any"])
        self._leans = {genre: self._lean(medians) for genre, medians in films["medians"].items()}
        self.combinations: dict[str, int] = films["combinations"]

    def song(self, seed: str, point: Point) -> Features:
        """The features at `point` as genre seed `seed` spreads them."""
        return self._through(self.songs[seed], point)

    def cue(self, film_genres: Sequence[str], point: Point) -> Features:
        """The features at `point` as soundtracks spread them, leaning to where those of `film_genres` lie."""
        lean = sum((self._leans.get(genre, 0.0) for genre in film_genres), np.zeros(len(FEATURES)))
        return self._through(self.all_films, point, EMPHASIS * lean / math.sqrt(len(film_genres)))

    def _through(self, profile: Profile, point: Point, shift: Point | float = 0.0) -> Features:
        drawn: Features = {}
        places = SPREAD * (profile.factor @ point) + shift
        for name, table, place in zip(FEATURES, profile.quantiles, places, strict=True):
            value = float(np.interp(NORMAL.cdf(place), self.levels, table))
            drawn[name] = round(value) if name in WHOLE else float(f"{value:.4g}")
        return drawn

    def _lean(self, medians: list[float]) -> Point:
        """How far a film genre's medians lie from those of all films, in standard deviations of all films."""
        pairs = zip(medians, self.all_films.quantiles, strict=True)
        shares = [np.interp(own, of_all, self.levels) for own, of_all in pairs]
        return np.array([NORMAL.inv_cdf(min(max(float(share), 0.02), 0.98)) for share in shares])


def profile_of(row: dict[str, Any]) -> Profile:
    """One genre's row of the measured table."""
    return Profile(row["quantiles"], _factor(row["correlation"]))


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
