"""An audio file in, one row of features out: what can be measured is measured, the rest is estimated and says so.

Duration, tempo, key and mode are measured from the sound. Loudness and the seven descriptors that Spotify invented are
*estimates*: each a ridge regression on six plain descriptors of the sound, fitted on tracks whose published values are
known (`audio_calibration.json`, written and judged by `bench/audio_features.py`, which prints how far each estimate
can be trusted). They carry the provider `audio` and are never called Spotify's.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.fetching.answer import FetchState
from tasks.sources.parsed import Parsed

if TYPE_CHECKING:
    import numpy as np
    import soundfile

MEASURING_VERSION = 1  # raise it with every change of what can be measured, or how
CALIBRATION = Path(__file__).with_name("audio_calibration.json")
SAMPLE_RATE_HZ = 22_050  # at which the calibration's descriptors were taken
SHORTEST_S = 5.0  # less holds no tempo
LONGEST_S = 600.0  # is listened to; the duration is the whole file's
LONGEST_FILE_S = 86_400.0  # a longer one is a header that lies
RATES_HZ = range(1_000, 768_001)  # other rates are no recording's
MOST_FRAMES = 600 * 192_000  # are listened to; what claims more per second is heard for less than ten minutes
BLOCK_SAMPLES = 1 << 22  # are decoded at once, over all channels, of which a file may have a thousand
LOUDEST = 1e6  # of a sample, where 1 is full scale and some files count in whole numbers
MAX_FILE_BYTES = 1 << 30
SILENCE_RMS = 1e-4  # -80 dBFS
SUFFIXES = frozenset((".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"))
"""Endings of the files that libsndfile reads."""

DESCRIPTORS = ("log_mean_rms", "log_max_rms", "mean_zcr", "std_zcr", "log_mean_centroid", "mean_mel_db")
"""What the estimates rest on, in the calibration's order."""

# How well each of the twelve notes fits a key, from C: the probe-tone ratings of Krumhansl and Kessler (1982).
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded mono sound, and how long the whole file is."""

    samples: np.ndarray  # float32, (n,), at SAMPLE_RATE_HZ
    duration_ms: float


@cache
def measuring_version() -> str:
    """The versions of all that measures: what one of them cannot decode, another may."""
    return f"{MEASURING_VERSION}, soundfile {version('soundfile')}, librosa {version('librosa')}"


def measure_file(path: Path) -> Parsed[dict[str, Any]]:
    """The features of one audio file, as one row; never raises for what a file holds.

    The row has the 13 features, of which `time_signature` is null: no beat tracker tells it well enough.
    """
    sound = _decode(path)
    if isinstance(sound, Parsed):
        return sound
    if len(sound.samples) < SHORTEST_S * SAMPLE_RATE_HZ:
        return Parsed([], FetchState.BROKEN, f"it is shorter than {SHORTEST_S:.0f} s")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of what is then null or named
        descriptors = describe(sound.samples)
        if descriptors is None:
            return Parsed([], FetchState.EMPTY, "it is silent")
        key, mode = key_and_mode(sound.samples)
        tempo = tempo_bpm(sound.samples)
    row = estimates(descriptors) | {"key": key, "mode": mode, "tempo": tempo, "duration_ms": sound.duration_ms}
    return Parsed([row | {"time_signature": None, "provider": "audio"}], FetchState.OK)


def describe(samples: np.ndarray) -> list[float] | None:
    """The six descriptors of mono sound in the order of `DESCRIPTORS`; None for silence."""
    import librosa
    import numpy as np

    rms = librosa.feature.rms(y=samples)[0]
    if rms.max() < SILENCE_RMS:
        return None
    crossings = librosa.feature.zero_crossing_rate(samples)[0]
    centroid_hz = librosa.feature.spectral_centroid(y=samples, sr=SAMPLE_RATE_HZ)[0]
    mel = librosa.feature.melspectrogram(y=samples, sr=SAMPLE_RATE_HZ)
    return [
        math.log10(max(float(rms.mean()), SILENCE_RMS)),
        math.log10(float(rms.max())),
        float(crossings.mean()),
        float(crossings.std()),
        math.log10(max(float(centroid_hz.mean()), 1.0)),
        float(librosa.power_to_db(mel, ref=np.max).mean()),
    ]


def tempo_bpm(samples: np.ndarray) -> float:
    """The tempo in beats per minute; 0 where nothing beats. Half or double of what a listener taps is common."""
    import librosa

    onsets = librosa.onset.onset_strength(y=samples, sr=SAMPLE_RATE_HZ)
    if onsets.max() <= 0:
        return 0.0
    return round(float(librosa.feature.tempo(onset_envelope=onsets, sr=SAMPLE_RATE_HZ)[0]), 3)


def key_and_mode(samples: np.ndarray) -> tuple[float, float]:
    """Key (0 = C to 11 = B) and mode (1 major, 0 minor): the key profile that the notes' strengths fit best."""
    import librosa
    import numpy as np

    strengths = librosa.feature.chroma_cqt(y=samples, sr=SAMPLE_RATE_HZ).mean(axis=1)
    if strengths.std() == 0:
        return -1.0, 1.0
    fits = [
        (float(np.corrcoef(strengths, np.roll(profile, key))[0, 1]), float(key), mode)
        for mode, profile in ((1.0, _MAJOR), (0.0, _MINOR))
        for key in range(12)
    ]
    _, key, mode = max(fits)
    return key, mode


