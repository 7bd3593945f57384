"""Melon's charts of the day, month and year, and the pages of the songs on them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias

import pyarrow.compute as pc

from tasks import lake
from tasks.collecting.batches import (
    ask_while_open,
    content_key,
    in_chunks,
    land,
    less,
    n_rows_of,
    read_since,
    with_provenance,
)
from tasks.collecting.report import Progress, SourceReport
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import SEOUL, Settings, today
from tasks.sources import melon, melon_address
from tasks.sources.melon import CHART_LENGTH, ChartRow, SongRow
from tasks.sources.parsed import Parsed

AGE_SCOPES = ("KPOP", "POP")
NIGHTLY_HOUR = time(3)  # the TOP100 of a past day is that of the hour at which the nightly run starts
SONGS_A_BATCH = 100
MAX_OVERLOADS = 5  # overload pages in a row, after which Melon is left alone for the run
MAX_SONG_PAGES = 300  # a night; Melon turns clients away that ask for many hundreds


@dataclass(frozen=True, slots=True)
class ChartQuestion:
    """One chart to fetch: its address, and the batch that holds it, which a repeat replaces."""

    name: str
    url: str
    batch_key: str
    place: melon_address.ChartPlace


SongFound: TypeAlias = tuple[str, Answer, Parsed[SongRow]]
"""A song number, the answer for its page, and what was read from it."""


class MelonSite:
    """Melon behind its polite session.

    Its overload page comes with status 200, so that only the parser can tell it from a page; several in a row
    close the site for the run as refusals do.
    """

    def __init__(self, settings: Settings, session: PoliteSession) -> None:
        self._base = base_url(settings, "melon")
        self._session = session
        self._n_broken_in_row = 0

    @property
    def is_closed(self) -> bool:
        """True where Melon is no longer asked in this run."""
        return self._session.is_closed or self._n_broken_in_row >= MAX_OVERLOADS

    @property
    def closed_state(self) -> FetchState | None:
        """What closed it; null while it is open."""
        return self._session.closed or (FetchState.BROKEN if self.is_closed else None)

    def chart(self, question: ChartQuestion) -> tuple[Answer, Parsed[ChartRow]]:
        """One chart's page, and what was read from it."""
        answer = self._session.get(question.url)
        return answer, self._judged(answer, melon.parse_chart(answer.body, question.url))

    def song(self, song_id: str) -> SongFound:
        """One song's page, and what was read from it."""
        url = melon_address.song_url(self._base, song_id)
        answer = self._session.get(url)
        return song_id, answer, self._judged(answer, melon.parse_song(answer.body, url))

    def _judged(self, answer: Answer, parsed: Parsed[Any]) -> Parsed[Any]:
        """The parser's word where a page came; the answer's own state else."""
        judged = parsed if answer.state is FetchState.OK else Parsed([], answer.state, answer.reason)
        self._n_broken_in_row = self._n_broken_in_row + 1 if judged.state is FetchState.BROKEN else 0
        return judged


def collect_charts(settings: Settings, as_of: date, progress: Progress | None = None) -> list[SourceReport]:
    """Bring the charts that are due on `as_of` into the lake, then the song pages it does not hold yet.

    A chart that the lake holds whole is not asked for again: a closed period never changes, and of the TOP100
    one hour a day is kept. Reports charts and songs apart.
    """
    tell = progress or (lambda done, total: None)
    with PoliteSession(settings, "melon") as session:
        site = MelonSite(settings, session)
        questions = due_charts(settings, as_of)
        charts = SourceReport("melon", "chart")
        for n_done, question in enumerate(questions, start=1):
            _collect_chart(settings, site, as_of, question, charts)
            tell(n_done, len(questions))
        charts.close(site.closed_state)
        due = unknown_songs(settings, as_of, session.policy.fresh_for)
        songs = _collect_songs(settings, site, as_of, due, tell, n_before=len(questions))
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
        _closed_period(melon_address.month_url(base, month), f"month {month:%Y-%m}"),
        *(_closed_period(melon_address.age_url(base, year, scope), f"{scope} of {year}") for scope in AGE_SCOPES),
    ]
    return [
        question
        for question in questions
        if n_rows_of(settings.lake, "melon", "chart", question.batch_key) < CHART_LENGTH
    ]


