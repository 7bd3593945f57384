"""The operator's own audio files: measured once each, named by their tags, and known again by their content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from tasks import lake
from tasks.collecting.batches import content_key, in_chunks, land
from tasks.collecting.features.file_tags import one_line, tags_of
from tasks.collecting.features.measurers import Measured, measured_batches
from tasks.collecting.features.seen_files import AudioFile, audio_paths, remembered
from tasks.collecting.report import NAMED, Progress, SourceReport
from tasks.fanout import HERE, Fanout
from tasks.fetching.answer import FetchState
from tasks.settings import Settings
from tasks.sources.audio_file import MAX_FILE_BYTES
from tasks.sources.parsed import Parsed

FILES_A_BATCH = 20  # some seconds each: a stop loses no more than that

_CHANGED: Measured = Parsed([], FetchState.BROKEN, "it changed while it was measured")


def measure_files(
    settings: Settings,
    paths: Sequence[Path],
    as_of: date,
    progress: Progress | None = None,
    *,
    again: bool = False,
    fanout: Fanout = HERE,
) -> SourceReport:
    """Measure audio files, and those in folders, that the lake does not hold yet; one row each in `audio_features`.

    A track is known by its content, whatever the file's name. What was seen of a file is remembered in `file`: one
    that did not change is not opened again, not even where it could not be measured, unless `again` is set. A file
    that cannot be read is named in the report, and costs nothing but itself.

    Raises
    ------
    OstinatoError
        When a path is missing, none of the paths holds an audio file, or the home cannot be written.
    """
    tell = progress or (lambda done, total: None)
    report = SourceReport("audio", "audio_features")
    named = audio_paths(paths)
    files = list(_look_at(named, report))
    measured = set(lake.read(settings.lake, "audio", "audio_features", ["track_id"])["track_id"].to_pylist())
    seen = {} if again else remembered(settings, measured)
    found = _by_content((file for file in files if file.look not in seen), report)
    _remember_copies(settings, as_of, {track_id: found[track_id] for track_id in found.keys() & measured})
    due = sorted(found.keys() - measured)
    n_done = len(files) - len(due)
    tell(n_done, len(files))
    batches = [{track_id: found[track_id] for track_id in batch} for batch in in_chunks(due, FILES_A_BATCH)]
    paths_of = [{track_id: copies[0].path for track_id, copies in batch.items()} for batch in batches]
    with closing(measured_batches(settings, paths_of, fanout)) as heard_by_batch:
        for batch, heard in zip(batches, heard_by_batch, strict=True):
            _land(settings, as_of, batch, heard, report)
            n_done += len(batch)
            tell(n_done, len(files))
    known = {file.shown: seen[file.look] for file in files if file.look in seen}
    report.n_due = len(named) - list(known.values()).count(FetchState.OK)
    _tell_people(report, {shown: state for shown, state in known.items() if state is not FetchState.OK})
    report.n_answered = report.n_due - len(report.missing)
    return report.close()


def _look_at(paths: Mapping[Path, str], report: SourceReport) -> Iterator[AudioFile]:
    """The files as they lie on disk; one that is gone, or by its size no recording, is named instead."""
    for path, shown in paths.items():
        try:
            file = AudioFile.at(path, shown)
        except OSError as fault:
            _name(report, shown, f"it cannot be read ({fault.strerror})")
            continue
        if file.n_bytes <= MAX_FILE_BYTES:
            yield file
        else:
            _name(report, shown, f"it is larger than {MAX_FILE_BYTES >> 20} MB")


def _by_content(files: Iterable[AudioFile], report: SourceReport) -> dict[str, list[AudioFile]]:
    """Files by the id of their content; one that cannot be read is named instead."""
    found: dict[str, list[AudioFile]] = {}
    for file in files:
        try:
            found.setdefault(file.track_id(), []).append(file)
        except OSError as fault:
            _name(report, file.shown, f"it cannot be read ({fault.strerror})")
    return found


def _remember_copies(settings: Settings, as_of: date, found: Mapping[str, Sequence[AudioFile]]) -> None:
    """Remember files whose content was measured before, under another name or in another place."""
    rows = [file.seen(track_id, FetchState.OK) for track_id, files in found.items() for file in files]
    batch_key = content_key("copies", sorted(row["file_key"] for row in rows))
    land(settings.lake, "audio", {"file": rows}, batch_key, as_of)


def _land(
    settings: Settings,
    as_of: date,
    files: Mapping[str, Sequence[AudioFile]],
    heard: Mapping[str, Measured],
    report: SourceReport,
) -> None:
    """Write one batch: the features, then the memory of the files. What changed meanwhile is left for the next run."""
    rows: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []
    for track_id, copies in files.items():
        path = copies[0].path
        parsed = heard[track_id] if copies[0].is_as_it_was else _CHANGED
        names = {"track_id": track_id, **tags_of(path), "file_name": one_line(path.name), "fetched_at": lake.utc_now()}
        rows += [names | row for row in parsed.rows]
        if parsed.rows:
            report.states[parsed.state.value] = report.states.get(parsed.state.value, 0) + 1
        for file in copies:
            if parsed is not _CHANGED:
                seen.append(file.seen(track_id, parsed.state, parsed.reason))
            if not parsed.rows:
                _name(report, file.shown, parsed.reason, parsed.state)
    tables = {"audio_features": rows, "file": seen}
    land(settings.lake, "audio", tables, content_key("files", files), as_of)
    report.n_rows += len(rows)


def _name(report: SourceReport, shown: str, reason: str, state: FetchState = FetchState.BROKEN) -> None:
    """Say that a file was not measured, and why."""
    report.states[state.value] = report.states.get(state.value, 0) + 1
    report.miss([shown], state)
    report.notes.append(f"{shown} was not measured: {reason}.")


def _tell_people(report: SourceReport, failed_before: Mapping[str, FetchState]) -> None:
    """Name a few files that could not be measured, and count the others and those of which that was known."""
    n_more = len(report.notes) - NAMED
    if n_more > 0:
        report.notes[NAMED:] = [f"{n_more} more files were not measured; `--json` names them all."]
    for shown, state in failed_before.items():
        report.miss([shown], state)
    if failed_before:
        report.notes.append(
            f"{len(failed_before)} files could not be measured before and have not changed since; "
            "`ostinato measure --again` tries them again."
        )
