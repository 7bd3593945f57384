"""Melon's charts: those that are due each night, and how one chart lands in the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from tasks.collecting.asking import ask, open_session
from tasks.collecting.batches import land, n_rows_of, with_provenance
from tasks.collecting.charts.songs import collect_songs
from tasks.collecting.report import Progress, SourceReport
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.policy import base_url
from tasks.settings import SEOUL, Settings, today
from tasks.sources import melon, melon_address
from tasks.sources.melon import CHART_LENGTH, ChartRow
from tasks.sources.parsed import Parsed

AGE_SCOPES = ("KPOP", "POP")
NIGHTLY_HOUR = time(3)  # the TOP100 of a past day is that of the hour at which the nightly run starts


@dataclass(frozen=True, slots=True)
class ChartQuestion:
    """One chart to fetch: its address, and the batch that holds it, which a repeat replaces."""

    name: str
    url: str
    batch_key: str
    place: melon_address.ChartPlace


def collect_charts(settings: Settings, as_of: date, progress: Progress | None = None) -> list[SourceReport]:
    """Bring the charts that are due on `as_of` into the lake, then the song pages it does not hold yet.

    A chart that the lake holds whole is not asked for again: a closed period never changes, and of the TOP100
    one hour a day is kept. Reports charts and songs apart.
    """
    tell = progress or (lambda done, total: None)
    with open_session(settings, "melon") as session:
        questions = due_charts(settings, as_of)
        charts = SourceReport("melon", "chart", n_due=len(questions))
        for n_done, question in enumerate(questions, start=1):
            answer, parsed = ask(session, question.url, melon.parse_chart)
            if answer.was_asked:
                _land(settings, as_of, question, answer, parsed)
            count_chart(charts, question, answer, parsed)
            tell(n_done, len(questions))
        charts.close(session.closed)
        songs = collect_songs(settings, session, as_of, tell, n_before=len(questions))
    if not songs.states and not charts.n_rows and songs.state is FetchState.OK:
        songs.state = charts.state  # without charts nobody knows what songs there are
    return [charts, songs]


def due_charts(settings: Settings, as_of: date) -> list[ChartQuestion]:
    """TOP100 of the day, the newest closed month, both age charts of the last closed year; less what is there."""
    base = base_url(settings, "melon")
    month = (as_of.replace(day=1) - timedelta(days=1)).replace(day=1)
    year = as_of.year - 1
    hour = datetime.now(SEOUL) if as_of == today() else datetime.combine(as_of, NIGHTLY_HOUR)
    asked_hour = None if as_of == today() else hour  # the page then names its own hour
    all_classes = melon_address.ALL_CLASSES
    questions = [
        ChartQuestion(
            f"TOP100 of {as_of}",
            melon_address.top100_url(base, asked_hour),
            f"top100-{all_classes}-{as_of}",
            melon_address.ChartPlace("top100", all_classes, f"{hour:%Y-%m-%dT%H}"),
        ),
        closed_period(melon_address.month_url(base, month), f"month {month:%Y-%m}"),
        *(closed_period(melon_address.age_url(base, year, scope), f"{scope} of {year}") for scope in AGE_SCOPES),
    ]
    return [
        question
        for question in questions
        if n_rows_of(settings.lake, "melon", "chart", question.batch_key) < CHART_LENGTH
    ]


def closed_period(url: str, name: str) -> ChartQuestion:
    """The question for a chart that no longer changes; its place is what its address says."""
    place = melon_address.chart_place(url)
    return ChartQuestion(name, url, f"{place.chart}-{place.scope}-{place.period}", place)


def chart_rows(question: ChartQuestion, answer: Answer, parsed: Parsed[ChartRow]) -> list[dict[str, Any]]:
    """Rows as they land: a page may name its hour better than the question, but every chart has a place."""
    rows = with_provenance(parsed.rows, answer)
    for row in rows:
        row["chart"] = row["chart"] or question.place.chart
        row["scope"] = row["scope"] or question.place.scope
        row["period"] = row["period"] or question.place.period
    return rows


def reread_chart(body: bytes, key: str, url: str) -> Parsed[ChartRow]:
    """The rows of an archived chart page; of a TOP100 that does not name its hour the key knows the day."""
    parsed = melon.parse_chart(body, url)
    place, (chart, scope, period) = melon_address.chart_place(url), key.split("-", 2)
    for row in parsed.rows:
        row["chart"] = row["chart"] or place.chart or chart
        row["scope"] = row["scope"] or place.scope or scope
        row["period"] = row["period"] or place.period or period
    return parsed


def count_chart(report: SourceReport, question: ChartQuestion, answer: Answer, parsed: Parsed[ChartRow]) -> None:
    """Add one chart to the report, and say what is wrong with it."""
    report.count(answer, parsed.state)
    report.n_rows += len(parsed.rows)
    report.n_answered += parsed.state is FetchState.OK
    if not answer.was_asked:
        report.skip([question.name], parsed.state, parsed.reason)
    if parsed.state is not FetchState.OK:
        report.miss([question.name], parsed.state)
        report.notes.append(
            f"Melon's chart {question.name} was not read ({parsed.reason}); run the refresh again later."
        )
    elif parsed.is_cut:
        report.notes.append(f"Melon's chart {question.name} holds {len(parsed.rows)} of {CHART_LENGTH} rows.")


def _land(settings: Settings, as_of: date, question: ChartQuestion, answer: Answer, parsed: Parsed[ChartRow]) -> None:
    fetched = [answer.manifest_row("chart", question.batch_key, parsed.state, parsed.reason)]
    tables = {"chart": chart_rows(question, answer, parsed), "fetch": fetched}
    land(settings.lake, "melon", tables, question.batch_key, as_of)
