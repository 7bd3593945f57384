"""Publishing, rolling back and asking the served catalogue, on a small world built by the real SQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sql_world import sources_file

from tasks import warehouse
from tasks.fetching import policy
from tasks.lake import utc_now, write_batch
from tasks.settings import OstinatoError, Profile, Settings
from tasks.warehouse.audit import run_checks
from tasks.warehouse.checks import header_checks
from tasks.warehouse.making import check_columns
from tasks.warehouse.models import SqlModel, load_models, read_model
from tasks.warehouse.publish import Published

AS_OF = date(2026, 11, 20)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.SANDBOX, keep_snapshots=3)
    tracks = [
        {"track_id": f"t{n}", "title": f"Song {n}", "artists": ["IU"], "duration_ms": 1000 + n, "fetched_at": utc_now()}
        for n in range(5)
    ]
    write_batch(settings.lake, "spotify", "track", tracks, batch_key="tracks", ingest_date=AS_OF)
    warehouse.build(settings)
    return settings


def publish(settings: Settings) -> Published:
    return warehouse.publish(settings, run_id="run", as_of=AS_OF, code_version="test")


def test_a_published_catalogue_holds_every_mart_in_the_database_and_as_parquet(built: Settings) -> None:
    published = publish(built)
    marts = {model.table: model for model in load_models(Path("sql")).values() if model.schema == "marts"}
    with duckdb.connect(str(published.path / "catalogue.duckdb"), read_only=True) as con:
        tables = {row[0] for row in con.execute("select table_name from duckdb_tables()").fetchall()}
        views = {row[0] for row in con.execute("select view_name from duckdb_views() where not internal").fetchall()}
    assert {name for name, model in marts.items() if not model.is_view} <= tables
    assert {name for name, model in marts.items() if model.is_view} == views
    for name, model in marts.items():
        assert (published.path / f"{name}.parquet").is_file() is not model.is_view
    assert published.n_rows["track"] == 5
    assert not list(published.path.glob("*.wal"))


def attributions(published: Published) -> dict[str, str]:
    """Source and words, which the database, the Parquet file and the snapshot's description say alike."""
    with duckdb.connect(str(published.path / "catalogue.duckdb"), read_only=True) as con:
        told = dict(con.execute("select source, attribution from attribution").fetchall())
        parquet = con.execute(f"select source, attribution from '{published.path}/attribution.parquet'").fetchall()
    assert dict(parquet) == told
    assert json.loads((published.path / "snapshot.json").read_text(encoding="utf-8"))["attribution"] == told
    return told


def test_the_sources_with_rows_are_named_in_their_own_words(built: Settings) -> None:
    assert attributions(publish(built)) == {"spotify": "Track metadata: Spotify (https://open.spotify.com)."}


