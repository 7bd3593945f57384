"""What commands print of files and pages: what was left out is said, and JSON stays one document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ostinato import console
from ostinato.show.files import show_imports
from ostinato.show.runs import show_backfill, show_reread
from tasks.collecting.report import SourceReport
from tasks.collecting.rereading import RereadReport
from tasks.fetching.answer import FetchState
from tasks.reports import RunSummary
from tasks.settings import Settings
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


def test_what_is_missing_fits_a_narrow_terminal_with_its_words_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console.out, "_width", 80)
    reports = [
        SourceReport("musicbrainz", "recording", n_rows=302).close(FetchState.OK),
        SourceReport("melon", "chart", n_due=3).close(FetchState.UNREACHABLE),
        SourceReport("spotify", "audio_features", n_rows=12_345).close(FetchState.REFUSED),
    ]
    reports[1].miss(["day", "month", "year"], FetchState.UNREACHABLE)
    show_backfill(Settings(home=Path("home")), RunSummary("Backfill", "live", sources=reports), as_json=False)
    told = capsys.readouterr().out
    for word in ("musicbrainz", "unreachable", "audio_features", "12,345", "missing"):
        assert word in told
    assert max(map(len, told.splitlines())) <= 80
