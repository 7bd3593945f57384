"""Who reads a published catalogue: DuckDB keeps a lock of the kernel's on every database file that it has open.

The lock (POSIX, `fcntl`) is visible to other processes only, and closing any handle on the file frees all locks of the
process that closes it. So a child process looks, which sees the readers of this process like those of all others and
disturbs none. Locks of readers on other machines are seen where the file system shares them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.warehouse.export import DATABASE

LOOK_S = 30

_LOOK = """
import fcntl, os, struct, sys

FLOCK = "hhqqi4x"
for number, path in enumerate(sys.argv[1:]):
    try:
        file = os.open(path, os.O_RDONLY)
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        if struct.unpack(FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK:
            print(number)
    except FileNotFoundError:
        pass
    except OSError:
        print(number)
"""


def held_open(snapshots: Sequence[Path]) -> set[Path]:
    """Those of the snapshots whose database some process has open; all of them where that cannot be found out."""
    if not snapshots:
        return set()
    words = [sys.executable, "-I", "-S", "-c", _LOOK, *(str(path / DATABASE) for path in snapshots)]
    try:
        looked = subprocess.run(words, capture_output=True, text=True, timeout=LOOK_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return set(snapshots)
    return {snapshots[int(number)] for number in looked.stdout.split()}
