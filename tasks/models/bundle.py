"""A model as a folder of text: `spec.json` and LightGBM's own text files. Nothing in it can run code when loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.models import mood
from tasks.models.calibration import Calibration, decide
from tasks.models.features import FEATURES, is_scorable
from tasks.settings import OstinatoError

if TYPE_CHECKING:
    import lightgbm

SPEC = "spec.json"
BATCH_ROWS = 20_000


class Form(StrEnum):
    """How the members of a bundle make raw scores."""

    MULTICLASS = "multiclass"  # boosters over all labels at once, averaged
    ONE_VS_REST = "one_vs_rest"  # one booster a label
    PLANE = "plane"  # the valence-energy plane, no member


@dataclass(frozen=True)
class Spec:
    """Everything about a model but its trees."""

    kind: str
    """What it tags: genre, mood or film_genre."""
    model: str
    """Name of the registered model."""
    form: Form
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    """Probability from which on a label is a tag."""
    training_share: tuple[float, ...]
    """Share of the training tracks that carry the label: what lift is measured against; empty without training."""
    calibration: Calibration
    name_top: bool = True
    """True where the most probable label is always a tag."""
    note: str = ""
    """Said beside the version wherever the model is named, such as `baseline`."""
    plane: dict[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = FEATURES
    abstain_below: float = 0.0
    """Probability of the likeliest label below which a row gets no tag at all."""
    coverage_curve: dict[str, list[float]] = field(default_factory=dict)
    """What other thresholds would bring, out of fold: `threshold`, `coverage`, `accuracy` side by side."""


@dataclass(frozen=True)
class Bundle:
    """A model that can score: probabilities that each label is among the true ones."""

    spec: Spec
    boosters: tuple[lightgbm.Booster, ...] = ()
    version: str = "0"

    @property
    def kind(self) -> str:
        """What it tags: genre, mood or film_genre."""
        return self.spec.kind

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the probabilities' columns."""
        return self.spec.labels

    @property
    def thresholds(self) -> np.ndarray:
        """Probability from which on each label is a tag (labels,)."""
        return np.asarray(self.spec.thresholds)

    @property
    def training_share(self) -> np.ndarray:
        """Share of each label among the training tracks (labels,); NaN for a model without training data."""
        return np.asarray(self.spec.training_share or (np.nan,) * len(self.labels))

    @property
    def name(self) -> str:
        """As every tag names it: `track-genre/3`, `track-mood/1 (baseline)`."""
        return f"{self.spec.model}/{self.version}" + (f" ({self.spec.note})" if self.spec.note else "")

    def score(self, features: np.ndarray, threads: int = 1) -> np.ndarray:
        """Calibrated probabilities (n, labels) of rows in the order of `FEATURES`.

        Duration and time signature may be NaN; a row that lacks anything else has NaN throughout.
        """
        result = np.full((len(features), len(self.labels)), np.nan)
        rows = np.flatnonzero(is_scorable(features))
        chunks = [rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS)]
        if len(chunks) < threads:
            chunks = [chunk for chunk in np.array_split(rows, threads) if len(chunk)]

        def score_chunk(chunk: np.ndarray) -> None:
            raw = raw_scores(self.spec, self.boosters, np.ascontiguousarray(features[chunk]))
            result[chunk] = self.spec.calibration.apply(raw)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(score_chunk, chunks))
        return result

    def decide(self, probability: np.ndarray) -> np.ndarray:
        """The model's own tags (bool, n x labels); none for a row without probabilities or where the model abstains."""
        is_named = probability.max(axis=1) >= self.spec.abstain_below  # never where a probability is NaN
        tagged = np.zeros(probability.shape, dtype=bool)
        tagged[is_named] = decide(probability[is_named], self.thresholds, name_top=self.spec.name_top)
        return tagged

    def save(self, folder: Path) -> None:
        """Write the bundle as text files into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        spec = {**asdict(self.spec), "n_members": len(self.boosters)}
        (folder / SPEC).write_text(json.dumps(spec, indent=1, ensure_ascii=False), encoding="utf-8")
        for position, booster in enumerate(self.boosters):
            (folder / _member(position)).write_text(booster.model_to_string(importance_type="gain"), encoding="utf-8")

    @staticmethod
    def load(folder: Path, version: str = "0") -> Bundle:
        """Read a bundle back.

        Raises
        ------
        OstinatoError
            When the folder holds no bundle or one for other features.
        """
        try:
            found = json.loads((folder / SPEC).read_text(encoding="utf-8"))
            n_members = found.pop("n_members")
            calibration = found.pop("calibration")
            lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
            spec = Spec(
                **{**found, **lists, "form": Form(found["form"])},
                calibration=Calibration(calibration["slope"], tuple(calibration["offset"])),
            )
            boosters = tuple(_read_member(folder / _member(position)) for position in range(n_members))
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise OstinatoError(f"No model can be read from {folder} ({fault}); train it again.") from fault
        if spec.features != FEATURES:
            raise OstinatoError(f"The model in {folder} wants other features than this version; train it again.")
        return Bundle(spec, boosters, version)


def raw_scores(spec: Spec, boosters: Sequence[lightgbm.Booster], features: np.ndarray) -> np.ndarray:
    """What the members say before calibration, in 0 to 1 (n, labels)."""
    if spec.form is Form.PLANE:
        return mood.score(mood.Plane(**spec.plane), features)
    return member_scores(spec.form, boosters, features)


def member_scores(
    form: Form, boosters: Sequence[lightgbm.Booster], features: np.ndarray, n_trees: int | None = None
) -> np.ndarray:
    """Predictions of the (first `n_trees`) trees: averaged over boosters that know all labels, else side by side."""
    answers = [booster.predict(features, num_threads=1, num_iteration=n_trees) for booster in boosters]
    return np.column_stack(answers) if form is Form.ONE_VS_REST else np.asarray(np.mean(answers, axis=0))


def _member(position: int) -> str:
    return f"member-{position:02d}.txt"


def _read_member(file: Path) -> lightgbm.Booster:
    from lightgbm import Booster

    return Booster(model_str=file.read_text(encoding="utf-8"))
