"""The `ostinato` command in the hands of a user who does everything wrong: one sentence, an exit code, no harm."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks import training, warehouse
from tasks.settings import PROJECT_ROOT, Profile, Settings
from tasks.warehouse import world_lock

OSTINATO = PROJECT_ROOT / ".venv" / "bin" / "ostinato"
AS_OF = date(2026, 11, 20)
HEARD = ["danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness"]
HEARD += ["liveness", "valence", "tempo"]
# root may write anywhere, but for this
BOUND_BY_RIGHTS = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")


def environment(home: Path, **variables: Any) -> dict[str, str]:
    """The environment of a command: a home of its own, nothing of the user's settings."""
    ours = ("OSTINATO_", "PREFECT_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "OSTINATO_HOME": str(home), "OSTINATO_PROFILE": "sandbox", "COLUMNS": "80", **variables}


def ostinato(
    home: Path, *words: str | Path, before: tuple[str, ...] = (), timeout_s: float = 60, **variables: Any
) -> subprocess.CompletedProcess[str]:
    """Run the installed command to its end."""
    return subprocess.run(
        [*before, str(OSTINATO), *map(str, words)],
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def fault(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a command that failed as it should."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    *said, last = done.stderr.splitlines()
    assert last.startswith("Error: "), done.stderr
    assert last.endswith((".", "`")), done.stderr
    assert not last.endswith(("..", "!.")), done.stderr
    assert not [line for line in said if line.startswith("Error")]
    return last.removeprefix("Error: ")


def fault_in_a_world(done: subprocess.CompletedProcess[str]) -> str:
    """The same of a command that has said first which world it works on."""
    assert done.stderr.startswith("World: "), done.stderr
    return fault(done)


def write_tracks(file: Path, n_rows: int = 12, without: str = "") -> Path:
    """A table of labelled tracks with all that an import and `tag` ask for."""
    rows = [
        {
            "track_id": f"track{n:017}",
            "artists": f"Artist {n % 5}",
            "track_name": f"노래 [{n}]",
            "track_genre": "k-pop",
            **dict.fromkeys(HEARD, 0.1 + n / 20),
            "key": n % 12,
            "mode": n % 2,
            "loudness": -7.5,
            "tempo": 90 + n,
        }
        for n in range(n_rows)
    ]
    columns = [column for column in ("track_id", "artists", "track_name", "track_genre", *HEARD) if column != without]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose sandbox world holds an imported table, a published catalogue and one champion."""
    folder = tmp_path_factory.mktemp("cli")
    settings = Settings(home=folder / "home", profile=Profile.SANDBOX)
    done = ostinato(settings.home, "import", write_tracks(folder / "tracks.csv"), "--profile", "sandbox", "--json")
    assert done.returncode == 0, done.stderr
    assert [(each["entity"], each["n_rows"]) for each in json.loads(done.stdout)] == [("spotify_tracks", 12)]
    warehouse.build(settings)
    training.train(settings, "track-mood", AS_OF)
    warehouse.publish(settings, run_id="run", as_of=AS_OF, code_version="test")
    return settings.home


def snapshots(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "sandbox" / "serving").iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Usage: ostinato"),
        ("nosuch", "No such command 'nosuch'"),
        ("import", "Missing argument 'PATH...'"),
        ("train nosuch", "'nosuch' is none of track-genre, film-genre"),
        ("parse nosuch page.html", "'nosuch' is none of imdb-soundtrack"),
        ("refresh --as-of yesterday", "'yesterday' does not match"),
        ("refresh --films 0", "greater than or equal to 1"),
        ("refresh --profile nonsense", "'nonsense' is not one of"),
    ],
)
def test_wrong_use_is_exit_2_and_says_what_is_right(tmp_path: Path, words: str, said: str) -> None:
    done = ostinato(tmp_path / "home", *words.split(), COLUMNS="200")
    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()


def test_help_names_every_command_and_where_to_begin(tmp_path: Path) -> None:
    done = ostinato(tmp_path, "--help")
    assert done.returncode == 0
    assert "Begin with ostinato refresh" in done.stdout
    named = "refresh retag train tag import parse query rollback build status doctor up"
    assert set(named.split()) <= set(done.stdout.split())


@pytest.mark.parametrize(
    ("name", "value"),
    [("PROFILE", "nonsense"), ("SITES", "garbage"), ("THREADS", "x"), ("MEMORY_GB", "-1"), ("HOME", "~nobody.here/x")],
)
def test_a_setting_that_cannot_be_is_named(tmp_path: Path, name: str, value: str) -> None:
    setting: dict[str, Any] = {f"OSTINATO_{name}": value}
    sentence = fault(ostinato(tmp_path, "query", "select 1", **setting))
    assert sentence.startswith(f"OSTINATO_{name} cannot be used: ")
    assert sentence.endswith("; set it right or unset it.")
    assert list(tmp_path.iterdir()) == []


class TestImport:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("nothing there.csv", None, "does not exist"),
            ("empty.csv", b"", "is empty"),
            ("other.csv", b"a,b\n1,2\n", "the nearest is spotify_tracks, for which it lacks track_id, artists"),
            ("cut.parquet", b"PAR1" + bytes(500), "is damaged or cut off"),
            ("cut.csv.gz", gzip.compress(random.Random(1).randbytes(5000), mtime=0)[:800], "is damaged or cut off"),
        ],
    )
    def test_a_file_that_cannot_be_imported(self, tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        sentence = fault_in_a_world(ostinato(tmp_path / "home", "import", file))
        assert sentence.startswith(str(file))
        assert said in sentence
        assert not (tmp_path / "home" / "live" / "lake").exists()

    def test_a_folder_and_a_header_alone(self, tmp_path: Path) -> None:
        assert "is a folder" in fault_in_a_world(ostinato(tmp_path / "home", "import", tmp_path))
        header = write_tracks(tmp_path / "header.csv", n_rows=0)
        assert "has a header line but no rows" in fault_in_a_world(ostinato(tmp_path / "home", "import", header))

    def test_a_good_and_a_bad_file_together_land_nothing(self, tmp_path: Path) -> None:
        good, bad = write_tracks(tmp_path / "good.csv"), tmp_path / "bad.csv"
        bad.write_text("a,b\n1,2\n")
        sentence = fault_in_a_world(ostinato(tmp_path / "home", "import", good, bad))
        assert sentence.startswith(str(bad))
        assert not list((tmp_path / "home").rglob("*.parquet*"))

    def test_brackets_blanks_and_hangul_in_a_path_come_through_whole_on_a_narrow_terminal(self, tmp_path: Path) -> None:
        file = tmp_path / "[red]내 음악[bold] [0] 파일.csv"
        file.write_text("a,b\n1,2\n")
        assert fault_in_a_world(ostinato(tmp_path / "home [1]", "import", file, COLUMNS="40")).startswith(str(file))
        write_tracks(file)
        done = ostinato(tmp_path / "home [1]", "import", file, COLUMNS="200", OSTINATO_PROFILE="live")
        assert done.returncode == 0, done.stderr
        assert file.name in done.stdout
        assert done.stderr.splitlines()[0] == f"World: live ({tmp_path}/home [1]/live)"


class TestQuery:
    def test_before_anything_is_published(self, tmp_path: Path) -> None:
        for words in (("query", "select 1"), ("rollback",)):
            sentence = fault_in_a_world(ostinato(tmp_path, *words))
            assert sentence == "Nothing is published in the sandbox world yet; run `ostinato refresh` first."

    @pytest.mark.parametrize(
        ("sql", "said"),
        [
            ("", "The query is empty"),
            ("selec 1", 'syntax error at or near "selec"'),
            ("select 1 from tracks", 'Table with name tracks does not exist! Did you mean "track"'),
            ("select 1; select 2", "holds 2 questions"),
            ("delete from track", "can only be read"),
            ("copy track to 'stolen.csv'", "can only be read"),
            ("select * from read_csv('/etc/hosts')", "disabled by configuration"),
            ("select error('[red]two\nlines[/nothing]')", "[red]two lines[/nothing]"),
        ],
    )
    def test_a_wrong_question_is_refused_with_the_reason(self, home: Path, sql: str, said: str) -> None:
        assert said in fault_in_a_world(ostinato(home, "query", sql))

    def test_a_parameter_is_a_value_whatever_it_holds(self, home: Path) -> None:
        title = "노래 [3]'; drop table track; --=x"
        done = ostinato(
            home, "query", "--json", "select $t as title, $n::int as n", "--param", f"t={title}", "--param", "n=7"
        )
        assert json.loads(done.stdout) == [{"title": title, "n": 7}]
        assert ostinato(home, "query", "select 1", "--param", "no name").returncode == 2

    def test_json_is_one_document_whatever_the_values(self, home: Path) -> None:
        sql = """select 'nan'::double as nothing, ['a', null] as list, 1.50::decimal(9, 2) as price,
                 date '2026-11-20' as day, timestamptz '2026-11-20 01:02:03+00' as moment, time '01:02' as clock,
                 '\\xAB'::blob as bytes, {'inner': ['infinity'::float]} as record, map {date '2026-11-20': 1} as mapped,
                 interval 1 day as span, uuid '00000000-0000-0000-0000-000000000001' as id, 1 as twice, 2 as twice"""
        done = ostinato(home, "query", "--json", sql)
        (row,) = json.loads(done.stdout, parse_constant=pytest.fail)
        assert row == {
            "nothing": None,
            "list": ["a", None],
            "price": 1.5,
            "day": "2026-11-20",
            "moment": "2026-11-20T01:02:03+00:00",
            "clock": "01:02:00",
            "bytes": "ab",
            "record": {"inner": [None]},
            "mapped": {"2026-11-20": 1},
            "span": "1 day, 0:00:00",
            "id": "00000000-0000-0000-0000-000000000001",
            "twice": 1,
            "twice_1": 2,
        }

    def test_a_wide_row_can_be_read_on_a_narrow_terminal(self, home: Path) -> None:
        done = ostinato(home, "query", "select * from track order by track_id limit 1", COLUMNS="40")
        assert "  title              노래 [0]\n" in done.stdout
        assert done.stdout.endswith("\n1 rows\n")

    @pytest.mark.parametrize("form", [["--json"], []])
    def test_a_reader_that_has_enough_is_no_fault(self, home: Path, form: list[str]) -> None:
        words = [str(OSTINATO), "query", "select * from range(20_000)", *form]
        with subprocess.Popen(words, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(100)
            process.stdout.close()
            said = process.stderr.read().decode()
        assert len(said.splitlines()) == 1, said

    def test_a_full_disk_behind_the_output_is_one_sentence(self, home: Path) -> None:
        with Path("/dev/full").open("w") as full:
            words = [str(OSTINATO), "query", "--json", "select 1"]
            done = subprocess.run(
                words, env=environment(home), stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode == 1
        assert done.stderr.splitlines()[1:] == ["Error: No space left on device."]


def test_rollback_to_what_is_not_there_names_what_is(home: Path) -> None:
    before = snapshots(home)
    assert f"kept are: {before[0]}." in fault_in_a_world(ostinato(home, "rollback", "nosuch"))
    assert "no snapshot earlier than the served one" in fault_in_a_world(ostinato(home, "rollback"))
    assert snapshots(home) == before


class TestTag:
    @pytest.mark.parametrize(
        ("out", "without", "said"),
        [
            ("out.csv", "energy", "lacks energy; it needs the columns danceability, energy"),
            ("missing/out.csv", "", "does not exist; make it or name another"),
            ("mine.csv", "", "is the table to be tagged"),
        ],
    )
    def test_a_table_or_a_result_that_cannot_be(
        self, home: Path, tmp_path: Path, out: str, without: str, said: str
    ) -> None:
        file = write_tracks(tmp_path / "mine.csv", without=without)
        content = file.read_bytes()
        assert said in fault_in_a_world(ostinato(home, "tag", file, "--out", tmp_path / out))
        assert list(tmp_path.iterdir()) == [file]
        assert file.read_bytes() == content

    def test_kinds_without_a_champion_are_warnings_and_json_stays_one_document(
        self, home: Path, tmp_path: Path
    ) -> None:
        file = write_tracks(tmp_path / "[mine] 음악.csv", n_rows=2)
        done = ostinato(home, "tag", file, "--out", tmp_path / "[out].jsonl", "--json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert (report["n_scored"], len(report["warnings"])) == (2, 2)
        rows = [json.loads(line) for line in (tmp_path / "[out].jsonl").read_text().splitlines()]
        assert len(rows) == report["n_rows"] == 2 * 5

    def test_before_any_model_is_trained(self, tmp_path: Path) -> None:
        file = write_tracks(tmp_path / "mine.csv")
        done = ostinato(tmp_path / "home", "tag", file, "--out", tmp_path / "out.csv")
        assert fault_in_a_world(done).startswith("No model has been trained in the sandbox world")


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("melon-chart", None, "There is no file"),
        ("melon-chart", "<html><div class='sys_error'>페이지 접속이 지연</div></html>".encode(), "overload page"),
        ("imdb-soundtrack", b"<html><title>The Matrix (1999) - IMDb</title><h1>The Matrix</h1></html>", "(blocked)"),
        ("spotify-track", bytes(range(256)), "(broken)"),
        ("tmdb-film", gzip.compress(b"<html>" * 900, mtime=0)[:40], "is a gzip file that is cut off or damaged"),
    ],
)
def test_a_page_that_cannot_be_parsed_is_a_fault_and_not_no_data(
    tmp_path: Path, kind: str, content: bytes | None, said: str
) -> None:
    file = tmp_path / "a [saved] page"
    if content is not None:
        file.write_bytes(content)
    sentence = fault(ostinato(tmp_path, "parse", kind, file, COLUMNS="40"))
    assert str(file) in sentence
    assert said in sentence


class TestHome:
    def test_one_that_lies_below_a_file(self, tmp_path: Path) -> None:
        file = write_tracks(tmp_path / "tracks.csv")
        sentence = fault_in_a_world(ostinato(file / "home", "import", file))
        assert sentence.startswith(f"The home {file / 'home'} cannot be written (Not a directory)")

    def test_one_that_is_read_only_still_answers_and_says_why_it_takes_nothing(
        self, home: Path, tmp_path: Path
    ) -> None:
        before = BOUND_BY_RIGHTS if os.geteuid() == 0 else ()
        if before and not shutil.which(before[0]):
            pytest.skip("root may write anywhere, and this system has no setpriv to bind it")
        sealed = tmp_path / "home"
        shutil.copytree(home, sealed, symlinks=True)
        folders = [sealed, *(path for path in sealed.rglob("*") if path.is_dir() and not path.is_symlink())]
        for path in folders:
            path.chmod(0o555)
        for file in sealed.rglob("*.lock"):
            file.chmod(0o444)
        try:
            done = ostinato(sealed, "query", "--json", "select count(*) as n from track", before=before)
            assert json.loads(done.stdout) == [{"n": 12}]
            for words in (["refresh", "--skip-fetch"], ["rollback"]):
                sentence = fault_in_a_world(ostinato(sealed, *words, before=before))
                assert sentence.startswith(f"The home {sealed} cannot be written (Permission denied)")
        finally:
            for path in folders:
                path.chmod(0o755)

    def test_one_that_another_run_works_on(self, home: Path) -> None:
        with world_lock(Settings(home=home, profile=Profile.SANDBOX)):
            done = ostinato(home, "refresh", "--films", "5")
        assert f"Another run works on this world (process {os.getpid()}" in fault_in_a_world(done)
        assert "started" not in done.stderr, "it is refused before it has started a server"


def processes_of(home: Path) -> list[str]:
    """Command lines of what runs on this home: both environment and arguments name it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if str(home).encode() in words + (folder / "environ").read_bytes() and words:
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has just ended
            continue
    return found


def wait_for(happened: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, f"did not happen within {timeout_s:.0f} s"
        time.sleep(0.2)


def interrupted(home: Path, at: str, number: signal.Signals, log: Path) -> int:
    """Start a refresh of few films, signal it and its group, as a terminal does, in the step `at`; its exit code."""
    words = [str(OSTINATO), "refresh", "--films", "15", "--as-of", AS_OF.isoformat()]
    with log.open("w") as out:
        process = subprocess.Popen(words, env=environment(home), stdout=out, stderr=out, start_new_session=True)
        try:
            wait_for(lambda: f"... {at}" in log.read_text() or process.poll() is not None, 120)
            time.sleep(0.5)
            os.killpg(process.pid, number)
            return process.wait(30)
        finally:
            process.kill()


@pytest.mark.proof
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found through /proc")
@pytest.mark.parametrize("at", ["Films from TMDB", "Tables, collected"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_a_refresh_leaves_no_process(tmp_path: Path, at: str, number: signal.Signals) -> None:
    log = tmp_path / "log"
    assert interrupted(tmp_path / "home", at, number, log) == 130
    assert log.read_text().splitlines()[-1].startswith("Stopped. Nothing half-done is served")
    assert "Traceback" not in log.read_text()
    wait_for(lambda: not processes_of(tmp_path / "home"), 5)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found through /proc")
def test_after_a_kill_the_servers_end_and_the_next_run_works(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert interrupted(home, "Films from TMDB", signal.SIGKILL, tmp_path / "log") == -signal.SIGKILL
    wait_for(lambda: not any("python" in line for line in processes_of(home)), 20)
    done = ostinato(home, "refresh", "--films", "15", "--as-of", AS_OF.isoformat(), "--json", timeout_s=240)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["in_warehouse"]["films"] == 15
    wait_for(lambda: not processes_of(home), 5)  # the killed run's browser too
    assert not list((home / "browser").glob("[0-9]*-*"))


@pytest.mark.proof
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OSTINATO_TMDB_API_KEY": "wrong-key"}, "set OSTINATO_TMDB_API_KEY to a valid one"),
        ({"OSTINATO_SPOTIFY_CLIENT_ID": "wrong", "OSTINATO_SPOTIFY_CLIENT_SECRET": "wrong"}, "OSTINATO_SPOTIFY_CLIENT"),
    ],
)
def test_a_wrong_key_is_named_and_the_earlier_catalogue_stays(
    home: Path, tmp_path: Path, variables: dict[str, Any], said: str
) -> None:
    mine = tmp_path / "home"
    shutil.copytree(home, mine, symlinks=True)
    before = snapshots(mine)
    assert said in fault_in_a_world(ostinato(mine, "refresh", "--films", "15", timeout_s=120, **variables))
    assert snapshots(mine) == before
    assert json.loads(ostinato(mine, "query", "--json", "select count(*) as n from track").stdout) == [{"n": 12}]


@pytest.mark.proof
def test_a_machine_without_network_says_so_and_publishes_nothing(tmp_path: Path) -> None:
    names = ("tmdb", "tmdb_api", "imdb", "melon", "spotify_api", "spotify_accounts", "reccobeats")
    nowhere = json.dumps(dict.fromkeys(names, "http://127.0.0.1:9"))  # the port of `discard`: nobody listens
    began = time.monotonic()
    done = ostinato(tmp_path, "refresh", "--profile", "live", timeout_s=150, OSTINATO_SITES=nowhere)
    assert fault_in_a_world(done).startswith("None of the sites could be reached")
    assert time.monotonic() - began < 120
    assert not (tmp_path / "live" / "serving").exists()


@pytest.mark.proof
def test_an_import_and_a_refresh_without_fetching_publish(tmp_path: Path) -> None:
    assert ostinato(tmp_path, "import", write_tracks(tmp_path / "tracks.csv"), "--profile", "sandbox").returncode == 0
    done = ostinato(tmp_path, "refresh", "--skip-fetch", "--json", timeout_s=240)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["published"]["n_rows"]["track"] == 12
    assert json.loads(ostinato(tmp_path, "status", "--json").stdout)["champions"] == {"track-mood": "1"}
