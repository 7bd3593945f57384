"""`ostinato docs` in a terminal: before anything was built, to a place of one's own, while another run writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import fault_in_a_world, ostinato

from tasks import warehouse
from tasks.settings import PROJECT_ROOT, Profile, Settings


def test_the_page_is_written_into_the_world_before_anything_was_built(tmp_path: Path) -> None:
    done = ostinato(tmp_path, "docs")
    assert done.returncode == 0, done.stderr
    assert "Nothing was built in this world yet" in done.stderr
    page = Path(done.stdout.strip())
    assert page == tmp_path / "sandbox" / "docs" / "index.html"
    assert "marts.film_genre_fit" in page.read_text(encoding="utf-8")


def test_json_is_one_document_and_no_page(tmp_path: Path) -> None:
    done = ostinato(tmp_path, "docs", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"marts.track", "core.track", "matching.credit_track"} <= {table["name"] for table in told["tables"]}
    assert not (tmp_path / "sandbox" / "docs").exists()


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    assert "could not be written" in fault_in_a_world(ostinato(tmp_path, "docs", "--out", tmp_path))


@pytest.fixture
def in_use(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX)
    warehouse.build(settings, select="staging.tmdb_list")
    return settings


def test_while_another_run_writes_the_page_comes_without_figures(in_use: Settings) -> None:
    hold = f"import duckdb; con = duckdb.connect({str(in_use.warehouse_file)!r}); print('held', flush=True); input()"
    command = [sys.executable, "-c", hold]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = ostinato(in_use.home, "docs", "--out", in_use.home / "page.html")
        holder.communicate("\n", timeout=20)
    assert done.returncode == 0, done.stderr
    assert "A run has the warehouse open" in done.stderr
    assert (in_use.home / "page.html").is_file()
    again = json.loads(ostinato(in_use.home, "docs", "--json").stdout)
    rows = {table["name"]: table["n_rows"] for table in again["tables"]}
    assert rows["staging.tmdb_list"] == 0
    assert rows["marts.film"] is None
