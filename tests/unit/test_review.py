"""Doubtful matches go out to a CSV, verdicts come in, and a settled pair stays settled whatever is matched later."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sql_world import land, rows, soundtrack, spotify_track

from tasks.lake import read
from tasks.matching import match_all
from tasks.matching.review import export_pairs, settle
from tasks.settings import OstinatoError, Profile, Settings
from tasks.warehouse import Phase, build, open_warehouse

AS_OF = date(2026, 1, 3)
RAW: dict[tuple[str, str], list[Any]] = {
    ("tmdb", "film"): [
        {
            "tmdb_id": 1,
            "imdb_id": "tt0000001",
            "title": '=HYPERLINK("http://x")',
            "genres": ["Drama"],
            "released_on": "1999-01-01",
        }
    ],
    ("imdb", "soundtrack"): [
        soundtrack("tt0000001", 1, "Hurt", "Johnny Cash"),
        soundtrack("tt0000001", 2, "Sure Thing", "Sure Band"),
    ],
    ("spotify", "track"): [
        spotify_track("live", "Hurt - Live at Folsom", ["Johnny Cash"]),
        spotify_track("sure", "Sure Thing", ["Sure Band"]),
        spotify_track("else", "Something Else", ["Nobody"]),
    ],
}


def build_all(settings: Settings) -> None:
    build(settings, phase=Phase.COLLECTED)
    match_all(settings)
    build(settings)


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", profile=Profile.LIVE)
    land(settings, RAW)
    build_all(settings)
    return settings


def exported(settings: Settings, out: Path, **choice: Any) -> list[dict[str, str]]:
    export_pairs(settings, out, **choice)
    with out.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def written(out: Path, given: list[dict[str, str]], *, delimiter: str = ",", encoding: str = "utf-8-sig") -> Path:
    with out.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, given[0].keys(), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(given)
    return out


def catalogue(settings: Settings) -> tuple[list[Any], list[Any]]:
    with open_warehouse(settings, read_only=True) as con:
        ties = rows(con, "select track_id, match_score, match_method from marts.film_track order by 1")
        review = rows(con, "select track_id, settled, settled_how from marts.match_review order by 1")
    return ties, review


def test_a_pair_in_doubt_goes_out_with_what_a_person_needs(world: Settings, tmp_path: Path) -> None:
    [pair] = exported(world, tmp_path / "doubtful.csv")
    assert pair["credit_title"] == "Hurt"
    assert pair["track_title"] == "Hurt - Live at Folsom"
    assert pair["film"] == '\'=HYPERLINK("http://x")', "a spreadsheet must not run it"
    assert (pair["film_year"], pair["performers"], pair["verdict"]) == ("1999", "Johnny Cash", "")
    assert pair["listen"] == "https://open.spotify.com/track/live"
    assert {row["track_id"] for row in exported(world, tmp_path / "all.csv", everything=True)} == {"live", "sure"}
    assert len(exported(world, tmp_path / "film.csv", film="tt0000001")) == 1
    with pytest.raises(
        OstinatoError, match=r"one\.csv is there already; give back what it holds, then use --overwrite"
    ):
        (tmp_path / "one.csv").touch()
        export_pairs(world, tmp_path / "one.csv")
    assert export_pairs(world, tmp_path / "one.csv", overwrite=True) == 1
    (tmp_path / "one.csv").unlink()
    with pytest.raises(OstinatoError, match="is no ordinary file; name another"):
        export_pairs(world, tmp_path)
    with pytest.raises(OstinatoError, match="There is no film tt0000009 here; name it by its film_id"):
        export_pairs(world, tmp_path / "none.csv", film="tt0000009")
    assert len(exported(world, tmp_path / "one.csv", everything=True, most=1)) == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_settled_pair_holds_whatever_is_matched_later(world: Settings, tmp_path: Path, delimiter: str) -> None:
    pairs = exported(world, tmp_path / "all.csv", everything=True)
    for pair in pairs:
        pair |= {"verdict": {"live": "Yes", "sure": "DIFFERENT"}[pair["track_id"]], "note": "'=heard it"}
    report = settle(world, written(tmp_path / "settled.csv", pairs, delimiter=delimiter), AS_OF, by="A")
    assert (report.n_new, report.n_changed, report.unknown) == (2, 0, [])
    settled = ([("live", 1.0, "settled")], [("live", "same", "A"), ("sure", "different", "A")])
    build_all(world)
    assert catalogue(world) == settled
    renamed = {
        **RAW[("spotify", "track")][0],
        "title": "No candidate any more",
        "fetched_at": datetime(2026, 2, 1, tzinfo=UTC),
    }
    land(world, {("spotify", "track"): [renamed]})
    build_all(world)
    assert catalogue(world) == settled
    notes = read(world.lake, "ostinato", "match_verdict").column("note").to_pylist()
    assert notes == ["=heard it"] * 2


def test_a_track_that_a_person_refused_is_not_tied_by_an_imported_table_either(world: Settings, tmp_path: Path) -> None:
    links = [{"imdb_id": "tt0000001", "track_id": track, "routes": "ost_album_ids"} for track in ("sure", "else")]
    land(world, {("dataset", "film_track_links"): links})
    build_all(world)
    assert [tie[0] for tie in catalogue(world)[0]] == ["else", "sure"]
    pairs = [pair for pair in exported(world, tmp_path / "all.csv", everything=True) if pair["track_id"] == "sure"]
    refused = [{**pair, "verdict": "different"} for pair in pairs]
    settle(world, written(tmp_path / "settled.csv", refused), AS_OF)
    build_all(world)
    assert [tie[0] for tie in catalogue(world)[0]] == ["else"]


def test_the_last_word_counts_and_the_earlier_stays_in_the_lake(world: Settings, tmp_path: Path) -> None:
    [pair] = exported(world, tmp_path / "doubtful.csv")
    file = tmp_path / "settled.csv"
    assert settle(world, written(file, [{**pair, "verdict": "same"}]), AS_OF).n_new == 1
    assert settle(world, file, AS_OF).n_unchanged == 1
    assert settle(world, written(file, [{**pair, "verdict": "different"}]), AS_OF).n_changed == 1
    build_all(world)
    assert catalogue(world) == ([("sure", 1.0, "title_performer")], [("live", "different", "person")])
    assert read(world.lake, "ostinato", "match_verdict").num_rows == 2


def test_a_pair_that_nobody_proposed_can_be_settled_and_an_unknown_one_is_named(
    world: Settings, tmp_path: Path
) -> None:
    [pair] = exported(world, tmp_path / "doubtful.csv")
    proposed = {**pair, "track_id": "else", "verdict": "same"}
    unknown = {**pair, "track_id": "'; drop table track", "verdict": "same"}
    report = settle(world, written(tmp_path / "settled.csv", [proposed, unknown, pair]), AS_OF)
    assert (report.n_new, report.n_open) == (1, 1)
    assert report.unknown == [f"line 3 ({pair['credit_id']}, ; drop table track)"]
    build_all(world)
    assert ("else", 1.0, "settled") in catalogue(world)[0]


def test_one_verdict_that_cannot_be_read_takes_in_nothing(world: Settings, tmp_path: Path) -> None:
    [pair] = exported(world, tmp_path / "doubtful.csv")
    file = written(tmp_path / "settled.csv", [{**pair, "verdict": "same"}, {**pair, "verdict": "maybe"}])
    with pytest.raises(OstinatoError, match=r"settled\.csv, line 3: the verdict 'maybe' is neither same nor different"):
        settle(world, file, AS_OF)
    assert read(world.lake, "ostinato", "match_verdict").num_rows == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no column credit_id, track_id, verdict"),
        (b"credit_id,track_id\n1,2\n", "has no column verdict"),
        ("credit_id,track_id,verdict,note\n1,2,same,é\n".encode("latin-1"), "no UTF-8 text"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_sentence(
    world: Settings, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "settled.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OstinatoError, match=said):
        settle(world, file, AS_OF)


def test_what_is_trained_on_heeds_a_persons_word_too(world: Settings, tmp_path: Path) -> None:
    pairs = exported(world, tmp_path / "all.csv", everything=True)
    settle(world, written(tmp_path / "settled.csv", [{**pair, "verdict": "different"} for pair in pairs]), AS_OF)
    build_all(world)
    with open_warehouse(world, read_only=True) as con:
        assert rows(con, "select distinct verdict from core.credit_track") == [("different",)]
        assert rows(con, "select count(*) from trainable.credit_track where is_match") == [(0,)]


def test_the_commands_take_a_pair_out_and_in(world: Settings, tmp_path: Path) -> None:
    """As a user runs them, each in a process of its own."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "OSTINATO_HOME": str(world.home), "OSTINATO_PROFILE": "live"}
        return subprocess.run(
            [sys.executable, "-m", "ostinato.cli", "review", *words], capture_output=True, text=True, env=environment
        )

    file = tmp_path / "doubtful.csv"
    asked = run("export", str(file), "--json")
    assert json.loads(asked.stdout) == {"out": str(file), "n_pairs": 1}
    file.write_text(file.read_text(encoding="utf-8-sig").replace("\n,,", "\nsame,,"), encoding="utf-8")
    assert "Settled: 1 new, 0 changed" in run("settle", str(file), "--by", "A").stdout
    file.write_text("credit_id,track_id\n", encoding="utf-8")
    refused = run("settle", str(file))
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith(f"Error: {file} has no column verdict")


