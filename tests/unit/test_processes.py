"""Processes are followed, started again, and ended to the last grandchild."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from ostinato.ports import free_run_of_ports, holder, is_free
from ostinato.processes import MARK, Service, SupervisedProcess, end_processes, family, python_command, wait_until
from tasks.settings import OstinatoError

# A parent that ignores SIGTERM, with a child in a session of its own, as a flow run's browser is.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print("ready")
time.sleep(60)
"""


def soon(holds: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


def service(code: str, folder: Path, mark: str = "") -> Service:
    return Service("one", python_command("-c", code), {**os.environ, MARK: mark}, folder, lambda: True)


def test_output_is_passed_on_line_by_line(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    process = SupervisedProcess(service("print('first\\n\\nsecond')", tmp_path), lambda *line: told.append(line))
    process.start()
    assert soon(lambda: len(told) == 2)
    assert told == [("one", "first"), ("one", "second")]
    assert process.last_words == "second"
    process.end(1)


def test_a_fallen_process_is_started_again_and_later_each_time(tmp_path: Path) -> None:
    told: list[str] = []
    process = SupervisedProcess(service("raise SystemExit(3)", tmp_path), lambda name, line: told.append(line))
    process.start()
    assert soon(lambda: process.exit_code == 3)
    assert not process.keep_alive()
    assert told == ["ended with code 3; starting it again in 1 s"]
    assert not process.keep_alive(), "it waits before it starts again"
    assert soon(process.keep_alive)
    assert soon(lambda: process.exit_code == 3)
    process.keep_alive()
    assert told[1] == "ended with code 3; starting it again in 2 s"


def test_a_service_that_ends_while_starting_is_one_sentence(tmp_path: Path) -> None:
    process = SupervisedProcess(service("print('no room'); raise SystemExit(4)", tmp_path), lambda *line: None)
    process.start()
    assert soon(lambda: bool(process.last_lines))
    with pytest.raises(OstinatoError, match=r"one ended with code 4 while starting \(no room\)"):
        wait_until(lambda: False, [process], threading.Event())


def test_nothing_of_a_family_is_left_however_stubborn(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    process = SupervisedProcess(service(STUBBORN, tmp_path, f"{mark}.worker"), lambda *line: None)
    process.start()
    assert soon(lambda: "ready" in process.last_lines)
    assert soon(lambda: len(family(mark)) == 2)
    assert family(f"{mark}.worker") == family(mark)
    assert family(f"{mark}.server") == set()
    os.kill(process.pid or 0, signal.SIGKILL)
    assert soon(lambda: len(family(mark)) == 1), "the child outlives its parent, and is still found"
    assert end_processes(lambda: family(mark), grace_s=5) == 1
    assert family(mark) == set()


def test_a_process_that_ignores_the_request_is_forced(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    process = SupervisedProcess(service(STUBBORN, tmp_path, mark), lambda *line: None)
    process.start()
    assert soon(lambda: "ready" in process.last_lines)
    process.ask_to_end()
    process.end(grace_s=0.2)
    assert process.pid is None
    assert process.exit_code == -signal.SIGKILL
    assert end_processes(lambda: family(mark)) == 1


def test_ports_know_their_holder() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not is_free(port)
        assert f"(process {os.getpid()})" in holder(port)
        assert free_run_of_ports(port, 3) >= port + 10
    assert is_free(port)
