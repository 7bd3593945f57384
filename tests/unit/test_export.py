"""How published files lie: in order, in groups of rows of which a filter reads few, and described."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tasks import warehouse
from tasks.settings import Settings
from tasks.warehouse.connection import film_genres
from tasks.warehouse.export import ROW_GROUP_ROWS
from tasks.warehouse.publish import Published

AS_OF = date(2026, 11, 20)
N_GROUPS = 4
N = ROW_GROUP_ROWS * N_GROUPS - 100

FILL = [
    "insert into marts.track (track_id, title, origin, listen_url, source, genre_model) "
    "select md5(i::varchar), 'Song ' || i, 'pop', 'x', 'spotify', 'track-genre 3' from range({n}) t(i)",
    "insert into marts.track_tag (track_id, kind, label, probability, is_tag, model) "
    "select md5((i // 10)::varchar), 'genre', 'label ' || i % 10, 0.5, true, 'm' from range({n}) t(i)",
    "insert into marts.track_film_genre select md5(i::varchar), {fits}, 'film-genre 2', null from range({n}) t(i)",
    "insert into marts.chart_entry (chart, scope, period, rank, title) "
    "select ['day', 'month'][1 + i % 2], 'GN' || i // 2 % 4, (date '2000-01-01' + (i // 800)::int)::varchar, "
    "i % 800 + 1, 'Hit' from range({n}) t(i)",
]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    settings = Settings(home=tmp_path_factory.mktemp("home"), threads=2)
    warehouse.build(settings, training=False)
    with warehouse.open_warehouse(settings) as con:
        for sql in FILL:
            con.execute(sql.format(n=N, fits=", ".join("0.5" for _ in film_genres())))
    check = warehouse.CheckResult("no_films", "warn", 1)
    skipped = warehouse.CheckResult("uncleared_training_rows", "error", 0, skipped="later")
    return warehouse.publish(settings, run_id="r", as_of=AS_OF, code_version="v", checks=[check, skipped])


def groups_read(file: Path, **filters: str) -> tuple[int, int]:
    """Row groups that may hold rows with these values, by their smallest and largest, and row groups in all."""
    may_hold = " and ".join(
        f"bool_or(path_in_schema = '{column}' and '{value}' between stats_min_value and stats_max_value)"
        for column, value in filters.items()
    )
    found = duckdb.execute(
        f"select count(*) filter (where may_hold), count(*) from "
        f"(select {may_hold} as may_hold from parquet_metadata('{file}') group by row_group_id)"
    ).fetchone()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("table", "filters", "most"),
    [
        ("track", {"track_id": "0cc175b9c0f1b6a831c399e269772661"}, 1),
        ("track_film_genre", {"track_id": "0cc175b9c0f1b6a831c399e269772661"}, 1),
        ("track_tag", {"kind": "genre", "label": "label 7"}, 2),
        ("chart_entry", {"chart": "month", "scope": "GN3", "period": "2000-03-01"}, 2),
        ("chart_entry", {"chart": "day", "scope": "GN0"}, 2),
    ],
)
def test_a_filter_on_the_order_reads_one_or_two_row_groups(
    published: Published, table: str, filters: dict[str, str], most: int
) -> None:
    n_read, n_groups = groups_read(published.path / f"{table}.parquet", **filters)
    assert n_groups == N_GROUPS
    assert 1 <= n_read <= most


def test_files_are_packed_with_zstd_and_lie_as_the_database_does(published: Published) -> None:
    file = published.path / "track.parquet"
    packed = duckdb.execute(f"select distinct compression from parquet_metadata('{file}')").fetchall()
    assert packed == [("ZSTD",)]
    with duckdb.connect(str(published.path / "catalogue.duckdb"), read_only=True) as con:
        in_order = "select count(*) from (select track_id < lag(track_id) over () as falls from {}) where falls"
        for source in ("track", f"'{file}'"):
            assert con.execute(in_order.format(source)).fetchone() == (0,)


def test_a_snapshot_says_what_it_is_made_of(published: Published) -> None:
    told = json.loads((published.path / "snapshot.json").read_text(encoding="utf-8"))
    assert told["n_rows"]["track"] == N
    assert told["n_rows"]["film_genre_fit"] == 0
    assert told["models"] == ["film-genre 2", "track-genre 3"]
    assert told["checks"] == [{"check": "no_films", "severity": "warn", "failing_rows": 1}]
    assert (told["run_id"], told["as_of"], told["code_version"]) == ("r", "2026-11-20", "v")
    with duckdb.connect(str(published.path / "catalogue.duckdb"), read_only=True) as con:
        query = "select run_id, as_of, code_version, n_rows, sources, models, checks from snapshot"
        row = con.execute(query).fetchone()
    assert row == ("r", AS_OF, "v", told["n_rows"], [], told["models"], told["checks"])
