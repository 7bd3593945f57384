"""Prefect's server for one command, where no `ostinato up` runs; it never outlives the command.

Prefect's own temporary server shares our terminal: Ctrl-C ends it before the flow has reported its end, for which the
flow then waits minutes, and a command that is killed leaves it behind. This one leads a session of its own and ends
when its standard input does. Run as a module it is the server, and prints the port it listens on.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ostinato.ports import LOOPBACK
from ostinato.processes import Service, SupervisedProcess, python_command, wait_until
from ostinato.servers import answers
from ostinato.services import running_services
from tasks.settings import Settings

if TYPE_CHECKING:
    import uvicorn

STOP_GRACE_S = 5.0
API_URL = "PREFECT_API_URL"


@contextmanager
def prefect_running(settings: Settings) -> Iterator[None]:
    """A Prefect API at `PREFECT_API_URL`: the one that is set, else that of `ostinato up`, else one of our own.

    To be entered before Prefect is imported, which reads the variable then.

    Raises
    ------
    OstinatoError
        When the server does not start.
    """
    services = None if API_URL in os.environ else running_services(settings)
    if services:
        os.environ[API_URL] = services["prefect_api"]
    if API_URL in os.environ:
        yield
        return
    ports: list[str] = []
    process = SupervisedProcess(_service(settings, ports), lambda name, line: None)
    try:
        process.start()
        wait_until(process.service.answers, [process], threading.Event())
        os.environ[API_URL] = _api(ports)
        yield
    finally:
        _send_last_words()
        os.environ.pop(API_URL, None)
        process.ask_to_end()
        process.end(STOP_GRACE_S)


def _service(settings: Settings, ports: list[str]) -> Service:
    settings.prefect_home.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OSTINATO_")}
    own = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    return Service(
        "prefect",
        python_command("-m", "ostinato.flow_server"),
        {**inherited, **own},
        settings.prefect_home,
        lambda: bool(ports) and answers(f"{_api(ports)}/health"),
        on_line=lambda line: ports.append(line) if line.isdecimal() else None,
    )


def _send_last_words() -> None:
    """Let Prefect send the logs and events that it still holds: it would look for the server after its end."""
    if "prefect" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        for sender in (EventsWorker, APILogWorker):
            sender.drain_all(timeout=STOP_GRACE_S)


def _api(ports: list[str]) -> str:
    return f"http://{LOOPBACK}:{ports[0]}/api"


def serve() -> None:
    """Serve Prefect's API on a free port of loopback until standard input ends or a signal comes."""
    import uvicorn

    with socket.create_server((LOOPBACK, 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config("prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on")
        server = uvicorn.Server(config)
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        server.run(sockets=[listener])


def _end_with_parent(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True
    time.sleep(STOP_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    serve()