def test_an_empty_catalogue_owes_nobody_words(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    warehouse.build(settings)
    assert attributions(publish(settings)) == {}


def test_an_imported_table_of_another_source_owes_that_source_its_words(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    film = {"id": 1, "title": "Film", "fetched_at": utc_now()}
    write_batch(settings.lake, "dataset", "tmdb_films", [film], batch_key="films", ingest_date=AS_OF)
    warehouse.build(settings)
    told = attributions(publish(settings))
    assert set(told) == {"dataset", "tmdb"}
    assert "not endorsed or certified by TMDB" in told["tmdb"]


def test_a_permission_is_claimed_only_where_the_operator_attests_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    film = {"tmdb_id": 1, "imdb_id": "tt0000001", "title": "Film", "fetched_at": utc_now()}
    credit = {"imdb_id": "tt0000001", "position": 1, "title": "Song", "credits": [], "fetched_at": utc_now()}
    write_batch(settings.lake, "tmdb", "film", [film], batch_key="films", ingest_date=AS_OF)
    write_batch(settings.lake, "imdb", "soundtrack", [credit], batch_key="credits", ingest_date=AS_OF)
    warehouse.build(settings)
    tmdb = {"tmdb": "This product uses the TMDB API but is not endorsed or certified by TMDB."}
    imdb = {"imdb": "Information courtesy of IMDb (https://www.imdb.com). Used with permission."}
    assert attributions(publish(settings)) == tmdb
    for rule, value in (("robots", "operator-permission"), ("training", "attested")):
        with monkeypatch.context() as attested:
            attested.setattr(policy, "SOURCES_FILE", sources_file(tmp_path, "imdb", rule, value))
            policy._read.cache_clear()
            assert attributions(publish(settings)) == tmdb | imdb


def test_only_the_last_snapshots_are_kept_and_rollback_walks_back(built: Settings) -> None:
    paths = [publish(built).path for _ in range(4)]
    kept = warehouse.list_snapshots(built)
    assert kept == paths[-3:]
    assert warehouse.served_snapshot(built) == paths[-1].resolve()
    assert warehouse.rollback(built) == paths[-2]
    assert warehouse.rollback(built) == paths[-3]
    with pytest.raises(OstinatoError, match="no snapshot earlier"):
        warehouse.rollback(built)
    assert warehouse.rollback(built, paths[-1].name) == paths[-1]
    with pytest.raises(OstinatoError, match="There is no snapshot"):
        warehouse.rollback(built, "../../etc")


def test_an_open_reader_keeps_its_snapshot_while_the_next_is_published(built: Settings) -> None:
    publish(built)
    with warehouse.open_catalogue(built) as con:
        before = con.execute("select published_at from snapshot").fetchone()
        publish(built)
        assert con.execute("select published_at from snapshot").fetchone() == before
    with warehouse.open_catalogue(built) as con:
        assert con.execute("select published_at from snapshot").fetchone() != before


@pytest.mark.parametrize(
    "sql",
    [
        "delete from track",
        "create table x as select 1",
        "attach '/tmp/other.duckdb' as other",
        "copy track to '/tmp/out.csv'",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "set enable_external_access = true",
        "install httpfs",
        "select * from glob('/*')",
        "select nothing from nowhere",
        "selec 1",
        "",
        "export database '/tmp/exported'",
    ],
)
def test_a_query_can_only_read_the_catalogue(built: Settings, sql: str) -> None:
    publish(built)
    try:
        rows = warehouse.query(built, sql).rows
    except OstinatoError as fault:
        assert "\n" not in str(fault)
    else:
        assert rows == []
    assert warehouse.query(built, "select count(*) from track").rows == [(5,)]
    assert not Path("/tmp/exported").exists()


def test_asking_before_anything_was_published_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OstinatoError, match="Nothing is published"):
        warehouse.query(Settings(home=tmp_path), "select 1")


def test_a_header_that_promises_other_columns_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "staging" / "x.sql"
    file.parent.mkdir()
    file.write_text("/*\ndescription: x\ngrain: x\nkey: [a]\ncolumns:\n  a: VARCHAR; text\n*/\nselect 1 as a\n")
    with duckdb.connect() as con, pytest.raises(OstinatoError, match=r"Column a of staging\.x is INTEGER"):
        check_columns(con, read_model(file), "select 1 as a")


def test_each_header_test_counts_the_rows_that_break_it() -> None:
    def failing(model: SqlModel) -> dict[str, int]:
        with duckdb.connect() as con:
            con.execute("create schema s; create table s.known as select 'a' as id")
            con.execute("create table s.t as from (values ('a', 5), ('a', -1), (null, 200), ('z', null)) v(id, n)")
            counts = {}
            for check in header_checks(model):
                row = con.execute(f"select count(*) from ({check.failing})").fetchone()
                assert row is not None
                counts[check.name] = int(row[0])
            return counts

    tests = warehouse.models.Tests(
        not_null=["n"], range={"n": [0, 100]}, accepted={"id": ["a"]}, references={"id": "s.known.id"}
    )
    nothing = warehouse.models.Tests()
    model = SqlModel("s", "t", "", "", ["id"], {}, tests, nothing, "error", False, [], "select 1")
    assert failing(model) == {
        "s.t key": 1,
        "s.t.id not null": 1,
        "s.t.n not null": 1,
        "s.t.n in range": 2,
        "s.t.id accepted": 1,
        "s.t.id known": 1,
    }


def test_a_duplicate_key_in_a_mart_stops_publishing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    warehouse.build(settings)
    with warehouse.open_warehouse(settings) as con:
        con.execute("insert into marts.film (film_id, title) values ('tt1', 'A'), ('tt1', 'A')")
    stopping = {check.check: check for check in run_checks(settings) if check.stops_publishing}
    assert stopping["marts.film key"].failing_rows == 1
    assert stopping["marts.film key"].sample[0]["film_id"] == "tt1"


def test_one_process_at_a_time_changes_a_world(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    holder = "import time; from tasks.settings import *; from tasks.warehouse import world_lock\n"
    holder += "with world_lock(load_settings()):\n    print('held', flush=True); time.sleep(60)"
    environment = {**os.environ, "OSTINATO_HOME": str(tmp_path), "OSTINATO_PROFILE": "sandbox"}
    process = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(OstinatoError, match=f"process {process.pid}"), warehouse.world_lock(settings):
            pass
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    with warehouse.world_lock(settings), warehouse.world_lock(settings):
        pass


def test_readers_in_threads_never_see_a_torn_catalogue_while_others_publish(built: Settings) -> None:
    publish(built)
    stop, seen, faults = threading.Event(), [0], list[Any]()

    def read() -> None:
        while not stop.is_set():
            try:
                assert warehouse.query(built, "select count(*) from track").rows == [(5,)]
                seen[0] += 1
            except Exception as fault:
                faults.append(fault)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(6):
        publish(built)
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert seen[0] > 3


def test_a_damaged_or_missing_snapshot_is_one_sentence_and_rollback_mends_it(built: Settings) -> None:
    earlier, served = publish(built).path, publish(built).path
    (served / "catalogue.duckdb").write_bytes(b"no database")
    with pytest.raises(OstinatoError, match="cannot be opened"):
        warehouse.query(built, "select 1")
    for file in served.iterdir():
        file.unlink()
    served.rmdir()
    with pytest.raises(OstinatoError, match=f"rollback` serves {earlier.name}"):
        warehouse.query(built, "select 1")
    assert warehouse.rollback(built) == earlier
    assert warehouse.query(built, "select count(*) from track").rows == [(5,)]
