"""Today's parsers over the archived pages: a mended parser reaches every page that is still kept, without a request.

A batch of the lake and its part of the manifest share one name, so that each batch is read anew by itself and takes
the place of the old one under the same name and ingest date. Rows whose page has expired stay as they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks import lake
from tasks.collecting.archived_pages import READ, REREADERS, ArchivedBatch, PageRead, Reread, read_batch, rows_of
from tasks.collecting.report import FINE, Progress, first_of
from tasks.collecting.tracks.search import one_of_each
from tasks.fanout import HERE, Fanout
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import OstinatoError, Settings
from tasks.sources import tmdb_api
from tasks.sources.kinds import PARSER_VERSIONS
from tasks.sources.parsed import Parsed

__all__ = ["REREADERS", "Reread", "RereadReport", "reread_pages"]


@dataclass
class RereadReport:
    """What reading a source anew came to."""

    source: str
    n_batches: int = 0
    n_pages: int = 0
    """Pages read anew."""
    n_expired: int = 0
    """Pages that are no longer kept; their rows stay."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Files of the archive that cannot be read -> why; their rows stay."""
    worse: dict[str, str] = field(default_factory=dict)
    """Pages that were read before and that today's parser reads nothing from -> their state now; their rows stay."""
    n_rows_before: int = 0
    n_rows: int = 0
    n_changed_batches: int = 0
    changed_states: Counter[str] = field(default_factory=Counter)
    """`broken -> ok` -> pages."""

    @property
    def warnings(self) -> list[str]:
        """Sentences on what kept its old rows though it should not have to."""
        found = []
        if self.damaged:
            found.append(
                f"Archived pages that are damaged, and whose rows stay as they were: {len(self.damaged):,} "
                f"({first_of(list(self.damaged))}); delete these files, and the pages are fetched again when due."
            )
        if self.worse:
            named = first_of([f"{page}: {state}" for page, state in self.worse.items()])
            found.append(
                f"Pages that gave rows before and give none by today's parser, so that their rows stay as they were: "
                f"{len(self.worse):,} ({named}); mend the parser and run `ostinato reparse {self.source}` again."
            )
        return found


def reread_pages(
    settings: Settings, source: str, progress: Progress | None = None, fanout: Fanout = HERE
) -> RereadReport:
    """Read every archived page of a source anew and put the rows in the place of the old ones.

    A page that is damaged, and one that today's parser cannot make anything of though an earlier one could, costs no
    row: what is known of it stays, and the report names it. Batches are read by `fanout`, and put in place here.

    Raises
    ------
    OstinatoError
        When the source keeps no pages that could be read.
    """
    known = sorted({name for name, _ in REREADERS})
    if source not in known:
        raise OstinatoError(f"There are no pages of a source {source!r} to read anew; name one of {', '.join(known)}.")
    report = RereadReport(source)
    files = lake.batch_files(settings.lake, source, "fetch")
    settled = _ids_by_batch(settings) if source == "spotify" else {}
    pages_read = fanout.map(read_batch, [ArchivedBatch(source, file, settings.pages) for file in files])
    for n_done, (file, pages) in enumerate(zip(files, pages_read, strict=True), start=1):
        _Batch(settings, source, file, report).reread(pages, settled)
        if progress is not None:
            progress(n_done, len(files))
    return report


