"""What a person is told of a night that was not published: the rows, what is served, and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ostinato.show.runs import stops_shown
from ostinato.show.world import show_status
from tasks import warehouse
from tasks.lake import utc_now, write_batch
from tasks.settings import OstinatoError, Profile, Settings, today
from tasks.warehouse import AuditError

LOST = "marts.track rows kept: 16 rows, first table marts.track, rows_served 20, rows_now 4"


def land(settings: Settings, n_tracks: int) -> None:
    rows = [
        {"track_id": f"t{n}", "title": f"Song {n}", "artists": ["IU"], "fetched_at": utc_now()} for n in range(n_tracks)
    ]
    write_batch(settings.lake, "spotify", "track", rows, batch_key="tracks", ingest_date=today())
    warehouse.build(settings, training=False)


def publish(settings: Settings, run_id: str, *, accept_loss: bool = False) -> None:
    checks = warehouse.run_checks(settings, accept_loss=accept_loss)
    warehouse.publish(settings, run_id=run_id, as_of=today(), code_version="v", checks=checks)


def status(settings: Settings, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    show_status(settings, as_json=True)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_a_loss_serves_yesterday_and_all_say_why_until_it_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX)
    land(settings, 20)
    publish(settings, "good")
    served = warehouse.served_snapshot(settings)
    assert served is not None
    land(settings, 4)
    with pytest.raises(AuditError, match=LOST) as stop, stops_shown(as_json=True):
        publish(settings, "bad")
    assert "ostinato refresh --skip-fetch --accept-loss" in str(stop.value)
    (shown,) = json.loads(capsys.readouterr().out)["stopped_by"]
    assert shown["sample"] == [{"table": "marts.track", "rows_served": 20, "rows_now": 4, "snapshot": served.name}]
    warehouse.remember_stop(settings, "nightly-refresh", "bad", today(), stop.value)

    told = status(settings, capsys)
    assert told["served"] == served.name
    assert 0 <= told["age_hours"] < 1
    assert (told["next_runs"].keys(), told["is_scheduled"]) == ({"nightly-refresh", "monthly-retag"}, False)
    assert told["snapshot"]["n_rows"]["track"] == 20
    assert [check["check"] for check in told["stopped"]["checks"]] == ["marts.track rows kept"]
    show_status(settings, as_json=False)
    told_to_people = capsys.readouterr()
    assert f"The nightly-refresh of {today()} was not published ({LOST})" in told_to_people.err
    assert "0 hours old" in told_to_people.out

    fault = OstinatoError("The disk is full; make room.")
    warehouse.remember_stop(settings, "nightly-refresh", "worse", today(), fault)
    told = status(settings, capsys)
    assert (told["stopped"]["reason"], told["stopped"]["checks"]) == ("The disk is full; make room", [])
    show_status(settings, as_json=False)
    assert "failed: The disk is full; make room. Mend it and run `ostinato refresh`." in capsys.readouterr().err

    publish(settings, "accepted", accept_loss=True)
    told = status(settings, capsys)
    assert told["stopped"] is None
    snapshot = told["snapshot"]
    assert (snapshot["run_id"], snapshot["code_version"], snapshot["n_rows"]["track"]) == ("accepted", "v", 4)
    (source,) = snapshot["sources"]
    assert (source["source"], source["n_rows"]) == ("spotify", 4)
    assert snapshot["attribution"].keys() == {"spotify"}
    kept = {check["check"]: check for check in snapshot["checks"]}["marts.track rows kept"]
    assert kept == {"check": "marts.track rows kept", "severity": "warn", "failing_rows": 16}
