"""The state of a collector's run, by the answers it got."""

from __future__ import annotations

import pytest

from tasks.collecting.report import SourceReport
from tasks.fetching.answer import FetchState


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
