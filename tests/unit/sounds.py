"""Sounds whose key and tempo are known, and files of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 22_050
C, D, E, F, G, A, B = (261.63, 293.66, 329.63, 349.23, 392.0, 440.0, 493.88)


def chord(*tones_hz: float, seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return sum(np.sin(2 * np.pi * tone * octave * t) / octave for tone in tones_hz for octave in (1, 2)) / 8


def cadence(seconds: float = 12.0) -> np.ndarray:
    """C, F, G, C over and over: C major beyond doubt."""
    bar = np.concatenate([chord(*notes, seconds=0.5) for notes in ((C, E, G), (F, A, C), (G, B, D), (C, E, G))])
    return np.tile(bar, int(np.ceil(seconds / 2)))[: int(seconds * RATE_HZ)]


def clicks(bpm: float, seconds: float = 20.0) -> np.ndarray:
    sound = np.zeros(int(seconds * RATE_HZ))
    click = np.random.default_rng(7).normal(size=400) * np.exp(-np.arange(400) / 60)
    for start in np.arange(0, seconds - 0.1, 60 / bpm):
        sound[int(start * RATE_HZ) :][: len(click)] += click
    return sound * 0.2


def saved(folder: Path, name: str, sound: np.ndarray) -> Path:
    file = folder / name
    soundfile.write(file, sound, RATE_HZ)
    return file
