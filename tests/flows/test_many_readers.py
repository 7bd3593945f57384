"""Ten readers in processes of their own ask the served catalogue in a loop while twenty publishes happen."""

from __future__ import annotations

import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
from one_night import AS_OF, forks

from tasks import warehouse
from tasks.lake import utc_now, write_batch
from tasks.settings import Settings
from tasks.warehouse import CatalogueReader

N_READERS, N_PUBLISHES, N_TRACKS = 10, 20, 200
PAUSE_S = 0.2  # ten readers on two cores leave room for the publisher
GENERATIONS = (
    "select distinct album from track",
    "select distinct overview from film",
    "select distinct album from chart_entry",
    "select run_id from snapshot",
)


def read(settings: Settings, style: int, stop: Event, told: Any) -> None:
    """Ask until told to stop; report how often, which generations were seen, and any fault."""
    seen: list[str] = []
    n_read, reader = 0, CatalogueReader(settings)
    try:
        while not stop.is_set():
            opened = reader.connection() if style % 2 else warehouse.open_catalogue(settings)
            with opened as con:
                answers = [con.execute(sql).fetchall() for sql in GENERATIONS]
                stop.wait(PAUSE_S)  # a publish may well fall between two questions
                answers += [con.execute(sql).fetchall() for sql in reversed(GENERATIONS)]
            first = answers[0]
            assert len(first) == 1, first
            assert all(answer == first for answer in answers), answers
            n_read += 1
            stop.wait(PAUSE_S)
            if not seen or seen[-1] != first[0][0]:
                seen.append(first[0][0])
        told.put((n_read, seen, ""))
    except BaseException as fault:
        told.put((n_read, seen, repr(fault)))
        raise
    finally:
        reader.close()


def publish(settings: Settings, generation: int) -> None:
    """A catalogue all of whose tables say of which generation they are."""
    name = f"{generation:03}"
    with warehouse.open_warehouse(settings) as con:
        con.execute("update marts.track set album = ?", [name])
        con.execute("update marts.film set overview = ?", [name])
        con.execute("update marts.chart_entry set album = ?", [name])
    warehouse.publish(settings, run_id=name, as_of=AS_OF, code_version="test")


@pytest.fixture
def built(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, threads=1, keep_snapshots=2)
    now = {"fetched_at": utc_now()}
    tracks = [{"track_id": f"t{n}", "title": f"S {n}", "artists": ["IU"], "album": "a", **now} for n in range(N_TRACKS)]
    films = [{"tmdb_id": n + 1, "imdb_id": f"tt{n:07}", "title": f"F {n}", "overview": "o", **now} for n in range(50)]
    place = {"chart": "day", "scope": "KPOP", "period": "2026-11-20", "album": "a", "artists": ["IU"], **now}
    places = [{**place, "rank": n + 1, "song_id": f"{n}", "title": f"Hit {n}"} for n in range(100)]
    for source, entity, rows in (("spotify", "track", tracks), ("tmdb", "film", films), ("melon", "chart", places)):
        write_batch(settings.lake, source, entity, rows, batch_key="all", ingest_date=AS_OF)
    warehouse.build(settings, training=False)
    return settings


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_ten_readers_and_twenty_publishes(built: Settings) -> None:
    publish(built, 0)
    stop, told = forks.Event(), forks.Queue()
    readers = [forks.Process(target=read, args=(built, style, stop, told)) for style in range(N_READERS)]
    for reader in readers:
        reader.start()
    try:
        for generation in range(1, N_PUBLISHES + 1):
            publish(built, generation)
    finally:
        time.sleep(1)
        stop.set()
    reports = [told.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(30)
    assert [fault for _, _, fault in reports if fault] == []
    assert [reader.exitcode for reader in readers] == [0] * N_READERS
    for n_read, seen, _ in reports:
        assert n_read > N_PUBLISHES / 2
        assert seen == sorted(seen), "nobody is taken back to an older catalogue"
        assert seen[-1] == f"{N_PUBLISHES:03}"
    assert max(len(seen) for _, seen, _ in reports) > N_PUBLISHES / 2
    publish(built, N_PUBLISHES + 1)
    assert len(warehouse.list_snapshots(built)) == built.keep_snapshots, "when all have gone, so have the old ones"
    print(
        f"{sum(n_read for n_read, _, _ in reports)} readings of up to {max(len(s) for _, s, _ in reports)} catalogues"
    )
