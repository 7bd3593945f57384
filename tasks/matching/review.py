"""Doubtful matches settled by a person: out to a CSV, in again, and kept in the lake for every later night."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tasks.lake import read, utc_now, write_batch
from tasks.settings import OstinatoError, Settings
from tasks.warehouse import open_warehouse

SAME, DIFFERENT = "same", "different"
_WORDS = {
    **dict.fromkeys(("same", "yes", "y", "true", "1", "right", "ja", "예"), SAME),
    **dict.fromkeys(("different", "no", "n", "false", "0", "wrong", "nein", "아니요"), DIFFERENT),
}
_NEEDED = ("credit_id", "track_id", "verdict")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so may be run by a spreadsheet."""
_PAIRS = """
select
    coalesce(pair.verdict, '') as verdict, coalesce(verdict.note, '') as note,
    film.title as film, film.year as film_year, credit.title as credit_title,
    array_to_string(credit.performers, '; ') as performers, array_to_string(credit.writers, '; ') as writers,
    track.title as track_title, array_to_string(track.artists, '; ') as artists, track.album,
    left(track.released_on, 4) as released, round(pair.match_score, 3) as score, pair.match_method as method,
    if(contains(pair.track_id, ':'), '', 'https://open.spotify.com/track/' || pair.track_id) as listen,
    pair.credit_id, pair.track_id
from core.credit_track as pair
join core.soundtrack_credit as credit using (credit_id)
join core.track as track using (track_id)
left join core.film as film on pair.film_id = film.film_id
left join staging.match_verdict as verdict using (credit_id, track_id)
where ($everything or (not pair.is_match and pair.verdict is null)) and ($film is null or pair.film_id = $film)
order by film.title, pair.film_id, pair.match_score desc, credit.title, pair.track_id
limit $most
"""


@dataclass
class SettledReport:
    """What became of a file of verdicts."""

    n_rows: int = 0
    n_open: int = 0
    """Rows without a verdict, which stay in doubt."""
    n_new: int = 0
    n_changed: int = 0
    """Pairs on which an earlier verdict or note was another."""
    n_unchanged: int = 0
    unknown: list[str] = field(default_factory=list)
    """Lines whose credit or track the warehouse does not hold; nothing was noted of them."""


def export_pairs(
    settings: Settings,
    out: Path,
    *,
    everything: bool = False,
    film: str | None = None,
    most: int | None = None,
    overwrite: bool = False,
) -> int:
    """Write pairs of credit and track to a CSV for spreadsheets, those in doubt or all, and return how many.

    Raises
    ------
    OstinatoError
        When nothing was built yet, the film is unknown, or the file is there already or cannot be written.
    """
    if out.exists() and not out.is_file():
        raise OstinatoError(f"{out} is no ordinary file; name another.")
    if out.exists() and not overwrite:  # it may hold verdicts that nobody has given back yet
        raise OstinatoError(f"{out} is there already; give back what it holds, then use --overwrite or another name.")
    with open_warehouse(settings, read_only=True) as con:
        if film is not None and not con.execute("from core.film where film_id = ?", [film]).fetchall():
            raise OstinatoError(f"There is no film {film} here; name it by its film_id, such as tt0109830 or tmdb:13.")
        bounds = {"everything": everything, "film": film, "most": most if most is not None else 2**40}
        asked = con.execute(_PAIRS, bounds)
        columns = [str(column[0]) for column in asked.description or []]
        rows = asked.fetchall()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
        os.replace(part, out)
    except OSError as fault:
        part.unlink(missing_ok=True)
        raise OstinatoError(f"{out} cannot be written: {fault.strerror}; name another file.") from None
    return len(rows)


