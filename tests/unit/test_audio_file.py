"""Features from sound: what is measured is right on sounds whose answer is known, and nothing odd gets through."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import RATE_HZ, cadence, clicks, saved

from tasks.fetching.answer import FetchState
from tasks.schemas import AUDIO_FEATURES
from tasks.settings import PROJECT_ROOT
from tasks.sources.audio_file import CALIBRATION, DESCRIPTORS, estimates, measure_file, read_calibration


def test_key_and_mode_of_a_cadence(tmp_path: Path) -> None:
    (row,) = measure_file(saved(tmp_path, "c.wav", cadence())).rows
    assert (row["key"], row["mode"]) == (0, 1)
    (transposed,) = measure_file(
        saved(
            tmp_path, "e.wav", np.interp(np.arange(0, 200_000, 2 ** (4 / 12)), np.arange(200_000), cadence()[:200_000])
        )
    ).rows
    assert (transposed["key"], transposed["mode"]) == (4, 1)


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_tempo_of_clicks(tmp_path: Path, bpm: float) -> None:
    (row,) = measure_file(saved(tmp_path, "clicks.flac", clicks(bpm))).rows
    assert min(abs(row["tempo"] / (bpm * octave) - 1) for octave in (0.5, 1, 2)) < 0.03


def test_louder_is_louder_and_more_energetic(tmp_path: Path) -> None:
    noise = np.random.default_rng(7).normal(size=10 * RATE_HZ)
    quiet, loud = (measure_file(saved(tmp_path, f"{n}.ogg", np.clip(noise * n, -1, 1))).rows[0] for n in (0.02, 0.3))
    assert loud["loudness"] > quiet["loudness"] + 3
    assert loud["energy"] > quiet["energy"]
    assert loud["acousticness"] < quiet["acousticness"]


def test_a_row_has_all_features_in_their_ranges(tmp_path: Path) -> None:
    (row,) = measure_file(saved(tmp_path, "c.wav", cadence())).rows
    assert row.keys() == {*AUDIO_FEATURES, "provider"}
    assert row["time_signature"] is None
    assert row["duration_ms"] == pytest.approx(12_000, abs=1)
    assert row["provider"] == "audio"
    assert -60 < row["loudness"] < 0
    for name in ("danceability", "energy", "speechiness", "acousticness", "instrumentalness", "liveness", "valence"):
        assert 0 < row[name] < 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be decoded"),
        (b"no sound at all" * 99, "cannot be decoded"),
        (b"RIFF\xff\xff\xff\xffWAVE", "cannot be"),
    ],
)
def test_what_is_no_sound_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "odd.wav").write_bytes(content)
    parsed = measure_file(tmp_path / "odd.wav")
    assert (parsed.state, parsed.rows) == (FetchState.BROKEN, [])
    assert reason in parsed.reason
    assert str(tmp_path) not in parsed.reason


def test_silence_and_a_snippet_are_named(tmp_path: Path) -> None:
    assert measure_file(saved(tmp_path, "s.wav", np.zeros(10 * RATE_HZ))).reason == "it is silent"
    assert "shorter than" in measure_file(saved(tmp_path, "t.wav", cadence(2.0))).reason
    assert measure_file(saved(tmp_path, "offset.wav", np.full(10 * RATE_HZ, 0.5))).reason == "it is silent"
    soundfile.write(tmp_path / "nan.wav", np.full(10 * RATE_HZ, np.nan), RATE_HZ, subtype="FLOAT")
    assert not measure_file(tmp_path / "nan.wav").rows


@pytest.mark.parametrize("level", [3e38, 1e30, np.inf])
def test_samples_that_overflow_are_named(tmp_path: Path, level: float) -> None:
    noise = np.sign(np.random.default_rng(7).normal(size=(6 * RATE_HZ, 2)))
    soundfile.write(tmp_path / "loud.wav", (noise * level).astype("float32"), RATE_HZ, subtype="FLOAT")
    parsed = measure_file(tmp_path / "loud.wav")
    assert (parsed.state, parsed.reason) == (FetchState.BROKEN, "it holds samples that are no numbers or no sound")


@pytest.mark.parametrize(("rate_hz", "n_seconds"), [(1, 600), (10, 60), (1_000, 100_000)])
def test_headers_that_lie_are_named(tmp_path: Path, rate_hz: int, n_seconds: int) -> None:
    file = tmp_path / "odd.wav"
    n_bytes = rate_hz * n_seconds
    fields = (b"RIFF", 36 + n_bytes, b"WAVEfmt ", 16, 1, 1, rate_hz, rate_hz, 1, 8, b"data", n_bytes)
    with file.open("wb") as out:
        out.write(struct.pack("<4sI8sIHHIIHH4sI", *fields))
        out.truncate(44 + n_bytes)  # a file with a hole: nothing of it is on disk
    assert "its header claims" in measure_file(file).reason


def test_a_hundred_channels_are_one_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "many.wav", np.repeat(cadence(6.0)[:, None], 100, axis=1)[::2], RATE_HZ // 2)
    (row,) = measure_file(tmp_path / "many.wav").rows
    assert (row["key"], row["mode"], row["duration_ms"]) == (0, 1, 6_000)


def test_estimates_stay_inside_what_the_calibration_has_seen() -> None:
    low, high = read_calibration()["descriptor_min"], read_calibration()["descriptor_max"]
    assert estimates([-99.0] * len(DESCRIPTORS)) == estimates(low)
    assert estimates([99.0] * len(DESCRIPTORS)) == estimates(high)


def test_the_calibration_is_what_the_benchmark_computes() -> None:
    if not (PROJECT_ROOT.parent / "shared" / "data").is_dir():
        pytest.skip("the tables that the calibration was fitted on are not here")
    sys.path.insert(0, str(PROJECT_ROOT / "bench"))
    try:
        import audio_features as bench
    finally:
        sys.path.pop(0)
    assert bench.calibrate(bench.known_tracks()) == json.loads(CALIBRATION.read_text())
