"""What commands print of files and pages: what was left out is said, and JSON stays one document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ostinato.show.files import show_imports
from ostinato.show.runs import show_reread
from tasks.collecting.rereading import RereadReport
from tasks.sources.datasets import ImportReport


def test_columns_that_an_imported_file_could_have_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    report = ImportReport(
        path=Path("mine.csv"),
        entity="spotify_tracks",
        n_rows=2,
        n_rejected=0,
        batch=Path("batch.parquet"),
        reject_file=None,
        absent_columns=("duration_ms", "time_signature"),
    )
    show_imports([report], as_json=False)
    assert "mine.csv comes without duration_ms, time_signature, which stay empty." in capsys.readouterr().out
    show_imports([report], as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["absent_columns"] == ["duration_ms", "time_signature"]


def test_pages_that_kept_their_old_rows_are_a_warning_that_names_a_few(capsys: pytest.CaptureFixture[str]) -> None:
    report = RereadReport(
        "imdb", damaged={f"pages/{n}.zst": "cut off" for n in range(9)}, worse={"soundtrack tt1": "broken"}
    )
    show_reread(report, as_json=True)
    said = capsys.readouterr()
    assert json.loads(said.out)["damaged"] == report.damaged
    damaged, worse = said.err.splitlines()
    assert "9 (pages/0.zst, pages/1.zst, pages/2.zst, pages/3.zst, pages/4.zst and 4 more)" in damaged
    assert "1 (soundtrack tt1: broken); mend the parser and run `ostinato reparse imdb` again." in worse
