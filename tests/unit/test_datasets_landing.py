"""Files land all together or not at all, the same content replaces itself, and what is no use is refused."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_files import DAY, csv_text, landed, live_world, load, nothing_landed, rejected, sample_row, save, tracks
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import lake
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import OstinatoError, Settings
from tasks.sources.datasets import import_files
from tasks.sources.datasets.kinds import SOURCE


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return live_world(tmp_path / "home")


def test_the_same_content_again_replaces_itself_under_any_name(world: Settings, tmp_path: Path) -> None:
    path = save(tmp_path / "tracks.csv", [*tracks(), *tracks(1, energy="high")])
    first = load(world, path)
    second = import_files(world, [path.rename(tmp_path / "other")], date(2025, 2, 1))[0]
    assert first.batch.name == second.batch.name
    assert first.reject_file == second.reject_file
    assert len(landed(world)) == 3
    assert len(rejected(second)) == 1
    load(world, save(tmp_path / "more.csv", tracks(4)))
    assert len(landed(world)) == 7


def test_the_same_file_named_twice_lands_once(world: Settings, tmp_path: Path) -> None:
    path = save(tmp_path / "tracks.csv", tracks())
    reports = import_files(world, [path, path], DAY)
    assert [report.n_rows for report in reports] == [3, 3]
    assert len(landed(world)) == 3


def test_rows_that_were_mended_leave_no_old_rejects(world: Settings, tmp_path: Path) -> None:
    report = load(world, save(tmp_path / "tracks.csv", [*tracks(), *tracks(1, energy="high")]))
    assert report.reject_file is not None
    stale = report.reject_file.with_name(f"{load(world, save(tmp_path / 'good.csv', tracks())).batch.stem}.csv")
    stale.write_text("of an earlier version of the checks")
    load(world, tmp_path / "good.csv")
    assert not stale.exists()
    assert report.reject_file.exists()


def test_where_the_rows_come_from_is_kept(world: Settings, tmp_path: Path) -> None:
    load(world, save(tmp_path / "tracks.csv", tracks()))
    table = lake.read(world.lake, SOURCE, "spotify_tracks")
    assert table.schema.equals(LAKE_SCHEMAS[(SOURCE, "spotify_tracks")])
    assert table["fetched_at"].null_count == 0
    assert table["page_sha256"].null_count == 3


CSV = csv_text(tracks(200)).encode()


def parquet_bytes() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(tracks(200)), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\n ", "holds no text"),
        (b"\xef\xbb\xbf", "holds no text"),
        (CSV.split(b"\n")[0], "has a header line but no rows"),
        (CSV.split(b"\n")[0] + b"\n\n\n", "has a header line but no rows"),
        (b"title,year\nMoana,2016\n", "fits no known kind"),
        (b"just a letter\n\nDear reader,\n", "fits no known kind"),
        (b"a,b\0c\n1,2\n", "is neither Parquet nor text"),
        (csv_text(tracks()).encode("utf-16"), "is UTF-16 text, which cannot be imported"),
        (b"PK\x03\x04" + bytes(100), "is a zip archive or an Excel workbook"),
        (b"PAR1", "is damaged or cut off and cannot be read as Parquet"),
        (parquet_bytes()[:-1000], "is damaged or cut off and cannot be read as Parquet"),
        (parquet_bytes()[:200] + bytes(3000) + parquet_bytes()[3200:], "is damaged or cut off and cannot be read"),
        (gzip.compress(CSV)[:-12], "is damaged or cut off and cannot be read as CSV"),
        (gzip.compress(CSV)[:20], "is damaged or cut off and cannot be read as CSV"),
        (gzip.compress(CSV)[:-8] + bytes(8), "is damaged or cut off and cannot be read as CSV"),
        (gzip.compress(b""), "holds no text"),
        (gzip.compress(parquet_bytes()), "is Parquet inside gzip"),
        (
            csv_text(tracks(energy="high")).encode(),
            "none of its 3 rows could be read (3 times: energy is not a number)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_use_is_refused_in_one_sentence(
    world: Settings, tmp_path: Path, content: bytes, sentence: str
) -> None:
    good, bad = save(tmp_path / "good.csv", tracks()), tmp_path / "bad.parquet"
    bad.write_bytes(content)
    with pytest.raises(OstinatoError) as fault:
        import_files(world, [good, bad], DAY)
    message = str(fault.value)
    assert message.startswith(str(bad))
    assert sentence in message
    assert "\n" not in message
    assert len(message) < 600
    assert nothing_landed(world)


def test_parquet_without_rows_is_refused(world: Settings, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(tracks()).slice(0, 0), tmp_path / "none.parquet")
    with pytest.raises(OstinatoError, match="has columns but no rows"):
        load(world, tmp_path / "none.parquet")


def test_the_rejects_of_a_file_without_a_good_row_can_be_looked_at(world: Settings, tmp_path: Path) -> None:
    with pytest.raises(OstinatoError, match=r"see .*\.csv, mend the file") as fault:
        load(world, save(tmp_path / "bad.csv", tracks(energy="high")))
    rejects = Path(str(fault.value).split("; see ")[1].split(", mend")[0])
    assert rejects.is_relative_to(world.world / "rejects")
    assert len(rejects.read_text().splitlines()) == 4
    assert nothing_landed(world)


def test_all_files_that_are_refused_are_named_at_once(world: Settings, tmp_path: Path) -> None:
    unknown = tmp_path / "unknown.csv"
    unknown.write_text("a,b\n1,2\n")
    with pytest.raises(OstinatoError, match=r"2 of 2 files are refused, so none was imported") as found:
        import_files(world, [unknown, tmp_path / "nowhere.csv"], DAY)
    assert "unknown.csv" in str(found.value)
    assert "nowhere.csv does not exist" in str(found.value)


def test_a_missing_file_and_a_folder_are_refused(world: Settings, tmp_path: Path) -> None:
    with pytest.raises(OstinatoError, match=r"nowhere\.csv does not exist"):
        load(world, tmp_path / "nowhere.csv")
    with pytest.raises(OstinatoError, match="is a folder"):
        load(world, tmp_path)


def test_a_name_that_cannot_be_a_path_is_refused(world: Settings, tmp_path: Path) -> None:
    with pytest.raises(OstinatoError, match="cannot be reached"):
        load(world, tmp_path / ("x" * 300))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OstinatoError, match="is no ordinary file"):
        load(world, tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(world: Settings, tmp_path: Path) -> None:
    path = save(tmp_path / "tracks.csv", tracks())
    path.chmod(0)
    with pytest.raises(OstinatoError, match="may not be read"):
        load(world, path)


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    world = live_world(tmp_path / "home")
    with pytest.raises(OstinatoError, match=r"could not be written: .*OSTINATO_HOME"):
        load(world, save(tmp_path / "tracks.csv", tracks()))
    with pytest.raises(OstinatoError, match=r"could not be written: .*OSTINATO_HOME"):
        load(world, save(tmp_path / "tracks.csv", tracks(energy="high")))


def test_a_fault_half_way_leaves_what_was_there(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sources.datasets.reading.BLOCK_BYTES", 2_000)
    earlier = load(world, save(tmp_path / "tracks.csv", tracks()))
    before = earlier.batch.read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(CSV)[:-12])
    with pytest.raises(OstinatoError, match="cut off"):
        import_files(world, [tmp_path / "tracks.csv", tmp_path / "cut.csv.gz"], DAY)
    assert earlier.batch.read_bytes() == before
    assert len(landed(world)) == 3
    assert list(world.home.rglob("*.part")) == []


KILLED_IMPORTS = """
import os, signal, sys
from datetime import date
from pathlib import Path
from tasks.settings import Profile, Settings
from tasks.sources.datasets import import_files

