"""Bad rows of every kind, in every published table, stop publishing; what is served stays as it was."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sql_world import FEATURES, Row, fill, land, place, soundtrack, spotify_track

from tasks import warehouse
from tasks.settings import Profile, Settings
from tasks.warehouse import AuditError, SqlModel, audit, load_models, run_checks
from tasks.warehouse.connection import SQL_DIR, film_genres

AS_OF = date(2026, 11, 20)
WHEN = datetime(2026, 11, 20, tzinfo=UTC)
N = 10  # tracks, films, and of most other things
MARTS = {model.table: model for model in load_models(SQL_DIR).values() if model.schema == "marts" and not model.is_view}
RAW: dict[tuple[str, str], list[Row]] = {
    ("spotify", "track"): [spotify_track(f"t{n}", f"Song {n}", [f"Artist {n}"]) for n in range(N)],
    ("reccobeats", "audio_features"): [{"track_id": f"t{n}", **FEATURES, "provider": "reccobeats"} for n in range(N)],
    ("tmdb", "film"): [
        {"tmdb_id": n + 1, "imdb_id": f"tt{n:07}", "title": f"Film {n}", "genres": ["Drama"], "user_score": 70.0}
        for n in range(N)
    ],
    ("imdb", "soundtrack"): [soundtrack(f"tt{n:07}", 1, f"Song {n}", f"Artist {n}") for n in range(N)],
    ("melon", "chart"): [place("day", "KPOP", "2026-11-20", n + 1, f"{n}", f"Hit {n}", ["Star"]) for n in range(N)],
    ("ostinato", "tag_history"): [
        {"track_id": f"t{n}", "kind": "genre", "new_label": "pop", "model": "track-genre 1", "changed_at": WHEN}
        for n in range(N)
    ],
    ("ostinato", "model_scoreboard"): [
        {"model": "track-genre", "version": f"{n}", "split": "kept apart", "metric": "map", "value": 0.5}
        for n in range(N)
    ],
    ("ostinato", "run_log"): [
        {"flow": "nightly-refresh", "run_id": f"{n}", "as_of": f"2026-11-{n + 10}", "source": "tmdb", "state": "ok"}
        for n in range(N)
    ],
    ("ostinato", "data_quality"): [
        {"check": f"check {n}", "severity": "warn", "failing_rows": 0, "run_id": "r", "as_of": "2026-11-19"}
        for n in range(N)
    ],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A world with rows in every mart, built by the real SQL, and published."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.SANDBOX, threads=2)
    land(settings, RAW)
    warehouse.build(settings, phase=warehouse.Phase.COLLECTED)
    with warehouse.open_warehouse(settings) as con:
        credits = con.execute("select credit_id, title from core.soundtrack_credit").fetchall()
        told = {"match_score": 0.9, "match_method": "exact"}
        matched = [{"credit_id": c, "track_id": f"t{t[-1]}", "is_match": True, **told} for c, t in credits]
        doubted = [{"credit_id": c, "track_id": f"t{9 - int(t[-1])}", "is_match": False, **told} for c, t in credits]
        fill(con, "matching.credit_track", matched + doubted)
        given: dict[str, Any] = {"model": "track-genre 1", "tagged_at": WHEN}
        given |= {"kind": "genre", "label": "pop", "probability": 0.8, "is_tag": True}
        fill(con, "tagging.track_label", [{"track_id": f"t{n}", **given} for n in range(N)])
        genres = film_genres()
        fits = [{"track_id": f"t{n}", **dict.fromkeys(genres, 0.5), "model": "film-genre 1"} for n in range(N)]
        fill(con, "tagging.track_film_genre", fits)
        rule = {"threshold": 0.5, "training_share": 0.1, "model": "film-genre 1"}
        fill(con, "tagging.film_genre_rule", [{"film_genre": genre, **rule} for genre in genres])
    warehouse.build(settings)
    checks = run_checks(settings)
    assert [(check.check, check.sample) for check in checks if check.stops_publishing] == []
    published = warehouse.publish(settings, run_id="good", as_of=AS_OF, code_version="test", checks=checks)
    assert {table: n_rows for table, n_rows in published.n_rows.items() if n_rows < N} == {}
    return settings


@pytest.fixture
def spoilt(served: Settings) -> Iterator[Settings]:
    """The same world for one test to spoil; its warehouse comes back after it."""
    kept = served.world / "warehouse.kept"
    shutil.copy(served.warehouse_file, kept)
    yield served
    shutil.move(kept, served.warehouse_file)


@dataclass(frozen=True)
class Spoiling:
    """Statements that put one kind of bad rows into one mart, each with the check that has to find them."""

    mart: str
    kind: str
    sql: dict[str, str]

    def __str__(self) -> str:
        return f"{self.kind} in {self.mart}"


def spoilings() -> Iterator[Spoiling]:
    for model in MARTS.values():
        again = f"insert into {model.name} from {model.name} limit 1"
        yield Spoiling(model.table, "duplicate key", {f"{model.name} key": again})
        if not model.may_shrink:
            most = f"delete from {model.name} where rowid >= {int(N * 0.4)}"
            yield Spoiling(model.table, "half the rows missing", {f"{model.name} rows kept": most})
        if model.tests.references:
            yield Spoiling(model.table, "orphan", dict(orphans(model)))
        yield Spoiling(model.table, "impossible value", dict(impossible_values(model)))


def orphans(model: SqlModel) -> Iterator[tuple[str, str]]:
    for row, column in enumerate(model.tests.references):
        sql = f"update {model.name} set \"{column}\" = 'nowhere' where rowid = {row}"
        yield f"{model.name}.{column} known", sql


def impossible_values(model: SqlModel) -> Iterator[tuple[str, str]]:
    """One row for each test of single rows that the header has, so that none hides behind another."""
    spoil = f"update {model.name} set "
    row = itertools.count()
    for column in dict.fromkeys((*model.key, *model.tests.not_null)):
        yield f"{model.name}.{column} not null", f'{spoil} "{column}" = null where rowid = {next(row)}'
    for column, (low, high) in model.tests.range.items():
        beyond = [f"{low - 1}"] if low is not None else []
        beyond += [f"{high + 1}"] if high is not None else []
        sql = [f'{spoil} "{column}" = {value} where rowid = {next(row) % N}' for value in beyond]
        yield f"{model.name}.{column} in range", "; ".join(sql)
    for column in model.tests.accepted:
        sql_ = f"{spoil} \"{column}\" = 'nonsense' where rowid = {next(row) % N}"
        yield f"{model.name}.{column} accepted", sql_


SPOILINGS = list(spoilings())


def digest(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_every_mart_is_spoilt_in_every_way() -> None:
    kinds = {mart: {each.kind for each in SPOILINGS if each.mart == mart} for mart in MARTS}
    assert all({"duplicate key", "impossible value"} <= found for found in kinds.values())
    assert all(len(each.sql) > 0 for each in SPOILINGS)
    shrinking = {"film_genre_rule", "match_review", "model_scoreboard"}
    assert {mart for mart, found in kinds.items() if "half the rows missing" not in found} == shrinking
    without_parents = {"film", "data_quality", "model_scoreboard", "run_log", "tag_history"}
    assert {mart for mart, found in kinds.items() if "orphan" not in found} == without_parents


@pytest.mark.parametrize("bad", SPOILINGS, ids=str)
def test_bad_rows_stop_publishing_and_leave_what_is_served(spoilt: Settings, bad: Spoiling) -> None:
    folder = warehouse.served_snapshot(spoilt)
    assert folder is not None
    before = digest(folder)
    with warehouse.open_warehouse(spoilt) as con:
        for sql in bad.sql.values():
            con.execute(sql)
    checks = run_checks(spoilt)
    found = {check.check: check for check in checks if check.stops_publishing}
    assert bad.sql.keys() <= found.keys()
    with pytest.raises(AuditError) as stop:
        warehouse.publish(spoilt, run_id="bad", as_of=AS_OF, code_version="test", checks=checks)
    for name in bad.sql:
        assert found[name].sample
        n_rows = found[name].failing_rows
        told = f"{name}: {n_rows} {'row' if n_rows == 1 else 'rows'}, first {found[name].first_row}"
        assert told in str(stop.value)
    assert warehouse.served_snapshot(spoilt) == folder
    assert digest(folder) == before
    assert {path.name for path in spoilt.serving.iterdir()} == {folder.name, "current"}


def test_a_loss_can_be_accepted_and_is_then_a_warning(spoilt: Settings) -> None:
    with warehouse.open_warehouse(spoilt) as con:
        con.execute("delete from marts.tag_history")
    found = {check.check: check for check in run_checks(spoilt, accept_loss=True)}["marts.tag_history rows kept"]
    assert (found.severity, found.failing_rows, found.stops_publishing) == ("warn", N, False)
    assert found.sample[0]["rows_now"] == 0


def test_a_fifth_lost_is_a_warning_and_no_loss_passes(spoilt: Settings) -> None:
    with warehouse.open_warehouse(spoilt) as con:
        con.execute("delete from marts.tag_history where rowid >= 7")
    found = {check.check: check for check in run_checks(spoilt)}
    lost = found["marts.tag_history rows kept"]
    assert (lost.severity, lost.failing_rows) == ("warn", 3)
    assert found["marts.run_log rows kept"].failing_rows == 0
    assert not [check for check in found if check.startswith("marts.match_review rows")]


def test_what_was_not_built_is_left_out_and_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    warehouse.build(settings, phase=warehouse.Phase.COLLECTED, training=False)
    results = {check.check: check for check in run_checks(settings)}
    assert results["no_tracks"].skipped == "marts.track was not built"
    assert results["marts.film tests"].skipped == "marts.film was not built"
    assert results["uncleared_training_rows"].skipped == "it is looked at before a model is trained"
    assert not [check for check in results.values() if check.stops_publishing]


def test_all_tests_on_single_rows_of_a_table_are_one_scan(served: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def listened(con: duckdb.DuckDBPyConnection, check: str, query: str) -> Any:
        asked.append(query)
        return one_row(con, check, query)

    one_row = audit._one_row
    monkeypatch.setattr(audit, "_one_row", listened)
    run_checks(served)
    scans = [query for query in asked if " filter (where " in query and query.endswith(" from marts.track")]
    assert len(scans) == 1
    assert scans[0].count(" filter (where ") == 10
