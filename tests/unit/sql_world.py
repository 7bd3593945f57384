"""Small made worlds for the SQL models: raw rows in, tables out, built by the real runner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tasks.fetching import policy
from tasks.lake import write_batch
from tasks.matching import match_all
from tasks.schemas import AUDIO_FEATURES, LAKE_SCHEMAS
from tasks.settings import Profile, Settings
from tasks.warehouse.building import Phase, build
from tasks.warehouse.connection import open_warehouse, python_tables, replace_table
from tasks.warehouse.models import load_models, read_model

SQL_DIR = Path(__file__).parents[2] / "sql"
EARLIER, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
Row = Mapping[str, Any]

FEATURES: Row = {
    **dict.fromkeys(AUDIO_FEATURES, 0.5),
    "key": 5.0,
    "loudness": -7.0,
    "mode": 1.0,
    "tempo": 120.0,
    "duration_ms": 200_000.0,
    "time_signature": 4.0,
}


def spotify_track(track_id: str, title: str, artists: Sequence[str], **more: Any) -> Row:
    return {"track_id": track_id, "title": title, "artists": artists, "duration_ms": 180_000, **more}


def seed_row(track_id: str, title: str, artists: str, genre: str, **more: Any) -> Row:
    names = {"track_id": track_id, "track_name": title, "artists": artists, "album_name": "Album", "track_genre": genre}
    return {**FEATURES, **names, **more}


def search_row(track_id: str, title: str, artist: str, genre: str, **more: Any) -> Row:
    names = {"track_id": track_id, "track_name": title, "artist_name": artist, "query_genre": genre}
    return {**FEATURES, **names, "artist_genres": [], "release_date": "2020-05", **more}


def place(chart: str, scope: str, period: str, rank: int, song_id: str, title: str, artists: Sequence[str]) -> Row:
    names = {"chart": chart, "scope": scope, "period": period, "rank": rank}
    return {**names, "song_id": song_id, "title": title, "artists": artists}


def soundtrack(imdb_id: str, position: int, title: str, performer: str, **more: Any) -> Row:
    credits = [{"role": "performed_by", "names": [performer]}, {"role": "written_by", "names": ["W", "W"]}]
    entry = {"imdb_id": imdb_id, "position": position, "entry_id": f"sn{position}", "title": title}
    return {**entry, "credits": credits, **more}


def recording(group: str, position: int, recording_id: str, title: str, artists: Sequence[str], **more: Any) -> Row:
    on_album = {"release_group_id": group, "position": position, "recording_id": recording_id, "isrcs": []}
    return {**on_album, "title": title, "artists": artists, "album": "Album", "duration_ms": 180_000, **more}


def audio_file(name: str, title: str | None, artists: Sequence[str], **more: Any) -> Row:
    tags = {"track_id": f"file:{name}", "file_name": f"{name}.mp3", "title": title, "artists": artists}
    return {**FEATURES, **tags, "provider": "audio", **more}


def land(settings: Settings, raw: Mapping[tuple[str, str], Sequence[Row]], *, backwards: bool = False) -> None:
    """Write each raw row as a batch of its own, in either order."""
    for (source, entity), rows in raw.items():
        known = LAKE_SCHEMAS[(source, entity)].names
        for number, row in sorted(enumerate(rows), reverse=backwards):
            named = {"fetched_at": NOW, **row} if "fetched_at" in known else row
            key = f"{len(rows) - number if backwards else number:03d}"
            write_batch(settings.lake, source, entity, [named], batch_key=key, ingest_date=date(2026, 1, 2))


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Stand in for the Python step that makes `table`."""
    replace_table(con, table, pa.Table.from_pylist(list(rows), schema=python_tables()[table]))


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def sources_file(folder: Path, source: str, rule: str, value: str) -> Path:
    """`sources.toml` with one rule of one source as an operator may set it, to stand in for `policy.SOURCES_FILE`."""
    before, section = policy.SOURCES_FILE.read_text(encoding="utf-8").split(f"[{source}]", 1)
    changed = re.sub(rf"^{rule} = .*$", f'{rule} = "{value}"', section, count=1, flags=re.MULTILINE)
    file = folder / "sources.toml"
    file.write_text(f"{before}[{source}]{changed}", encoding="utf-8")
    return file


@contextmanager
def built_world(
    home: Path,
    raw: Mapping[tuple[str, str], Sequence[Row]],
    *,
    profile: Profile = Profile.LIVE,
    threads: int = 2,
    backwards: bool = False,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of a night: landed, built, credits and charts matched by the real matching, and built again."""
    settings = Settings(home=home, profile=profile, threads=threads)
    land(settings, raw, backwards=backwards)
    build(settings, phase=Phase.COLLECTED)
    match_all(settings)
    build(settings)
    with open_warehouse(settings, read_only=True) as con:
        yield con


def marts_are_the_same(home: Path, raw: Mapping[tuple[str, str], Sequence[Row]]) -> bool:
    """Whether the published tables hold the same rows whatever the order of landing and the threads."""
    marts = [model for model in load_models(SQL_DIR).values() if model.schema == "marts" and not model.is_view]
    contents = []
    for number, (threads, backwards) in enumerate([(1, False), (4, True)]):
        with built_world(home / str(number), raw, threads=threads, backwards=backwards) as con:
            contents.append({mart.name: rows(con, f"from {mart.name} order by all") for mart in marts})
    return contents[0] == contents[1]


def failing(con: duckdb.DuckDBPyConnection, audit: str) -> list[tuple[Any, ...]]:
    """The rows that one audit finds."""
    return rows(con, read_model(SQL_DIR / "audits" / f"{audit}.sql").select)
