"""Features from sound: what is measured is right on sounds whose answer is known, and nothing odd gets through."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tasks import lake
from tasks.collecting.features import audio_files
from tasks.collecting.features.audio_files import measure_files, tags_of, track_id_of
from tasks.fetching.answer import FetchState
from tasks.schemas import AUDIO_FEATURES
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings
from tasks.sources.audio_file import CALIBRATION, DESCRIPTORS, estimates, measure_file, read_calibration

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


def test_a_thousand_channels_are_one_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "many.wav", np.repeat(cadence(6.0)[:, None], 200, axis=1)[::2], RATE_HZ // 2)
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


# --- into the lake ---


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", profile=Profile.LIVE, threads=2)


def test_files_are_measured_once_whatever_their_names(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    first = saved(folder, "Some Band - A Song.wav", cadence())
    saved(folder, "clicks.flac", clicks(120))
    (folder / "notes.txt").write_text("no sound")
    (folder / "broken.mp3").write_bytes(b"ID3" + bytes(5000))
    report = measure_files(settings, [folder], date(2026, 11, 21))
    assert (report.n_rows, report.states, report.missing) == (2, {"ok": 2, "broken": 1}, {"broken.mp3": "broken"})
    assert "broken.mp3 was not measured" in report.notes[0]
    rows = {row["file_name"]: row for row in lake.read(settings.lake, "audio", "audio_features").to_pylist()}
    song = rows["Some Band - A Song.wav"]
    assert (song["title"], song["artists"], song["provider"]) == ("A Song", ["Some Band"], "audio")
    assert song["track_id"].startswith("file:")
    first.rename(folder / "renamed.wav")
    again = measure_files(settings, [folder], date(2026, 11, 22))
    assert (again.n_rows, again.states) == (0, {"broken": 1})


def test_tags_come_before_the_file_name(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "Nobody - Nothing.flac", "w", RATE_HZ, 1) as file:
        file.title, file.artist, file.album, file.date = "사계", "거북이", "Four Seasons", "2003-07-04"
        file.write(cadence(6.0))
    tags = tags_of(tmp_path / "Nobody - Nothing.flac")
    assert tags == {
        "isrc": None,
        "title": "사계",
        "artists": ["거북이"],
        "album": "Four Seasons",
        "released_on": "2003-07-04",
    }


def test_odd_names_and_huge_tags_come_out_bounded(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    with soundfile.SoundFile(folder / "bomb.flac", "w", RATE_HZ, 1) as file:
        file.title, file.artist, file.album, file.date = "T" * 2_000_000, "A" * 2_000_000, "a\nb\x07c", "2003-W01-1"
        file.write(cadence(6.0))
    saved(folder, "plain.wav", chord(A, seconds=6.0)).rename(
        os.fsdecode(os.fsencode(folder) + b"/in\xffvalid\nname.wav")
    )
    assert measure_files(settings, [folder], date(2026, 11, 21)).n_rows == 2
    rows = {row["file_name"]: row for row in lake.read(settings.lake, "audio", "audio_features").to_pylist()}
    assert rows.keys() == {"bomb.flac", "in valid name.wav"}
    bomb = rows["bomb.flac"]
    assert (bomb["title"], bomb["artists"], bomb["album"]) == ("T" * 300, ["A" * 300], "a b c")
    assert bomb["released_on"] == "2002-12-30"


def test_a_file_that_cannot_be_read_costs_nothing_but_itself(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, "good.wav", cadence(6.0))
    (tmp_path / "gone.wav").write_bytes(b"x")
    with (tmp_path / "huge.wav").open("wb") as hole:
        hole.truncate(2 << 30)

    def track_id(file: Path) -> str:
        if file.name == "gone.wav":
            raise PermissionError(13, "Permission denied", str(file))
        return track_id_of(file)

    monkeypatch.setattr(audio_files, "track_id_of", track_id)
    report = measure_files(settings, [tmp_path], date(2026, 11, 21))
    assert (report.n_rows, report.missing) == (1, {"gone.wav": "broken", "huge.wav": "broken"})
    assert report.notes == [
        "gone.wav was not measured: it cannot be read (Permission denied).",
        "huge.wav was not measured: it is larger than 1024 MB.",
    ]


@pytest.mark.proof
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no table of processes to look into")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stop_leaves_no_process_behind(tmp_path: Path, end: signal.Signals) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for number in range(30):
        saved(music, f"{number}.wav", cadence(6.0 + number / 10))
    command = [sys.executable, "-m", "ostinato.cli", "measure", str(music), "--profile", "live"]
    mark = f"OSTINATO_HOME={tmp_path / 'home'}"
    environment = os.environ | {"OSTINATO_HOME": str(tmp_path / "home"), "OSTINATO_THREADS": "2"}
    run = subprocess.Popen(command, env=environment, cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(marked(mark)) >= 3)  # itself and two that measure
    run.send_signal(end)
    said = run.communicate(timeout=20)[1]
    wait_until(lambda: not marked(mark))
    assert "Traceback" not in said
    assert run.returncode == (130 if end != signal.SIGKILL else -9)


def marked(mark: str) -> list[str]:
    """The Python processes, resource trackers apart, whose environment holds a variable."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "environ").read_bytes().split(b"\0")
            if mark.encode() in words and b"resource_tracker" not in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


def wait_until(is_so: Callable[[], bool], patience_s: float = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_path_without_sound_is_one_sentence(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(OstinatoError, match="does not exist"):
        measure_files(settings, [tmp_path / "nowhere"], date(2026, 11, 21))
    with pytest.raises(OstinatoError, match="no audio file"):
        measure_files(settings, [tmp_path], date(2026, 11, 21))
