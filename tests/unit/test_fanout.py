"""Units run elsewhere leave what they leave here; what is wrong with a cluster is told in a sentence."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import heavy_steps
import pytest

from flows import dask_cluster
from flows.dask_cluster import require_cluster, seen_from_here
from ostinato.doctor import CheckState, _runner
from tasks.collecting.archived_pages import ArchivedBatch, read_batch
from tasks.fanout import HERE, folder_aside
from tasks.matching import blocks
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings


class ByPickle:
    """Hands units over as another process would get them, and their results back, the first ones asked for last."""

    is_here = False

    def __init__(self) -> None:
        self.n_units = 0

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        self.n_units += len(items)
        done = {n: self._handed_over(function, items[n]) for n in reversed(range(len(items)))}
        return (done[n] for n in range(len(items)))

    def _handed_over(self, function: Callable[[Any], Any], item: Any) -> Any:
        sent = pickle.dumps((function, item))
        assert len(sent) < 20_000, "units are handed paths and ids, not tables"
        there, own = pickle.loads(sent)
        return pickle.loads(pickle.dumps(there(own)))


@pytest.mark.parametrize("name", ["parsing", "scoring", "matching"])
def test_a_step_leaves_the_same_wherever_its_units_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heavy_steps.use_small_units(monkeypatch)
    here, there = (Settings(home=tmp_path / where, profile=Profile.LIVE, threads=2) for where in ("here", "there"))
    elsewhere = ByPickle()
    expected = heavy_steps.run_step(name, here, HERE)
    found = heavy_steps.run_step(name, there, elsewhere)
    assert elsewhere.n_units >= 8
    assert repr(found[0]).replace(str(there.home), str(here.home)) == repr(expected[0])
    assert found[1] == expected[1]


def test_here_a_unit_is_run_when_its_result_is_asked_for() -> None:
    asked: list[int] = []
    results = HERE.map(lambda n: asked.append(n) or n * 2, [1, 2, 3])
    assert asked == []
    assert next(results) == 2
    assert asked == [1]


def test_what_a_killed_run_left_aside_goes_with_the_next(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE)
    left = settings.world / "aside" / "scoring" / "killed" / "big.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    with pytest.raises(KeyboardInterrupt), folder_aside(settings, "scoring") as folder:
        assert not left.exists()
        assert folder.is_dir()
        raise KeyboardInterrupt
    assert not folder.exists()


def test_a_block_of_matching_holds_its_share_of_memory_and_spills_into_its_folder(tmp_path: Path) -> None:
    with closing(blocks._opened(blocks.Block(tmp_path, 0, 2, memory_gb=1.0))) as con:
        set_to = con.execute(
            "select current_setting('memory_limit'), current_setting('threads'), current_setting('temp_directory')"
        ).fetchone()
    assert set_to is not None
    assert set_to[:2] == ("953.6 MiB", 1)
    assert Path(set_to[2]).parent == tmp_path


def test_a_batch_that_a_worker_does_not_see_is_a_sentence(tmp_path: Path) -> None:
    unseen = ArchivedBatch("imdb", tmp_path / "batch.parquet", tmp_path)
    with pytest.raises(OstinatoError, match="is not there; on Dask, see that all workers share OSTINATO_HOME"):
        read_batch(unseen)


def test_a_worker_sees_the_home_where_it_sees_what_was_just_put_there(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with dask_cluster._marked(tmp_path / "home") as mark:
        assert seen_from_here(mark)["home"] == "there"
        assert seen_from_here(mark.replace("/home/", "/empty/"))["home"] == "not there"
    assert list((tmp_path / "home").iterdir()) == []
    with dask_cluster._marked(tmp_path / "absent") as mark:
        assert seen_from_here(mark)["home"] == "not there"


def test_threads_need_no_cluster(tmp_path: Path) -> None:
    assert require_cluster(Settings(home=tmp_path)) is None
    assert list(_runner(Settings(home=tmp_path))) == []


@pytest.mark.parametrize("is_silent", [False, pytest.param(True, marks=pytest.mark.proof)])
def test_a_scheduler_that_does_not_answer_is_one_sentence(
    is_silent: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "ANSWER_S", 1.0)
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        if is_silent:
            port.listen()
        address = f"tcp://127.0.0.1:{port.getsockname()[1]}"
        settings = Settings(home=tmp_path, runner=f"dask:{address}")
        with pytest.raises(OstinatoError, match=rf"^Dask's scheduler at {address} does not answer \([^\n]+\); [^\n]+$"):
            require_cluster(settings)
        (check,) = _runner(settings)
    assert check.state is CheckState.FAULT
    assert address in check.found
    assert "dask scheduler" in check.advice


def test_without_its_packages_dask_is_one_sentence_and_flows_still_load(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['prefect_dask'] = sys.modules['distributed'] = None\n"
        "import flows.fanout\n"
        "from flows.dask_cluster import require_cluster\n"
        "from tasks.settings import OstinatoError, load_settings\n"
        "try: require_cluster(load_settings())\n"
        "except OstinatoError as fault: print(fault)"
    )
    environment = {**os.environ, "OSTINATO_HOME": str(tmp_path), "OSTINATO_RUNNER": "dask"}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout == (
        "OSTINATO_RUNNER names Dask, but distributed is not installed; run `pip install 'ostinato[scale]'` or unset "
        "OSTINATO_RUNNER.\n"
    )