def test_the_last_word_counts_also_after_the_clock_was_set_back(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [pair] = exported(world, tmp_path / "doubtful.csv")
    settle(world, written(tmp_path / "settled.csv", [{**pair, "verdict": "same"}]), AS_OF)
    monkeypatch.setattr("tasks.matching.review.utc_now", lambda: datetime(2020, 1, 1, tzinfo=UTC))
    settle(world, written(tmp_path / "settled.csv", [{**pair, "verdict": "different"}]), AS_OF)
    build_all(world)
    assert catalogue(world)[1] == [("live", "different", "person")]


def test_a_pair_that_stands_twice_counts_once_and_is_refused_where_it_contradicts_itself(
    world: Settings, tmp_path: Path
) -> None:
    [pair] = exported(world, tmp_path / "doubtful.csv")
    same, different = {**pair, "verdict": "same"}, {**pair, "verdict": "different"}
    with pytest.raises(OstinatoError, match="lines 2 and 4: one pair is said to be same and different"):
        settle(world, written(tmp_path / "settled.csv", [same, pair, different]), AS_OF)
    assert settle(world, written(tmp_path / "settled.csv", [same, same]), AS_OF).n_new == 1


def test_a_quotation_mark_that_is_not_closed_is_told(world: Settings, tmp_path: Path) -> None:
    file = tmp_path / "settled.csv"
    file.write_text('credit_id,track_id,verdict\n1,2,"' + "x" * 200_000, encoding="utf-8")
    with pytest.raises(OstinatoError, match="a quotation mark that is not closed"):
        settle(world, file, AS_OF)


HEADER = "credit_id,track_id,verdict,note\n"


@pytest.mark.parametrize(
    ("rows_given", "said"),
    [
        ('c1,sure,same,"7 inch mix\nc1,live,same,\n', "a quotation mark that is not closed"),
        ("c1,sure,same,\n,,same,\n", "line 3: it has no credit_id or track_id"),
        ("c1,sure,same,heard it, twice\n", "line 2: it has no credit_id or track_id, or more cells than columns"),
    ],
)
def test_a_line_that_would_lose_a_verdict_takes_in_nothing(
    world: Settings, tmp_path: Path, rows_given: str, said: str
) -> None:
    file = tmp_path / "settled.csv"
    file.write_text(HEADER + rows_given, encoding="utf-8")
    with pytest.raises(OstinatoError, match=said):
        settle(world, file, AS_OF)
    assert read(world.lake, "ostinato", "match_verdict").num_rows == 0
