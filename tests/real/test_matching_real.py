"""Matching on the real tables, with floors under precision and recall.

`labelled_matches.csv` holds 240 pairs of film and track, drawn at random from all that Ostinato or an exact join
claims, and labelled by hand: right is the recording that the credit names, or a release of it; another recording (a
duet, a broadcast, another singer of the same song) is wrong.
"""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import duckdb
import pyarrow as pa
import pytest

from tasks.matching import best_only, match
from tasks.settings import PROJECT_ROOT
from tasks.text import normalise

DATA = PROJECT_ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real tables (../shared/data) are not here")

CHARTED = {  # Melon's way to write a song and its singer, and the same on Spotify
    ("빨간 맛 (Red Flavor)", "Red Velvet (레드벨벳)"): ("Red Flavor", "Red Velvet"),
    ("으르렁 (Growl)", "EXO"): ("Growl", "EXO"),
    ("그대라는 시", "태연 (TAEYEON)"): ("그대라는 시", "TAEYEON"),
    ("찰나가 영원이 될 때 (The Eternal Moment)", "마크툽 (MAKTUB)"): ("The Eternal Moment", "MAKTUB"),
    ("짧은 치마 (Miniskirt)", "AOA"): ("Miniskirt", "AOA"),
    ("마리아 (Maria)", "화사 (HWASA)"): ("Maria", "HWASA"),
    ("Round and round (Feat. 한수지)", "헤이즈 (Heize)"): ("Round And Round", "HEIZE"),
    ("LOVE DIVE", "IVE (아이브)"): ("LOVE DIVE", "IVE"),
    ("FOREVER 1", "소녀시대 (GIRLS' GENERATION)"): ("FOREVER 1", "Girls' Generation"),
    ("봄여름가을겨울 (Still Life)", "BIGBANG (빅뱅)"): ("Still Life", "BIGBANG"),
}


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_matching", PROJECT_ROOT / "bench" / "matching.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def credits(bench: ModuleType) -> tuple[pa.Table, pa.Table, pa.Table]:
    return bench.load()


@pytest.fixture(scope="module")
def found(credits: tuple[pa.Table, pa.Table, pa.Table]) -> pa.Table:
    queries, tracks, _ = credits
    return match(queries, tracks)


def film_tracks(found: pa.Table) -> set[tuple[str, str]]:
    sure = found.filter(found["is_match"])
    return {
        (id_.split("|")[0], track_id)
        for id_, track_id in zip(sure["id"].to_pylist(), sure["track_id"].to_pylist(), strict=True)
    }


def test_almost_every_labelled_pair_that_is_claimed_is_right(found: pa.Table) -> None:
    with Path(__file__).with_name("labelled_matches.csv").open(encoding="utf-8", newline="") as file:
        labels = {(row["imdb_id"], row["track_id"]): row["is_right"] == "true" for row in csv.DictReader(file)}
    claimed = [labels[pair] for pair in film_tracks(found) if pair in labels]
    assert len(claimed) >= 230
    assert sum(claimed) / len(claimed) >= 0.98


def test_most_known_pairs_are_found_and_the_rest_are_other_versions(
    found: pa.Table, credits: tuple[pa.Table, pa.Table, pa.Table]
) -> None:
    known = set(zip(credits[2]["imdb_id"].to_pylist(), credits[2]["track_id"].to_pylist(), strict=True))
    assert len(known) > 1_500
    assert len(known & film_tracks(found)) / len(known) >= 0.88


def test_a_cue_without_performers_is_never_matched_outside_the_films_album(
    found: pa.Table, credits: tuple[pa.Table, pa.Table, pa.Table]
) -> None:
    with duckdb.connect() as con:
        con.register("found", found)
        con.register("queries", credits[0])
        con.register("tracks", credits[1])
        strays = con.execute("""
            select queries.title, tracks.title, album
            from found join queries using (id) join tracks using (track_id)
            where is_match and len(performers) = 0 and not regexp_matches(album, '(?i)soundtrack|motion picture|score')
        """).fetchall()
    assert strays == []


def test_soundtrack_albums_find_themselves(credits: tuple[pa.Table, pa.Table, pa.Table]) -> None:
    tracks = credits[1].filter(pa.compute.match_substring(credits[1]["album"], "(Original Motion Picture Soundtrack)"))
    nulls = pa.nulls(tracks.num_rows, pa.string())
    queries = pa.table(
        {
            "id": tracks["track_id"],
            "title": tracks["title"],
            "performers": tracks["artists"],
            "writers": pa.nulls(tracks.num_rows, pa.list_(pa.string())),
            "film_title": nulls,
            "film_year": pa.nulls(tracks.num_rows, pa.int32()),
        }
    )
    found = match(queries, tracks)
    sure = found.filter(found["is_match"])
    itself = pa.compute.equal(sure["id"], sure["track_id"])
    assert pa.compute.sum(itself).as_py() / tracks.num_rows >= 0.99


def test_charted_songs_find_their_track_under_its_other_spelling(
    credits: tuple[pa.Table, pa.Table, pa.Table],
) -> None:
    with duckdb.connect() as con:
        con.execute(f"set file_search_path = '{DATA}'")
        con.register("known", credits[1])
        songs = con.sql("""
            select distinct title || '|' || singer as id, title, [singer] as performers, null::varchar[] as writers,
                null::varchar as film_title, null::integer as film_year
            from 'melon_weekly_top100_2010_2024.parquet' where title is not null
        """).to_arrow_table()
        tracks = con.sql("""
            select * from known
            union all
            select track_id, min(track_name), string_split(min(artist_names), ', '), null, null
            from (select *, replace(uri, 'spotify:track:', '') as track_id from 'kr_spotify_daily_top200_2025.parquet')
                anti join known using (track_id)
            group by track_id
        """).to_arrow_table()
    found = best_only(match(songs, tracks))
    sure = found.filter(found["is_match"])
    assert sure.num_rows >= 230
    assert len(set(sure["id"].to_pylist())) == sure.num_rows
    spotify = {row["track_id"]: row for row in tracks.to_pylist()}
    chosen = {row["id"]: spotify[row["track_id"]] for row in sure.to_pylist()}
    for (title, singer), (track_title, artist) in CHARTED.items():
        track = chosen[f"{title}|{singer}"]
        assert normalise(track["title"]) == normalise(track_title)
        assert normalise(track["artists"][0]).replace(" ", "") == normalise(artist).replace(" ", "")  # also "Hwa Sa"
