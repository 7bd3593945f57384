"""Matching night after night gives what matching everything anew gives, and looks only at what changed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tasks.matching import best_only, candidates, catalogue, changes, match, match_all
from tasks.settings import Profile, Settings
from tasks.warehouse import open_warehouse

TITLES = ("Love", "Love - Live", "Home", "Homes", "The Home", "Main Title", "사랑 (Love)", "Losing It", "Loosing It")
PEOPLE = (
    "Ann Lee",
    "Anne Lee",
    "Bo",
    "아이유 (IU)",
    "아이유",
    "IU",
    "태연",
    "태연 (TAEYEON)",
    "TAEYEON",
    "Ann Lee Band",
    "Chorus",
)
ALBUMS = (None, "Up (Original Motion Picture Soundtrack)", "Songs", "Frozen: Music from the Film")
FILMS = ("Up", "Frozen", "Jaws", None)
TABLES = """
create or replace schema core;
create table core.film (film_id varchar, title varchar, original_title varchar, year integer);
create table core.soundtrack_credit (
    credit_id varchar, film_id varchar, title varchar, performers varchar[], writers varchar[], recording_mbid varchar);
create table core.chart_song (song_key varchar, title varchar, artists varchar[]);
create table core.track (
    track_id varchar, title varchar, artists varchar[], album varchar, released_on varchar);
create table core.film_track_link (film_id varchar, track_id varchar, route varchar);
"""
World = dict[str, dict[str, list[Any]]]


@pytest.fixture(autouse=True)
def a_small_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Bounds that a handful of rows reach: titles become common, and no share of changes is matched anew as a whole."""
    monkeypatch.setattr(changes, "FULL_FROM", 1.0)
    monkeypatch.setattr(candidates, "COMMON_TITLE_FROM", 4)
    return


def some_row(table: str, key: str, by: random.Random) -> list[Any]:
    people = by.choices(PEOPLE, k=by.choice([0, 1, 1, 2]))
    if table == "film":
        return [key, by.choice(FILMS), by.choice(FILMS), by.choice([1990, 2009, None])]
    if table == "soundtrack_credit":
        writers = by.choices(PEOPLE, k=by.choice([0, 1]))
        return [key, f"f{by.randrange(3)}", by.choice(TITLES), people, writers, None]
    if table == "chart_song":
        return [key, by.choice(TITLES), people]
    if table == "film_track_link":
        return [f"f{by.randrange(3)}", key, by.choice(["ost_album_ids", "musicbrainz"])]
    return [key, by.choice(TITLES), people, by.choice(ALBUMS), by.choice(["1990-01-01", "2009", None])]


SIZES = {"film": 3, "soundtrack_credit": 8, "chart_song": 4, "track": 10, "film_track_link": 2}


def change(world: World, by: random.Random) -> None:
    """A night: rows of a few tables come, change and go; at times nothing does."""
    for table in by.sample(sorted(SIZES), k=by.randrange(4)):
        for _ in range(by.randrange(1, 3)):
            key = f"{table[0]}{by.randrange(SIZES[table])}"
            if table == "film_track_link":
                key = f"t{key[1:]}"
            if by.random() < 0.3:
                world[table].pop(key, None)
            else:
                world[table][key] = some_row(table, key, by)


def write(settings: Settings, world: World, by: random.Random) -> None:
    with open_warehouse(settings) as con:
        con.execute("drop schema if exists core cascade")
        con.execute(TABLES)
        for table, rows in world.items():
            for row in by.sample(list(rows.values()), k=len(rows)):
                con.execute(f"insert into core.{table} values ({', '.join('?' * len(row))})", row)


def found_anew(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """What the pure function makes of all rows at once."""
    queries, tracks = (con.sql(text).to_arrow_table() for text in (catalogue._QUERIES, catalogue._TRACKS))
    found = match(queries, tracks, threads=1)
    links = [tuple(row.values()) for row in found.to_pylist() if row["id"].startswith("credit/")]
    songs = [tuple(row.values()) for row in best_only(found).to_pylist() if row["id"].startswith("song/")]
    return {"credit_track": links, "chart_track": songs}


def compare(settings: Settings) -> None:
    with open_warehouse(settings, read_only=True) as con:
        for table, rows in found_anew(con).items():
            key, kind = ("credit_id", "credit/") if table == "credit_track" else ("song_key", "song/")
            kept = con.execute(
                f"select '{kind}' || {key}, * exclude ({key}) from matching.{table} order by 1, 2"
            ).fetchall()
            assert kept == rows


def live_through(home: Path, seed: int, n_nights: int) -> None:
    by = random.Random(seed)
    settings = Settings(home=home, profile=Profile.SANDBOX, threads=by.choice([1, 2]))
    world: World = {
        table: {f"{table[0]}{n}": some_row(table, f"{table[0]}{n}", by) for n in range(size)}
        for table, size in SIZES.items()
        if table != "film_track_link"
    }
    world["film_track_link"] = {"t1": ["f1", "t1", "ost_album_ids"]}
    for _ in range(n_nights):
        write(settings, world, by)
        match_all(settings, trainable=False)
        compare(settings)
        change(world, by)


@pytest.mark.parametrize("seed", range(2))
def test_nights_of_changes_give_what_matching_everything_anew_gives(tmp_path: Path, seed: int) -> None:
    live_through(tmp_path, seed, n_nights=5)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(100, 104))
def test_many_nights_of_changes_give_what_matching_everything_anew_gives(tmp_path: Path, seed: int) -> None:
    live_through(tmp_path, seed, n_nights=12)
