"""Today's parsers over the archived pages: a mended parser reaches every page that is still kept, without a request.

A batch of the lake and its part of the manifest share one name, so that each batch is read anew by itself and takes
the place of the old one under the same name and ingest date. Rows whose page has expired stay as they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from tasks import lake
from tasks.collecting.charts.nightly import reread_chart
from tasks.collecting.features.chain import reread_features
from tasks.collecting.films.discover import reread_export
from tasks.collecting.films.site import reread_film, reread_list
from tasks.collecting.report import Progress
from tasks.collecting.soundtracks.musicbrainz import reread_albums
from tasks.collecting.tracks.search import one_of_each, reread_search
from tasks.collecting.videos import reread_video
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import OstinatoError, Settings
from tasks.sources import imdb, melon, musicbrainz, tmdb_api
from tasks.sources.kinds import PARSER_VERSIONS
from tasks.sources.parsed import Parsed

Reader: TypeAlias = Callable[[bytes, str, str], Parsed[Any]]
"""Body, key and URL of a manifest row -> the rows that its collector would keep."""


def _by_url(parse: Callable[[bytes, str], Parsed[Any]]) -> Reader:
    return lambda body, key, url: parse(body, url)


@dataclass(frozen=True, slots=True)
class Reread:
    """How the pages of one entity of the manifest are read, and the raw table that holds their rows."""

    table: str
    read: Reader


_READ = (FetchState.OK, FetchState.EMPTY)

REREADERS: dict[tuple[str, str], Reread] = {
    ("tmdb", "list"): Reread("list", reread_list),
    ("tmdb", "id_export"): Reread("list", reread_export),
    ("tmdb", "film"): Reread("film", reread_film),
    ("imdb", "soundtrack"): Reread("soundtrack", _by_url(imdb.parse_soundtrack)),
    ("musicbrainz", "url"): Reread("url", reread_albums),
    ("musicbrainz", "release"): Reread("recording", _by_url(musicbrainz.parse_releases)),
    ("melon", "chart"): Reread("chart", reread_chart),
    ("melon", "song"): Reread("song", _by_url(melon.parse_song)),
    ("spotify", "search"): Reread("track", reread_search),
    ("spotify", "audio_features"): Reread("audio_features", reread_features),
    ("reccobeats", "audio_features"): Reread("audio_features", reread_features),
    ("youtube", "search"): Reread("search", reread_video),
}
"""Source and entity of a manifest row -> its reader."""


@dataclass
class RereadReport:
    """What reading a source anew came to."""

    source: str
    n_batches: int = 0
    n_pages: int = 0
    """Pages read anew."""
    n_expired: int = 0
    """Pages that are no longer kept; their rows stay."""
    n_rows_before: int = 0
    n_rows: int = 0
    n_changed_batches: int = 0
    changed_states: Counter[str] = field(default_factory=Counter)
    """`broken -> ok` -> pages."""


def reread_pages(settings: Settings, source: str, progress: Progress | None = None) -> RereadReport:
    """Read every archived page of a source anew and put the rows in the place of the old ones.

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
    tables = sorted({reread.table for (name, _), reread in REREADERS.items() if name == source})
    settled = _ids_by_batch(settings) if source == "spotify" else {}
    for n_done, file in enumerate(files, start=1):
        _reread_batch(settings, source, file, tables, settled, report)
        if progress is not None:
            progress(n_done, len(files))
    return report


