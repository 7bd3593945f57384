"""Every kind of page or body that can be parsed, by the name that `ostinato parse` and the archive know it by."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any, Protocol

from tasks.settings import OstinatoError
from tasks.sources.audio_features import parse_audio_features
from tasks.sources.imdb import parse_soundtrack
from tasks.sources.melon import parse_chart, parse_song
from tasks.sources.musicbrainz import parse_url
from tasks.sources.parsed import Parsed
from tasks.sources.spotify import parse_search, parse_track
from tasks.sources.tmdb import parse_film, parse_list

MAX_BODY_BYTES = 64 * 1024 * 1024  # the largest real page is 2 MB; a gzip bomb must not fill the memory
_GZIP_MAGIC = b"\x1f\x8b"


class Parser(Protocol):
    """Text in, rows out."""

    def __call__(self, body: bytes | str, url: str | None = None) -> Parsed[Any]:
        """Read a body; `url` tells what it does not say itself. Never raises for what a body holds."""
        ...


PARSERS: dict[str, Parser] = {
    "imdb-soundtrack": parse_soundtrack,
    "melon-chart": parse_chart,
    "melon-song": parse_song,
    "tmdb-list": parse_list,
    "tmdb-film": parse_film,
    "spotify-search": parse_search,
    "spotify-track": parse_track,
    "audio-features": parse_audio_features,
    "musicbrainz-url": parse_url,
}


PARSER_VERSIONS: dict[tuple[str, str], int] = {
    ("tmdb", "list"): 3,
    ("tmdb", "id_export"): 1,
    ("tmdb", "film"): 3,
    ("tmdb", "external_ids"): 2,
    ("imdb", "soundtrack"): 3,
    ("musicbrainz", "url"): 2,
    ("musicbrainz", "release"): 1,
    ("melon", "chart"): 3,
    ("melon", "song"): 2,
    ("spotify", "search"): 2,
    ("spotify", "audio_features"): 2,
    ("reccobeats", "audio_features"): 2,
    ("youtube", "search"): 1,
}
"""Source and entity of a manifest row -> version of its parser; raise it with every change of what a parser reads."""


def read_body(path: Path) -> bytes:
    """A saved page or body, unpacked where it is gzip whatever its name.

    Raises
    ------
    OstinatoError
        When there is no such file, or it cannot be read, unpacked or held.
    """
    try:
        with path.open("rb") as file:
            is_packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            file.seek(0)
            body = (gzip.GzipFile(fileobj=file) if is_packed else file).read(MAX_BODY_BYTES + 1)
    except FileNotFoundError:
        raise OstinatoError(f"There is no file {path}; name a saved page or body.") from None
    except IsADirectoryError:
        raise OstinatoError(f"{path} is a folder; name a saved page or body in it.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise OstinatoError(f"{path} is a gzip file that is cut off or damaged; save it anew.") from None
    except OSError as fault:
        raise OstinatoError(f"{path} cannot be read: {fault.strerror or fault}; check its rights.") from None
    if len(body) > MAX_BODY_BYTES:
        size_mb = MAX_BODY_BYTES // 2**20
        raise OstinatoError(f"{path} holds more than {size_mb} MB, which no page does; name a single page or body.")
    return body
