"""How much memory a process has held at most, which is what a benchmark may say of it."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_mb() -> float:
    """Peak resident memory of this process, in MiB.

    Linux' own getrusage would begin with that of the process that started this one, so that a small process started by
    a large one would look large.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes
