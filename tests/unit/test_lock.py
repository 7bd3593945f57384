"""Two builds never overlap: the second waits or is told who holds the world; a killed owner holds nothing."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks import warehouse
from tasks.settings import OstinatoError, Settings

HOLD = """
import sys, time
from tasks.settings import load_settings
from tasks.warehouse import world_lock
with world_lock(load_settings()):
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""
BUILD = """
import sys
from tasks import warehouse
from tasks.settings import OstinatoError, load_settings
print("ready", flush=True)
sys.stdin.readline()
try:
    with warehouse.world_lock(load_settings()):
        warehouse.build(load_settings())
    print("built")
except OstinatoError as fault:
    print(fault)
"""


def python(home: Path, script: str, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OSTINATO_HOME": str(home), "OSTINATO_PROFILE": "sandbox"}
    command = [sys.executable, "-c", script, *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def held(settings: Settings, seconds: float = 60) -> Iterator[subprocess.Popen[str]]:
    with python(settings.home, HOLD, str(seconds)) as process:
        try:
            assert line(process) == "held"
            yield process
        finally:
            process.kill()


def test_of_two_builds_at_once_one_is_refused_with_the_owner_named(tmp_path: Path) -> None:
    builds = [python(tmp_path, BUILD) for _ in range(2)]
    for process in builds:
        assert line(process) == "ready"
    for process in builds:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in builds]
    assert sorted(text == "built" for text in said) == [False, True], said
    owner = builds[said.index("built")].pid
    (refused,) = [text for text in said if text != "built"]
    assert f"Another run works on this world (process {owner}, since 2" in refused or "just starting" in refused
    assert refused.endswith("wait for it to end, then try again.")


def test_a_second_one_waits_as_long_as_it_is_told_to(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with held(settings, seconds=1), warehouse.world_lock(settings, wait_s=30):
        pass


def test_a_killed_owner_holds_nothing_and_is_not_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with held(settings) as owner:
        with pytest.raises(OstinatoError, match=f"process {owner.pid}, since"), warehouse.world_lock(settings):
            pass
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    lock = settings.world / "world.lock"
    assert json.loads(lock.read_text())["process"] == owner.pid
    # the next owner has the kernel's lock but has not written its name yet
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OstinatoError, match="its owner is just starting"), warehouse.world_lock(settings):
            pass
    started = time.perf_counter()
    with warehouse.world_lock(settings):
        assert json.loads(lock.read_text())["process"] == os.getpid()
    assert time.perf_counter() - started < 1
    assert lock.read_text() == ""


def test_an_owner_on_another_machine_is_named_with_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with warehouse.world_lock(settings):
        pass
    lock = settings.world / "world.lock"
    lock.write_text(json.dumps({"process": 1, "host": "elsewhere", "since": "2026-11-20"}))
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OstinatoError, match="process 1, since 2026-11-20, on elsewhere"):
            warehouse.world_lock(settings).__enter__()


def test_a_file_system_without_locks_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object, kind: int) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OstinatoError, match=r"world\.lock cannot be locked \(.*\), so two runs could harm"):
        warehouse.world_lock(Settings(home=tmp_path)).__enter__()