class _Batch:
    """One batch: the lines of its manifest, and the rows that they brought, table by table."""

    def __init__(self, settings: Settings, source: str, file: Path, report: RereadReport) -> None:
        self._settings = settings
        self._source = source
        self._file = file
        self._report = report
        tables = sorted({reread.table for (name, _), reread in REREADERS.items() if name == source})
        self._beside = {table: _beside(settings, source, table, file) for table in tables}
        self._old = {table: rows_of(path, LAKE_SCHEMAS[(source, table)]) for table, path in self._beside.items()}
        self._left = {table: list(rows) for table, rows in self._old.items()}
        self._new: dict[str, list[dict[str, Any]]] = {table: [] for table in tables}
        self._manifest = rows_of(file, LAKE_SCHEMAS[(source, "fetch")])

    def reread(self, pages: Iterable[PageRead], settled: Mapping[str, set[str]]) -> None:
        """Put the rows of its pages, else those that it had of them, in their place."""
        read = [(line, self._taken_anew(line, page)) for line, page in zip(self._manifest, pages, strict=True)]
        emptied = {table for table, rows in self._old.items() if rows and not self._new[table]}
        self._new |= {table: self._old[table] for table in emptied}
        noted = [self._noted(line, parsed, emptied) for line, parsed in read]
        if self._source == "tmdb":
            self._add_imdb_ids()
            self._new = {table: _each_film_once(rows, self._old[table]) for table, rows in self._new.items()}
        if self._source == "spotify":
            self._new["track"] = _not_elsewhere(self._new["track"], self._file.name, settled)
        for table, path in self._beside.items():
            schema = LAKE_SCHEMAS[(self._source, table)]
            before = pa.Table.from_pylist(self._old[table], schema=schema)
            _replace(path, before, pa.Table.from_pylist(self._new[table], schema=schema), self._report)
        manifest = pa.Table.from_pylist(noted, schema=LAKE_SCHEMAS[(self._source, "fetch")])
        _replace(self._file, None, manifest, self._report)
        self._report.n_batches += 1

    def _taken_anew(self, line: Mapping[str, Any], page: PageRead) -> Parsed[Any] | None:
        """Take what was read from one page; None where its rows and its line stay as they were."""
        reread = REREADERS.get((self._source, line["entity"]))
        if reread is None:
            return None
        parsed = self._parsed_anew(line, page)
        if parsed is not None and self._is_worse(reread.table, line, parsed):
            self._name_worse(line, parsed)
            parsed = None
        if parsed is None:
            self._new[reread.table] += _taken(self._left[reread.table], line["page_sha256"])
            return None
        provenance = {"fetched_at": line["fetched_at"], "page_sha256": line["page_sha256"]}
        self._new[reread.table] += [{**found, **provenance} for found in parsed.rows]
        return parsed

    def _parsed_anew(self, line: Mapping[str, Any], page: PageRead) -> Parsed[Any] | None:
        """What today's parser reads from the page; None where it was not read, which is counted."""
        self._report.n_pages += page.was_read
        self._report.n_expired += page.is_expired
        if page.damage:
            self._name_damaged(line["page_sha256"], page.damage)
        if page.fault:
            self._report.worse[f"{line['entity']} {line['key']}"] = page.fault
        return page.parsed

    def _body(self, sha256: str) -> bytes | None:
        """An archived page; None where it is no longer kept or damaged."""
        try:
            return archive.load(self._settings.pages, sha256)
        except FileNotFoundError:
            self._report.n_expired += 1
        except (OSError, ValueError) as fault:
            self._name_damaged(sha256, str(fault))
        return None

    def _name_damaged(self, sha256: str, why: str) -> None:
        self._report.damaged[str(archive.page_path(self._settings.pages, sha256))] = why

    def _is_worse(self, table: str, line: Mapping[str, Any], parsed: Parsed[Any]) -> bool:
        """Whether a page that an earlier parser could read says nothing to today's, not even that there is nothing."""
        if parsed.state not in FINE:
            return line["state"] in READ
        gave_rows = any(row["page_sha256"] == line["page_sha256"] for row in self._left[table])
        return parsed.state is FetchState.OK and not parsed.rows and gave_rows

    def _name_worse(self, line: Mapping[str, Any], parsed: Parsed[Any]) -> None:
        self._report.worse[f"{line['entity']} {line['key']}"] = str(parsed.state)

    def _noted(self, line: dict[str, Any], parsed: Parsed[Any] | None, emptied: Container[str]) -> dict[str, Any]:
        """The line of the manifest as it is from now on.

        Where all pages of a batch together would leave nothing of its rows, the parser is more likely to be wrong
        than each of them, and all stays as it was.
        """
        if parsed is None:
            return line
        if REREADERS[(self._source, line["entity"])].table in emptied:
            self._name_worse(line, parsed)
            return line
        if line["state"] != str(parsed.state):
            self._report.changed_states[f"{line['state']} -> {parsed.state}"] += 1
        version = PARSER_VERSIONS[(self._source, line["entity"])]
        return line | {"state": str(parsed.state), "reason": parsed.reason, "parser_version": version}

    def _add_imdb_ids(self) -> None:
        """Film pages do not say the IMDb id: it comes from the API's answer of the same batch, if still kept."""
        pages = {line["key"]: line["page_sha256"] for line in self._manifest if line["entity"] == "external_ids"}
        known = {row["tmdb_id"]: row["imdb_id"] for row in self._old["film"]}
        for film in self._new["film"]:
            sha256 = pages.get(str(film["tmdb_id"])) if film["imdb_id"] is None else None
            if sha256:
                body = self._body(sha256)
                found = tmdb_api.parse_external_ids(body).rows if body is not None else []
                film["imdb_id"] = found[0]["imdb_id"] if found else known.get(film["tmdb_id"])