def estimates(descriptors: list[float]) -> dict[str, float]:
    """Loudness in dB and the descriptors from 0 to 1, by the calibration; within what it has seen.

    Descriptors outside the range of the calibrating tracks are taken at its edge: a line is no guide beyond it.
    """
    calibration = read_calibration()
    low, high = calibration["descriptor_min"], calibration["descriptor_max"]
    held = [min(max(value, least), most) for value, least, most in zip(descriptors, low, high, strict=True)]
    found = {}
    for name, line in calibration["features"].items():
        value = line["intercept"] + sum(weight * x for weight, x in zip(line["weights"], held, strict=True))
        found[name] = round(value if name == "loudness" else 1 / (1 + math.exp(-value)), 4)
    return found


@lru_cache(maxsize=1)
def read_calibration() -> dict[str, Any]:
    """The fitted lines: per feature its weights, and its quality out of fold (`r`, `bias`, `mae`, `n_tracks`)."""
    calibration: dict[str, Any] = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return calibration


def _decode(path: Path) -> Sound | Parsed[dict[str, Any]]:
    """Mono sound of the file's first ten minutes, without a constant offset, which nobody hears."""
    import librosa
    import numpy as np
    import soundfile

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return _unheard(f"it is larger than {MAX_FILE_BYTES >> 20} MB")
        with soundfile.SoundFile(os.fsencode(path)) as file:
            rate_hz, duration_s = file.samplerate, file.frames / max(file.samplerate, 1)
            if rate_hz not in RATES_HZ or duration_s > LONGEST_FILE_S:
                return _unheard(f"its header claims {rate_hz:,} samples a second and {duration_s / 3600:,.0f} hours")
            mono = _mono(file)
            if len(mono) < _frames_heard(file):  # it ends before its header says
                duration_s = len(mono) / rate_hz
    except soundfile.LibsndfileError as fault:
        return _unheard(f"it cannot be decoded ({fault.error_string.strip().rstrip('.')})")
    except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as fault:
        return _unheard(f"it cannot be decoded ({getattr(fault, 'strerror', None) or type(fault).__name__})")
    if not np.abs(mono).max(initial=0.0) < LOUDEST:
        return _unheard("it holds samples that are no numbers or no sound")
    sound = librosa.resample(mono, orig_sr=rate_hz, target_sr=SAMPLE_RATE_HZ) if len(mono) else mono
    return Sound(sound - sound.mean() if len(sound) else sound, round(1000 * duration_s, 1))


def _mono(file: soundfile.SoundFile) -> np.ndarray:
    """The part that is listened to, mixed block by block: a thousand channels at once would not fit into memory."""
    import numpy as np

    n_at_once = max(1, BLOCK_SAMPLES // file.channels)
    blocks = file.blocks(n_at_once, frames=_frames_heard(file), dtype="float32", always_2d=True)
    with np.errstate(all="ignore"):  # what overflows is told by its result
        return np.concatenate([np.zeros(0, np.float32), *(block.mean(axis=1) for block in blocks)])


def _frames_heard(file: soundfile.SoundFile) -> int:
    return int(min(file.frames, LONGEST_S * file.samplerate, MOST_FRAMES))


def _unheard(reason: str) -> Parsed[dict[str, Any]]:
    return Parsed([], FetchState.BROKEN, reason)
