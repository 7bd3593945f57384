"""The operator's own audio files: measured once each, named by their tags, and known again by their content."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from tinytag import TinyTag, TinyTagException

from tasks import lake
from tasks.collecting.batches import content_key, in_chunks, land, less
from tasks.collecting.report import Progress, SourceReport
from tasks.fetching.answer import FetchState
from tasks.settings import OstinatoError, Settings
from tasks.sources.audio_file import MAX_FILE_BYTES, SUFFIXES, measure_file
from tasks.sources.parsed import Parsed

FILES_A_BATCH = 20  # some seconds each: a stop loses no more than that
NAMED_FAULTS = 5
LONGEST_TEXT = 300  # characters of a tag that are kept
MOST_ARTISTS = 50

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef]+")

Measured: TypeAlias = Parsed[dict[str, Any]]


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
    files = _by_content(audio_files(paths), report)
    known = lake.read(settings.lake, "audio", "audio_features", ["track_id"])["track_id"]
    due = less(files, known)
    n_done = len(files) - len(due)
    tell(n_done, len(files))
    with _Measurers(min(settings.threads, len(due)) or 1) as measurers:
        for batch in in_chunks(due, FILES_A_BATCH):
            found = dict(_measured(measurers, {track_id: files[track_id] for track_id in batch}))
            _land(settings, as_of, files, found, content_key("files", batch), report)
            n_done += len(batch)
            tell(n_done, len(files))
    _shorten(report)
    return report.close()


def _by_content(files: Iterable[Path], report: SourceReport) -> dict[str, Path]:
    """Files by the id of their content; one that cannot be read, or is no recording by its size, is named instead."""
    found: dict[str, Path] = {}
    for file in files:
        try:
            if file.stat().st_size > MAX_FILE_BYTES:
                _name(report, file, f"it is larger than {MAX_FILE_BYTES >> 20} MB", FetchState.BROKEN)
            else:
                found[track_id_of(file)] = file
        except OSError as fault:
            _name(report, file, f"it cannot be read ({fault.strerror})", FetchState.BROKEN)
    return found


def _land(
    settings: Settings,
    as_of: date,
    files: Mapping[str, Path],
    found: Mapping[str, Measured],
    batch_key: str,
    report: SourceReport,
) -> None:
    rows = [
        {"track_id": track_id, **tags_of(files[track_id]), **row, "file_name": _shown(files[track_id].name)}
        for track_id, parsed in found.items()
        for row in parsed.rows
    ]
    stamped = [{**row, "fetched_at": lake.utc_now(), "page_sha256": None} for row in rows]
    land(settings.lake, "audio", {"audio_features": stamped}, batch_key, as_of)
    report.n_rows += len(rows)
    for track_id, parsed in found.items():
        if parsed.rows:
            report.states[parsed.state.value] = report.states.get(parsed.state.value, 0) + 1
        else:
            _name(report, files[track_id], parsed.reason or "it holds no sound", parsed.state)


def _name(report: SourceReport, file: Path, reason: str, state: FetchState) -> None:
    """Say that a file was not measured, and why."""
    name = _shown(file.name)
    report.states[state.value] = report.states.get(state.value, 0) + 1
    report.miss([name], state)
    report.notes.append(f"{name} was not measured: {reason}.")


def _shown(text: str) -> str:
    """Text of a file's name or tags on one line, of bounded length, without what no encoding holds."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:LONGEST_TEXT].strip()


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
        tag = TinyTag.get(file, duration=False)
    except (TinyTagException, OSError, ValueError, LookupError):
        tag = TinyTag()
    artist, _, title = file.stem.rpartition(" - ")
    artists = [_shown(name) for name in [tag.artist or artist, *tag.other.get("artist", [])[:MOST_ARTISTS]] if name]
    isrc = "".join((tag.other.get("isrc") or [""])[0][:LONGEST_TEXT].split()).replace("-", "").upper()
    return {
        "isrc": isrc if len(isrc) == 12 and isrc.isascii() and isrc.isalnum() else None,
        "title": next(filter(None, map(_shown, (tag.title or "", title, file.stem))), None),
        "artists": [name for name in artists if name],
        "album": _shown(tag.album or "") or None,
        "released_on": _iso_date(tag.year),
    }


def _iso_date(text: str | None) -> str | None:
    """The year, month or day of a tag; whatever else it holds is left out."""
    day = (text or "").strip()[:10]
    for length in (10, 7, 4):
        try:
            found = date.fromisoformat((day[:length] + "-01-01")[:10] if length < 7 else (day[:length] + "-01")[:10])
        except ValueError:
            continue
        if len(day) >= length:
            return found.isoformat()[:length]
    return None


def _measured(measurers: _Measurers, files: Mapping[str, Path]) -> Iterator[tuple[str, Measured]]:
    """Measure files; what was under way beside one that a decoder died of is measured again, each by itself."""
    left = dict(files)
    for together in ([left], [{track_id: file} for track_id, file in files.items()]):
        for batch in together:
            for track_id, parsed in measurers.measure({one: file for one, file in batch.items() if one in left}):
                del left[track_id]
                yield track_id, parsed
    for track_id in left:
        yield track_id, Parsed([], FetchState.BROKEN, "the decoder died of it")


class _Measurers:
    """Processes that measure: sound keeps a core busy, and a decoder may die of a file. None outlives the block."""

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(at_once=kind is not None)

    def measure(self, files: Mapping[str, Path]) -> list[tuple[str, Measured]]:
        """What was found in the files; those are left out that a process died of, or beside one."""
        if not files:
            return []
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._n_workers, mp_context=context, initializer=_prepare_measurer)
        found = []
        try:
            futures = {self._pool.submit(measure_file, file): track_id for track_id, file in files.items()}
            for future in as_completed(futures):
                if not isinstance(future.exception(), BrokenProcessPool):
                    found.append((futures[future], future.result()))
                else:
                    self._end()
        except BrokenProcessPool:  # it died while it was being given files
            self._end()
        return found

    def _end(self, *, at_once: bool = False) -> None:
        """End the processes: when they are done, or, where somebody asked for the end, now."""
        pool, self._pool = self._pool, None
        if pool is not None:
            if at_once:
                for process in list(pool._processes.values()):  # Python 3.14 has `kill_workers` for this
                    process.kill()
            pool.shutdown(cancel_futures=True)


def _prepare_measurer() -> None:
    """In each process: leave Ctrl-C to the parent, end when it is gone, and keep decoders' chatter off the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _shorten(report: SourceReport) -> None:
    """Name a few files that could not be measured, and count the others."""
    n_more = len(report.notes) - NAMED_FAULTS
    if n_more > 0:
        report.notes[NAMED_FAULTS:] = [f"{n_more} more files were not measured; `--json` names them all."]
