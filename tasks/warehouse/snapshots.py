"""The published catalogues of a world: which there are, which is served, what each says of itself, and a stopped night.

Every snapshot is a folder below `serving/` named by the time of its publishing; `serving/current` links to the served
one. `snapshot.json` in it describes it, for readers of its Parquet files and for `ostinato status`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings
from tasks.warehouse.checks import CheckResult
from tasks.warehouse.connection import first_line

LINK = "current"
DESCRIPTION = "snapshot.json"
SNAPSHOT_READ = "warehouse_snapshot"
"""Key of the description: the snapshot of DuckLake that it was published from, where the warehouse lies there."""
_STOP = "stopped.json"
_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")


def list_snapshots(settings: Settings) -> list[Path]:
    """Published catalogues, oldest first."""
    if not settings.serving.is_dir():
        return []
    named = [path for path in settings.serving.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(named, key=lambda path: _in_order(path.name))


def _in_order(name: str) -> tuple[str, int]:
    """The second of publishing, then the number within that second: `-10` comes after `-9`."""
    second, _, number = name.partition("-")
    return second, int(number or 0)


def next_name(serving: Path) -> str:
    """A name that sorts after all others, also when two publishes fall into one second."""
    second = utc_now().strftime("%Y%m%dT%H%M%SZ")
    taken = [_in_order(path.name)[1] for path in serving.iterdir() if path.name.partition("-")[0] == second]
    return f"{second}-{max(taken) + 1}" if taken else second


def served_snapshot(settings: Settings) -> Path | None:
    """The directory that is served now, its link resolved; None before the first publish."""
    try:
        return (settings.serving / LINK).resolve(strict=True)
    except OSError:
        return None


def earlier_snapshot(settings: Settings) -> Path | None:
    """The newest snapshot before the served one."""
    served = served_snapshot(settings)
    known = list_snapshots(settings)
    earlier = [path for path in known if served is None or _in_order(path.name) < _in_order(served.name)]
    return earlier[-1] if earlier else None


def nothing_published(settings: Settings) -> str:
    """What to say where a catalogue is asked for before the first one."""
    return f"Nothing is published in the {settings.profile} world yet; run `ostinato refresh` first."


def described(snapshot: Path | None) -> dict[str, Any]:
    """What a snapshot says of itself: run, day, code, rows, sources, models, checks, attributions.

    Empty where there is none, or where its description cannot be read.
    """
    try:
        found = json.loads((snapshot / DESCRIPTION).read_text(encoding="utf-8")) if snapshot else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember_stop(settings: Settings, flow: str, run_id: str, as_of: date, fault: Exception) -> None:
    """Keep why a night was not published, until one is: the checks that stopped it, or what went wrong before them."""
    stopping: Sequence[CheckResult] = getattr(fault, "stopping", ())
    stop = {
        "flow": flow,
        "run_id": run_id,
        "as_of": as_of.isoformat(),
        "stopped_at": utc_now().isoformat(timespec="seconds"),
        "reason": first_line(fault),
        "checks": [check.as_json() for check in stopping],
    }
    path = settings.world / _STOP
    with suppress(OSError):  # a full disk, say, of which the fault itself tells
        part = path.with_suffix(".part")
        part.write_text(json.dumps(stop, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
        os.replace(part, path)


def last_stop(settings: Settings) -> dict[str, Any] | None:
    """Why the last night was not published; None where it was."""
    try:
        stop: dict[str, Any] = json.loads((settings.world / _STOP).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise OstinatoError(f"{settings.world / _STOP} cannot be read ({fault}); delete it.") from None
    return stop


def forget_stop(settings: Settings) -> None:
    """A night was published: what stopped an earlier one is history, kept in `data_quality`."""
    (settings.world / _STOP).unlink(missing_ok=True)
