"""`ostinato status` says when the deployments run next, by the schedules of `prefect.yaml`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ostinato.schedules import next_runs


@pytest.mark.parametrize(
    ("now", "nightly", "monthly"),
    [
        ("2026-11-28T17:59", "2026-11-29T03:00+09:00", "2026-12-01T04:00+09:00"),
        ("2026-11-28T18:00", "2026-11-30T03:00+09:00", "2026-12-01T04:00+09:00"),  # it is 03:00 in Seoul
        ("2026-12-31T18:59", "2027-01-02T03:00+09:00", "2027-01-01T04:00+09:00"),
    ],
)
def test_the_next_runs_are_those_of_seoul_soonest_first(now: str, nightly: str, monthly: str) -> None:
    coming = next_runs(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert {name: at.isoformat(timespec="minutes") for name, at in coming.items()} == {
        "nightly-refresh": nightly,
        "monthly-retag": monthly,
    }
    assert list(coming.values()) == sorted(coming.values())
