"""A made-up lake of any size in the shapes of the real one, written by DuckDB, for measuring how the warehouse grows.

For n tracks there are n/20 films, n/2 soundtrack credits and 2n chart entries. Names follow what the real tables show:
few words and artists are on many tracks, 15 % of the tracks are further releases of a recording, 60 % of the credits
name a song that is there, every fifth of those spelt a little differently. Everything follows from the row's number, so
that two runs make the same lake, and a night's new rows carry on where the base ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from tasks.lake import batch_path, duckdb_type
from tasks.schemas import AUDIO_FEATURES, LAKE_SCHEMAS

FIRST_DAY = date(2026, 1, 1)
N_WORDS = 20_000

_MACROS = f"""
create macro u(i, salt) as (hash(i, salt) >> 11)::double / 9007199254740992.0;
create macro syllable(i) as ['ba','lo','ri','ten','mar','su','ki','no','ve','dal','pe','os','an','ther','li','go',
    'shi','ra','mon','eu','ji','tal','wen','cor','fa','um','zi','che','dro','ny','ple','as','hu','it','bra','ke','sol',
    'min','yo','el'][(i % 40 + 1)::int];
create macro word(i) as syllable(i) || syllable(i // 40) || if(i >= 1600, syllable(i // 1600 + i), '');
create macro some_word(i, salt) as word(floor(pow({N_WORDS}, u(i, salt)))::bigint - 1);
create macro named(i, salt) as list_aggregate(list_transform(
    range(1 + floor(4 * u(i, salt || '#'))::bigint), lambda k: some_word(i * 8 + k, salt)), 'string_agg', ' ');
-- recording of a track: its own, or for 15 % that of an earlier track
create macro recording_of(i) as if(u(i, 'again') < 0.15, floor(u(i, 'which') * i)::bigint, i);
create macro artist_no(r, n_artists) as floor(n_artists * pow(u(r, 'artist'), 2))::bigint;
create macro artist(a) as named(a, 'artist name') || ' ' || word(a % 19997);
create macro id22(i) as '0' || substr(md5('track' || i), 1, 21);
create macro isrc(r) as 'QM' || lpad(upper(to_base(r::bigint, 36)), 10, '0');
"""


@dataclass(frozen=True)
class Span:
    """Rows from `first` up to `last` (excluded), as shares of a lake of `n_tracks` tracks."""

    n_tracks: int
    first: float
    last: float

    def of(self, per_track: float) -> tuple[int, int]:
        """First and last number of the rows of which there are `per_track` for each track."""
        return int(self.n_tracks * per_track * self.first), int(self.n_tracks * per_track * self.last)


def base(lake: Path, n_tracks: int, *, n_days: int = 30) -> None:
    """The lake that is there before the night: all rows, landed over `n_days` days."""
    with _generator() as con:
        for day in range(n_days):
            span = Span(n_tracks, day / n_days, (day + 1) / n_days)
            _land(con, lake, span, FIRST_DAY + timedelta(days=day))


def night(lake: Path, n_tracks: int, *, share: float = 0.01, number: int = 0) -> None:
    """One night's rows: `share` more of everything."""
    with _generator() as con:
        span = Span(n_tracks, 1 + share * number, 1 + share * (number + 1))
        _land(con, lake, span, FIRST_DAY + timedelta(days=300 + number))


def _generator() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(_MACROS)
    return con


def _land(con: duckdb.DuckDBPyConnection, lake: Path, span: Span, day: date) -> None:
    n_artists = max(span.n_tracks // 10, 1)
    con.execute(f"create or replace macro by_artist(r) as artist(artist_no(r, {n_artists}))")
    features = ", ".join(f"{_feature(name)} as {name}" for name in AUDIO_FEATURES)
    at = f"timestamptz '{day} 03:00:00+00' as fetched_at"
    first, last = span.of(1)
    tracks = f"select i, recording_of(i) as r from range({first}, {last}) t(i)"
    released = "(1960 + floor(65 * sqrt(u(r, 'year'))))::int"

    def write(source: str, entity: str, select: str) -> None:
        schema = LAKE_SCHEMAS[(source, entity)]
        columns = ", ".join(f'cast("{field.name}" as {duckdb_type(field.type)}) as "{field.name}"' for field in schema)
        empty = ", ".join(f'cast(null as {duckdb_type(field.type)}) as "{field.name}"' for field in schema)
        path = batch_path(lake, source, entity, f"made-up-{day}", day)
        path.parent.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"copy (select {columns} from (select {empty} where false union all by name {select})) to '{path}' "
            "(format parquet, compression zstd)"
        )

    write(
        "dataset",
        "spotify_million_tracks",
        f"select id22(i) as track_id, by_artist(r) as artist_name, named(r, 'title') as track_name, "
        f"floor(100 * u(r, 'pop'))::bigint as popularity, {released} as year, "
        f"'genre-' || floor(82 * u(artist_no(r, {n_artists}), 'genre'))::int as genre, {features}, {at} "
        f"from ({tracks}) where i % 10 < 5",
    )
    write(
        "dataset",
        "spotify_tracks",
        f"select id22(i) as track_id, by_artist(r) as artists, named(i, 'album') as album_name, "
        f"named(r, 'title') as track_name, floor(100 * u(r, 'pop'))::bigint as popularity, false as explicit, "
        f"(['pop','rock','k-pop','jazz','edm','folk','metal','classical','hip-hop','latin'])"
        f"[1 + floor(10 * u(artist_no(r, {n_artists}), 'genre'))::int] as track_genre, {features}, {at} "
        f"from ({tracks}) where i % 10 between 5 and 6",
    )
    write(
        "spotify",
        "track",
        f"select id22(i) as track_id, isrc(r) as isrc, named(r, 'title') as title, [by_artist(r)] as artists, "
        f"named(i, 'album') as album, {released}::varchar as released_on, "
        f"(90000 + floor(300000 * u(r, 'duration_ms')))::bigint as duration_ms, false as explicit, {at} "
        f"from ({tracks}) where i % 10 >= 7",
    )
    write(
        "reccobeats",
        "audio_features",
        f"select id22(i) as track_id, isrc(r) as isrc, {features}, 'reccobeats' as provider, {at} "
        f"from ({tracks}) where i % 10 >= 7",
    )
    first, last = span.of(1 / 20)
    genres = (
        "['Action','Adventure','Animation','Comedy','Crime','Documentary','Drama','Family','Fantasy','History',"
        "'Horror','Music','Mystery','Romance','Science Fiction','Thriller','War','Western']"
    )
    write(
        "tmdb",
        "film",
        f"select i + 1 as tmdb_id, 'tt' || lpad((i + 1)::varchar, 7, '0') as imdb_id, named(i, 'film') as title, "
        f"title as original_title, 'en' as original_language, "
        f"list_transform(range(1 + floor(3 * u(i, 'genres'))::bigint), "
        f"lambda k: {genres}[1 + (floor(18 * u(i, 'genre'))::int + k * 5) % 18]) as genres, "
        f"(70 + floor(90 * u(i, 'runtime')))::bigint as runtime_min, 10 * u(i, 'score') as user_score, "
        f"named(i, 'plot') as overview, (1950 + floor(75 * u(i, 'year'))::int)::varchar || '-06-01' as released_on, "
        f"{at} from range({first}, {last}) t(i)",
    )
    first, last = span.of(1 / 2)
    known = f"floor(u(i, 'song') * {span.n_tracks})::bigint"
    write(
        "imdb",
        "soundtrack",
        f"select 'tt' || lpad((i // 10 + 1)::varchar, 7, '0') as imdb_id, i % 10 + 1 as position, "
        "'sn' || i as entry_id, "
        f"case when u(i, 'known') >= 0.6 then named(i, 'song title') "
        f"when u(i, 'spelling') < 0.2 then 'The ' || named(recording_of({known}), 'title') || ' (Reprise)' "
        f"else named(recording_of({known}), 'title') end as title, "
        f"[struct_pack(role := 'performed_by', names := [if(u(i, 'known') >= 0.6, artist(1000000000 + i), "
        f"by_artist(recording_of({known})))])] as credits, [] as lines, {at} "
        f"from range({first}, {last}) t(i)",
    )
    first, last = span.of(2)
    song = f"floor({span.n_tracks} / 20 * pow(u(i, 'charted'), 2))::bigint * 20"
    write(
        "melon",
        "chart",
        f"select 'day' as chart, 'GN' || lpad((i // 100 % 10)::varchar, 2, '0') || '00' as scope, "
        f"(date '2000-01-01' + (i // 1000)::int)::varchar as period, i % 100 + 1 as rank, "
        f"({song})::varchar as song_id, "
        f"named(recording_of({song}), 'title') as title, [by_artist(recording_of({song}))] as artists, "
        f"named({song}, 'album') as album, {at} from range({first}, {last}) t(i)",
    )


def _feature(name: str) -> str:
    share = f"u(r, '{name}')"
    ranges = {
        "key": f"floor(12 * {share})",
        "mode": f"floor(2 * {share})",
        "time_signature": "4.0",
        "loudness": f"-60 + 55 * sqrt({share})",
        "tempo": f"60 + 140 * {share}",
        "duration_ms": f"90000 + floor(300000 * {share})",
    }
    return ranges.get(name, share)
