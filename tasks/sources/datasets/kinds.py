"""The kinds of data set files that Ostinato knows, as data: by which columns each is told, and what a row must hold.

A file's name says nothing; columns may come in any order, in any case, among others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from tasks.models.features import BOUNDS, DAY_MS
from tasks.schemas import AUDIO_FEATURES, LAKE_SCHEMAS, PROVENANCE

SOURCE = "dataset"

# The models can do without these two (section 4 of the design), so a table may come without them.
_HEARD = tuple(name for name in AUDIO_FEATURES if name not in ("duration_ms", "time_signature"))
_TMDB_FILM = ("id", "title", "genres", "overview", "release_date", "vote_average", "vote_count")


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
    ends_early: bool = False
    """Whether a row that breaks off after its key is kept as far as it goes; in other kinds it is rejected."""

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """The lake's columns that come from the file."""
        return {field.name: field.type for field in LAKE_SCHEMAS[(SOURCE, self.entity)] if field.name not in PROVENANCE}

    def range_of(self, column: str) -> tuple[float, float] | None:
        """What a number in this column can be at all; None for a column of text."""
        return RANGES_OF_KIND.get(self.entity, {}).get(column) or RANGES.get(column)


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
        required=_TMDB_FILM,
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
    Kind(
        "spotify_million_tracks",
        required=("track_id", "artist_name", "track_name", "year", "genre", *_HEARD),
        key=("track_id", "track_name"),
    ),
    Kind(
        "movies_metadata",
        required=(*_TMDB_FILM, "imdb_id", "poster_path"),
        key=("id",),
        json=("genres", "production_companies"),
        # As published, three overviews hold a line break without quotes: each film is two rows there, the first with
        # its ids and genres, the second with the rest, shifted to the left.
        ends_early=True,
    ),
    Kind(
        "soundtrack_listings",
        required=("ml_movie_id", "movie_title", "position", "track_raw"),
        key=("ml_movie_id", "track_raw"),
    ),
    Kind(
        "film_spotify_albums",
        required=("movie_name", "release_date", "album_id", "track_ids"),
        key=("movie_name", "album_id"),
    ),
    Kind("cmu_films", required=("tmdb_id", "name", "release_date", "genres", "countries"), key=("tmdb_id", "name")),
    Kind(
        "soundtrack_videos",
        required=("imdb_id", "title", "performer", "youtube_video_id"),
        key=("imdb_id", "title"),
    ),
    Kind(
        "spotify_daily_chart",
        required=("chart_date", "rank", "uri", "track_name", "artist_names"),
        key=("chart_date", "rank", "uri", "track_name"),
    ),
    Kind(
        "charted_track_audio",
        required=("track_name", "artist_names", "genre", "tempo", "mean_mel", "mean_rms", "mean_zcr", "mean_centroid"),
        key=("track_name", "artist_names"),
    ),
    Kind("imdb_films", required=("imdb_id", "name", "genres", "date_published"), key=("imdb_id", "name")),
    Kind(
        "mood_ratings",
        required=("dzr_sng_id", "valence", "arousal", "artist_name", "track_name"),
        key=("dzr_sng_id", "valence", "arousal", "artist_name", "track_name"),
    ),
)

YEARS = range(1850, 2101)
"""Years that a recording, a film or a chart can be of."""

_ID = (1, 2**31 - 1)
_AMOUNT_USD = (0, 10**12)  # 0: unknown
_COUNT = (0, 10**9)
RANGES: dict[str, tuple[float, float]] = {
    **{name: (bound.low, bound.high) for name, bound in BOUNDS.items()},
    "duration_ms": (0, DAY_MS),  # 0: unknown
    **dict.fromkeys(("id", "movieId", "tmdbId", "song_id", "ml_movie_id", "dzr_sng_id"), _ID),
    "runtime": (0, 100_000),  # minutes, 0: unknown; the longest film ever made has 51,420
    "budget": _AMOUNT_USD,
    "revenue": _AMOUNT_USD,
    **dict.fromkeys(("vote_count", "imdb_votes", "streams"), _COUNT),
    **dict.fromkeys(("rating", "vote_average", "imdb_rating"), (0, 10)),
    **dict.fromkeys(("rank", "position"), (1, 10_000)),
    "popularity": (0, 100_000),  # of a track 0 to 100; TMDB's has no upper end
    "year": (0, YEARS[-1]),  # 0: unknown
    "match_confidence": (0, 1),
    "track_length_sec": (0, DAY_MS / 1000),
    "mean_mel": (-200, 200),  # dB
    **dict.fromkeys(("mean_rms", "max_rms"), (0, 10)),  # of samples from -1 to 1, which decoders overshoot
    **dict.fromkeys(("mean_zcr", "std_zcr"), (0, 1)),
    "mean_centroid": (0, 100_000),  # Hz; half the highest sample rate there is
}
"""What a number can be at all: a value outside says that the row is shifted or mistaken."""

_STANDARDISED = (-6, 6)  # in standard deviations from the mean; the published ones are from -2.4 to 2.8
RANGES_OF_KIND: dict[str, dict[str, tuple[float, float]]] = {
    "mood_ratings": dict.fromkeys(("valence", "arousal"), _STANDARDISED),
}
"""The same for columns that hold another measure in one kind of file than their name does elsewhere."""


class Shape(NamedTuple):
    """What a text must look like."""

    pattern: str  # RE2, for the whole text
    words: str


_DATE = Shape(r"\d{4}(-\d{2}(-\d{2})?)?", "a date (2017-06-26, 2017-06 or 2017)")
_DAY = Shape(r"\d{4}[.-]\d{2}[.-]\d{2}", "a day (2024.01.01)")
SHAPES: dict[str, Shape] = {
    "track_id": Shape(r"[0-9A-Za-z_-]+", "a track id (letters and digits)"),
    "album_id": Shape(r"[0-9A-Za-z]+", "an album id (letters and digits)"),
    "uri": Shape(r"spotify:track:[0-9A-Za-z]+", "the address of a track (spotify:track: and its id)"),
    "youtube_video_id": Shape(r"[0-9A-Za-z_-]{11}", "a video id (11 letters, digits, - or _)"),
    "imdb_id": Shape(r"tt\d+", "an IMDb film id (tt and digits)"),
    "tmdb_id": Shape(r"\d{1,10}(\.0)?", "a TMDB id (digits, with or without .0)"),
    "box_office_revenue": Shape(r"\d+(\.\d*)?([eE]\+?\d{1,2})?", "an amount (9500000.0)"),
    "duration": Shape(r"P(T?\d+[DHMS])+", "a length (PT1H28M)"),
    "release_date": _DATE,
    "date_published": _DATE,
    "data_collection_date": _DATE,
    "date": _DAY,
    "chart_date": _DAY,
    "Date": Shape(r"\d{4}[.-]?\d{2}", "a month (201412)"),
}

DATES = ("release_date", "date_published", "data_collection_date", "date", "chart_date", "Date")
"""Columns whose days must be in the calendar."""

UNKNOWN_YEAR = "0000"
"""What Spotify writes as the date of an album whose year it does not know."""

NOTHING = {"imdb_id": ("0",)}
"""What stands for "unknown" in a column that has a shape, beside the usual ways to write nothing."""

TEXT_MAX = 1_000  # characters of a title or a name; the longest of 300,000 published ones has 513
PROSE_MAX = 100_000  # characters of a plot, or of a list of records
PROSE = ("overview", "abstract")
NAMES_MAX = 100  # of one row; the longest of 300,000 published lists has 31
LISTED_MAX = {"track_ids": 1_000}  # of one row; a box set