def _harmless(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> _harmless("=1+1"), _harmless("-"), _harmless(None), _harmless(0.7)
    ("'=1+1", "'-", '', '0.7')
    """
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_FORMULA) else text


def settle(settings: Settings, file: Path, as_of: date, by: str | None = None) -> SettledReport:
    """Take in the verdicts of a CSV: all of them, or none where one cannot be read.

    The last word on a pair counts from the next build on; earlier ones stay in the lake.

    Raises
    ------
    OstinatoError
        When the file is none, lacks a column, or holds a verdict that is neither same nor different.
    """
    rows = _each_once(file, _verdicts(file))
    report = SettledReport(n_rows=len(rows), n_open=sum(row["verdict"] == "" for row in rows))
    given = [row for row in rows if row["verdict"]]
    known, earlier = _known_pairs(settings, given), _earlier(settings)
    new = []
    for row in given:
        pair = (row["credit_id"], row["track_id"])
        if pair not in known:
            report.unknown.append(f"line {row['line']} ({pair[0]}, {pair[1]})")
            continue
        before = earlier.get(pair)
        if before == (row["verdict"], row["note"] or None):
            report.n_unchanged += 1
            continue
        report.n_changed += before is not None
        report.n_new += before is None
        film_id, title = known[pair]
        new.append({**row, "note": row["note"] or None, "film_id": film_id, "credit_title": title})
    if new:
        # The last word counts, also after a clock was set back.
        at = max(utc_now(), _last_settled_at(settings) + timedelta(microseconds=1))
        named = [{**row, "settled_by": by, "settled_at": at} for row in new]
        key = f"{at:%Y%m%dT%H%M%S}-{hashlib.sha256(repr(new).encode()).hexdigest()[:8]}"
        write_batch(settings.lake, "ostinato", "match_verdict", named, batch_key=key, ingest_date=as_of)
    return report


def _verdicts(file: Path) -> Iterator[dict[str, Any]]:
    """Line, ids, verdict (same, different or empty) and note of each row."""
    text = _text_of(file)
    if text.startswith("sep="):  # a line by which a spreadsheet names its delimiter
        text = text.partition("\n")[2]
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or []}
    if len(columns) < len(reader.fieldnames or []):
        raise OstinatoError(f"{file} has two columns of one name; keep one of them and give the file again.")
    absent = [name for name in _NEEDED if name not in columns]
    if absent:
        raise OstinatoError(
            f"{file} has no column {', '.join(absent)}; give back the file that `ostinato review export` wrote."
        )
    for row in reader:
        cells = {name: (row.get(column) or "").strip() for name, column in columns.items()}
        if not any(cells.values()):
            continue
        word = cells["verdict"].lower()
        if word and word not in _WORDS:
            raise OstinatoError(
                f"{file}, line {reader.line_num}: the verdict {cells['verdict']!r} is neither same nor different; "
                "mend it and give the file again: nothing was taken from it."
            )
        if None in row or (word and not (cells["credit_id"] and cells["track_id"])):
            raise OstinatoError(
                f"{file}, line {reader.line_num}: it has no credit_id or track_id, or more cells than columns; "
                "mend it and give the file again: nothing was taken from it."
            )
        yield {
            "line": reader.line_num,
            "credit_id": cells["credit_id"].removeprefix("'"),
            "track_id": cells["track_id"].removeprefix("'"),
            "verdict": _WORDS.get(word, ""),
            "note": _as_written(cells.get("note", "")),
        }


def _each_once(file: Path, rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, a pair that stands twice with one verdict once."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    kept = []
    try:
        for row in rows:
            pair = (row["credit_id"], row["track_id"])
            former = lines.get(pair) if row["verdict"] else None
            if former and former["verdict"] != row["verdict"]:
                raise OstinatoError(
                    f"{file}, lines {former['line']} and {row['line']}: one pair is said to be {former['verdict']} and "
                    f"{row['verdict']}; keep one of them and give the file again: nothing was taken from it."
                )
            if former is None:
                kept.append(row)
            if row["verdict"]:
                lines[pair] = row
    except csv.Error as fault:
        raise OstinatoError(
            f"{file} cannot be read as CSV ({fault}); look for a quotation mark that is not closed."
        ) from None
    return kept


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise OstinatoError(f"{file} is no UTF-8 text; save it as CSV UTF-8 and give it again.") from None
    except OSError as fault:
        raise OstinatoError(f"{file} cannot be read: {fault.strerror}; name the CSV with the verdicts.") from None


def _as_written(cell: str) -> str:
    """A cell without the apostrophe that made it harmless."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _known_pairs(settings: Settings, given: list[dict[str, Any]]) -> Mapping[tuple[str, str], tuple[str, str]]:
    """(credit, track) -> film and credited title, of the given pairs whose credit and track the warehouse holds."""
    import pyarrow as pa

    pairs = pa.table({name: pa.array([row[name] for row in given], pa.string()) for name in ("credit_id", "track_id")})
    with open_warehouse(settings, read_only=True) as con:
        con.register("given", pairs)
        found = con.execute(
            "select distinct credit_id, track_id, credit.film_id, credit.title from given "
            "join core.soundtrack_credit as credit using (credit_id) semi join core.track as track using (track_id)"
        ).fetchall()
    return {(credit_id, track_id): (film_id, title) for credit_id, track_id, film_id, title in found}


def _last_settled_at(settings: Settings) -> datetime:
    settled = read(settings.lake, "ostinato", "match_verdict", ["settled_at"])["settled_at"].to_pylist()
    return max(settled, default=datetime(1970, 1, 1, tzinfo=UTC))


def _earlier(settings: Settings) -> dict[tuple[str, str], tuple[str, str | None]]:
    """(credit, track) -> the last verdict and note on it."""
    rows = read(settings.lake, "ostinato", "match_verdict").to_pylist()
    rows.sort(key=lambda row: row["settled_at"])
    return {(row["credit_id"], row["track_id"]): (row["verdict"], row["note"]) for row in rows}
