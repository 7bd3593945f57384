"""A PostgreSQL server of the tests' own: on loopback, in a folder of its own, ended with them."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_S = 30
ACCOUNT = "postgres" if os.getuid() == 0 else ""  # the server refuses to run as root
MISSING = "PostgreSQL is not installed; sh docker/install-postgres.sh does it"


@dataclass(frozen=True)
class PostgresServer:
    """Where it listens, and its owner's password, which only the environment may hold."""

    programs: Path
    port: int
    password: str

    def make_database(self, name: str) -> str:
        """A new empty database; its connection string, without the password."""
        self.run("createdb", name)
        return f"dbname={name} host=127.0.0.1 port={self.port} user=ostinato"

    def run(self, program: str, *arguments: str) -> str:
        """What one of PostgreSQL's own clients answers."""
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--username", "ostinato"]
        environment = {**os.environ, "PGPASSWORD": self.password}
        command = [str(self.programs / program), *place, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def programs() -> Path | None:
    """The folder with PostgreSQL's programs; None where it is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return versions[-1] if versions and shutil.which("setpriv") else None


@contextmanager
def running(programs: Path) -> Iterator[PostgresServer]:
    """A server that also ends when this process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="ostinato-postgres-"))  # pytest's own folders are closed to other accounts
    server = PostgresServer(programs, _free_port(), secrets.token_urlsafe(12))
    (folder / "password").write_text(server.password, encoding="utf-8")
    if ACCOUNT:
        for path in (folder, folder / "password"):
            shutil.chown(path, ACCOUNT, ACCOUNT)
    process = None
    try:
        _make_cluster(folder, programs)
        process = _start(folder, server)
        yield server
    finally:
        if process:
            process.send_signal(signal.SIGINT)  # on SIGTERM it would wait for its clients to go
            process.wait(timeout=START_S)
        shutil.rmtree(folder, ignore_errors=True)


def _make_cluster(folder: Path, programs: Path) -> None:
    command = [str(programs / "initdb"), "--pgdata", str(folder / "data"), "--username", "ostinato", "--no-sync"]
    options = ["--auth", "scram-sha-256", "--pwfile", str(folder / "password"), "--locale", "C.UTF-8"]
    subprocess.run(_as_account([*command, *options]), check=True, capture_output=True, cwd=folder)


def _start(folder: Path, server: PostgresServer) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(server.port),
        "unix_socket_directories": str(folder),
        "fsync": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(server.programs / "postgres"), "-D", str(folder / "data"), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(_as_account(command), stdout=log, stderr=log, cwd=folder)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.run("psql", "--dbname", "postgres", "--command", "select 1")
        except subprocess.CalledProcessError:
            time.sleep(0.05)
        else:
            return process
    process.kill()
    raise AssertionError(f"PostgreSQL did not start: {(folder / 'log').read_text(encoding='utf-8')[-500:]}")


def _as_account(command: list[str]) -> list[str]:
    account = ["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"] if ACCOUNT else []
    return ["setpriv", "--pdeathsig", "INT", *account, *command]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
