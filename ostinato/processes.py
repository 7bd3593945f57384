"""Processes that are kept alive and ended for certain.

Each service leads a session of its own, so that Ctrl-C in a terminal reaches only `ostinato up`, which then ends
them in order. Flow runs and browsers make further sessions; a mark in the environment, which every descendant
inherits, finds them all, even those whose parent is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.settings import OstinatoError

MARK = "OSTINATO_UP"
RESTART_WAITS_S = (1.0, 2.0, 5.0, 10.0, 30.0)
SETTLED_S = 60.0  # a process that lived this long starts again without the longer waits

START_TIMEOUT_S = 180.0

Tell = Callable[[str, str], None]
"""Called with the name of a service and one line for people."""


@dataclass(frozen=True, slots=True)
class Service:
    """What to run, and how to find out whether it answers."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    answers: Callable[[], bool]
    on_line: Callable[[str], None] | None = None


class SupervisedProcess:
    """A service's process: started, followed line by line, started again when it falls, ended with its group."""

    def __init__(self, service: Service, tell: Tell) -> None:
        self.service = service
        self.last_lines: deque[str] = deque(maxlen=20)
        self._tell = tell
        self._process: subprocess.Popen[str] | None = None
        self._started_at = 0.0
        self._restart_at: float | None = None
        self._n_falls = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs, which is also the id of its group."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended; null while it runs, and before the first start."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start it; a thread passes its output on. Its standard input stays open for as long as we live."""
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            list(self.service.command),
            env=dict(self.service.environment),
            cwd=self.service.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        name = f"log of {self.service.name}"
        threading.Thread(target=self._follow, args=(self._process,), name=name, daemon=True).start()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.rstrip()
            if not text:
                continue
            self.last_lines.append(text)
            if self.service.on_line:
                self.service.on_line(text)
            with contextlib.suppress(OSError):  # our own output is gone: read on, or the service would block
                self._tell(self.service.name, text)

    def keep_alive(self) -> bool:
        """Start it again when it fell, later each time it falls soon after a start; true when it was started."""
        now = time.monotonic()
        if self._restart_at is not None and now >= self._restart_at:
            self._restart_at = None
            self.start()
            return True
        if self._restart_at is None and self.exit_code is not None:
            self.signal_group(signal.SIGKILL)  # what it left behind may hold its port
            self._n_falls = 0 if now - self._started_at > SETTLED_S else self._n_falls
            wait_s = RESTART_WAITS_S[min(self._n_falls, len(RESTART_WAITS_S) - 1)]
            self._n_falls += 1
            self._restart_at = now + wait_s
            self._tell(self.service.name, f"ended with code {self.exit_code}; starting it again in {wait_s:g} s")
        return False

    def signal_group(self, number: signal.Signals) -> None:
        """Signal its whole group; a group that is gone is no fault."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def ask_to_end(self) -> None:
        """Ask it and its group to end, once: several programs take a second request as an order to drop dead."""
        if self._process is not None:
            if self._process.stdin:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
            self.signal_group(signal.SIGTERM)

    def end(self, grace_s: float) -> None:
        """Wait until it has ended, and force it, with its group, after `grace_s` seconds."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
            self.signal_group(signal.SIGKILL)
            self._process.wait()

    @property
    def last_words(self) -> str:
        """The last line it wrote, for a message."""
        return self.last_lines[-1] if self.last_lines else "it said nothing"


class Stopped(Exception):  # noqa: N818 - no fault: somebody asked
    """Ctrl-C or SIGTERM came while something was waited for."""


def wait_until(ready: Callable[[], bool], processes: Collection[SupervisedProcess], stop: threading.Event) -> None:
    """Wait until something is ready.

    Raises
    ------
    OstinatoError
        When one of the processes ends meanwhile, or it takes too long.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        for process in processes:
            if process.exit_code is not None:
                raise OstinatoError(
                    f"The service {process.service.name} ended with code {process.exit_code} while starting "
                    f"({process.last_words}); run `ostinato doctor`."
                )
        if time.monotonic() > deadline:
            names = ", ".join(process.service.name for process in processes)
            raise OstinatoError(f"The services ({names}) did not answer within {START_TIMEOUT_S:.0f} s; try again.")
        if stop.wait(0.2):
            raise Stopped


@contextlib.contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM or a closed terminal sets, instead of breaking off whatever runs."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class Running:
    """One line of the system's table of processes; zombies are not in it."""

    pid: int
    parent: int
    has_mark: bool


def running_processes(mark: str) -> dict[int, Running]:
    """All processes that run, and whether they carry this mark; others' environments cannot be read."""
    wanted = f"{MARK}={mark}"
    rows = _from_proc(wanted.encode()) if Path("/proc/self/stat").exists() else _from_ps(wanted)
    return {row.pid: row for row in rows}


def _from_proc(wanted: bytes) -> Iterator[Running]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended while we looked, or belongs to somebody else
            # The name in brackets may hold anything, so what follows the last bracket is read.
            state, parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state in "ZX":
                continue
            try:
                words = (folder / "environ").read_bytes().split(b"\0")
                has_mark = any(word.startswith(wanted) for word in words)
            except PermissionError:
                has_mark = False
            yield Running(int(folder.name), int(parent), has_mark)


def _from_ps(wanted: str) -> Iterator[Running]:
    """MacOS: `-E` adds the environment to the command line of the user's own processes."""
    listing = subprocess.run(
        ["ps", "-A", "-E", "-ww", "-o", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=False
    ).stdout
    for line in listing.splitlines():
        pid, parent, state, *command = line.split(None, 3)
        if not state.startswith("Z"):
            yield Running(int(pid), int(parent), any(word.startswith(wanted) for word in " ".join(command).split()))


def family(mark: str) -> set[int]:
    """The processes whose mark begins with this one, and what descends from them; never ourselves."""
    table = running_processes(mark)
    members = {pid for pid, row in table.items() if row.has_mark}
    grown = True
    while grown:
        children = {pid for pid, row in table.items() if row.parent in members} - members
        members |= children
        grown = bool(children)
    return members - {os.getpid()}


FORCED_END_S = 5.0
"""Even a killed process takes a moment to be gone."""


def end_processes(find: Callable[[], set[int]], grace_s: float = 5.0) -> int:
    """Ask what `find` returns to end, then force what is left of it; returns how many there were.

    `find` is asked again each time, so that nothing is signalled by an id that has been given to another.
    """
    asked = find()
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, FORCED_END_S)):
        _signal_all(find(), number)
        deadline = time.monotonic() + patience_s
        while find() and time.monotonic() < deadline:
            time.sleep(0.1)
    return len(asked)


def _signal_all(pids: Collection[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def python_command(*arguments: str) -> list[str]:
    """A command of this Python, so that services run on the locked packages whatever PATH says."""
    return [sys.executable, "-u", *arguments]
