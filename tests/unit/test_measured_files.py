"""The operator's audio files into the lake: measured once each, remembered as they were, and named where they fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest
import soundfile
from sounds import RATE_HZ, A, C, D, cadence, chord, saved
from test_lake import files_no_larger_than

from tasks import lake
from tasks.collecting.features import measurers, seen_files
from tasks.collecting.features.audio_files import measure_files
from tasks.collecting.features.file_tags import tags_of
from tasks.collecting.features.seen_files import AudioFile
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings
from tasks.warehouse import world_lock

TONIGHT, TOMORROW = date(2026, 11, 21), date(2026, 11, 22)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", profile=Profile.LIVE, threads=1)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


class OfThreads(ThreadPoolExecutor):
    """Measures in this process: one of its own takes seconds to start."""

    _processes: ClassVar[dict[int, Any]] = {}

    def __init__(self, n_workers: int, **of_processes: object) -> None:
        super().__init__(n_workers)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurers, "ProcessPoolExecutor", OfThreads)


def rows_by_name(settings: Settings) -> dict[str, dict[str, Any]]:
    return {row["file_name"]: row for row in lake.read(settings.lake, "audio", "audio_features").to_pylist()}


def test_a_song_and_what_is_none_by_processes_of_their_own(music: Path, settings: Settings) -> None:
    saved(music, "Some Band - A Song.wav", cadence(6.0))
    (music / "notes.txt").write_text("no sound")
    (music / "broken.mp3").write_bytes(b"ID3" + bytes(5000))
    report = measure_files(settings, [music], TONIGHT)
    assert (report.n_rows, report.states, report.missing) == (1, {"ok": 1, "broken": 1}, {"broken.mp3": "broken"})
    assert "broken.mp3 was not measured" in report.notes[0]
    song = rows_by_name(settings)["Some Band - A Song.wav"]
    assert (song["title"], song["artists"], song["provider"]) == ("A Song", ["Some Band"], "audio")
    assert song["track_id"].startswith("file:")


@pytest.mark.usefixtures("in_this_process")
class TestMemory:
    """What was seen is not opened again before it changes."""

    def test_a_file_is_measured_once_whatever_its_name(self, music: Path, settings: Settings) -> None:
        first = saved(music, "a.wav", chord(C, seconds=6.0))
        saved(music, "b.wav", chord(D, seconds=6.0))
        assert measure_files(settings, [music], TONIGHT).states == {"ok": 2}
        first.rename(music / "renamed.wav")
        (music / "copy.wav").write_bytes((music / "b.wav").read_bytes())
        again = measure_files(settings, [music], TOMORROW)
        assert (again.n_rows, again.states, again.missing, again.notes) == (0, {}, {}, [])
        assert lake.read(settings.lake, "audio", "file").num_rows == 4

    def test_what_did_not_change_is_not_opened(
        self, music: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        song, copy = (saved(music, name, chord(C, seconds=6.0)) for name in ("a.wav", "copy.wav"))
        broken = music / "broken.mp3"
        broken.write_bytes(b"ID3" + bytes(5000))
        opened: list[str] = []
        track_id = AudioFile.track_id
        monkeypatch.setattr(AudioFile, "track_id", lambda file: opened.append(file.shown) or track_id(file))
        first = measure_files(settings, [music], TONIGHT)
        assert (first.n_due, first.n_answered) == (3, 2)
        assert opened == ["a.wav", "broken.mp3", "copy.wav"]
        opened.clear()
        for paths in ([music], [song, copy, broken]):
            report = measure_files(settings, paths, TOMORROW)
            assert (opened, report.states, report.missing) == ([], {}, {"broken.mp3": "broken"})
            assert (report.n_due, report.n_answered) == (1, 0)
            (note,) = report.notes
            assert note.startswith("1 files could not be measured before and have not changed since; `ostinato measure")
        os.utime(song, ns=(0, 0))
        measure_files(settings, [music], TOMORROW)
        assert opened == ["a.wav"]

    def test_what_failed_is_tried_again_where_it_changed_or_is_asked_for_or_by_another_version(
        self, music: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = music / "song.wav"
        file.write_bytes(b"not yet all of it")
        assert measure_files(settings, [music], TONIGHT).states == {"broken": 1}
        assert measure_files(settings, [music], TOMORROW).states == {}
        assert measure_files(settings, [music], TOMORROW, again=True).states == {"broken": 1}
        with monkeypatch.context() as newer:
            newer.setattr(seen_files, "measuring_version", lambda: "another")
            assert measure_files(settings, [music], TOMORROW).states == {"broken": 1}
            assert measure_files(settings, [music], TOMORROW).states == {}
        saved(music, "song.wav", chord(C, seconds=6.0))
        assert measure_files(settings, [music], TOMORROW).states == {"ok": 1}
        report = measure_files(settings, [music], TOMORROW)
        assert (report.states, report.missing, report.notes) == ({}, {}, [])

    def test_features_that_the_lake_lost_are_measured_again(self, music: Path, settings: Settings) -> None:
        saved(music, "a.wav", chord(C, seconds=6.0))
        measure_files(settings, [music], TONIGHT)
        for file in lake.batch_files(settings.lake, "audio", "audio_features"):
            file.unlink()
        assert measure_files(settings, [music], TOMORROW).states == {"ok": 1}

    def test_a_file_that_changes_while_it_is_measured_is_left_for_the_next_run(
        self, music: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = saved(music, "a.wav", chord(C, seconds=6.0))

        def measure_and_write(path: Path) -> measurers.Measured:
            saved(music, "a.wav", chord(D, seconds=7.0))
            return seen_by(path)

        seen_by = measurers.measure_file
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(measurers, "measure_file", measure_and_write)
            report = measure_files(settings, [file], TONIGHT)
        assert report.notes == ["a.wav was not measured: it changed while it was measured."]
        assert rows_by_name(settings) == {}
        assert measure_files(settings, [file], TONIGHT).states == {"ok": 1}
        assert rows_by_name(settings)["a.wav"]["duration_ms"] == 7_000

    def test_files_of_one_name_in_two_folders_both_count(self, music: Path, settings: Settings) -> None:
        for folder in ("one", "two"):
            (music / folder).mkdir()
            (music / folder / "song.wav").write_bytes(b"no sound")
        missing = {"one/song.wav": "broken", "two/song.wav": "broken"}
        report = measure_files(settings, [music], TONIGHT)
        assert (report.states, report.missing) == ({"broken": 2}, missing)
        assert measure_files(settings, [music / "one", music / "two"], TOMORROW).missing == missing

    def test_the_lake_holds_no_path_of_this_machine(self, music: Path, settings: Settings) -> None:
        saved(music, "a.wav", chord(C, seconds=6.0))
        (music / "broken.mp3").write_bytes(b"ID3" + bytes(5000))
        measure_files(settings, [music], TONIGHT)
        for entity in ("audio_features", "file"):
            rows = lake.read(settings.lake, "audio", entity).to_pylist()
            assert rows
            assert not [value for row in rows for value in row.values() if "/" in str(value)]


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


@pytest.mark.usefixtures("in_this_process")
def test_odd_names_and_huge_tags_come_out_bounded(music: Path, settings: Settings) -> None:
    with soundfile.SoundFile(music / "bomb.flac", "w", RATE_HZ, 1) as file:
        file.title, file.artist, file.album, file.date = "T" * 2_000_000, "A" * 2_000_000, "a\nb\x07c", "2003-W01-1"
        file.write(cadence(6.0))
    odd = os.fsdecode(os.fsencode(music) + b"/in\xffvalid\nname.wav")
    saved(music, "plain.wav", chord(A, seconds=6.0)).rename(odd)
    (music / os.fsdecode(b"bro\xffken.wav")).write_bytes(b"no sound")
    report = measure_files(settings, [music], TONIGHT)
    assert (report.n_rows, report.missing) == (2, {"bro ken.wav": "broken"})
    rows = rows_by_name(settings)
    assert rows.keys() == {"bomb.flac", "in valid name.wav"}
    bomb = rows["bomb.flac"]
    assert (bomb["title"], bomb["artists"], bomb["album"]) == ("T" * 300, ["A" * 300], "a b c")
    assert bomb["released_on"] == "2002-12-30"


@pytest.mark.usefixtures("in_this_process")
def test_a_file_that_cannot_be_read_costs_nothing_but_itself(
    music: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(music, "good.wav", chord(C, seconds=6.0))
    (music / "gone.wav").write_bytes(b"x")
    with (music / "huge.wav").open("wb") as hole:
        hole.truncate(2 << 30)
    track_id = AudioFile.track_id

    def refuse_one(file: AudioFile) -> str:
        if file.shown == "gone.wav":
            raise PermissionError(13, "Permission denied", str(file.path))
        return track_id(file)

    monkeypatch.setattr(AudioFile, "track_id", refuse_one)
    for n_rows, night in ((1, TONIGHT), (0, TOMORROW)):  # it is tried every night: its rights are no part of the file
        report = measure_files(settings, [music], night)
        assert (report.n_rows, report.missing) == (n_rows, {"gone.wav": "broken", "huge.wav": "broken"})
        assert sorted(report.notes) == [
            "gone.wav was not measured: it cannot be read (Permission denied).",
            "huge.wav was not measured: it is larger than 1024 MB.",
        ]


def test_a_path_without_sound_is_one_sentence(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(OstinatoError, match="does not exist"):
        measure_files(settings, [tmp_path / "nowhere"], TONIGHT)
    with pytest.raises(OstinatoError, match="no audio file"):
        measure_files(settings, [tmp_path], TONIGHT)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("n_bytes", [0, 5_000])
def test_a_full_disk_names_the_path_and_leaves_nothing(music: Path, settings: Settings, n_bytes: int) -> None:
    saved(music, "a.wav", chord(C, seconds=6.0))
    with (
        files_no_larger_than(n_bytes),
        pytest.raises(OstinatoError, match=rf"{settings.lake}.* could not be written: .*OSTINATO_HOME"),
    ):
        measure_files(settings, [music], TONIGHT)
    assert not list(settings.home.rglob("*.part")) + list(settings.home.rglob("*.parquet"))
    assert measure_files(settings, [music], TONIGHT).states == {"ok": 1}


@pytest.mark.usefixtures("in_this_process")
def test_a_disk_too_full_for_what_librosa_compiles_is_told_as_such(
    music: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(path: Path) -> measurers.Measured:
        raise OSError(28, "No space left on device")

    saved(music, "a.wav", chord(C, seconds=6.0))
    monkeypatch.setattr(measurers, "measure_file", no_room)
    with pytest.raises(OstinatoError, match=rf"{settings.home} could not be written: No space left.*OSTINATO_HOME"):
        measure_files(settings, [music], TONIGHT)


def test_a_disk_too_full_for_the_lock_names_it(settings: Settings) -> None:
    sentence = r"audio\.lock could not be written: .*OSTINATO_HOME"
    with files_no_larger_than(0), pytest.raises(OstinatoError, match=sentence), world_lock(settings, part="audio"):
        pass
    with world_lock(settings, part="audio"):
        pass


def command(music: Path, home: Path) -> tuple[list[str], dict[str, str]]:
    words = [sys.executable, "-m", "ostinato.cli", "measure", str(music), "--profile", "live"]
    return words, os.environ | {"OSTINATO_HOME": str(home), "OSTINATO_THREADS": "2"}


@pytest.mark.proof
@pytest.mark.parametrize("n_bytes", [0, 1_000, 20_000])
def test_the_command_on_a_full_disk_is_one_sentence(music: Path, tmp_path: Path, n_bytes: int) -> None:
    saved(music, "a.wav", cadence(6.0))
    words, environment = command(music, tmp_path / "home")
    with files_no_larger_than(n_bytes):
        done = subprocess.run(words, env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert (done.returncode, len(said)) == (1, 1), done.stderr
    assert f"{tmp_path / 'home'}" in said[0]
    assert "could not be written" in said[0]
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.proof
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no table of processes to look into")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stop_leaves_no_process_behind(music: Path, tmp_path: Path, end: signal.Signals) -> None:
    for number in range(30):
        saved(music, f"{number}.wav", cadence(6.0 + number / 10))
    words, environment = command(music, tmp_path / "home")
    mark = f"OSTINATO_HOME={tmp_path / 'home'}"
    run = subprocess.Popen(words, env=environment, cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True)
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
