"""The warehouse in DuckLake: where it lies, who may write, what it says when it cannot be used."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from importlib import metadata
from pathlib import Path

import duckdb
import postgres_server
import pytest

from ostinato.doctor import Check, CheckState, checks
from tasks.settings import OstinatoError, Profile, Settings
from tasks.warehouse import cursor_of, in_transaction, is_ducklake, open_warehouse, transactions, warehouse_exists
from tasks.warehouse.ducklake import Engine, catalogue_of
from tasks.warehouse.time_travel import expire_snapshots, label_snapshot, snapshot_read

FILES = {"sqlite": "ducklake:sqlite:catalogue.sqlite", "duckdb": "ducklake:catalogue.ducklake"}


@pytest.fixture(params=["postgres", "sqlite"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A world in DuckLake whose catalogue takes several writers, and one whose takes one."""
    if request.param == "postgres":
        found: Settings = request.getfixturevalue("shared")
        return found
    return Settings(home=tmp_path / "home", profile=Profile.LIVE, threads=2, warehouse=FILES[request.param])


def write(settings: Settings, *statements: str) -> None:
    with open_warehouse(settings) as con:
        for statement in statements:
            con.execute(statement)


def read(settings: Settings, query: str, **options: int) -> list[tuple[object, ...]]:
    with open_warehouse(settings, read_only=True, **options) as con:
        return con.execute(query).fetchall()


# --- where it lies ---------------------------------------------------------------------------------------------


def test_rows_that_one_opening_writes_the_next_one_reads(settings: Settings) -> None:
    assert not warehouse_exists(settings)
    write(settings, "create schema core", "create table core.film as select 'a' as film_id")
    assert warehouse_exists(settings)
    assert read(settings, "from core.film") == [("a",)]
    (file,) = Path(catalogue_of(settings).data_path).rglob("*.parquet")
    assert file.name.startswith("ducklake-")


def test_a_catalogue_in_duckdbs_own_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE, warehouse=FILES["duckdb"])
    write(settings, "create schema core", "create table core.film as select 'a' as film_id")
    assert read(settings, "from core.film") == [("a",)]


def test_what_sql_reads_beside_the_lake_is_there_without_being_kept(settings: Settings) -> None:
    write(settings, "create schema core")
    assert read(settings, "select count(*) from vocabulary.film_genre")[0][0] > 18
    kept = read(settings, "select distinct table_schema from information_schema.tables where table_catalog='warehouse'")
    assert sorted(kept) == [("matching",), ("tagging",)]


def test_a_reader_writes_nothing(settings: Settings) -> None:
    write(settings, "create schema core", "create table core.film as select 'a' as film_id")
    with open_warehouse(settings, read_only=True) as con, pytest.raises(duckdb.Error, match="read-only"):
        con.execute("insert into core.film values ('b')")


def test_worlds_in_one_database_never_meet(shared: Settings) -> None:
    made_up = shared.model_copy(update={"profile": Profile.SANDBOX})
    write(shared, "create schema core", "create table core.film as select 'real' as film_id")
    assert not warehouse_exists(made_up)
    write(made_up, "create schema core", "create table core.film as select 'made up' as film_id")
    assert (read(shared, "from core.film"), read(made_up, "from core.film")) == ([("real",)], [("made up",)])
    assert catalogue_of(shared).data_path != catalogue_of(made_up).data_path


def test_a_world_that_names_the_file_of_another_is_refused(tmp_path: Path) -> None:
    catalogue = f"ducklake:sqlite:{tmp_path / 'one.sqlite'}"
    live, sandbox = (Settings(home=tmp_path, profile=profile, warehouse=catalogue) for profile in Profile)
    write(live, "create schema core")
    with pytest.raises(OstinatoError, match=r"keeps its data in .*; set OSTINATO_WAREHOUSE_DATA [^.]*\.$"):
        write(sandbox, "create schema core")


@pytest.mark.parametrize(
    ("setting", "engine", "place"),
    [
        ("ducklake:postgres:dbname=lake host=db", Engine.POSTGRES, "dbname=lake host=db"),
        ("ducklake:postgres:postgresql://me@db/lake", Engine.POSTGRES, "postgresql://me@db/lake"),
        ("ducklake:sqlite:a/b.sqlite", Engine.SQLITE, "/home/live/a/b.sqlite"),
        ("ducklake:/data/lake.ducklake", Engine.DUCKDB, "/data/lake.ducklake"),
    ],
)
def test_the_setting_names_an_engine_and_a_place(setting: str, engine: Engine, place: str) -> None:
    catalogue = catalogue_of(Settings(home=Path("/home"), profile=Profile.LIVE, warehouse=setting))
    assert (catalogue.engine, catalogue.place) == (engine, place)
    assert catalogue.uri == setting.replace("a/b.sqlite", "/home/live/a/b.sqlite")


@pytest.mark.parametrize("data", ["s3://bucket/ostinato", "s3://bucket/ostinato/"])
def test_data_lie_by_the_name_of_the_world(data: str) -> None:
    settings = Settings(profile=Profile.LIVE, warehouse="ducklake:postgres:dbname=lake", warehouse_data=data)
    assert catalogue_of(settings).data_path == "s3://bucket/ostinato/live/"


