"""The track-mood baseline as a model: no training data, one version, named `baseline` wherever it is named."""

from __future__ import annotations

from tasks.models.bundle import Bundle, Form, Spec
from tasks.models.calibration import Calibration
from tasks.models.crossfit import TrainResult
from tasks.models.mood import MOODS, Plane

NAME = "track-mood"
NOTE = "baseline"


def train() -> TrainResult:
    """The baseline; it is judged against nothing, because no mood labels have been imported."""
    plane = Plane()
    spec = Spec(
        kind="mood",
        model=NAME,
        form=Form.PLANE,
        labels=MOODS,
        thresholds=(0.5,) * len(MOODS),
        training_share=(),
        calibration=Calibration.identity(len(MOODS)),
        note=NOTE,
        plane=plane.to_dict(),
    )
    return TrainResult(
        bundle=Bundle(spec),
        split="none: no training data",
        params=plane.to_dict(),
        notes=["Baseline on the valence-energy plane: learnt from no labels, and judged on none yet."],
    )
