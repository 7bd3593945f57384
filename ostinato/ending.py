"""How a command ends: well, with one sentence on what failed, or because somebody asked it to."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from ostinato import console
from tasks.settings import OstinatoError

INTERRUPTED = 130  # with this typer ends a command after Ctrl-C


def run(command: Callable[[], object]) -> None:
    """Run a command; a fault that a user can act on is one line on stderr and exit code 1.

    Once somebody has asked for the end, whatever comes of it is that end: DuckDB, for one, answers Ctrl-C with a
    RuntimeError of its own.
    """
    asked_to_end = _watch_for_the_end()
    try:
        _run(command)
    except BaseException as end:
        if not asked_to_end.is_set() and not _is_termination(end):
            raise
        if isinstance(end, SystemExit) and end.code == 0:
            raise
        console.err.print("Stopped. Nothing half-done is served; run the command again to go on.", soft_wrap=True)
        sys.exit(INTERRUPTED)


def _is_termination(fault: BaseException | None) -> bool:
    """True where a SIGTERM lies behind a fault: within a flow Prefect takes that signal, by an exception of its own."""
    while fault is not None:
        if type(fault).__name__ == "TerminationSignal":
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def _watch_for_the_end() -> threading.Event:
    """Treat SIGTERM and a closed terminal as Ctrl-C, so that servers and browser end with us; not under nohup."""
    asked_to_end = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        asked_to_end.set()
        raise KeyboardInterrupt

    for request in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(request) is not signal.SIG_IGN:
            signal.signal(request, end)
    return asked_to_end


def _run(command: Callable[[], object]) -> None:
    try:
        try:
            command()
        finally:
            _flush()
    except OstinatoError as fault:
        console.error(fault)
        sys.exit(1)
    except BrokenPipeError:  # whoever read our output, such as `head`, has enough
        sys.exit(1)
    except OSError as fault:
        console.error(f"{fault.strerror or fault}{f': {fault.filename}' if fault.filename else ''}.")
        sys.exit(1)


def _flush() -> None:
    """Write out what stdout holds back; what cannot be written is dropped, so that it is not tried again at the end."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
