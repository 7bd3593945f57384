from __future__ import annotations

import csv
from itertools import pairwise

import numpy as np
import pytest

from tasks.models import mood, track_mood
from tasks.models.features import FEATURES
from tasks.settings import PROJECT_ROOT


def songs(*points: tuple[float, float]) -> np.ndarray:
    matrix = np.full((len(points), len(FEATURES)), 0.5)
    matrix[:, [FEATURES.index("valence"), FEATURES.index("energy")]] = points
    return matrix


@pytest.mark.parametrize(
    ("valence", "energy", "expected"),
    [
        (0.95, 0.8, "happy"),
        (0.5, 0.98, "dramatic"),
        (0.1, 0.95, "aggressive"),
        (0.1, 0.15, "sad"),
        (0.9, 0.2, "romantic"),
    ],
)
def test_corners_of_the_plane_have_their_moods(valence, energy, expected):
    probability = mood.score(mood.Plane(), songs((valence, energy)))[0]
    assert mood.MOODS[probability.argmax()] == expected
    assert probability.sum() == pytest.approx(1)


def test_the_centre_is_undecided_and_the_rim_is_not():
    plane = mood.Plane()
    probability = mood.score(plane, songs((plane.centre_valence, plane.centre_energy), (0.0, 0.1)))
    assert probability[0].max() == pytest.approx(0.2)
    assert probability[1].max() > 0.6


def test_sectors_share_the_whole_circle():
    spans = sorted(mood.SECTORS.values())
    assert spans[0][0] == 0
    assert spans[-1][1] == 360
    assert all(one[1] == two[0] for one, two in pairwise(spans))


def test_labels_are_cut_from_the_plane_as_the_baseline_cuts_it():
    with (PROJECT_ROOT / "sql" / "vocabularies" / "mood.csv").open(encoding="utf-8", newline="") as file:
        told = {row["mood"]: (float(row["from_degrees"]), float(row["to_degrees"])) for row in csv.DictReader(file)}
    assert told == mood.SECTORS


def test_baseline_depends_on_nothing_but_the_plane_and_says_what_it_is():
    bundle = track_mood.baseline().bundle
    one, other = songs((0.3, 0.4)), songs((0.3, 0.4))
    other[0, FEATURES.index("tempo")] = 180
    assert (bundle.score(one) == bundle.score(other)).all()
    assert "baseline" in bundle.name
    assert bundle.decide(bundle.score(one)).sum() >= 1