def _closed_period(url: str, name: str) -> ChartQuestion:
    place = melon_address.chart_place(url)
    return ChartQuestion(name, url, f"{place.chart}-{place.scope}-{place.period}", place)


def _collect_chart(
    settings: Settings, site: MelonSite, as_of: date, question: ChartQuestion, report: SourceReport
) -> None:
    answer, parsed = site.chart(question)
    rows = with_provenance(parsed.rows, answer)
    for row in rows:  # a page may name its hour better than the question, but every chart has a place
        row["chart"] = row["chart"] or question.place.chart
        row["scope"] = row["scope"] or question.place.scope
        row["period"] = row["period"] or question.place.period
    fetched = [answer.manifest_row("chart", question.batch_key, parsed.state, parsed.reason)]
    land(settings.lake, "melon", {"fetch": fetched, "chart": rows}, question.batch_key, as_of)
    report.count(answer, parsed.state)
    report.n_rows += len(rows)
    if parsed.state is not FetchState.OK:
        report.notes.append(
            f"Melon's chart {question.name} was not read ({parsed.reason}); run the refresh again later."
        )
    elif parsed.is_cut:
        report.notes.append(f"Melon's chart {question.name} holds {len(rows)} of {CHART_LENGTH} rows.")


def _collect_songs(
    settings: Settings, site: MelonSite, as_of: date, due: Sequence[str], tell: Progress, n_before: int
) -> SourceReport:
    report = SourceReport("melon", "song")
    wanted = due if settings.is_sandbox else due[:MAX_SONG_PAGES]
    n_workers = settings.max_workers if settings.is_sandbox else 1
    n_done = n_before
    with ThreadPoolExecutor(n_workers, thread_name_prefix="melon") as pool:
        for song_ids in in_chunks(wanted, SONGS_A_BATCH):
            found = ask_while_open(pool, site, site.song, song_ids)
            _land_songs(settings, as_of, found, report)
            n_done += len(song_ids)
            tell(n_done, n_before + len(wanted))
            if site.is_closed:
                break
    n_left = len(due) - report.n_rows - report.states.get(FetchState.MISSING.value, 0)
    if n_left:
        report.notes.append(f"{n_left} Melon song pages are left for the next run.")
    return report.close(site.closed_state)


def unknown_songs(settings: Settings, as_of: date, fresh_for: timedelta) -> list[str]:
    """Song numbers on the charts in the lake that have no fresh song page, in a fixed order."""
    charted = lake.read(settings.lake, "melon", "chart", ["song_id"])["song_id"].drop_null().unique()
    since = as_of - fresh_for
    known = read_since(settings.lake, "melon", "song", ["song_id"], since)["song_id"]
    fetched = read_since(settings.lake, "melon", "fetch", ["entity", "key", "state"], since)
    is_gone = pc.and_(pc.equal(fetched["entity"], "song"), pc.equal(fetched["state"], FetchState.MISSING.value))
    return less(less(charted, known), fetched.filter(is_gone)["key"])


def _land_songs(settings: Settings, as_of: date, found: Sequence[SongFound], report: SourceReport) -> None:
    rows: list[dict[str, Any]] = []
    fetched: list[dict[str, Any]] = []
    for song_id, answer, parsed in found:
        rows += with_provenance(parsed.rows, answer)
        fetched.append(answer.manifest_row("song", song_id, parsed.state, parsed.reason))
        report.count(answer, parsed.state)
    land(
        settings.lake,
        "melon",
        {"fetch": fetched, "song": rows},
        content_key("songs", [song_id for song_id, _, _ in found]),
        as_of,
    )
    report.n_rows += len(rows)
