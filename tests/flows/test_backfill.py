"""Past charts: what a range asks for, and a run that is stopped and goes on without asking for anything twice."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
import requests
from pydantic import ValidationError
from rich.progress import Progress
from typer.testing import CliRunner

from flows.backfill_charts import BackfillOptions
from ostinato.cli import app
from ostinato.console import StepDisplay
from ostinato.jobs import _start_sandbox
from tasks import lake
from tasks.collecting.charts.backfill import PastChart, backfill_charts, past_charts
from tasks.collecting.stopping import stops_held_back
from tasks.fetching.answer import FetchState
from tasks.settings import PROJECT_ROOT, OstinatoError, Settings
from tasks.sources.melon_address import first_days_of_weeks

AS_OF = date(2024, 3, 15)
BASE = "http://melon.test"
COLUMNS = ["chart", "scope", "period", "rank", "song_id", "title", "artists", "album"]


def names(first: str, last: str, *kinds: PastChart) -> list[str]:
    months = [date.fromisoformat(f"{month}-01") for month in (first, last)]
    return [question.name for question in past_charts(BASE, AS_OF, months[0], months[1], kinds)]


def charts_of(settings: Settings) -> list[str]:
    rows = lake.read(settings.lake, "melon", "chart", COLUMNS).to_pylist()
    return sorted(json.dumps(row, ensure_ascii=False) for row in rows)


def chart_requests(sites: dict[str, str]) -> Counter[str]:
    paths = requests.get(f"{sites['sandbox']}/stats", timeout=10).json().get("melon", {}).get("paths", {})
    return Counter({path: n for path, n in paths.items() if "/chart/" in path})


# --- what a range means ---


@pytest.mark.parametrize("month", ["0000-01", "9999-12", "1980-13", "80-01", "٢٠٢٣-01", "2023-1"])
def test_what_is_no_month_is_wrong_use(month: str) -> None:
    for option in ("--from", "--to"):
        assert CliRunner().invoke(app, ["backfill-charts", option, month]).exit_code == 2
    with pytest.raises(ValidationError):
        BackfillOptions(to_month=month)


@pytest.fixture
def ctrl_c_is_heard() -> Iterator[None]:
    """As in a terminal; a process that a shell started in the background ignores Ctrl-C."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_a_stop_waits_for_the_block_but_not_for_long() -> None:
    began = time.monotonic()
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(KeyboardInterrupt), stops_held_back(0.5):
        signal.raise_signal(signal.SIGINT)
        ours.recv(1)  # as from a site that never answers
    assert 0.4 < time.monotonic() - began < 5
    done = []
    with pytest.raises(KeyboardInterrupt), stops_held_back(0.5):
        signal.raise_signal(signal.SIGINT)
        done.append("landed")
    time.sleep(0.8)  # no second stop comes after
    assert done == ["landed"]


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_a_stop_that_comes_just_before_the_wait_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that arrives between Python's last look and the system call does not end that call."""
    wake, calls = signal.pthread_kill, []

    def missed_once(thread: int, number: int) -> None:
        calls.append(number)
        if len(calls) > 1:
            wake(thread, number)

    monkeypatch.setattr(signal, "pthread_kill", missed_once)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(KeyboardInterrupt), stops_held_back(0.1):
        signal.raise_signal(signal.SIGINT)
        ours.recv(1)
    assert len(calls) == 2


def test_a_range_holds_its_closed_months_and_whole_years() -> None:
    assert names("2022-11", "2024-02", PastChart.YEAR) == ["KPOP of 2023", "POP of 2023"]
    assert names("2023-12", "2024-06", PastChart.MONTH) == ["month 2023-12", "month 2024-01", "month 2024-02"]


def test_four_decades_are_asked_for_oldest_first() -> None:
    found = names("1980-01", "2023-12", PastChart.MONTH, PastChart.YEAR)
    assert len(found) == 44 * 12 + 44 * 2
    assert found[0] == "month 1980-01"
    assert found[-1] == "month 2023-12"


def test_weeks_begin_as_melon_began_them() -> None:
    days = list(first_days_of_weeks(date(2010, 1, 1), date(2024, 4, 15)))
    assert date(2010, 1, 3) in days  # a Sunday
    assert date(2012, 5, 27) in days
    assert date(2012, 12, 3) in days  # a Monday
    assert date(2024, 4, 8) in days
    assert all((after - day).days >= 7 for day, after in itertools.pairwise(days))


def test_a_range_without_a_closed_period_is_one_sentence(world: Settings) -> None:
    with pytest.raises(OstinatoError, match="between 2024-03 and 2024-05 and was closed by 2024-03-15; name other"):
        backfill_charts(world, AS_OF, date(2024, 3, 1), date(2024, 5, 1))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--from 2099-01", "No month or year chart from 2099-01 on was closed by 2024-03-15"),
        ("--from 2024-01 --to 2024-02 --chart year", "No year chart lies wholly between 2024-01 and 2024-02"),
        ("--from 2024-01 --chart decade", "'decade' is none of month, week, year."),
    ],
)
def test_a_backfill_that_would_find_nothing_is_refused_before_anything_starts(
    tmp_path: Path, words: str, said: str
) -> None:
    command = ["backfill-charts", "--profile", "sandbox", "--as-of", str(AS_OF), *words.split()]
    done = CliRunner().invoke(app, command, env={"OSTINATO_HOME": str(tmp_path / "home"), "COLUMNS": "300"})
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "home").exists()


def test_a_sandbox_that_runs_already_is_not_started_nor_said_to_be(world: Settings) -> None:
    told: list[str] = []

    class Told(StepDisplay):
        def __call__(self, title: str, done: int, total: int) -> None:
            told.append(title)

    with ExitStack() as stack:
        _start_sandbox(stack, Told(Progress()), world, as_of=AS_OF)
    assert told == []


