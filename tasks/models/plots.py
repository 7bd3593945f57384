"""Figures of a training run, drawn without a display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.models.evaluation import Evaluation
from tasks.models.mood import MOODS, SECTORS, Plane, anchors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS, PRIOR, GUIDE = "#2a6f97", "#b0b7bf", "#8a8f98"


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def scores_beside_prior(evaluation: Evaluation, metrics: Sequence[str], title: str) -> Figure:
    """One line a metric: the prior's value and ours with its 95 % interval."""
    figure = _figure(7.5, 0.45 * len(metrics) + 1.4)
    axes = figure.subplots()
    for line, name in enumerate(metrics):
        ours, prior = evaluation.ours[name], evaluation.prior[name]
        axes.plot([ours.lower, ours.upper], [line, line], color=OURS, linewidth=2.5, solid_capstyle="round")
        axes.plot([ours.value], [line], "o", color=OURS, label="ours, with 95 % interval" if line == 0 else None)
        axes.plot([prior.value], [line], "D", color=PRIOR, label="popularity prior" if line == 0 else None)
        axes.annotate(
            f"{ours.value:.3f}", (ours.value, line), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8
        )
    axes.set_yticks(range(len(metrics)), metrics)
    axes.invert_yaxis()
    axes.grid(axis="x", color="#e3e6ea")
    axes.set_title(title, loc="left")
    axes.legend(loc="best", frameon=False, fontsize=8)
    return figure


def per_label(table: pd.DataFrame, title: str) -> Figure:
    """F1 and ROC-AUC of each label, the commonest on top, with the number of rows that carry it."""
    rows = table.sort_values("n_true", ascending=True)
    figure = _figure(8, 0.26 * len(rows) + 1.4)
    left, right = figure.subplots(1, 2, sharey=True)
    names = [f"{label} ({count:,})" for label, count in zip(rows["label"], rows["n_true"], strict=True)]
    left.barh(names, rows["f1"], color=OURS)
    left.set_title(f"{title}: F1 of the tags", loc="left", fontsize=10)
    right.barh(names, rows["roc_auc"], color=OURS)
    right.axvline(0.5, color=GUIDE, linestyle="--", linewidth=1)
    right.set_xlim(0.3, 1)
    right.set_title("ROC-AUC (dashed: chance)", loc="left", fontsize=10)
    left.tick_params(axis="y", labelsize=8)
    return figure


def reliability(evaluation: Evaluation, title: str) -> Figure:
    """How often the most probable label is right, against how sure the model was; dot size by rows."""
    bins = evaluation.reliability
    figure = _figure(5, 5)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GUIDE, linestyle="--", linewidth=1, label="perfect")
    steady = bins[bins["n_rows"] >= 20]
    axes.plot(steady["confidence"], steady["accuracy"], color=OURS, linewidth=1)
    axes.scatter(bins["confidence"], bins["accuracy"], s=400 * bins["n_rows"] / bins["n_rows"].max() + 8, color=OURS)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the top label", ylabel="share that was right")
    axes.set_title(f"{title}: calibration error {evaluation.ours['ece'].value:.3f}", loc="left", fontsize=10)
    return figure


def confusion(truth: np.ndarray, probability: np.ndarray, labels: Sequence[str], title: str) -> Figure:
    """Share of each true label's rows by the label named first; a row with several true labels counts for each."""
    named = np.zeros(truth.shape)
    named[np.arange(len(truth)), probability.argmax(axis=1)] = 1
    shares = (truth.T.astype(float) @ named) / np.maximum(truth.sum(axis=0), 1)[:, None]
    size = 0.28 * len(labels) + 2
    figure = _figure(size + 1, size)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0)
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set(xlabel="named first", ylabel="true")
    axes.set_title(title, loc="left")
    figure.colorbar(image, ax=axes, shrink=0.7)
    return figure


def mood_plane(plane: Plane) -> Figure:
    """The five sectors of the plane and the points that tracks are measured from."""
    figure = _figure(5.5, 5.5)
    axes = figure.subplots()
    for start, _ in SECTORS.values():
        angle = np.radians(start)
        end = (plane.centre_valence + np.cos(angle), plane.centre_energy + np.sin(angle))
        axes.plot([plane.centre_valence, end[0]], [plane.centre_energy, end[1]], color=GUIDE, linewidth=1)
    for mood, (valence, energy) in zip(MOODS, anchors(plane), strict=True):
        axes.plot([valence], [energy], "o", color=OURS)
        axes.annotate(mood, (valence, energy), xytext=(6, 6), textcoords="offset points")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="valence", ylabel="energy")
    axes.set_title("Moods on the valence-energy plane (baseline)", loc="left", fontsize=10)
    return figure
