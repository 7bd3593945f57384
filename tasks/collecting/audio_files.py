"""The operator's own audio files: measured once each, named by their tags, and known again by their content."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from tinytag import TinyTag, TinyTagException

from tasks import lake
from tasks.collecting.batches import content_key, in_chunks, land, less
from tasks.collecting.report import Progress, SourceReport
from tasks.fetching.answer import FetchState
from tasks.settings import OstinatoError, Settings
from tasks.sources.audio_file import SUFFIXES, measure_file
from tasks.sources.parsed import Parsed

FILES_A_BATCH = 20  # some seconds each: a stop loses no more than that
NAMED_FAULTS = 5


def measure_files(
    settings: Settings, paths: Sequence[Path], as_of: date, progress: Progress | None = None
) -> SourceReport:
    """Measure audio files, and those in folders, that the lake does not hold yet; one row each in `audio`.

    A file is known by its content, whatever its name. One that cannot be read is named in the report, and costs
    nothing but itself.

    Raises
    ------
    OstinatoError
        When a path is missing, or none of the paths holds an audio file.
    """
    tell = progress or (lambda done, total: None)
    report = SourceReport("audio", "audio_features")
    files = {track_id_of(file): file for file in audio_files(paths)}
    known = lake.read(settings.lake, "audio", "audio_features", ["track_id"])["track_id"]
    due = less(files, known)
    n_done = len(files) - len(due)
    tell(n_done, len(files))
    for batch in in_chunks(due, FILES_A_BATCH):
        found = dict(_measured(settings, {track_id: files[track_id] for track_id in batch}))
        rows = [
            {"track_id": track_id, **tags_of(files[track_id]), **row, "file_name": files[track_id].name}
            for track_id, parsed in found.items()
            for row in parsed.rows
        ]
        stamped = [{**row, "fetched_at": lake.utc_now(), "page_sha256": None} for row in rows]
        land(settings.lake, "audio", {"audio_features": stamped}, content_key("files", batch), as_of)
        for track_id, parsed in found.items():
            report.states[parsed.state.value] = report.states.get(parsed.state.value, 0) + 1
            if not parsed.rows:
                report.miss([files[track_id].name], parsed.state)
                report.notes.append(f"{files[track_id].name} was not measured: {parsed.reason}.")
        report.n_rows += len(rows)
        n_done += len(batch)
        tell(n_done, len(files))
    _shorten(report)
    return report.close()


def audio_files(paths: Iterable[Path]) -> list[Path]:
    """The audio files among `paths` and below the folders among them, sorted.

    Raises
    ------
    OstinatoError
        When a path is missing, or there is no audio file.
    """
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise OstinatoError(f"{path} does not exist; name an audio file, or a folder with some.")
        inside = path.rglob("*") if path.is_dir() else [path]
        found.update(file for file in inside if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        endings = " ".join(sorted(SUFFIXES))
        raise OstinatoError(f"There is no audio file at {', '.join(map(str, paths))}; these can be read: {endings}.")
    return sorted(found)


def track_id_of(file: Path) -> str:
    """`file:` and the start of the content's SHA-256: the same recording twice on disk is one track."""
    with file.open("rb") as content:
        return f"file:{hashlib.file_digest(content, 'sha256').hexdigest()[:22]}"


def tags_of(file: Path) -> dict[str, Any]:
    """Title, artists, album, date and ISRC by the file's tags, else by a name such as `Artist - Title.mp3`."""
    try:
        tag = TinyTag.get(file)
    except (TinyTagException, OSError, ValueError, LookupError):
        tag = TinyTag()
    artist, _, title = file.stem.rpartition(" - ")
    artists = [name.strip() for name in [tag.artist or artist, *tag.other.get("artist", [])] if name and name.strip()]
    isrc = "".join((tag.other.get("isrc") or [""])[0].split()).replace("-", "").upper()
    return {
        "isrc": isrc if len(isrc) == 12 and isrc.isalnum() else None,
        "title": (tag.title or title or file.stem).strip(),
        "artists": artists,
        "album": tag.album,
        "released_on": _iso_date(tag.year),
    }


def _iso_date(text: str | None) -> str | None:
    """The year, month or day of a tag; whatever else it holds is left out."""
    day = (text or "").strip()[:10]
    for length in (10, 7, 4):
        try:
            date.fromisoformat((day[:length] + "-01-01")[:10] if length < 7 else (day[:length] + "-01")[:10])
        except ValueError:
            continue
        if len(day) >= length:
            return day[:length]
    return None


def _measured(settings: Settings, files: dict[str, Path]) -> Iterator[tuple[str, Parsed[dict[str, Any]]]]:
    """Measure in processes of their own: sound keeps a core busy, and a decoder may die of a file.

    What was under way beside such a file is measured again, each in a process of its own.
    """
    left = dict(files)
    for n_workers in (min(settings.threads, len(files)), 1):
        for batch in [left] if n_workers > 1 else [{track_id: file} for track_id, file in left.items()]:
            for track_id, parsed in _measured_beside(batch, n_workers):
                del left[track_id]
                yield track_id, parsed
    for track_id in left:
        yield track_id, Parsed([], FetchState.BROKEN, "the decoder died of it")


def _measured_beside(files: dict[str, Path], n_workers: int) -> list[tuple[str, Parsed[dict[str, Any]]]]:
    found = []
    with ProcessPoolExecutor(n_workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(measure_file, file): track_id for track_id, file in files.items()}
        for future in as_completed(futures):
            with suppress(BrokenProcessPool):
                found.append((futures[future], future.result()))
    return found


def _shorten(report: SourceReport) -> None:
    """Name a few files that could not be measured, and count the others."""
    n_more = len(report.notes) - NAMED_FAULTS
    if n_more > 0:
        report.notes[NAMED_FAULTS:] = [f"{n_more} more files were not measured; `--json` names them all."]
