"""The figures of matching: intervals and weights worked out by hand, and what the benchmark says without its tables."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest
from scipy.stats import binomtest

from tasks.settings import PROJECT_ROOT


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(PROJECT_ROOT / "bench"))
    from support import matching_truth

    yield matching_truth


@pytest.mark.parametrize(("right", "n"), [(9, 10), (0, 20), (20, 20), (235, 240)])
def test_intervals_are_wilsons(truth: ModuleType, right: int, n: int) -> None:
    interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert truth.wilson(right / n, n)[1:3] == pytest.approx((interval.low, interval.high))


def test_nothing_judged_says_nothing(truth: ModuleType) -> None:
    assert truth.wilson(0.0, 0.0)[1:] == (0.0, 1.0, 0)


def test_a_judged_pair_stands_for_its_share_of_the_stratum(
    truth: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of four judged of 100 claims, of which one is wrong by its list; one right pair of 10 is not claimed."""
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "imdb_id,track_id,is_right,wrong_by,drawn,stratum_size,part\n"
        "tt1,a,true,,claim,100,tuned\n"
        "tt1,b,false,list,claim,100,held_out\n"
        "tt2,c,,,claim,100,tuned\n"  # could not be told: it weighs nothing
        "tt2,d,true,,below,10,tuned\n"
        "tt3,e,false,version,first,,tuned\n"  # an older sample, outside the strata
        "tt3,f,true,,after_claim,7,after\n"
    )
    monkeypatch.setattr(truth, "LABELS", labels)
    known = truth.Truth()
    claimed = pa.table({"film_id": ["tt1", "tt1", "tt3", "tt3"], "track_id": ["a", "b", "e", "f"]})
    quality = known.quality(claimed)
    assert (quality.precision.value, quality.precision.n) == (0.5, 2)
    assert quality.recall.value == pytest.approx(50 / 60)
    assert known.quality(claimed, blame_lists=False).precision.value == 1.0
    assert known.quality(claimed, "tuned").precision.value == 1.0
    assert known.precision(claimed, "first").value == 0.0
    assert known.precision(claimed, "after_").value == 1.0
    nothing = known.quality(claimed.slice(0, 0))
    assert (nothing.precision.n, nothing.recall.value, nothing.f1) == (0, 0.0, 0.0)


def test_without_its_tables_the_benchmark_says_which_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = PROJECT_ROOT / "bench" / "matching.py"
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("bench_matching", path)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    monkeypatch.setattr(bench.matching_data, "DATA", tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path)])
    bench.main()
    said = capsys.readouterr().out
    assert "imdb_soundtracks_imdb4m" in said
    assert str(tmp_path) in said