# --- who may write ---------------------------------------------------------------------------------------------


def test_a_cursor_sees_the_warehouse_and_its_inputs(settings: Settings) -> None:
    with open_warehouse(settings) as con:
        con.execute("create schema core; create table core.film as select 'a' as film_id")
        with closing(cursor_of(con)) as cursor:
            cursor.execute("create temp table wanted as from core.film")
            cursor.execute("delete from core.film where film_id in (from wanted)")
            assert cursor.execute("select count(*) from vocabulary.mood").fetchone() == (5,)
        assert con.execute("from core.film").fetchall() == []


def test_a_transaction_is_all_or_nothing(settings: Settings) -> None:
    def fail(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("create or replace table core.film as select 'b' as film_id")
        con.execute("insert into core.film select 'c'")
        raise OstinatoError("stopped")

    write(settings, "create schema core", "create table core.film as select 'a' as film_id")
    with open_warehouse(settings) as con, pytest.raises(OstinatoError, match="stopped"):
        in_transaction(con, lambda: fail(con), turn="core.film")
    assert read(settings, "from core.film") == [("a",)]


def test_who_was_slower_does_its_work_again(shared: Settings) -> None:
    """Another writer, who takes no turn, replaces the table between our first reading and our commit."""
    write(shared, "create schema core", "create table core.film as select 1 as n")
    attempts = []
    with open_warehouse(shared) as con, open_warehouse(shared) as other:

        def add_one() -> None:
            con.execute("create or replace table core.film as select max(n) + 1 as n from core.film")
            attempts.append(1)
            if len(attempts) == 1:
                other.execute("create or replace table core.film as select 10 as n")

        in_transaction(con, add_one, turn="core.film")
    assert read(shared, "from core.film") == [(11,)]
    assert len(attempts) == 2


def test_an_error_of_the_work_is_not_tried_again(shared: Settings) -> None:
    attempts = []
    with open_warehouse(shared) as con, pytest.raises(duckdb.CatalogException, match="no_such_table"):
        in_transaction(con, lambda: (attempts.append(1), con.execute("from no_such_table")))
    assert len(attempts) == 1


def test_a_key_that_two_add_at_once_is_there_once(shared: Settings) -> None:
    """Deleting no row and inserting one is no conflict to DuckLake: without turns both rows would stay."""
    write(shared, "create schema core", "create table core.film (film_id INTEGER, writer INTEGER)")
    together = threading.Barrier(2)

    def upsert_all(writer: int) -> None:
        with open_warehouse(shared) as con:
            for film in range(10):
                together.wait(30)
                in_transaction(con, lambda film=film: upsert(con, film, writer), turn="core.film")

    def upsert(con: duckdb.DuckDBPyConnection, film: int, writer: int) -> None:
        con.execute("delete from core.film where film_id = ?", [film])
        con.execute("insert into core.film values (?, ?)", [film, writer])

    run_together(lambda: upsert_all(1), lambda: upsert_all(2))
    assert read(shared, "select count(*), count(distinct film_id) from core.film") == [(10, 10)]


def test_a_turn_that_is_never_given_on_is_said(shared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "LONGEST_TURN_S", 0.3)
    with (
        open_warehouse(shared) as one,
        open_warehouse(shared) as other,
        pytest.raises(OstinatoError, match=r"^Another process has been writing core\.film for .*try again\.$"),
    ):
        in_transaction(one, lambda: in_transaction(other, lambda: None, turn="core.film"), turn="core.film")


def test_different_turns_do_not_wait(shared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "LONGEST_TURN_S", 0.3)
    with open_warehouse(shared) as one, open_warehouse(shared) as other:
        said = in_transaction(one, lambda: in_transaction(other, lambda: "both", turn="core.track"), turn="core.film")
    assert said == "both"


def test_two_that_make_a_warehouse_at_once_both_have_it(shared: Settings) -> None:
    run_together(lambda: write(shared), lambda: write(shared))
    assert read(shared, "from matching.credit_track") == []


def test_a_warehouse_in_files_takes_one_writer(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE, warehouse=FILES["sqlite"])
    write(settings, "create schema core")
    # SQLite's locks are between processes
    hold = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('begin exclusive'); print(1); input()"
    command = [sys.executable, "-uc", hold, catalogue_of(settings).place]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"1\n"
        with pytest.raises(OstinatoError, match=r"^Another process uses the warehouse, .* in SQLite takes one at a "):
            write(settings, "create schema marts")
        holder.communicate(b"\n")


def run_together(*works: Callable[[], None]) -> None:
    """Each in a thread of its own; what one raises is raised."""
    faults: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert faults == []


# --- earlier states --------------------------------------------------------------------------------------------


def parquet_files(settings: Settings) -> set[Path]:
    return set(Path(catalogue_of(settings).data_path).rglob("*.parquet"))


def test_an_earlier_state_is_read_by_its_snapshot_until_that_is_expired(settings: Settings) -> None:
    kept = []
    with open_warehouse(settings) as con:
        con.execute("create schema core")
        for n in range(3):
            con.execute(f"create or replace table core.film as select {n} as n")
            label_snapshot(con, f"it's run {n}", date(2026, 1, 1 + n))
            kept.append(snapshot_read(con))
    files = parquet_files(settings)
    assert [read(settings, "from core.film", snapshot=number) for number in kept] == [[(0,)], [(1,)], [(2,)]]
    with open_warehouse(settings) as con:
        query = "select snapshot_id, commit_message from warehouse.snapshots() where author = 'ostinato' order by all"
        labels = [(number, f"catalogue of 2026-01-0{1 + n} by run it's run {n}") for n, number in enumerate(kept)]
        assert con.execute(query).fetchall() == labels
        con.execute(f"from core.film at (version => {kept[0]})")
        assert con.fetchall() == [(0,)]
        assert expire_snapshots(con, kept[1:], timedelta(0)) == kept[2] - 1  # numbers begin at 0
        assert expire_snapshots(con, kept[1:], timedelta(0)) == 0
    assert read(settings, "from core.film", snapshot=kept[1]) == [(1,)]
    with pytest.raises(OstinatoError, match="cannot be used"):
        read(settings, "from core.film", snapshot=kept[0])
    assert parquet_files(settings) < files
    assert read(settings, "from core.film") == [(2,)]


def test_files_stay_for_readers_that_are_still_at_them(settings: Settings) -> None:
    write(settings, "create schema core", "create table core.film as select 1 as n")
    write(settings, "create or replace table core.film as select 2 as n")
    before = parquet_files(settings)
    with open_warehouse(settings) as con:
        assert expire_snapshots(con, [snapshot_read(con)]) > 0
    assert parquet_files(settings) == before


def test_a_file_has_no_snapshots(tmp_path: Path) -> None:
    with open_warehouse(Settings(home=tmp_path, profile=Profile.LIVE)) as con:
        label_snapshot(con, "run", date(2026, 1, 1))
        assert snapshot_read(con) is None
        assert expire_snapshots(con, [1]) == 0


# --- what it says when it cannot be used -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (r"port=\d+", "port=1", "Connection refused"),
        ("dbname=", "dbname=no_", 'database "no_lake_'),
        ("user=ostinato", "user=nobody", "password authentication failed"),
    ],
)
def test_a_catalogue_out_of_reach_is_one_sentence(shared: Settings, before: str, after: str, why: str) -> None:
    wrong = shared.model_copy(update={"warehouse": re.sub(before, after, shared.warehouse)})
    for use in (lambda: write(wrong), lambda: read(wrong, "select 1")):
        with pytest.raises(OstinatoError, match=r"^The warehouse's catalogue in PostgreSQL cannot be rea") as refused:
            use()
        assert why in str(refused.value)
        assert "\n" not in str(refused.value)