home, is_there, *paths = sys.argv[1:]
paths = [Path(path) for path in paths]

def import_killed_at_move(last):
    world = Settings(home=Path(home) / str(last), profile=Profile.LIVE)
    if is_there == "True":
        import_files(world, paths, date(2025, 1, 1))
    n_moves = 0
    def count(event, arguments):
        nonlocal n_moves
        if event in ("os.rename", "os.remove"):
            n_moves += 1
            if n_moves == last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    import_files(world, paths, date(2025, 2, 1))
    os._exit(0)

for last in range(1, 50):
    child = os.fork() or import_killed_at_move(last)
    _, status = os.waitpid(child, 0)
    if status != signal.SIGKILL:
        print(status, last)
        break
"""


def batches(world: Settings) -> list[Path]:
    tables = ("film_track_links", "spotify_tracks")
    return [file for table in tables for file in lake.batch_files(world.lake, SOURCE, table)]


@pytest.mark.proof
@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there from another day"])
def test_a_kill_at_any_move_lands_all_or_none(tmp_path: Path, is_there: bool) -> None:
    paths = [
        save(tmp_path / "tracks.csv", tracks()),
        save(tmp_path / "more.csv", [*tracks(2), *tracks(1, energy="high")]),
        save(tmp_path / "links.parquet", [sample_row("film_track_links")]),
    ]
    command = [sys.executable, "-c", KILLED_IMPORTS, str(tmp_path / "homes"), str(is_there), *map(str, paths)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    status, n_imports = map(int, told.split())
    assert status == 0
    days = []
    for number in range(1, n_imports + 1):
        world = live_world(tmp_path / "homes" / str(number))
        n_rows = len(landed(world)) + len(landed(world, "film_track_links"))
        days.append({file.parent.name for file in batches(world)})
        assert (n_rows, len(batches(world)), len(days[-1])) in [(6, 3, 1), (0, 0, 0)]
        import_files(world, paths, DAY)
        assert len(landed(world)) == 5
        assert len(batches(world)) == 3
    before, after = {"ingest_date=2025-01-01"} if is_there else set(), {"ingest_date=2025-02-01"}
    n_before = days.index(after)
    assert n_before >= 2, "killed before a reject file and the journal were in place"
    assert n_imports - n_before >= 4, "killed before each file's move, and when all was done"
    assert days == [before] * n_before + [after] * (n_imports - n_before)


HEADER = CSV.split(b"\n")[0] + b"\n"


@settings(max_examples=150, deadline=None)
@given(
    start=st.sampled_from(
        [b"", HEADER, CSV[:700], b"PAR1", gzip.compress(HEADER), b"\xef\xbb\xbf", parquet_bytes()[:500]]
    ),
    rest=st.binary(max_size=300) | st.text("\",\n\r;'[]\\ab1é", max_size=300).map(str.encode),
    is_zipped=st.booleans(),
)
def test_no_content_whatever_brings_more_than_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes, is_zipped: bool
) -> None:
    home = tmp_path_factory.mktemp("hostile")
    (home / "file").write_bytes(gzip.compress(start + rest) if is_zipped else start + rest)
    world = live_world(home / "home")
    try:
        report = load(world, home / "file")
    except OstinatoError as fault:
        assert "\n" not in str(fault)
        assert nothing_landed(world)
    else:
        assert report.n_rows == len(landed(world))
