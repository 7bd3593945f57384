"""The kinds of data set files that Ostinato knows, as data: by which columns each is told, and what a row must hold.

A file's name says nothing; columns may come in any order, in any case, among others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from tasks.models.features import BOUNDS, DAY_MS
from tasks.schemas import AUDIO_FEATURES, LAKE_SCHEMAS, PROVENANCE
from tasks.settings import OstinatoError

SOURCE = "dataset"

# The models can do without these two (section 4 of the design), so a table may come without them.
_HEARD = tuple(name for name in AUDIO_FEATURES if name not in ("duration_ms", "time_signature"))


@dataclass(frozen=True)
class Kind:
    """One kind of file, named as its table in the lake is."""

    entity: str
    required: tuple[str, ...]
    """Columns by which the kind is told; the schema's other columns may be missing and are null then."""
    key: tuple[str, ...]
    """Columns without which a row is of no use."""
    json: tuple[str, ...] = ()
    """Text columns that hold a list of records; written as JSON, whatever notation the file uses."""

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """The lake's columns that come from the file."""
        return {field.name: field.type for field in LAKE_SCHEMAS[(SOURCE, self.entity)] if field.name not in PROVENANCE}


KINDS = (
    Kind(
        "spotify_tracks",
        required=("track_id", "artists", "track_name", "track_genre", *_HEARD),
        key=("track_id", "track_name"),
    ),
    Kind(
        "spotify_query_tracks",
        required=("track_id", "artist_name", "track_name", "query_genre", *_HEARD),
        key=("track_id", "track_name"),
    ),
    Kind(
        "film_ost_tracks",
        required=("imdb_id", "track_id", "song_title", "artists", *_HEARD),
        key=("track_id", "imdb_id"),
    ),
    Kind(
        "film_ost_films",
        required=("imdb_id", "title", "album_uri", "genres", "overview", "release_date"),
        key=("imdb_id", "title"),
    ),
    Kind("film_track_links", required=("imdb_id", "track_id", "routes"), key=("imdb_id", "track_id")),
    Kind(
        "movielens_films",
        required=("movieId", "title", "genres", "tmdbId", "imdb_id"),
        key=("movieId", "title"),
    ),
    Kind(
        "tmdb_films",
        required=("id", "title", "genres", "overview", "release_date", "vote_average", "vote_count"),
        key=("id", "title"),
        json=("genres", "keywords", "production_companies"),
    ),
    Kind(
        "imdb_soundtracks",
        required=("imdb_id", "recording_name", "performers"),
        key=("imdb_id", "recording_name"),
    ),
    Kind("melon_weekly_chart", required=("rank", "title", "singer", "date"), key=("date", "rank", "title", "singer")),
    Kind(
        "melon_monthly_chart",
        required=("Date", "rank", "song_id", "title", "artist", "genre"),
        key=("Date", "rank", "title", "artist"),
    ),
)

_ID = (1, 2**31 - 1)
_AMOUNT_USD = (0, 10**12)  # 0: unknown
RANGES: dict[str, tuple[float, float]] = {
    **{name: (bound.low, bound.high) for name, bound in BOUNDS.items()},
    "duration_ms": (0, DAY_MS),  # 0: unknown
    "id": _ID,
    "movieId": _ID,
    "tmdbId": _ID,
    "song_id": _ID,
    "runtime": (0, 100_000),  # minutes, 0: unknown; the longest film ever made has 51,420
    "budget": _AMOUNT_USD,
    "revenue": _AMOUNT_USD,
    "vote_count": (0, 10**9),
    "rank": (1, 10_000),
    "rating": (0, 10),
    "vote_average": (0, 10),
}
"""What a number can be at all: a value outside says that the row is shifted or mistaken."""


class Shape(NamedTuple):
    """What a text must look like."""

    pattern: str  # RE2, for the whole text
    words: str


_DATE = Shape(r"\d{4}(-\d{2}(-\d{2})?)?", "a date (2017-06-26, 2017-06 or 2017)")
SHAPES: dict[str, Shape] = {
    "track_id": Shape(r"[0-9A-Za-z_-]+", "a track id (letters and digits)"),
    "imdb_id": Shape(r"tt\d+", "an IMDb film id (tt and digits)"),
    "release_date": _DATE,
    "data_collection_date": _DATE,
    "date": Shape(r"\d{4}[.-]\d{2}[.-]\d{2}", "a day (2024.01.01)"),
    "Date": Shape(r"\d{4}[.-]?\d{2}", "a month (201412)"),
}

DATES = ("release_date", "data_collection_date", "date", "Date")
"""Columns whose days must be in the calendar."""

YEARS = range(1850, 2101)
"""Years that a recording, a film or a chart can be of."""

UNKNOWN_YEAR = "0000"
"""What Spotify writes as the date of an album whose year it does not know."""

TEXT_MAX = 1_000  # characters of a title or a name; the longest of 300,000 published ones has 513
PROSE_MAX = 100_000  # characters of a plot, or of a list of records
NAMES_MAX = 100  # of one row; the longest of 300,000 published lists has 31
PROSE = ("overview",)


@dataclass(frozen=True)
class Recognised:
    """Which kind a table is of, and which of its columns hold what."""

    kind: Kind
    positions: dict[str, int]
    """The lake's column -> the place of the file's column, from 0."""
    ignored: tuple[str, ...]
    """Columns of the file that the lake has no place for."""
    absent: tuple[str, ...]
    """Columns of the lake that the file does not have."""


def recognise(columns: Sequence[str], name: str) -> Recognised:
    """Tell a table's kind by its columns; where two fit, the one that asks for more.

    Raises
    ------
    OstinatoError
        When no kind fits, naming the nearest and what the table lacks; when a column that is needed comes twice.
    """
    places = {kind: _places(kind, columns) for kind in KINDS}
    fitting = [kind for kind in KINDS if not _lacking(kind, places[kind])]
    if not fitting:
        raise OstinatoError(_unknown(columns, name, places))
    kind = max(fitting, key=lambda one: len(one.required))
    taken = {columns[place] for place in places[kind].values()}
    for column, n_times in Counter(columns).items():
        if column in taken and n_times > 1:
            raise OstinatoError(f"{name} has the column {column} {n_times} times; keep one and import it again.")
    return Recognised(
        kind=kind,
        positions=places[kind],
        ignored=tuple(column or "(unnamed)" for column in columns if column not in taken),
        absent=tuple(column for column in kind.columns if column not in places[kind]),
    )


def _places(kind: Kind, columns: Sequence[str]) -> dict[str, int]:
    """Where each column of the kind is: by its exact name, else by its name in another case."""
    exact = {column: place for place, column in reversed(list(enumerate(columns)))}
    loose = {column.casefold(): place for place, column in reversed(list(enumerate(columns)))}
    found = {column: exact.get(column, loose.get(column.casefold())) for column in kind.columns}
    return {column: place for column, place in found.items() if place is not None}


def _lacking(kind: Kind, places: dict[str, int]) -> list[str]:
    return [column for column in kind.required if column not in places]


def _unknown(columns: Sequence[str], name: str, places: dict[Kind, dict[str, int]]) -> str:
    nearest = min(KINDS, key=lambda kind: len(_lacking(kind, places[kind])) / len(kind.required))
    lacking = ", ".join(_lacking(nearest, places[nearest]))
    return (
        f"{name} fits no known kind of data set by its {len(columns)} columns; the nearest is {nearest.entity}, for "
        f"which it lacks {lacking}: rename or add these and import it again."
    )
