"""The pages of the songs on Melon's charts: album, date and genre."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, TypeAlias

import pyarrow.compute as pc

from tasks import lake
from tasks.collecting.asking import ask, come_back_note
from tasks.collecting.batches import ask_while_open, content_key, in_chunks, land, less, read_since, with_provenance
from tasks.collecting.report import FINE, Progress, SourceReport
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import Settings
from tasks.sources import melon, melon_address
from tasks.sources.melon import SongRow
from tasks.sources.parsed import Parsed

SONGS_A_BATCH = 100
MAX_SONG_PAGES = 300  # a night; Melon turns clients away that ask for many hundreds

SongFound: TypeAlias = tuple[str, Answer, Parsed[SongRow]]
"""A song number, the answer for its page, and what was read from it."""


def collect_songs(
    settings: Settings, session: PoliteSession, as_of: date, tell: Progress, n_before: int = 0
) -> SourceReport:
    """Bring the pages of charted songs that have no fresh one into the lake; `n_before` steps are told as done."""
    due = unknown_songs(settings, as_of, session.policy.fresh_for)
    wanted = due if settings.is_sandbox else due[:MAX_SONG_PAGES]
    report = SourceReport("melon", "song", n_due=len(wanted))
    n_workers = settings.max_workers if settings.is_sandbox else 1
    n_done = 0
    with ThreadPoolExecutor(n_workers, thread_name_prefix="melon") as pool:
        for song_ids in in_chunks(wanted, SONGS_A_BATCH):
            found = ask_while_open(pool, session, lambda song_id: _fetch(settings, session, song_id), song_ids)
            _land(settings, as_of, found, report)
            n_done += len(song_ids)
            tell(n_before + n_done, n_before + len(wanted))
            if session.is_closed:
                left = set(song_ids) - {song_id for song_id, _, _ in found}
                report.skip(left, session.closed or FetchState.BROKEN)
                break
    report.skip(wanted[n_done:], session.closed or FetchState.BROKEN)
    n_left = len(due) - len(wanted) + len(report.missing)
    if n_left:
        n_unasked, why = sum(report.unasked.values()), report.why_unasked or "Melon was closed"
        unasked = f", {n_unasked:,} of them not asked for ({why})" if n_unasked else ""
        report.notes.append(f"{n_left:,} Melon song pages are left for the next run{unasked}{come_back_note(session)}.")
    return report.close(session.closed)


def unknown_songs(settings: Settings, as_of: date, fresh_for: timedelta) -> list[str]:
    """Song numbers on the charts in the lake that have no fresh song page, in a fixed order."""
    charted = lake.read(settings.lake, "melon", "chart", ["song_id"])["song_id"].drop_null().unique()
    since = as_of - fresh_for
    known = read_since(settings.lake, "melon", "song", ["song_id"], since)["song_id"]
    fetched = read_since(settings.lake, "melon", "fetch", ["entity", "key", "state"], since)
    is_gone = pc.and_(pc.equal(fetched["entity"], "song"), pc.equal(fetched["state"], FetchState.MISSING.value))
    return less(less(charted, known), fetched.filter(is_gone)["key"])


def _fetch(settings: Settings, session: PoliteSession, song_id: str) -> SongFound:
    url = melon_address.song_url(base_url(settings, "melon"), song_id)
    return song_id, *ask(session, url, melon.parse_song)


def _land(settings: Settings, as_of: date, found: Sequence[SongFound], report: SourceReport) -> None:
    rows: list[dict[str, Any]] = []
    fetched: list[dict[str, Any]] = []
    for song_id, answer, parsed in found:
        if not answer.was_asked:
            report.skip([song_id], parsed.state, parsed.reason)
            continue
        rows += with_provenance(parsed.rows, answer)
        fetched.append(answer.manifest_row("song", song_id, parsed.state, parsed.reason))
        report.count(answer, parsed.state)
        report.n_answered += parsed.state in FINE
        if parsed.state not in FINE:
            report.miss([song_id], parsed.state)
    batch_key = content_key("songs", [song_id for song_id, _, _ in found])
    land(settings.lake, "melon", {"song": rows, "fetch": fetched}, batch_key, as_of)
    report.n_rows += len(rows)
