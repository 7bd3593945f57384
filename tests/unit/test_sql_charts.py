"""Charts of past months and years, as the backfill lands them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sql_world import EARLIER, NOW, Row, failing, place, rows

from tasks.lake import write_batch
from tasks.settings import Profile, Settings
from tasks.warehouse.audit import run_checks
from tasks.warehouse.building import build
from tasks.warehouse.connection import open_warehouse

YEARS = range(1980, 2024)
PLACES = 100


def chart(kind: str, scope: str, period: str, first_song: int) -> list[Row]:
    return [
        place(kind, scope, period, rank, str(first_song + rank), f"Song {first_song + rank}", ["Singer"])
        for rank in range(1, PLACES + 1)
    ]


def test_six_hundred_backfilled_charts_flow_through(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE, threads=2)
    charts = {
        f"month-GN0000-{year}-{month:02}": chart("month", "GN0000", f"{year}-{month:02}", 1000 * (year - 1980))
        for year in YEARS
        for month in range(1, 13)
    }
    for year in YEARS:
        charts[f"age_year-KPOP-{year}"] = chart("age_year", "KPOP", str(year), 1000 * (year - 1980))
        charts[f"age_year-POP-{year}"] = chart("age_year", "POP", str(year), 1000 * (year - 1980) + 500)
    for key, places in charts.items():
        landed = [{**row, "fetched_at": EARLIER} for row in places]
        write_batch(settings.lake, "melon", "chart", landed, batch_key=key, ingest_date=date(2026, 1, 1))
    again = [{**row, "fetched_at": NOW} for row in chart("month", "GN0000", "1980-01", 900_000)]
    write_batch(settings.lake, "melon", "chart", again, batch_key="again", ingest_date=date(2026, 1, 2))
    build(settings)
    with open_warehouse(settings, read_only=True) as con:
        per_chart = (
            "select chart, scope, count(distinct period), count(*) from marts.chart_entry group by all order by 1, 2"
        )
        assert rows(con, per_chart) == [
            ("age_year", "KPOP", len(YEARS), PLACES * len(YEARS)),
            ("age_year", "POP", len(YEARS), PLACES * len(YEARS)),
            ("month", "GN0000", 12 * len(YEARS), 12 * PLACES * len(YEARS)),
        ]
        reread = "select title from marts.chart_entry where chart = 'month' and period = '1980-01' and rank = 1"
        assert rows(con, reread) == [("Song 900001",)]
        songs = "select origin, count(*) from marts.track group by origin"  # those read again are on no domestic chart
        assert dict(rows(con, songs)) == {"kpop": PLACES * len(YEARS), "pop": PLACES * len(YEARS) + PLACES}
        assert failing(con, "short_charts") == failing(con, "melon_rank_ties") == []
    assert [check.check for check in run_checks(settings) if check.stops_publishing] == []
