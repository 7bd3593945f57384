"""A warehouse in DuckLake gives the catalogue that a file gives, and two processes write to it without losing a row."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tasks import matching
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings
from tasks.warehouse import Phase, build, list_snapshots, load_models, open_warehouse, publish, run_checks
from tasks.warehouse.connection import SQL_DIR
from tasks.warehouse.snapshots import SNAPSHOT_READ, described

sys.path.append(str(PROJECT_ROOT / "bench"))
from support import made_up_lake

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]
N_TRACKS = 2_000
Sums = dict[str, tuple[object, ...]]

INSERT = """
from tasks.warehouse import in_transaction
with open_warehouse(settings) as con:
    for first in range(0, 200, 5):
        rows = f"insert into core.row select {number}, range from range({first}, {first + 5})"
        in_transaction(con, lambda: con.execute(rows))
"""
BUILD = """
for _ in range(3):
    build(settings, select=MODELS[number], anew=True)
"""


def sums_of(con: duckdb.DuckDBPyConnection, tables: list[str]) -> Sums:
    """Rows and checksum of each table, whatever the order of its rows."""
    query = "select count(*), sum(hash(t)::hugeint) from {} as t"
    return {table.split(".")[-1]: con.execute(query.format(table)).fetchone() or () for table in tables}


def marts_of(settings: Settings) -> Sums:
    with open_warehouse(settings, read_only=True) as con:
        return sums_of(con, [model.name for model in load_models(SQL_DIR).values() if model.schema == "marts"])


def published_by(settings: Settings, night: int) -> Path:
    """One night's build, matching, audit and publishing; the folder of its catalogue."""
    build(settings, phase=Phase.COLLECTED)
    matching.match_all(settings)
    build(settings, phase=Phase.MATCHED)
    build(settings, phase=Phase.TAGGED)
    checks = run_checks(settings)
    assert not [check.check for check in checks if check.stops_publishing]
    return publish(settings, run_id=f"night {night}", as_of=date(2026, 1, night), code_version="test").path


def side_by_side(settings: Settings, code: str, *models: str) -> None:
    """Run code in two processes at once; both have to end well."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OSTINATO_")},
        "PYTHONPATH": str(PROJECT_ROOT),
        "OSTINATO_HOME": str(settings.home),
        "OSTINATO_PROFILE": settings.profile,
        "OSTINATO_WAREHOUSE": settings.warehouse,
        "OSTINATO_WAREHOUSE_DATA": settings.warehouse_data,
    }
    head = "from tasks.settings import load_settings\nfrom tasks.warehouse import build, open_warehouse\n"
    given = f"settings = load_settings()\nMODELS = {models!r}\nnumber = "
    processes = [
        subprocess.Popen([sys.executable, "-c", f"{head}{given}{number}\n{code}"], env=environment, cwd=PROJECT_ROOT)
        for number in range(2)
    ]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]


def test_a_file_and_ducklake_give_the_same_catalogue_and_earlier_ones_can_be_read(
    shared: Settings, tmp_path: Path
) -> None:
    in_file = Settings(home=tmp_path / "other", profile=Profile.LIVE, threads=2)
    shared = shared.model_copy(update={"keep_snapshots": 2})
    nights: list[Path] = []
    for night in (1, 2):
        for settings in (in_file, shared):
            if night == 1:
                made_up_lake.base(settings.lake, N_TRACKS, n_days=2)
            else:
                made_up_lake.night(settings.lake, N_TRACKS, number=night)
        by_file, by_lake = published_by(in_file, night), published_by(shared, night)
        nights.append(by_lake)
        assert marts_of(shared) == marts_of(in_file)
        assert catalogue_sums(by_lake) == catalogue_sums(by_file)
        assert SNAPSHOT_READ not in described(by_file)
    films = [catalogue_sums(path)["film"] for path in nights]
    numbers = [described(path)[SNAPSHOT_READ] for path in nights]
    assert [film_at(shared, number) for number in numbers] == films
    assert films[0] != films[1]
    last = publish(shared, run_id="again", as_of=date(2026, 1, 3), code_version="test").path
    assert list_snapshots(shared) == [nights[1], last]
    assert film_at(shared, numbers[1]) == films[1]
    with pytest.raises(OstinatoError, match="cannot be used"):
        film_at(shared, numbers[0])


def film_at(settings: Settings, snapshot: int) -> tuple[object, ...]:
    with open_warehouse(settings, snapshot=snapshot) as con:
        return sums_of(con, ["marts.film"])["film"]


def catalogue_sums(snapshot: Path) -> Sums:
    with duckdb.connect(str(snapshot / "catalogue.duckdb"), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        found = sums_of(con, [str(table) for (table,) in con.execute("select name from (show tables)").fetchall()])
    return {table: found for table, found in found.items() if table != "snapshot"}


def test_two_processes_insert_into_one_table(shared: Settings) -> None:
    with open_warehouse(shared) as con:
        con.execute("create schema core; create table core.row (writer INTEGER, number INTEGER)")
    side_by_side(shared, INSERT)
    with open_warehouse(shared, read_only=True) as con:
        query = "select writer, count(*), count(distinct number) from core.row group by writer order by writer"
        assert con.execute(query).fetchall() == [(0, 200, 200), (1, 200, 200)]


@pytest.mark.parametrize("models", [("core.film", "core.listed_track"), ("core.film", "core.film")])
def test_two_processes_build_models(shared: Settings, models: tuple[str, str]) -> None:
    made_up_lake.base(shared.lake, 500, n_days=1)
    build(shared, phase=Phase.COLLECTED, training=False)
    tables = [model.name for model in load_models(SQL_DIR).values() if model.schema == "core" and not model.is_view]
    with open_warehouse(shared, read_only=True) as con:
        built = {table for (table,) in con.execute("select model from build.note").fetchall()} & set(tables)
        before = sums_of(con, sorted(built))
    side_by_side(shared, BUILD, *models)
    with open_warehouse(shared, read_only=True) as con:
        assert sums_of(con, sorted(built)) == before
        doubled = "select model, number, count(*) from build.note group by all having count(*) > 1"
        assert con.execute(doubled).fetchall() == []
