"""What commands print about a world as it is: its tables, its catalogue, its health."""

from __future__ import annotations

import webbrowser
from datetime import datetime
from pathlib import Path
from typing import Any

from ostinato import console
from ostinato.console import print_json, print_pairs, print_table, say, warn
from tasks import warehouse
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings


def build_and_show(settings: Settings, select: str | None, *, anew: bool, list_models: bool, as_json: bool) -> None:
    """Build and print rows and seconds per model and how it was made, or only name the models."""
    from tasks.warehouse.connection import SQL_DIR
    from tasks.warehouse.making import How

    if list_models:
        rows: list[tuple[Any, ...]] = [
            (m.name, m.grain, m.description) for m in warehouse.load_models(SQL_DIR).values() if m.schema != "audits"
        ]
        columns: tuple[str, ...] = ("model", "one row is", "description")
    else:
        report = warehouse.build(settings, select=select, anew=anew)
        rows = [
            (name, count, str(report.how[name]), report.n_changed[name], round(report.seconds[name], 3))
            for name, count in report.n_rows.items()
        ]
        columns = ("model", "rows", "made", "rows written", "seconds")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    shown = rows if list_models else [row for row in rows if row[2] != How.UNCHANGED]
    if shown:
        print_table(columns, shown)
    if len(shown) < len(rows):
        say("Unchanged", f"{len(rows) - len(shown)} of {len(rows)} models read the same as before", "green")


def show_docs(settings: Settings, out: Path | None, *, in_browser: bool, as_json: bool) -> None:
    """Write the data dictionary and print where it lies, or print the dictionary itself."""
    from tasks.dictionary import compile_dictionary, write_page

    dictionary = compile_dictionary(settings)
    if dictionary.why_empty:
        warn(dictionary.why_empty)
    if as_json:
        print_json(dictionary.as_json())
        return
    page = write_page(dictionary, out or settings.docs_page)
    console.out.print(str(page), soft_wrap=True, markup=False)
    if in_browser and not webbrowser.open(page.absolute().as_uri()):
        warn(f"No browser was found on this machine; open {page} in one.")


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Catalogue and its age, snapshots, champions, next and last runs of this world."""
    from ostinato.schedules import next_runs
    from ostinato.services import running_services
    from tasks.models.registry import champion_versions

    now = utc_now()
    served = warehouse.served_snapshot(settings)
    snapshot = warehouse.described(served)
    age_hours = _age_hours(snapshot, now)
    runs: list[dict[str, Any]] = []
    if served:
        columns = "flow, as_of, source, state, n_rows, n_pages, ended_at"
        sql = f"select {columns} from run_log order by as_of desc, source limit 20"
        runs = warehouse.query(settings, sql).as_dicts()
    snapshots = [path.name for path in warehouse.list_snapshots(settings)]
    champions = champion_versions(settings)
    stop = warehouse.last_stop(settings)
    coming = next_runs(now)
    services = running_services(settings)
    is_scheduled = services is not None and services["profile"] == settings.profile
    if as_json:
        print_json(
            {
                "profile": settings.profile.value,
                "served": served.name if served else None,
                "age_hours": age_hours,
                "snapshot": snapshot,
                "stopped": stop,
                "snapshots": snapshots,
                "champions": champions,
                "next_runs": coming,
                "is_scheduled": is_scheduled,
                "last_runs": runs,
            }
        )
        return
    named = ", ".join(f"{model} {version}" for model, version in champions.items()) or "none trained yet"
    print_pairs(
        {
            "served": _served(served, snapshot, age_hours),
            "kept": ", ".join(snapshots),
            "champions": named,
            "next": ", ".join(f"{flow} {at:%Y-%m-%d %H:%M %Z}" for flow, at in coming.items())
            + ("" if is_scheduled else " (if `ostinato up` runs then; now it does not)"),
        }
    )
    if stop:
        warn(_why_not_served(stop))
    if runs:
        print_table(list(runs[0]), [list(run.values()) for run in runs], title="Last runs")


def _served(served: Path | None, snapshot: dict[str, Any], hours: float | None) -> str:
    if served is None:
        return "nothing yet"
    age = "" if hours is None else f", {hours:.0f} hours old" if hours < 48 else f", {hours / 24:.0f} days old"
    return f"{served.name}, of the night of {snapshot['as_of']}{age}" if "as_of" in snapshot else served.name


def _age_hours(snapshot: dict[str, Any], now: datetime) -> float | None:
    """Hours since a snapshot was published; null where it does not say when."""
    published_at = snapshot.get("published_at")
    if published_at is None:
        return None
    return round((now - datetime.fromisoformat(published_at)).total_seconds() / 3600, 2)


def _why_not_served(stop: dict[str, Any]) -> str:
    checks = [warehouse.CheckResult(**{**check, "key": tuple(check["key"])}) for check in stop["checks"]]
    if not checks:
        return f"The {stop['flow']} of {stop['as_of']} failed: {stop['reason']}. Mend it and run `ostinato refresh`."
    return (
        f"The {stop['flow']} of {stop['as_of']} was not published ({warehouse.named(checks)}); "
        "`ostinato status --json` shows the rows. Mend or remove them, then run `ostinato refresh --skip-fetch`."
    )


def show_doctor(settings: Settings, *, as_json: bool) -> None:
    """All checks, each with what to do; a fault makes the command fail."""
    from ostinato.doctor import checks

    results = checks(settings)
    if as_json:
        print_json([{"name": c.name, "state": str(c.state), "found": c.found, "advice": c.advice} for c in results])
    else:
        print_table(
            ("check", "state", "found", "what to do"), [(c.name, str(c.state), c.found, c.advice) for c in results]
        )
    faults = [check.name for check in results if str(check.state) == "fault"]
    if faults:
        raise OstinatoError(f"Not all is well: {', '.join(faults)}; the list says what to do about it.")
