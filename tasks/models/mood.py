"""Track mood without training data: a documented baseline on the valence-energy plane.

Russell's circumplex (1980, doi 10.1037/h0077714) orders feelings by angle around a neutral centre: valence to
the right, arousal upwards; energy stands for arousal. Five sectors share the circle, and a track belongs to
each the more the nearer it lies to the middle of that sector:

| mood | angle | reads as |
| --- | --- | --- |
| happy | 0 to 75 degrees | bright and lively |
| dramatic | 75 to 115 | strong, neither bright nor dark |
| aggressive | 115 to 180 | strong and dark |
| sad | 180 to 270 | weak and dark |
| romantic | 270 to 360 | weak and bright |

The centre is (.5, .6): the published tables have median valence .46 and energy .68, and .6 lies between that
median and the middle of the scale, so that quiet film music does not fall into one sector as a whole.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tasks.models.features import FEATURES

SECTORS: dict[str, tuple[float, float]] = {
    "happy": (0, 75),
    "dramatic": (75, 115),
    "aggressive": (115, 180),
    "sad": (180, 270),
    "romantic": (270, 360),
}
MOODS: tuple[str, ...] = tuple(sorted(SECTORS))


@dataclass(frozen=True, slots=True)
class Plane:
    """Where the sectors lie, and how sharply they part."""

    centre_valence: float = 0.5
    centre_energy: float = 0.6
    radius: float = 0.3  # distance of a sector's anchor from the centre
    softness: float = 0.12  # of the softmax over squared distances: few tracks are more than 60 % of one mood

    def to_dict(self) -> dict[str, Any]:
        """For the bundle's text file."""
        return asdict(self)


def anchors(plane: Plane) -> np.ndarray:
    """Valence and energy of the middle of each mood's sector (moods, 2), in the order of `MOODS`."""
    middle = np.radians([sum(SECTORS[mood]) / 2 for mood in MOODS])
    centre = np.array([plane.centre_valence, plane.centre_energy])
    return np.asarray(centre + plane.radius * np.column_stack([np.cos(middle), np.sin(middle)]))


def score(plane: Plane, matrix: np.ndarray) -> np.ndarray:
    """Mood probabilities (n, 5) that sum to 1: softmax over minus the squared distances to the anchors.

    >>> song = np.full((1, 13), np.nan)
    >>> song[0, [FEATURES.index("valence"), FEATURES.index("energy")]] = 0.1, 0.2
    >>> MOODS[score(Plane(), song)[0].argmax()]
    'sad'
    """
    points = matrix[:, [FEATURES.index("valence"), FEATURES.index("energy")]]
    squared = ((points[:, None, :] - anchors(plane)[None]) ** 2).sum(axis=2)
    weight = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / plane.softness)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
