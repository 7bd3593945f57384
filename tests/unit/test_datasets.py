"""Data set files are recognised by their columns, checked row by row, and land all together or not at all."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks import lake
from tasks.models.features import BOUNDS
from tasks.schemas import AUDIO_FEATURES, LAKE_SCHEMAS
from tasks.settings import OstinatoError, Profile, Settings
from tasks.sources.datasets import ImportReport, import_files
from tasks.sources.datasets.cells import convert
from tasks.sources.datasets.kinds import KINDS, RANGES, SOURCE, Kind

DAY = date(2025, 1, 1)
FEATURES = dict(
    zip(
        AUDIO_FEATURES, [0.676, 0.461, 1, -6.746, 0, 0.143, 1.01e-06, 0.0, 0.358, 0.715, 87.917, 230666, 4], strict=True
    )
)
TRACK = {
    "track_id": "5SuOikwiRyPMVoIQDJUgSV",
    "artists": "Gen Hoshino;Ado",
    "album_name": 'He said "Comedy", twice',
    "track_name": "코미디, 1권",
    "popularity": 73,
    "explicit": False,
    **FEATURES,
    "track_genre": "acoustic",
}
CREDIT: dict[str, Any] = {
    "imdb_id": "tt0080339",
    "recording_name": "Stayin' Alive",
    "performers": ["The Bee Gees", "O'Jays"],
    "producers": [],
    "composition_name": None,
    "composers": ["Barry Gibb", "Robin Gibb", "Maurice Gibb"],
    "lyricists": [],
    "authors": None,
}


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", profile=Profile.LIVE)


def tracks(n_rows: int = 3, **changed: Any) -> list[dict[str, Any]]:
    return [{**TRACK, "track_id": f"{n:022d}", **changed} for n in range(1, n_rows + 1)]


def csv_text(rows: Sequence[Mapping[str, Any]], **dialect: Any) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def save(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as the file's ending says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(csv_text(rows).encode()))
    else:
        path.write_text(csv_text(rows), newline="")
    return path


def load(world: Settings, path: Path) -> ImportReport:
    return import_files(world, [path], DAY)[0]


def landed(world: Settings, entity: str = "spotify_tracks") -> list[dict[str, Any]]:
    """The rows of a table without what differs from run to run."""
    rows: list[dict[str, Any]] = lake.read(world.lake, SOURCE, entity).drop(["fetched_at"]).to_pylist()
    return rows


def rejected(report: ImportReport) -> list[dict[str, str]]:
    assert report.reject_file is not None
    with report.reject_file.open(newline="") as file:
        return list(csv.DictReader(file))


def nothing_landed(world: Settings) -> bool:
    return not any(path.is_file() for path in world.lake.rglob("*") if path.name != ".lock")


# --- recognising -----------------------------------------------------------------------------------------------


def sample_row(kind: Kind) -> dict[str, Any]:
    """A row that a file of this kind may hold."""
    known = {
        **dict.fromkeys(AUDIO_FEATURES, 1.0),
        "track_id": "5SuOikwiRyPMVoIQDJUgSV",
        "imdb_id": "tt0080339",
        "date": "2024.01.01",
        "Date": "201412",
        "release_date": "2016-11-23",
        "data_collection_date": "2024-11-06",
    }
    made = {pa.string(): "text", pa.int64(): 1, pa.float64(): 1.0, pa.bool_(): True, pa.list_(pa.string()): ["one"]}
    row = {name: known.get(name, made[arrow]) for name, arrow in kind.columns.items()}
    return {name: "[]" if name in kind.json else value for name, value in row.items()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.entity)
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_each_kind_is_told_by_its_columns_in_any_order(
    world: Settings, tmp_path: Path, kind: Kind, ending: str
) -> None:
    row = dict(reversed(sample_row(kind).items()))
    report = load(world, save(tmp_path / f"renamed.{ending}", [{"surplus": 1, **row, "": 2}]))
    assert (report.entity, report.n_rows, report.n_rejected) == (kind.entity, 1, 0)
    assert report.ignored_columns == ("surplus", "(unnamed)")
    assert report.absent_columns == ()
    expected = {name: row[name] for name in kind.columns} | {"page_sha256": None}
    assert landed(world, kind.entity) == [expected]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.entity)
def test_columns_that_are_not_required_may_be_missing(world: Settings, tmp_path: Path, kind: Kind) -> None:
    row = {name: value for name, value in sample_row(kind).items() if name in kind.required}
    report = load(world, save(tmp_path / "short.parquet", [row]))
    assert (report.entity, report.n_rows) == (kind.entity, 1)
    assert set(report.absent_columns) == set(kind.columns) - set(kind.required)
    assert all(landed(world, kind.entity)[0][name] is None for name in report.absent_columns)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.entity)
def test_a_file_that_lacks_a_required_column_is_refused(world: Settings, tmp_path: Path, kind: Kind) -> None:
    lacking = kind.required[-1]
    row = {name: value for name, value in sample_row(kind).items() if name != lacking}
    path = save(tmp_path / "almost.csv", [row])
    with pytest.raises(OstinatoError, match=rf"almost\.csv fits no known kind.*nearest is {kind.entity}.*{lacking}"):
        load(world, path)
    assert nothing_landed(world)


def test_the_kinds_name_only_columns_of_their_table() -> None:
    for kind in KINDS:
        assert {*kind.required, *kind.key, *kind.json} <= set(kind.columns), kind.entity
        assert set(kind.key) <= set(kind.required), kind.entity
    assert {(SOURCE, kind.entity) for kind in KINDS} == {key for key in LAKE_SCHEMAS if key[0] == SOURCE}


def test_column_names_may_be_written_in_another_case(world: Settings, tmp_path: Path) -> None:
    rows = [{name.upper(): value for name, value in row.items()} for row in tracks()]
    assert load(world, save(tmp_path / "shouting.csv", rows)).n_rows == 3


def test_a_needed_column_that_comes_twice_is_refused(world: Settings, tmp_path: Path) -> None:
    text = csv_text(tracks()).replace("album_name", "track_name", 1)
    (tmp_path / "double.csv").write_text(text)
    with pytest.raises(OstinatoError, match=r"double\.csv has the column track_name 2 times"):
        load(world, tmp_path / "double.csv")


# --- notations -------------------------------------------------------------------------------------------------


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    found = []
    for ending in ("parquet", "csv", "csv.gz"):
        world = Settings(home=tmp_path / ending, profile=Profile.LIVE)
        load(world, save(tmp_path / f"tracks.{ending}", tracks()))
        found.append(landed(world))
    assert found[0] == found[1] == found[2]
    assert found[0] == [{**row, "page_sha256": None} for row in tracks()]


@pytest.mark.parametrize(
    "content",
    [
        csv_text(tracks()).encode("utf-8-sig"),
        csv_text(tracks(), lineterminator="\r\n").encode(),
        csv_text(tracks(), delimiter=";").encode(),
        csv_text(tracks(), delimiter="\t").encode(),
        csv_text(tracks(), quoting=csv.QUOTE_ALL).encode(),
        b"\n\n" + csv_text(tracks()).encode().replace(b"\n", b"\n\n"),
        csv_text(tracks()).encode().rstrip(),
        gzip.compress(csv_text(tracks()[:1]).encode()) + gzip.compress(csv_text(tracks()).split("\n", 2)[2].encode()),
        pd.DataFrame(tracks()).to_csv().encode(),
    ],
    ids=["BOM", "CRLF", "semicolon", "tab", "quoted", "blank lines", "no last newline", "two gzip parts", "pandas"],
)
def test_the_ways_to_write_a_csv(world: Settings, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tracks.txt"
    path.write_bytes(content)
    report = load(world, path)
    assert (report.n_rows, report.n_rejected) == (3, 0)
    assert landed(world) == [{**row, "page_sha256": None} for row in tracks()]


def test_a_cell_may_hold_line_breaks(world: Settings, tmp_path: Path) -> None:
    name = 'Symphony\r\nNo. 1,\n"Titan"'
    load(world, save(tmp_path / "tracks.csv", tracks(track_name=name)))
    assert [row["track_name"] for row in landed(world)] == [name] * 3


@pytest.mark.parametrize(
    ("text", "value"),
    [("4", 4.0), ("4.0", 4.0), ("1e-06", 1e-06), (" 7 ", 7.0), ("+.5", 0.5), ("5.", 5.0), ("", None), ("NaN", None)],
)
def test_the_ways_to_write_a_number(text: str, value: float | None) -> None:
    cells = convert(pa.array([text]), pa.float64())
    assert (cells.values.to_pylist(), cells.is_wrong.to_pylist()) == ([value], [False])


@pytest.mark.parametrize("text", ["four", "0,5", "1_000", "0x10", "1e999", "inf", "2016-11-23", "1 2"])
def test_what_is_no_number(text: str) -> None:
    cells = convert(pa.array([text]), pa.float64())
    assert (cells.values.to_pylist(), cells.is_wrong.to_pylist()) == ([None], [True])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_survives_as_text(value: float) -> None:
    assert convert(pa.array([repr(value)]), pa.float64()).values.to_pylist() == [value]


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_whole_numbers_survive_with_and_without_a_point(value: int) -> None:
    written = pa.array([f"{value}", f"{value}.0"])
    assert convert(written, pa.int64()).values.to_pylist() == [value, value]
    assert convert(pa.array([value]), pa.int64()).values.to_pylist() == [value]


@pytest.mark.parametrize(
    "cells", [pa.array(["4.5"]), pa.array([4.5]), pa.array([1e300]), pa.array(["9007199254740993"])]
)
def test_what_is_no_whole_number(cells: pa.Array) -> None:
    assert convert(cells, pa.int64()).is_wrong.to_pylist() == [True]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (
            pa.array(["True", "FALSE", "1", "0", "1.0", "no", "", "nan"]),
            [True, False, True, False, True, False, None, None],
        ),
        (pa.array([1, 0, None]), [True, False, None]),
        (pa.array([True, False]), [True, False]),
    ],
)
def test_the_ways_to_write_true_and_false(cells: pa.Array, values: list[bool | None]) -> None:
    found = convert(cells, pa.bool_())
    assert found.values.to_pylist() == values
    assert not any(found.is_wrong.to_pylist())
    assert convert(pa.array(["maybe", "2"]), pa.bool_()).is_wrong.to_pylist() == [True, True]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (pa.array([201412.0, 0.5, 150_000_000.0, None]), ["201412", "0.5", "150000000", None]),
        (pa.array([201412]), ["201412"]),
        (pa.array([date(2016, 11, 23)]), ["2016-11-23"]),
        (pa.array([pd.Timestamp("2016-11-23 08:00")]), ["2016-11-23"]),
        (pa.array(["a", "a", None]).dictionary_encode(), ["a", "a", None]),
        (pa.array([[{"id": 28}], None]), ['[{"id": 28}]', None]),
        (pa.array(["", "  ", " a "]), [None, None, " a "]),
        (pa.array(["None", "nan", "NULL"]), ["None", "nan", "NULL"]),  # there are songs of these names
    ],
)
def test_text_is_what_a_person_would_write(cells: pa.Array, text: list[str | None]) -> None:
    assert convert(cells, pa.string()).values.to_pylist() == text


NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20), max_size=4)
LIST_OF_NAMES = pa.list_(pa.string())


@given(NAMES)
def test_a_list_reads_the_same_in_every_notation(names: list[str]) -> None:
    assume("None" not in names)  # DuckDB writes this name as Python writes nothing, and nothing is likelier
    in_duckdb = duckdb.execute("select cast(cast(? as varchar[]) as varchar)", [names]).fetchone()
    assert in_duckdb is not None
    notations = [
        json.dumps(names),
        json.dumps(names, ensure_ascii=False),
        repr(names),
        repr(tuple(names)),
        in_duckdb[0],
    ]
    for text in notations:
        cells = convert(pa.array([text]), LIST_OF_NAMES)
        assert cells.values.to_pylist() == [names], text
    assert convert(pa.array([names], LIST_OF_NAMES), LIST_OF_NAMES).values.to_pylist() == [names]


def test_names_that_numpy_wrote_without_commas_stay_apart() -> None:
    written = str(np.array(CREDIT["composers"] * 3, dtype=object))  # long enough to break lines
    assert "\n" in written
    assert convert(pa.array([written]), LIST_OF_NAMES).values.to_pylist() == [CREDIT["composers"] * 3]


@pytest.mark.parametrize("text", ["The Bee Gees", "['a', ", "[['a']]", "{'a': 1}", "[" * 100_000, '["\\ud83d"]'])
def test_what_is_no_list_of_names(text: str) -> None:
    cells = convert(pa.array([text, "['a']"]), LIST_OF_NAMES)
    assert (cells.values.to_pylist(), cells.is_wrong.to_pylist()) == ([None, ["a"]], [True, False])


def test_lists_land_alike_from_csv_and_parquet(tmp_path: Path) -> None:
    for ending in ("csv", "parquet"):
        world = Settings(home=tmp_path / ending, profile=Profile.LIVE)
        load(world, save(tmp_path / f"credits.{ending}", [CREDIT]))
        assert landed(world, "imdb_soundtracks") == [{**CREDIT, "page_sha256": None}]


def test_film_genres_in_python_notation_land_as_json(world: Settings, tmp_path: Path) -> None:
    kind = next(kind for kind in KINDS if kind.entity == "tmdb_films")
    row = {**sample_row(kind), "genres": "[{'id': 18, 'name': \"Women's film\"}]", "keywords": "none of these"}
    report = load(world, save(tmp_path / "films.csv", [row, {**row, "keywords": ""}]))
    assert report.reasons == {"keywords is not a list in JSON or Python notation": 1}
    film = landed(world, "tmdb_films")[0]
    assert json.loads(film["genres"]) == [{"id": 18, "name": "Women's film"}]
    assert film["keywords"] is None


# --- rows that cannot be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"track_id": ""}, "track_id is missing"),
        ({"track_id": "Ghost - Acoustic"}, "track_id is not a track id (letters and digits)"),
        ({"track_name": None}, "track_name is missing"),
        ({"danceability": "Comedy"}, "danceability is not a number"),
        ({"danceability": "73"}, "danceability is outside 0 to 1"),
        ({"tempo": "inf"}, "tempo is not a number"),
        ({"tempo": "450"}, "tempo is outside 0 to 400"),
        ({"loudness": "15"}, "loudness is outside -100 to 10"),
        ({"track_name": "X" * 1_001}, "track_name is longer than 1,000 characters"),
        ({"artists": ";".join(["a" * 50] * 20)}, "artists is longer than 1,000 characters"),
        ({"key": "12"}, "key is outside -1 to 11"),
        ({"duration_ms": "-1"}, "duration_ms is outside 0 to 86,400,000"),
        ({"popularity": "7.3"}, "popularity is not a whole number"),
        ({"explicit": "acoustic"}, "explicit is not true or false"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_cell_sets_its_row_aside(world: Settings, tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    first, second, third = tracks()
    report = load(world, save(tmp_path / "tracks.csv", [first, {**second, **change}, third]))
    assert (report.n_rows, report.n_rejected, report.reasons) == (2, 1, {reason: 1})
    assert [row["track_id"] for row in landed(world)] == [first["track_id"], third["track_id"]]
    row = rejected(report)[0]
    assert (row["row"], row["reason"]) == ("2", reason)
    assert json.loads(row["text"])["album_name"] == TRACK["album_name"]


@pytest.mark.parametrize(
    ("entity", "change", "reason"),
    [
        ("tmdb_films", {"runtime": -5}, "runtime is outside 0 to 100,000"),
        ("tmdb_films", {"budget": -1}, "budget is outside 0 to 1,000,000,000,000"),
        ("tmdb_films", {"revenue": -100}, "revenue is outside 0 to 1,000,000,000,000"),
        ("tmdb_films", {"vote_count": -1}, "vote_count is outside 0 to 1,000,000,000"),
        ("tmdb_films", {"id": -7}, "id is outside 1 to 2,147,483,647"),
        ("tmdb_films", {"release_date": "2099-02-30"}, "release_date is not in the calendar of 1850 to 2100"),
        ("tmdb_films", {"overview": "x" * 100_001}, "overview is longer than 100,000 characters"),
        ("film_ost_films", {"runtime": -5}, "runtime is outside 0 to 100,000"),
        ("movielens_films", {"movieId": -5}, "movieId is outside 1 to 2,147,483,647"),
        ("movielens_films", {"tmdbId": -3}, "tmdbId is outside 1 to 2,147,483,647"),
        ("melon_weekly_chart", {"singer": ""}, "singer is missing"),
        ("melon_weekly_chart", {"date": "2024.13.45"}, "date is not in the calendar of 1850 to 2100"),
        ("melon_weekly_chart", {"date": "2999.01.01"}, "date is not in the calendar of 1850 to 2100"),
        ("melon_monthly_chart", {"artist": None}, "artist is missing"),
        ("melon_monthly_chart", {"Date": "202413"}, "Date is not in the calendar of 1850 to 2100"),
        ("melon_monthly_chart", {"song_id": 0}, "song_id is outside 1 to 2,147,483,647"),
        ("imdb_soundtracks", {"performers": ["a"] * 101}, "performers has more than 100 names"),
        ("imdb_soundtracks", {"authors": ["a", "b" * 1_001]}, "authors has a name longer than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_sets_its_row_aside(
    world: Settings, tmp_path: Path, entity: str, change: dict[str, Any], reason: str
) -> None:
    good = sample_row(next(kind for kind in KINDS if kind.entity == entity))
    report = load(world, save(tmp_path / "some.parquet", [good, {**good, **change}, good]))
    assert (report.n_rows, report.n_rejected) == (2, 1)
    assert next(iter(report.reasons)).startswith(reason)
    assert [row["row"] for row in rejected(report)] == ["2"]


def test_unknown_numbers_and_long_prose_are_no_fault(world: Settings, tmp_path: Path) -> None:
    unknown = {"runtime": 0, "budget": 0, "revenue": 0, "vote_count": 0, "vote_average": 0}
    films = next(kind for kind in KINDS if kind.entity == "tmdb_films")
    row = {**sample_row(films), **unknown, "release_date": "0000", "overview": "x" * 100_000, "title": "x" * 1_000}
    assert load(world, save(tmp_path / "films.csv", [row])).n_rejected == 0
    names = {"performers": ["a"] * 100, "authors": ["b" * 1_000]}
    assert load(world, save(tmp_path / "credits.parquet", [{**CREDIT, **names}])).n_rejected == 0


def test_features_are_bounded_as_the_models_bound_them() -> None:
    differing = {name for name, bound in BOUNDS.items() if RANGES[name] != (bound.low, bound.high)}
    assert differing == {"duration_ms"}  # 0 means unknown in a file


def test_an_undetected_tempo_and_missing_features_are_no_fault(world: Settings, tmp_path: Path) -> None:
    rows = [*tracks(1, tempo=0, time_signature=0, key=-1, loudness=4.5), *tracks(1, valence=None, duration_ms="")]
    assert load(world, save(tmp_path / "tracks.csv", rows)).n_rejected == 0


def test_shifted_empty_and_cut_rows(world: Settings, tmp_path: Path) -> None:
    lines = csv_text(tracks(5)).splitlines()
    shifted = lines[2].split(",")
    lines[2] = ",".join([*shifted[:1], *shifted[2:], shifted[1]])
    lines[3] = "," * (len(TRACK) - 1)
    lines[4] = lines[4].replace('"코미디, 1권"', "코미디, 1권")
    lines[5] = lines[5][:40]
    (tmp_path / "tracks.csv").write_text("\n".join(lines))
    report = load(world, tmp_path / "tracks.csv")
    assert (report.n_rows, report.n_rejected) == (1, 4)
    reasons = {int(row["row"]): row["reason"] for row in rejected(report)}
    assert set(reasons) == {2, 3, 4, 5}
    assert reasons[3] == "track_id is missing"
    assert reasons[4] == f"the row has {len(TRACK) + 1} fields, not {len(TRACK)}"
    assert "fields" in reasons[5]
    assert rejected(report)[3]["text"] == lines[5]


def test_text_that_is_not_utf_8_is_never_guessed(world: Settings, tmp_path: Path) -> None:
    text = csv_text([*tracks(1), *tracks(1, track_name="Beyoncé"), *tracks(1, artists="Céline")])
    (tmp_path / "latin.csv").write_bytes(text.replace("코미디, 1권", "x").encode("cp1252"))
    report = load(world, tmp_path / "latin.csv")
    assert report.reasons == {"track_name is not text in UTF-8": 1, "artists is not text in UTF-8": 1}
    assert r"Beyonc\xe9" in rejected(report)[0]["text"]
    table = pa.table({"track_id": [b"a1", b"\xe9"], "imdb_id": ["tt1", "tt2"], "routes": [b"\xff", b"x"]})
    wrong = pa.StringArray.from_buffers(2, *table["routes"].chunk(0).buffers()[1:])
    pq.write_table(
        table.set_column(2, "routes", wrong).append_column("n", pa.array([1, 2])), tmp_path / "links.parquet"
    )
    with pytest.raises(OstinatoError, match="none of its 2 rows"):
        load(world, tmp_path / "links.parquet")


def test_a_broken_line_that_is_not_utf_8_is_counted_too(world: Settings, tmp_path: Path) -> None:
    lines = csv_text(tracks(3)).encode().splitlines()
    lines[2] = b"Beyonc\xe9,1"
    (tmp_path / "latin.csv").write_bytes(b"\n".join(lines))
    report = load(world, tmp_path / "latin.csv")
    assert (report.n_rows, report.n_rejected) == (2, 1)
    assert rejected(report)[0]["text"] == r"Beyonc\xe9,1"


def test_a_quote_that_is_never_closed_is_told(world: Settings, tmp_path: Path) -> None:
    lines = csv_text(tracks(4)).splitlines()
    lines[3] = lines[3].replace("acoustic", '"acoustic')
    (tmp_path / "tracks.csv").write_text("\n".join(lines))
    report = load(world, tmp_path / "tracks.csv")
    assert (report.n_rows, report.n_rejected) == (2, 1)
    assert "quote that is not closed" in next(iter(report.reasons))


@settings(max_examples=40, deadline=None)
@given(
    faults=st.lists(st.sampled_from(["", "cell", "fields", "blank"]), min_size=1, max_size=60),
    quote=st.booleans(),
    n_above=st.integers(0, 3),
)
def test_every_row_is_either_landed_or_rejected_under_its_number(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str], quote: bool, n_above: int
) -> None:
    home = tmp_path_factory.mktemp("rows")
    world = Settings(home=home, profile=Profile.LIVE)
    header, line = csv_text(tracks(1), quoting=csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL).splitlines()
    wrong = {"": line, "cell": line.replace("0.676", "high"), "fields": f"{line},1", "blank": ""}
    (home / "tracks.csv").write_text("\n".join([*[""] * n_above, header, line, *(wrong[fault] for fault in faults)]))
    report = load(world, home / "tracks.csv")
    rows = [fault for fault in ["", *faults] if fault != "blank"]
    assert report.n_rows == rows.count("")
    expected = [n for n, fault in enumerate(rows, start=1) if fault]
    assert [int(row["row"]) for row in (rejected(report) if expected else [])] == expected


def test_row_numbers_and_memory_hold_across_blocks(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sources.datasets.reading.BLOCK_BYTES", 2_000)
    monkeypatch.setattr("tasks.sources.datasets.reading.BATCH_ROWS", 10)
    rows = [row if n % 7 else {**row, "energy": "high"} for n, row in enumerate(tracks(200), start=1)]
    lines = csv_text(rows).splitlines()
    for n in range(5, 201, 11):
        lines[n] = "cut"
    (tmp_path / "tracks.csv").write_text("\n".join(lines))
    told: list[tuple[int, int]] = []
    report = import_files(world, [tmp_path / "tracks.csv"], DAY, lambda done, total: told.append((done, total)))[0]
    wrong = {n for n in range(1, 201) if n % 7 == 0 or n % 11 == 5}
    assert [int(row["row"]) for row in rejected(report)] == sorted(wrong)
    assert [row["track_id"] for row in landed(world)] == [f"{n:022d}" for n in range(1, 201) if n not in wrong]
    size = (tmp_path / "tracks.csv").stat().st_size
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == (size, size)


# --- repeats ---------------------------------------------------------------------------------------------------


def test_the_same_content_again_replaces_itself_under_any_name(world: Settings, tmp_path: Path) -> None:
    path = save(tmp_path / "tracks.csv", [*tracks(), *tracks(1, energy="high")])
    first = load(world, path)
    second = import_files(world, [path.rename(tmp_path / "other")], date(2025, 2, 1))[0]
    assert first.batch.name == second.batch.name
    assert first.reject_file == second.reject_file
    assert len(landed(world)) == 3
    assert len(rejected(second)) == 1
    load(world, save(tmp_path / "more.csv", tracks(4)))
    assert len(landed(world)) == 7


def test_the_same_file_named_twice_lands_once(world: Settings, tmp_path: Path) -> None:
    path = save(tmp_path / "tracks.csv", tracks())
    reports = import_files(world, [path, path], DAY)
    assert [report.n_rows for report in reports] == [3, 3]
    assert len(landed(world)) == 3


def test_rows_that_were_mended_leave_no_old_rejects(world: Settings, tmp_path: Path) -> None:
    report = load(world, save(tmp_path / "tracks.csv", [*tracks(), *tracks(1, energy="high")]))
    assert report.reject_file is not None
    stale = report.reject_file.with_name(f"{load(world, save(tmp_path / 'good.csv', tracks())).batch.stem}.csv")
    stale.write_text("of an earlier version of the checks")
    load(world, tmp_path / "good.csv")
    assert not stale.exists()
    assert report.reject_file.exists()


def test_where_the_rows_come_from_is_kept(world: Settings, tmp_path: Path) -> None:
    load(world, save(tmp_path / "tracks.csv", tracks()))
    table = lake.read(world.lake, SOURCE, "spotify_tracks")
    assert table.schema.equals(LAKE_SCHEMAS[(SOURCE, "spotify_tracks")])
    assert table["fetched_at"].null_count == 0
    assert table["page_sha256"].null_count == 3


# --- files that are refused ------------------------------------------------------------------------------------

CSV = csv_text(tracks(200)).encode()


def parquet_bytes() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(tracks(200)), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\n ", "holds no text"),
        (b"\xef\xbb\xbf", "holds no text"),
        (CSV.split(b"\n")[0], "has a header line but no rows"),
        (CSV.split(b"\n")[0] + b"\n\n\n", "has a header line but no rows"),
        (b"title,year\nMoana,2016\n", "fits no known kind"),
        (b"just a letter\n\nDear reader,\n", "fits no known kind"),
        (b"a,b\0c\n1,2\n", "is neither Parquet nor text"),
        (csv_text(tracks()).encode("utf-16"), "is UTF-16 text, which cannot be imported"),
        (b"PK\x03\x04" + bytes(100), "is a zip archive or an Excel workbook"),
        (b"PAR1", "is damaged or cut off and cannot be read as Parquet"),
        (parquet_bytes()[:-1000], "is damaged or cut off and cannot be read as Parquet"),
        (parquet_bytes()[:200] + bytes(3000) + parquet_bytes()[3200:], "is damaged or cut off and cannot be read"),
        (gzip.compress(CSV)[:-12], "is damaged or cut off and cannot be read as CSV"),
        (gzip.compress(CSV)[:20], "is damaged or cut off and cannot be read as CSV"),
        (gzip.compress(CSV)[:-8] + bytes(8), "is damaged or cut off and cannot be read as CSV"),
        (gzip.compress(b""), "holds no text"),
        (gzip.compress(parquet_bytes()), "is Parquet inside gzip"),
        (
            csv_text(tracks(energy="high")).encode(),
            "none of its 3 rows could be read (3 times: energy is not a number)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_use_is_refused_in_one_sentence(
    world: Settings, tmp_path: Path, content: bytes, sentence: str
) -> None:
    good, bad = save(tmp_path / "good.csv", tracks()), tmp_path / "bad.parquet"
    bad.write_bytes(content)
    with pytest.raises(OstinatoError) as fault:
        import_files(world, [good, bad], DAY)
    message = str(fault.value)
    assert message.startswith(str(bad))
    assert sentence in message
    assert "\n" not in message
    assert len(message) < 600
    assert nothing_landed(world)


def test_parquet_without_rows_is_refused(world: Settings, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(tracks()).slice(0, 0), tmp_path / "none.parquet")
    with pytest.raises(OstinatoError, match="has columns but no rows"):
        load(world, tmp_path / "none.parquet")


def test_the_rejects_of_a_file_without_a_good_row_can_be_looked_at(world: Settings, tmp_path: Path) -> None:
    with pytest.raises(OstinatoError, match=r"see .*\.csv, mend the file") as fault:
        load(world, save(tmp_path / "bad.csv", tracks(energy="high")))
    rejects = Path(str(fault.value).split("; see ")[1].split(", mend")[0])
    assert rejects.is_relative_to(world.world / "rejects")
    assert len(rejects.read_text().splitlines()) == 4
    assert nothing_landed(world)


def test_a_missing_file_and_a_folder_are_refused(world: Settings, tmp_path: Path) -> None:
    with pytest.raises(OstinatoError, match=r"nowhere\.csv does not exist"):
        load(world, tmp_path / "nowhere.csv")
    with pytest.raises(OstinatoError, match="is a folder"):
        load(world, tmp_path)


def test_a_name_that_cannot_be_a_path_is_refused(world: Settings, tmp_path: Path) -> None:
    with pytest.raises(OstinatoError, match="cannot be reached"):
        load(world, tmp_path / ("x" * 300))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OstinatoError, match="is no ordinary file"):
        load(world, tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(world: Settings, tmp_path: Path) -> None:
    path = save(tmp_path / "tracks.csv", tracks())
    path.chmod(0)
    with pytest.raises(OstinatoError, match="may not be read"):
        load(world, path)


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    world = Settings(home=tmp_path / "home", profile=Profile.LIVE)
    with pytest.raises(OstinatoError, match=r"could not be written: .*OSTINATO_HOME"):
        load(world, save(tmp_path / "tracks.csv", tracks()))
    with pytest.raises(OstinatoError, match=r"could not be written: .*OSTINATO_HOME"):
        load(world, save(tmp_path / "tracks.csv", tracks(energy="high")))


def test_a_fault_half_way_leaves_what_was_there(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sources.datasets.reading.BLOCK_BYTES", 2_000)
    earlier = load(world, save(tmp_path / "tracks.csv", tracks()))
    before = earlier.batch.read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(CSV)[:-12])
    with pytest.raises(OstinatoError, match="cut off"):
        import_files(world, [tmp_path / "tracks.csv", tmp_path / "cut.csv.gz"], DAY)
    assert earlier.batch.read_bytes() == before
    assert len(landed(world)) == 3
    assert list(world.home.rglob("*.part")) == []


HEADER = CSV.split(b"\n")[0] + b"\n"


@settings(max_examples=150, deadline=None)
@given(
    start=st.sampled_from(
        [b"", HEADER, CSV[:700], b"PAR1", gzip.compress(HEADER), b"\xef\xbb\xbf", parquet_bytes()[:500]]
    ),
    rest=st.binary(max_size=300) | st.text("\",\n\r;'[]\\ab1é", max_size=300).map(str.encode),
    is_zipped=st.booleans(),
)
def test_no_content_whatever_brings_more_than_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes, is_zipped: bool
) -> None:
    home = tmp_path_factory.mktemp("hostile")
    (home / "file").write_bytes(gzip.compress(start + rest) if is_zipped else start + rest)
    world = Settings(home=home / "home", profile=Profile.LIVE)
    try:
        report = load(world, home / "file")
    except OstinatoError as fault:
        assert "\n" not in str(fault)
        assert nothing_landed(world)
    else:
        assert report.n_rows == len(landed(world))
