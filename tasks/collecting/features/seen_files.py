"""Audio files as they lie on disk, and what the lake remembers of them: one that did not change is not opened again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

from tasks import lake
from tasks.collecting.features.file_tags import printable
from tasks.fetching.answer import FetchState
from tasks.settings import OstinatoError, Settings
from tasks.sources.audio_file import SUFFIXES, measuring_version

Look: TypeAlias = tuple[str, int, int]
"""Key, size and time of change of a file: what tells whether it is still the one that was seen."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file as it was when it was looked at."""

    path: Path
    shown: str  # for people: its path below what they named
    key: str  # a hash of where it lies, since the lake holds no paths of a machine
    n_bytes: int
    modified_ns: int  # since 1970

    @classmethod
    def at(cls, path: Path, shown: str) -> Self:
        """The file as it lies there now.

        Raises
        ------
        OSError
            When it is gone or out of reach.
        """
        found = path.stat()
        key = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
        return cls(path, printable(shown), key, found.st_size, found.st_mtime_ns)

    @property
    def look(self) -> Look:
        """What the lake knows it by."""
        return self.key, self.n_bytes, self.modified_ns

    def track_id(self) -> str:
        """`file:` and the start of the content's SHA-256: the same recording twice on disk is one track."""
        with self.path.open("rb") as content:
            return f"file:{hashlib.file_digest(content, 'sha256').hexdigest()[:22]}"

    @property
    def is_as_it_was(self) -> bool:
        """False where it has changed, or gone, since it was looked at."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.n_bytes, self.modified_ns)

    def seen(self, track_id: str, state: FetchState, reason: str = "") -> dict[str, Any]:
        """The row that remembers it."""
        return {
            "file_key": self.key,
            "n_bytes": self.n_bytes,
            "modified_ns": self.modified_ns,
            "track_id": track_id,
            "state": state.value,
            "reason": reason,
            "measured_by": measuring_version(),
            "fetched_at": lake.utc_now(),
        }


def remembered(settings: Settings, measured: Set[str]) -> dict[Look, FetchState]:
    """The files that need no other look: their features are among those `measured`, or there are none to be had.

    What could not be measured counts only for the versions that tried: another one may hear it.
    """
    version = measuring_version()
    columns = ["file_key", "n_bytes", "modified_ns", "track_id", "state", "measured_by", "fetched_at"]
    rows = lake.read(settings.lake, "audio", "file", columns).to_pylist()
    return {
        (row["file_key"], row["n_bytes"], row["modified_ns"]): FetchState(row["state"])
        for row in sorted(rows, key=lambda row: row["fetched_at"])
        if (row["track_id"] in measured if row["state"] == FetchState.OK else row["measured_by"] == version)
    }


def audio_paths(paths: Iterable[Path]) -> dict[Path, str]:
    """The audio files among `paths` and below the folders among them, sorted, and each as people are shown it.

    That is its place below the folder that all `paths` share, so that no two are shown alike.

    Raises
    ------
    OstinatoError
        When a path is missing, or there is no audio file.
    """
    named = [path.absolute() for path in paths]
    found: set[Path] = set()
    for path in named:
        if not path.exists():
            raise OstinatoError(f"{path} does not exist; name an audio file, or a folder with some.")
        inside = path.rglob("*") if path.is_dir() else [path]
        found.update(file for file in inside if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        endings = " ".join(sorted(SUFFIXES))
        raise OstinatoError(f"There is no audio file at {', '.join(map(str, paths))}; these can be read: {endings}.")
    shared = os.path.commonpath([path if path.is_dir() else path.parent for path in named])
    return {file: str(file.relative_to(shared)) for file in sorted(found)}