def _beside(settings: Settings, source: str, table: str, file: Path) -> Path:
    """The file of a raw table that holds the rows of a manifest's batch."""
    return lake.entity_dir(settings.lake, source, table) / file.parent.name / file.name


def _taken(rows: list[dict[str, Any]], sha256: str | None) -> list[dict[str, Any]]:
    """The rows of one page, taken out of `rows`: another mention of the page finds none."""
    found = [row for row in rows if row["page_sha256"] == sha256]
    rows[:] = [row for row in rows if row["page_sha256"] != sha256]
    return found


def _each_film_once(rows: Iterable[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each film once, in the order it was in: of a film on two pages of a list that moved, the page it was taken of."""
    place = {row["tmdb_id"]: number for number, row in enumerate(before)}
    kept: dict[int, dict[str, Any]] = {}
    for row in rows:
        number = place.get(row["tmdb_id"])
        if row["tmdb_id"] not in kept or (number is not None and before[number]["page_sha256"] == row["page_sha256"]):
            kept[row["tmdb_id"]] = row
    return sorted(kept.values(), key=lambda row: place.get(row["tmdb_id"], len(before)))


def _ids_by_batch(settings: Settings) -> dict[str, set[str]]:
    """Spotify track ids -> the batches that hold them: a hit that an earlier batch holds was not landed again."""
    batches: dict[str, set[str]] = {}
    wanted = pa.schema([LAKE_SCHEMAS[("spotify", "track")].field("track_id")])
    with lake.read_lock(settings.lake):
        for file in lake.batch_files(settings.lake, "spotify", "track"):
            for track_id in lake.read_file(file, wanted)["track_id"].to_pylist():
                batches.setdefault(track_id, set()).add(file.name)
    return batches


def _not_elsewhere(rows: Iterable[dict[str, Any]], name: str, batches: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """Each track once, and none that only another batch holds."""
    return one_of_each(row for row in rows if name in batches.get(row["track_id"], {name}))


def _replace(path: Path, before: pa.Table | None, after: pa.Table, report: RereadReport) -> None:
    """Put a batch in the place of an earlier one; `before` is None for the manifest, which is not counted."""
    if before is not None:
        report.n_rows_before += before.num_rows
        report.n_rows += after.num_rows
        if before.equals(after):
            return
        report.n_changed_batches += 1
    if after.num_rows:
        batch = lake.Batch(path, after.schema)
        with lake.landing([batch]):
            batch.write(after)
    else:
        lake.remove(path)
