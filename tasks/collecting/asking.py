"""How collectors ask: a page and what was read from it in one go, and a session that remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tasks.collecting.freshness import limits_in_force
from tasks.collecting.report import SourceReport
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.settings import SEOUL, Settings
from tasks.sources.parsed import Parsed

Row = TypeVar("Row", bound=Mapping[str, Any])

TRIES = 2  # a page that came and cannot be read may have been cut off or overloaded: once more


def open_session(settings: Settings, source: str) -> PoliteSession:
    """A polite session that leaves alone whatever asked for a longer wait on an earlier run."""
    return PoliteSession(settings, source, limits=limits_in_force(settings, source))


def ask(
    session: PoliteSession,
    url: str,
    parse: Callable[[bytes, str], Parsed[Row]],
    *,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, Any] | None = None,
) -> tuple[Answer, Parsed[Row]]:
    """Fetch and read one page; the parsed state is the one that counts, and the session heeds it.

    A page that HTTP calls fine and the parser broken (overloaded, cut short, unreadable) is asked for once more. A
    `form` is posted; without one the page is asked for as usual.
    """
    for n_tries in range(1, TRIES + 1):
        if form is None:
            answer = session.get(url, params=params, headers=headers)
        else:
            answer = session.post(url, data=form, headers=headers)
        parsed = parse(answer.body, url) if answer.state is FetchState.OK else Parsed([], answer.state, answer.reason)
        session.heed(answer, parsed.state)
        is_misread = answer.state is FetchState.OK and parsed.state is FetchState.BROKEN
        if not is_misread or session.is_closed or n_tries == TRIES:
            break
    return answer, parsed


def come_back_note(session: PoliteSession) -> str:
    """When a source that asked for a long wait may be asked again, as the end of a sentence; empty where none did."""
    moment = session.come_back_at
    return f"; come back after {moment.astimezone(SEOUL):%Y-%m-%d %H:%M} (Seoul)" if moment else ""


def unasked_notes(report: SourceReport, name: str, thing: str, session: PoliteSession) -> list[str]:
    """How many things a run did not ask for, and why, in at most one sentence."""
    n = sum(report.unasked.values())
    if not n:
        return []
    reasons = {None: report.why_unasked, FetchState.UNREACHABLE: f"{name} cannot be reached"}
    why = reasons.get(session.closed, f"{name} was closed for this run ({session.closed})")
    many = f"{n:,} {thing}s were not asked for and are" if n > 1 else f"1 {thing} was not asked for and is"
    return [f"{why}; {many} left for the next one{come_back_note(session)}."]
