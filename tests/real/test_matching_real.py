"""Matching on the real tables, with floors under precision and recall.

The truth is in `labelled_matches.csv` and `labelled_songs.csv`, pairs judged by hand; how they were drawn and what they
weigh is told in `bench/support/matching_truth.py`, which `python bench/matching.py` reports by.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.matching import best_only, match
from tasks.settings import PROJECT_ROOT
from tasks.text import normalise

DATA = PROJECT_ROOT.parent / "shared" / "data"
LABELS = Path(__file__).with_name("labelled_matches.csv")
needs_tables = pytest.mark.skipif(not DATA.is_dir(), reason="the real tables (../shared/data) are not here")

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
def bench() -> Iterator[SimpleNamespace]:
    """The modules that the benchmark measures by."""
    sys.path.insert(0, str(PROJECT_ROOT / "bench"))
    from support import matching_data, matching_links, matching_truth

    yield SimpleNamespace(data=matching_data, links=matching_links, truth=matching_truth.Truth())
    sys.path.remove(str(PROJECT_ROOT / "bench"))


@pytest.fixture(scope="module")
def tables(bench: SimpleNamespace) -> SimpleNamespace:
    return bench.data.load()


@pytest.fixture(scope="module")
def found(tables: SimpleNamespace) -> pa.Table:
    return match(tables.credits, tables.tracks)


@pytest.fixture(scope="module")
def claimed(bench: SimpleNamespace, tables: SimpleNamespace, found: pa.Table) -> pa.Table:
    return bench.links.claims(tables, found)


def test_labels_are_facts_in_known_words() -> None:
    with LABELS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["imdb_id"], row["track_id"]) for row in rows}) == len(rows)
    assert {row["is_right"] for row in rows} == {"true", "false", ""}
    assert {row["part"] for row in rows} == {"tuned", "held_out", "after"}
    named = [row for row in rows if row["drawn"] != "first"]
    assert {row["wrong_by"] for row in named if row["is_right"] == "false"} == {"artist", "version", "song", "list"}
    assert not any(row["wrong_by"] for row in rows if row["is_right"] != "false")
    assert sum(row["is_right"] != "" for row in named) >= 500  # judged


@needs_tables
def test_almost_every_claimed_pair_is_right(bench: SimpleNamespace, claimed: pa.Table) -> None:
    """What is wrong is mostly a list of credits that is another work's, which matching cannot see."""
    quality, alone = (bench.truth.quality(claimed, blame_lists=blame) for blame in (True, False))
    assert quality.precision.n >= 230
    assert quality.precision.value >= 0.95
    assert alone.precision.value >= 0.975
    assert bench.truth.quality(claimed, "held_out").precision.value >= 0.94
    assert bench.truth.precision(claimed, "after_").value >= 0.95
    assert bench.truth.precision(claimed, "first").value >= 0.98


@needs_tables
@pytest.mark.parametrize(
    ("method", "least", "alone"),
    [("title_performer", 0.94, 0.97), ("near_title_performer", 0.8, 0.97), ("title_album", 0.96, 0.98)],
)
def test_every_method_keeps_its_precision(
    bench: SimpleNamespace, claimed: pa.Table, method: str, least: float, alone: float
) -> None:
    of_method = claimed.filter(pc.equal(claimed["match_method"], method))
    assert bench.truth.quality(of_method).precision.value >= least
    assert bench.truth.quality(of_method, blame_lists=False).precision.value >= alone


@needs_tables
def test_most_right_pairs_are_found(bench: SimpleNamespace, tables: SimpleNamespace, claimed: pa.Table) -> None:
    assert bench.truth.quality(claimed).recall.value >= 0.93
    assert bench.truth.quality(claimed, "held_out").recall.value >= 0.93
    # That table counts live recordings, remixes and duets as found; they are what is missing.
    assert bench.links.known_by_list(tables, claimed).value >= 0.88


@needs_tables
@pytest.mark.proof
def test_credits_find_the_films_own_album(bench: SimpleNamespace, tables: SimpleNamespace) -> None:
    (_, found, on_own), (_, _, on_own_untold) = bench.links.own_albums(tables)
    assert found.value >= 0.9
    assert on_own.value >= 0.98
    assert on_own_untold.value >= 0.97


@needs_tables
def test_a_cue_without_performers_is_never_matched_outside_the_films_album(
    tables: SimpleNamespace, found: pa.Table
) -> None:
    says_so = "(?i)soundtrack|motion picture|score|original .*recording"
    with duckdb.connect() as con:
        con.register("found", found)
        con.register("queries", tables.credits)
        con.register("tracks", tables.tracks)
        strays = con.execute(
            """
            select queries.title, tracks.title, album
            from found join queries using (id) join tracks using (track_id)
            where is_match and len(performers) = 0
                and not regexp_matches(concat_ws(' ', tracks.title, album), $says_so)
            """,
            {"says_so": says_so},
        ).fetchall()
    assert strays == []


@needs_tables
def test_soundtrack_albums_find_themselves(tables: SimpleNamespace) -> None:
    tracks = tables.tracks.filter(pc.match_substring(tables.tracks["album"], "(Soundtrack)"))
    queries = pa.table(
        {
            "id": tracks["track_id"],
            "title": tracks["title"],
            "performers": tracks["artists"],
            "writers": pa.nulls(tracks.num_rows, pa.list_(pa.string())),
            "film_title": pa.nulls(tracks.num_rows, pa.string()),
            "film_year": pa.nulls(tracks.num_rows, pa.int32()),
        }
    )
    found = match(queries, tracks)
    sure = found.filter(found["is_match"])
    assert pc.sum(pc.equal(sure["id"], sure["track_id"])).as_py() / tracks.num_rows >= 0.99


@needs_tables
def test_charted_songs_find_their_track_under_its_other_spelling(
    bench: SimpleNamespace, tables: SimpleNamespace
) -> None:
    found = match(tables.songs, tables.tracks)
    quality = bench.truth.songs(tables.songs, found)
    assert quality.precision.value >= 0.95
    assert quality.recall.value >= 0.95
    best = best_only(found)
    sure = best.filter(best["is_match"])
    assert sure.num_rows >= 300
    assert len(set(sure["id"].to_pylist())) == sure.num_rows
    tracks = {row["track_id"]: row for row in tables.tracks.to_pylist()}
    songs = {row["id"]: (row["title"], ", ".join(row["performers"])) for row in tables.songs.to_pylist()}
    chosen = {songs[row["id"]]: tracks[row["track_id"]] for row in sure.to_pylist()}
    for song, (title, artist) in CHARTED.items():
        assert normalise(chosen[song]["title"]) == normalise(title)
        assert normalise(chosen[song]["artists"][0]).replace(" ", "") == normalise(artist).replace(" ", "")
