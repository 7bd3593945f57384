"""What a run in the sandbox world asks of the sandbox itself: its clock, and the labelled table to import."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import requests

from tasks.fetching.policy import base_url
from tasks.lake import batch_files
from tasks.settings import OstinatoError, Settings
from tasks.sources.datasets import import_files

TIMEOUT_S = 60


def prepare_made_up_world(settings: Settings, as_of: date) -> int:
    """Set the sandbox's clock to `as_of`, and do once what an operator does for real data: import genre labels.

    Returns the number of labelled rows that came in, 0 where they had come before.

    Raises
    ------
    OstinatoError
        When the sandbox does not answer.
    """
    control = base_url(settings, "sandbox")
    set_clock(settings, as_of)
    try:
        if batch_files(settings.lake, "dataset", "spotify_tracks"):
            return 0
        answer = requests.get(f"{control}/datasets/spotify_tracks.csv", timeout=TIMEOUT_S)
        answer.raise_for_status()
    except requests.RequestException as fault:
        raise _no_sandbox(control, fault) from None
    with tempfile.TemporaryDirectory(dir=settings.world) as folder:
        file = Path(folder) / "spotify_tracks.csv"
        file.write_bytes(answer.content)
        return sum(report.n_rows for report in import_files(settings, [file], as_of))


def set_clock(settings: Settings, as_of: date) -> None:
    """Set the sandbox's clock to `as_of`.

    Raises
    ------
    OstinatoError
        When the sandbox does not answer.
    """
    control = base_url(settings, "sandbox")
    try:
        requests.put(f"{control}/clock", json={"as_of": as_of.isoformat()}, timeout=TIMEOUT_S).raise_for_status()
    except requests.RequestException as fault:
        raise _no_sandbox(control, fault) from None


def _no_sandbox(control: str, fault: requests.RequestException) -> OstinatoError:
    return OstinatoError(f"The sandbox at {control} does not answer ({type(fault).__name__}); start it again.")
