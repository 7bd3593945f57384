"""How the archived pages of each source are read: one batch of the manifest at a time, here or on a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from tasks import lake
from tasks.collecting.charts.nightly import reread_chart
from tasks.collecting.features.chain import reread_features
from tasks.collecting.films.discover import reread_export
from tasks.collecting.films.site import reread_film, reread_list
from tasks.collecting.soundtracks.musicbrainz import reread_albums
from tasks.collecting.tracks.search import reread_search
from tasks.collecting.videos import reread_video
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import OstinatoError
from tasks.sources import imdb, melon, musicbrainz
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


READ = (FetchState.OK, FetchState.EMPTY)
"""States of a page that a parser made something of."""

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


@dataclass(frozen=True, slots=True)
class PageRead:
    """What today's parser makes of a page; `parsed` is None where it made nothing of it, and the rest says why."""

    parsed: Parsed[Any] | None = None
    was_read: bool = False
    is_expired: bool = False
    damage: str = ""
    """Why the archive's file cannot be read."""
    fault: str = ""
    """What the parser tripped over."""


@dataclass(frozen=True, slots=True)
class ArchivedBatch:
    """One batch of a source's manifest, and the archive of the pages that it lists."""

    source: str
    file: Path
    pages: Path


def read_batch(batch: ArchivedBatch) -> list[PageRead]:
    """Today's parsers over the pages of one batch, in the order of its manifest; changes nothing.

    Raises
    ------
    OstinatoError
        When the batch is not there, as on a worker that sees another home.
    """
    if not batch.file.is_file():
        raise OstinatoError(f"{batch.file} is not there; on Dask, see that all workers share OSTINATO_HOME.")
    manifest = rows_of(batch.file, LAKE_SCHEMAS[(batch.source, "fetch")])
    return [_read_page(batch, line) for line in manifest]


def _read_page(batch: ArchivedBatch, line: Mapping[str, Any]) -> PageRead:
    """Read one page, unless no parser ever saw it or none reads it now."""
    reread = REREADERS.get((batch.source, line["entity"]))
    was_read = line["parser_version"] is not None or line["state"] in READ  # older manifests knew no versions
    if reread is None or not was_read or line["page_sha256"] is None:
        return PageRead()
    try:
        body = archive.load(batch.pages, line["page_sha256"])
    except FileNotFoundError:
        return PageRead(is_expired=True)
    except (OSError, ValueError) as fault:
        return PageRead(damage=str(fault))
    try:
        return PageRead(reread.read(body, line["key"], line["url"]), was_read=True)
    except Exception as fault:  # a page that trips a parser, or a damaged line, must not end all the others
        return PageRead(was_read=True, fault=f"{type(fault).__name__}: {fault}")


def rows_of(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """The rows of a batch; none where there is no such file."""
    return lake.read_file(path, schema).to_pylist() if path.is_file() else []
