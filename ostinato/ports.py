"""Ports on loopback: whether one is free, and who holds it when it is not."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LISTENING = "0A"  # the state as /proc/net/tcp writes it


def is_free(port: int) -> bool:
    """True when a server could listen on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on a port, as words for a message: `python (process 4711)`."""
    pid = _pid_from_proc(port) if Path("/proc/net/tcp").exists() else _pid_from_lsof(port)
    if pid is None:
        return "a process of another user"
    name = _process_name(pid)
    return f"{name} (process {pid})" if name else f"process {pid}"


def free_run_of_ports(first: int, n_ports: int) -> int:
    """The first port from `first` on, in steps of ten, after which `n_ports` in a row are free."""
    for base in range(first, 65_000, 10):
        if all(is_free(port) for port in range(base, base + n_ports)):
            return base
    return first


def _pid_from_proc(port: int) -> int | None:
    """Linux: the socket's inode in the table of connections, then the process that has it open."""
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for descriptor in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        with contextlib.suppress(OSError):
            if str(descriptor.readlink()) in inodes:
                return int(descriptor.parts[2])
    return None


def _pid_from_lsof(port: int) -> int | None:
    if not shutil.which("lsof"):
        return None
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return int(found[0]) if found else None


def _process_name(pid: int) -> str:
    """What a person calls it: the program, and for an interpreter the script or module it runs."""
    file = Path(f"/proc/{pid}/cmdline")
    with contextlib.suppress(OSError):
        if file.exists():
            words = file.read_bytes().decode(errors="replace").split("\0")
        else:
            command = ["ps", "-o", "command=", "-p", str(pid)]
            words = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        names = [Path(word).name for word in words if word and not word.startswith("-")]
        return " ".join(names[:3])
    return ""