def test_no_secret_is_said(
    shared: Settings, postgres: postgres_server.PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", f"wrong-{postgres.password}")
    with pytest.raises(OstinatoError) as refused:
        write(shared)
    assert postgres.password not in str(refused.value)


def test_nothing_built_is_said(settings: Settings) -> None:
    with pytest.raises(OstinatoError, match=r"^There is no warehouse in this world yet; run `ostinato refresh`"):
        read(settings, "select 1")


def test_a_missing_extension_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(package: str) -> list[metadata.PackagePath]:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "files", none)
    settings = Settings(home=tmp_path, profile=Profile.LIVE, warehouse=FILES["duckdb"])
    with pytest.raises(OstinatoError, match=r"extension ducklake is missing .*`pip install 'ostinato\[scale\]'`"):
        write(settings)


def test_a_file_is_no_ducklake(tmp_path: Path) -> None:
    with open_warehouse(Settings(home=tmp_path, profile=Profile.LIVE)) as con:
        assert not is_ducklake(con)
        assert in_transaction(con, lambda: 1, turn="core.film") == 1


def test_the_doctor_finds_a_warehouse_in_reach(shared: Settings) -> None:
    assert looked_at(shared).state is CheckState.OK
    assert "nothing is built yet" in looked_at(shared).found
    write(shared)
    assert (
        looked_at(shared).found == f"DuckLake, its catalogue in PostgreSQL, its data in {shared.warehouse_data}/live/"
    )


def test_the_doctor_says_what_to_do_about_one_out_of_reach(
    shared: Settings, postgres: postgres_server.PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD")
    check = looked_at(shared)
    assert (check.state, check.advice) == (
        CheckState.FAULT,
        "Start the server, or set OSTINATO_WAREHOUSE and PGPASSWORD right.",
    )
    assert "no password supplied" in check.found
    assert postgres.password not in f"{check}"


def test_the_doctor_says_that_a_file_is_for_one_writer_and_makes_none(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", profile=Profile.LIVE, warehouse=FILES["sqlite"])
    assert looked_at(settings).found.endswith("one process at a time may write")
    assert not settings.home.exists()


def looked_at(settings: Settings) -> Check:
    (check,) = [each for each in checks(settings) if each.name == "warehouse"]
    return check