def _reread_batch(
    settings: Settings,
    source: str,
    file: Path,
    tables: Iterable[str],
    settled: Mapping[str, set[str]],
    report: RereadReport,
) -> None:
    """One batch: its pages, else the rows that it had of them."""
    beside = {table: _beside(settings, source, table, file) for table in tables}
    old = {table: _rows_of(path, LAKE_SCHEMAS[(source, table)]) for table, path in beside.items()}
    manifest = _rows_of(file, LAKE_SCHEMAS[(source, "fetch")])
    new: dict[str, list[dict[str, Any]]] = {table: [] for table in tables}
    noted = []
    for row in manifest:
        reread = REREADERS.get((source, row["entity"]))
        if reread is None:
            noted.append(row)
            continue
        parsed = _parsed_anew(settings, reread, row, report)
        if parsed is None:
            new[reread.table] += _taken(old[reread.table], row["page_sha256"])
            noted.append(row)
            continue
        provenance = {"fetched_at": row["fetched_at"], "page_sha256": row["page_sha256"]}
        new[reread.table] += [{**found, **provenance} for found in parsed.rows]
        if row["state"] != str(parsed.state):
            report.changed_states[f"{row['state']} -> {parsed.state}"] += 1
        version = PARSER_VERSIONS[(source, row["entity"])]
        noted.append(row | {"state": str(parsed.state), "reason": parsed.reason, "parser_version": version})
    if source == "tmdb":
        _add_imdb_ids(settings, new["film"], manifest)
        new = {
            table: _each_film_once(rows, _rows_of(beside[table], LAKE_SCHEMAS[(source, table)]))
            for table, rows in new.items()
        }
    if source == "spotify":
        new["track"] = _not_elsewhere(new["track"], file.name, settled)
    for table, path in beside.items():
        schema = LAKE_SCHEMAS[(source, table)]
        before = pa.Table.from_pylist(_rows_of(path, schema), schema=schema)
        _replace(path, before, pa.Table.from_pylist(new[table], schema=schema), report)
    _replace(file, None, pa.Table.from_pylist(noted, schema=LAKE_SCHEMAS[(source, "fetch")]), report)
    report.n_batches += 1


def _beside(settings: Settings, source: str, table: str, file: Path) -> Path:
    """The file of a raw table that holds the rows of a manifest's batch."""
    return lake.entity_dir(settings.lake, source, table) / file.parent.name / file.name


def _rows_of(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    return lake.read_file(path, schema).to_pylist() if path.is_file() else []


def _parsed_anew(
    settings: Settings, reread: Reread, row: Mapping[str, Any], report: RereadReport
) -> Parsed[Any] | None:
    """What today's parser reads from the page; None where no parser ever saw it, or it is no longer kept."""
    was_read = row["parser_version"] is not None or row["state"] in _READ  # older manifests knew no versions
    if not was_read or row["page_sha256"] is None:
        return None
    try:
        body = archive.load(settings.pages, row["page_sha256"])
    except FileNotFoundError:
        report.n_expired += 1
        return None
    except ValueError as fault:
        path = archive.page_path(settings.pages, row["page_sha256"])
        raise OstinatoError(f"The {fault}; delete {path}, and the page is fetched again when it is due.") from None
    report.n_pages += 1
    return reread.read(body, row["key"], row["url"])


def _taken(rows: list[dict[str, Any]], sha256: str | None) -> list[dict[str, Any]]:
    """The rows of one page, taken out of `rows`: another mention of the page finds none."""
    found = [row for row in rows if row["page_sha256"] == sha256]
    rows[:] = [row for row in rows if row["page_sha256"] != sha256]
    return found


def _add_imdb_ids(settings: Settings, films: Iterable[dict[str, Any]], manifest: Iterable[Mapping[str, Any]]) -> None:
    """Film pages do not say the IMDb id: it comes from the API's answer of the same batch."""
    pages = {row["key"]: row["page_sha256"] for row in manifest if row["entity"] == "external_ids"}
    for film in films:
        sha256 = pages.get(str(film["tmdb_id"])) if film["imdb_id"] is None else None
        if sha256 and archive.page_path(settings.pages, sha256).is_file():
            found = tmdb_api.parse_external_ids(archive.load(settings.pages, sha256)).rows
            film["imdb_id"] = found[0]["imdb_id"] if found else None


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
    for file in lake.batch_files(settings.lake, "spotify", "track"):
        for track_id in pq.read_table(file, columns=["track_id"], partitioning=None)["track_id"].to_pylist():
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
        try:
            batch.write(after)
            batch.land()
        finally:
            batch.drop()
    else:
        path.unlink(missing_ok=True)
