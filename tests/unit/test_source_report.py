"""The state of a collector's run, by the answers it got."""

from __future__ import annotations

import pytest

from tasks.collecting.report import SourceReport
from tasks.fetching.answer import Answer, FetchState
from tasks.lake import utc_now


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, FetchState.OK),
        ({"ok": 5, "empty": 3, "missing": 40}, FetchState.OK),
        ({"ok": 91, "broken": 9}, FetchState.OK),
        ({"ok": 90, "broken": 10}, FetchState.BROKEN),
        ({"ok": 10, "blocked": 4, "broken": 6}, FetchState.BROKEN),
        ({"missing": 3, "limited": 1}, FetchState.LIMITED),
    ],
)
def test_a_tenth_of_faulty_answers_is_the_state_of_the_run(states: dict[str, int], expected: FetchState) -> None:
    assert SourceReport("imdb", "soundtrack", states=states).close().state is expected


def test_what_closed_the_source_is_the_state_of_the_run() -> None:
    report = SourceReport("imdb", "soundtrack", states={"ok": 1000, "blocked": 3, "broken": 5})
    assert report.close(FetchState.BLOCKED).state is FetchState.BLOCKED


@pytest.mark.parametrize(("status", "was_asked", "n_requests"), [(200, True, 1), (None, True, 1), (None, False, 0)])
def test_only_what_was_sent_is_a_request_and_has_an_answer(
    status: int | None, was_asked: bool, n_requests: int
) -> None:
    state = FetchState.OK if status else FetchState.BROKEN
    answer = Answer("u", state, status, b"", "", utc_now(), None, None, "", was_asked=was_asked)
    report = SourceReport("imdb", "soundtrack")
    report.count(answer)
    assert report.n_pages == sum(report.states.values()) == n_requests


def test_what_was_not_asked_for_is_missing_and_makes_the_state() -> None:
    report = SourceReport("imdb", "soundtrack", n_due=10, n_answered=7, states={"ok": 7})
    report.skip(["8", "9", "10"], FetchState.REFUSED, "robots.txt forbids it")
    assert (report.n_missing, report.unasked, report.why_unasked) == (3, {"refused": 3}, "robots.txt forbids it")
    assert report.close().state is FetchState.REFUSED
