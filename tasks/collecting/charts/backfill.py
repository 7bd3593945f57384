"""Melon's charts of past months, weeks and years: a page at a time, at Melon's pace, going on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks import lake
from tasks.collecting.asking import ask, come_back_note, open_session
from tasks.collecting.batches import read_batch
from tasks.collecting.charts.nightly import AGE_SCOPES, ChartQuestion, chart_rows, closed_period, reread_chart
from tasks.collecting.charts.songs import collect_songs
from tasks.collecting.report import Progress, SourceReport, first_of
from tasks.collecting.stopping import stops_held_back
from tasks.fetching import archive
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.policy import base_url
from tasks.settings import OstinatoError, Settings
from tasks.sources import melon, melon_address
from tasks.sources.kinds import PARSER_VERSIONS
from tasks.sources.melon import CHART_LENGTH, SHORTEST_CHART, ChartRow
from tasks.sources.melon_address import ChartPlace
from tasks.sources.parsed import Parsed

FIRST_MONTH = date(1960, 1, 1)  # of the decades that Melon's age charts know


class PastChart(StrEnum):
    """The kinds of past charts."""

    MONTH = "month"
    WEEK = "week"
    YEAR = "year"


def backfill_charts(
    settings: Settings,
    as_of: date,
    first: date,
    last: date,
    kinds: Sequence[PastChart] = (PastChart.MONTH, PastChart.YEAR),
    *,
    with_songs: bool = False,
    progress: Progress | None = None,
) -> list[SourceReport]:
    """Bring every closed chart from the month of `first` to that of `last` into the lake that it does not hold yet.

    Each page lands before the next is asked for, so that a run can be stopped at any moment and the next one goes on;
    charts that failed before come last. `with_songs` then fetches the pages of the songs on them.

    Raises
    ------
    OstinatoError
        When the range holds no closed period.
    """
    tell = progress or (lambda done, total: None)
    report = SourceReport("melon", "chart")
    require_closed_period(as_of, first, last, kinds)
    wanted = past_charts(base_url(settings, "melon"), as_of, first, last, kinds)
    _land_what_a_kill_left(settings, as_of)
    due = _due(settings, wanted)
    report.n_due = len(due)
    n_done = len(wanted) - len(due)
    short: list[str] = []
    tell(n_done, len(wanted))
    with open_session(settings, "melon") as session:
        for question in due:
            if session.closed:
                report.skip([question.name], session.closed)
                continue
            with stops_held_back(), _journal(settings) as journal:
                answer, parsed = ask(session, question.url, melon.parse_chart)
                fetched = answer.manifest_row("chart", question.batch_key, parsed.state, parsed.reason)
                journal.write_text(json.dumps(fetched, default=str), encoding="utf-8")
                if answer.was_asked:
                    _land(settings, as_of, question.place, fetched, chart_rows(question, answer, parsed))
            _count(report, question, answer, parsed)
            if parsed.state is FetchState.OK and parsed.is_cut:
                short.append(f"{question.name} ({len(parsed.rows)})")
            n_done += 1
            tell(n_done, len(wanted))
        report.close(session.closed)
        _annotate(report, len(wanted), len(due), short, come_back_note(session))
        return [report, collect_songs(settings, session, as_of, tell, n_done)] if with_songs else [report]


def require_closed_period(as_of: date, first: date, last: date, kinds: Sequence[PastChart]) -> None:
    """Refuse a range of months that leaves nothing to ask for.

    Raises
    ------
    OstinatoError
        When the range holds no closed period.
    """
    if not past_charts("https://melon.test", as_of, first, last, kinds):
        span = f"lies wholly between {first:%Y-%m} and {last:%Y-%m} and" if first <= last else f"from {first:%Y-%m} on"
        raise OstinatoError(
            f"No {' or '.join(kinds)} chart {span} was closed by {as_of}; name other months, from "
            f"{FIRST_MONTH:%Y-%m} on."
        )


def past_charts(base: str, as_of: date, first: date, last: date, kinds: Sequence[PastChart]) -> list[ChartQuestion]:
    """The charts of all periods that lie wholly in the range of months and had ended by `as_of`, oldest first."""
    start, stop = max(first.replace(day=1), FIRST_MONTH), min(_next_month(last), as_of)
    found: list[tuple[date, ChartQuestion]] = []
    if PastChart.MONTH in kinds:
        found += [
            (month, closed_period(melon_address.past_month_url(base, month), f"month {month:%Y-%m}"))
            for month in _months(start, stop)
        ]
    if PastChart.WEEK in kinds:
        found += [
            (day, closed_period(melon_address.past_week_url(base, day), f"week of {day}"))
            for day in melon_address.first_days_of_weeks(start, stop)
        ]
    if PastChart.YEAR in kinds:
        found += [
            (date(year, 1, 1), closed_period(melon_address.age_url(base, year, scope), f"{scope} of {year}"))
            for year in range(start.year + (start != date(start.year, 1, 1)), stop.year)
            for scope in AGE_SCOPES
        ]
    return [question for _, question in sorted(found, key=lambda one: one[0])]


def _months(start: date, stop: date) -> Iterator[date]:
    while (after := _next_month(start)) <= stop:
        yield start
        start = after


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _due(settings: Settings, wanted: Sequence[ChartQuestion]) -> list[ChartQuestion]:
    """What the lake does not hold yet: first what was never asked for, then what failed, each oldest first."""
    held = lake.read(settings.lake, "melon", "chart", ["chart", "scope", "period"])
    counts = held.group_by(["chart", "scope", "period"]).aggregate([([], "count_all")])
    whole = counts.filter(pc.greater_equal(counts["count_all"], SHORTEST_CHART))
    known = set(zip(*(whole[name].to_pylist() for name in ("chart", "scope", "period")), strict=True))
    asked = lake.read(settings.lake, "melon", "fetch", ["entity", "key"])
    tried = set(asked.filter(pc.equal(asked["entity"], "chart"))["key"].to_pylist())
    due = [q for q in wanted if (q.place.chart, q.place.scope, q.place.period) not in known]
    return sorted(due, key=lambda question: question.batch_key in tried)


@contextmanager
def _journal(settings: Settings) -> Iterator[Path]:
    """The file that names the page under way between its arrival and its landing, for a run that is killed there."""
    file = settings.world / "backfill.journal"
    yield file
    file.unlink(missing_ok=True)


def _land_what_a_kill_left(settings: Settings, as_of: date) -> None:
    """Land the page that a killed run had fetched and archived, and no more."""
    with _journal(settings) as journal:
        try:
            fetched = json.loads(journal.read_text(encoding="utf-8"))
            body = archive.load(settings.pages, fetched["page_sha256"] or "")
        except (OSError, ValueError, TypeError, KeyError):
            return  # nothing was under way, or the kill came before all of it was written
        fetched["fetched_at"] = datetime.fromisoformat(fetched["fetched_at"])
        parsed = reread_chart(body, fetched["key"], fetched["url"])
        provenance = {name: fetched[name] for name in ("fetched_at", "page_sha256")}
        rows = [{**row, **provenance} for row in parsed.rows] if fetched["state"] == FetchState.OK else []
        _land(settings, as_of, melon_address.chart_place(fetched["url"]), fetched, rows)


def _land(
    settings: Settings, as_of: date, place: ChartPlace, fetched: dict[str, Any], rows: Sequence[dict[str, Any]]
) -> None:
    """Add a page to the batch of its kind and year: 44 files for 2,000 weeks, and not one of them lost to a stop."""
    batch_key = f"backfill-{place.chart}-{place.scope}-{(place.period or '')[:4]}-{as_of}"
    version = PARSER_VERSIONS["melon", "chart"] if fetched["is_page"] else None
    pages = [{**fetched, "parser_version": version}]
    for entity, new, key, value in (("chart", rows, "period", place.period), ("fetch", pages, "key", fetched["key"])):
        held = read_batch(settings.lake, "melon", entity, batch_key)
        others = held.filter(pc.not_equal(held[key], value))
        table = pa.concat_tables([others, pa.Table.from_pylist(list(new), schema=held.schema)])
        lake.write_batch(settings.lake, "melon", entity, table, batch_key=batch_key, ingest_date=as_of)


def _count(report: SourceReport, question: ChartQuestion, answer: Answer, parsed: Parsed[ChartRow]) -> None:
    report.count(answer, parsed.state)
    report.n_rows += len(parsed.rows)
    report.n_answered += parsed.state is FetchState.OK
    if not answer.was_asked:
        report.skip([question.name], parsed.state, parsed.reason)
    if parsed.state is not FetchState.OK:
        report.miss([question.name], parsed.state)


def _annotate(report: SourceReport, n_wanted: int, n_due: int, short: Sequence[str], come_back: str) -> None:
    report.notes.append(
        f"{n_wanted - len(report.missing)} of {n_wanted} charts are in the lake, "
        f"{n_wanted - n_due} of them from earlier runs."
    )
    if short:
        report.notes.append(f"Fewer than {CHART_LENGTH} rows, and kept so: {first_of(short)}.")
    if report.missing:
        names = [f"{name} ({state})" for name, state in report.missing.items()]
        again = f"run the same command again later, it asks for these alone{come_back}"
        report.notes.append(f"Not read: {first_of(names)}; {again}.")
        if n_unasked := sum(report.unasked.values()):
            report.notes[-1] += f" {n_unasked:,} of them were not asked for."
