"""The main job as a user runs it: the command, the sandbox, the real browser, Prefect, MLflow, the catalogue."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.settings import PROJECT_ROOT

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]  # a first refresh trains all models

OSTINATO = PROJECT_ROOT / ".venv" / "bin" / "ostinato"

CONTRACT = {
    "track": "track_id isrc title artists album released_on origin genre genre_probability mood mood_probability "
    "genre_model mood_model features_provider listen_url tagged_at",
    "track_tag": "track_id kind label probability is_tag model tagged_at",
    "film": "film_id tmdb_id imdb_id title genres released_on runtime_min user_score predicted_score overview "
    "directors budget_usd revenue_usd poster_url",
    "film_track": "film_id track_id credit_title match_score match_method",
    "film_genre_fit": "track_id film_genre probability is_tag lift",
    "chart_entry": "chart scope period rank song_id track_id title artists genre predicted_genre",
    "tag_history": "track_id kind old_label new_label model changed_at",
    "model_scoreboard": "model version stage split metric value lower upper trained_at",
    "data_quality": "check severity failing_rows run_id checked_at",
    "run_log": "flow run_id as_of source state n_rows n_pages bytes started_at ended_at",
}


def ostinato(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a home of its own, with nothing of the user's settings."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OSTINATO_", "PREFECT_", "MLFLOW_"))
    }
    environment = {**kept, "OSTINATO_HOME": str(home), "OSTINATO_PROFILE": "sandbox"}
    return subprocess.run(
        [str(OSTINATO), *arguments], env=environment, capture_output=True, text=True, timeout=280, check=False
    )


def refresh(home: Path, *more: str) -> dict[str, Any]:
    done = ostinato(home, "refresh", "--films", "80", "--as-of", "2026-11-20", "--json", *more)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def ask(home: Path, sql: str) -> list[dict[str, Any]]:
    done = ostinato(home, "query", sql, "--json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def first(home: Path) -> dict[str, Any]:
    return refresh(home)


def test_a_first_refresh_fills_and_serves_the_catalogue(home: Path, first: dict[str, Any]) -> None:
    assert first["in_warehouse"]["films"] == 80
    assert first["in_warehouse"]["chart entries"] == 400
    assert all(first["in_warehouse"].values())
    states = {(source["source"], source["entity"]): source["state"] for source in first["sources"]}
    assert states.pop(("spotify", "audio_features")) == "refused"  # as to every app not approved before 2025
    assert set(states.values()) == {"ok"}
    assert set(first["tagged"]) == {"genre", "mood", "film_genre"}
    assert len(set(first["tagged"].values())) == 1
    served = home / "sandbox" / "serving" / "current"
    assert served.is_symlink()
    assert (served / "track.parquet").is_file()


def test_the_catalogue_keeps_its_contract(home: Path, first: dict[str, Any]) -> None:
    described = ask(home, "select table_name, column_name from duckdb_columns() order by table_name, column_index")
    columns: dict[str, list[str]] = {}
    for row in described:
        columns.setdefault(row["table_name"], []).append(row["column_name"])
    for table, promised in CONTRACT.items():
        assert columns[table][: len(promised.split())] == promised.split()
    assert first["published"]["n_rows"]["film_genre_fit"] % first["tagged"]["film_genre"] == 0
    moods = {row["mood"] for row in ask(home, "select distinct mood from track where mood is not null")}
    assert moods <= {"happy", "romantic", "sad", "aggressive", "dramatic"}
    models = {row["model"] for row in ask(home, "select distinct model from model_scoreboard")}
    assert {"track-genre", "film-genre"} <= models
    origins = {row["origin"] for row in ask(home, "select distinct origin from track")}
    assert "kpop" in origins


def test_nothing_is_doubled_by_a_second_run_and_questions_are_answered_meanwhile(
    home: Path, first: dict[str, Any]
) -> None:
    environment = {**os.environ, "OSTINATO_HOME": str(home), "OSTINATO_PROFILE": "sandbox"}
    command = [str(OSTINATO), "refresh", "--films", "80", "--as-of", "2026-11-20", "--json"]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    answers = []
    while running.poll() is None:
        answers += ask(home, "select count(*) as n from track")
        time.sleep(0.5)
    output, errors = running.communicate()
    assert running.returncode == 0, errors
    second = json.loads(output)
    assert len(answers) > 3
    assert {answer["n"] for answer in answers} == {first["published"]["n_rows"]["track"]}
    assert second["published"]["n_rows"] == first["published"]["n_rows"]
    assert second["published"]["path"] != first["published"]["path"]
    assert sum(source["n_requests"] for source in second["sources"]) < 50


def test_rollback_serves_the_first_snapshot_again(home: Path, first: dict[str, Any]) -> None:
    serving = home / "sandbox" / "serving"
    assert (serving / "current").resolve().name != Path(first["published"]["path"]).name
    assert ostinato(home, "rollback").returncode == 0
    assert (serving / "current").resolve().name == Path(first["published"]["path"]).name


def test_the_sandbox_writes_no_live_world_and_leaves_no_process(home: Path, first: dict[str, Any]) -> None:
    assert not (home / "live").exists()
    assert not list((home / "browser").glob("*"))
    mine = [
        command
        for command in Path("/proc").glob("[0-9]*/environ")
        if str(home).encode() in _bytes(command) and command.parent.name != str(os.getpid())
    ]
    assert mine == []


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