# --- against the sandbox ---


def test_a_second_run_asks_for_nothing(world: Settings) -> None:
    first, last = date(1984, 1, 1), date(1984, 12, 1)
    (report,) = backfill_charts(world, AS_OF, first, last)
    assert (report.state, report.n_rows, report.missing) == (FetchState.OK, 1400, {})
    (again,) = backfill_charts(world, AS_OF, first, last)
    assert (again.n_pages, again.n_rows) == (0, 0)
    periods = set(lake.read(world.lake, "melon", "chart", ["period"])["period"].to_pylist())
    assert periods == {"1984", *(f"1984-{month:02}" for month in range(1, 13))}


def test_weeks_come_in_too_with_the_songs_on_them(world: Settings) -> None:
    reports = backfill_charts(world, AS_OF, date(2012, 8, 1), date(2012, 9, 1), [PastChart.WEEK], with_songs=True)
    periods = set(lake.read(world.lake, "melon", "chart", ["period"])["period"].to_pylist())
    assert {"2012-08-05", "2012-08-26", "2012-09-03", "2012-09-24"} <= periods
    assert reports[0].n_rows == 100 * len(periods)
    assert reports[1].n_rows > 100


def test_what_failed_is_named_and_alone_asked_for_again(world: Settings, sandbox_sites: dict[str, str]) -> None:
    order = {
        "melon": {"kind": "overload", "times": 2, "path": "/chart/search"}
    }  # asked twice before it counts as broken
    requests.put(f"{sandbox_sites['sandbox']}/faults", json=order, timeout=10).raise_for_status()
    (report,) = backfill_charts(world, AS_OF, date(1990, 1, 1), date(1990, 3, 1), [PastChart.MONTH])
    assert report.missing == {"month 1990-01": "broken"}
    assert any("month 1990-01 (broken)" in note for note in report.notes)
    (again,) = backfill_charts(world, AS_OF, date(1990, 1, 1), date(1990, 3, 1), [PastChart.MONTH])
    assert (again.n_pages, again.n_rows, again.missing) == (1, 100, {})


def test_a_chart_that_was_cut_short_is_named(world: Settings, sandbox_sites: dict[str, str]) -> None:
    order = {"melon": {"kind": "cut", "times": 4, "path": "/chart/search"}}
    requests.put(f"{sandbox_sites['sandbox']}/faults", json=order, timeout=10).raise_for_status()
    (report,) = backfill_charts(world, AS_OF, date(1991, 1, 1), date(1991, 12, 1), [PastChart.MONTH])
    rows = lake.read(world.lake, "melon", "chart", ["period"])["period"].to_pylist()
    short = {period: n for period, n in Counter(rows).items() if n < 100}
    assert short
    assert f"Fewer than 100 rows, and kept so: month {min(short)} ({short[min(short)]})" in report.notes[1]


def test_a_long_wait_says_when_to_come_back(world: Settings, sandbox_sites: dict[str, str]) -> None:
    order = {"melon": {"kind": "limited", "rate": 1, "retry_after_s": 86_400}}
    requests.put(f"{sandbox_sites['sandbox']}/faults", json=order, timeout=10).raise_for_status()
    (report,) = backfill_charts(world, AS_OF, date(1992, 1, 1), date(1992, 6, 1), [PastChart.MONTH])
    requests.delete(f"{sandbox_sites['sandbox']}/faults", timeout=10)
    assert set(report.missing.values()) == {"limited"}
    assert "and 1 more; run the same command again later" in report.notes[-1]
    assert "; come back after 20" in report.notes[-1]


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_two_thousand_pages_with_stops_on_the_way(
    world: Settings, sandbox_sites: dict[str, str], tmp_path: Path
) -> None:
    """Ctrl-C, SIGTERM and SIGKILL in a backfill of all weeks since 1984; the rows are those of an unbroken run.

    A page whose answer is on its way when the process is killed is the only one that is asked for again.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OSTINATO_")},
        "OSTINATO_HOME": str(world.home),
        "OSTINATO_SITES": json.dumps(world.sites),
    }
    command = [sys.executable, "-m", "ostinato.cli", "backfill-charts", "--profile", "sandbox", "--as-of", str(AS_OF)]
    command += ["--from", "1984-01", "--to", "2023-12", "--chart", "week"]
    wanted = past_charts(BASE, AS_OF, date(1984, 1, 1), date(2023, 12, 1), [PastChart.WEEK])
    assert len(wanted) > 2_000

    def run_until(n_pages: int, stop: signal.Signals | None) -> int:
        run = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.DEVNULL)
        while stop and run.poll() is None and sum(chart_requests(sandbox_sites).values()) < n_pages:
            time.sleep(0.05)
        if stop:
            run.send_signal(stop)
        return run.wait()

    requests.delete(f"{sandbox_sites['sandbox']}/stats", timeout=10)
    assert run_until(300, signal.SIGINT) == 130
    assert run_until(600, signal.SIGTERM) == 130
    n_so_far = lake.read(world.lake, "melon", "chart", ["period"])["period"].unique()
    assert sum(chart_requests(sandbox_sites).values()) == len(n_so_far)  # not one page twice, not one lost
    for n_pages in (900, 1200):
        assert run_until(n_pages, signal.SIGKILL) == -signal.SIGKILL
    assert run_until(0, None) == 0
    asked = sum(chart_requests(sandbox_sites).values())
    assert len(wanted) <= asked <= len(wanted) + 2

    unbroken = world.model_copy(update={"home": tmp_path / "unbroken"})
    backfill_charts(unbroken, AS_OF, date(1984, 1, 1), date(2023, 12, 1), [PastChart.WEEK])
    assert charts_of(world) == charts_of(unbroken)
