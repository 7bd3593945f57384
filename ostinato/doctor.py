"""What a run needs, checked one by one; each finding that is not well says what to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb
from packaging.markers import Marker

from flows.dask_cluster import is_dask, require_cluster, scheduler_address
from ostinato.ports import holder, is_free
from ostinato.services import running_services, state_file
from tasks.extensions import NO_DOWNLOADS, let_duckdb_read
from tasks.lake import list_batches
from tasks.places import is_remote
from tasks.settings import PROJECT_ROOT, OstinatoError, Settings
from tasks.warehouse import warehouse_exists
from tasks.warehouse.ducklake import catalogue_of

OLDEST_PYTHON = (3, 11)
DEFAULT_PORTS = {"Prefect": (4200, "--prefect-port"), "MLflow": (5000, "--mlflow-port")}
LITTLE_DISK_GB, TOO_LITTLE_DISK_GB = 5.0, 1.0
STALE_AFTER = timedelta(hours=36)  # a night that was missed, and then some
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SET_UP = "Run `make setup`."

_LOCKED = re.compile(r"^(?P<name>[\w.-]+)(\[[\w,-]+\])?==(?P<version>[^\s;]+)(\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$")


class CheckState(StrEnum):
    """How a check ended: a warning lets most work go on, a fault does not."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and what to do where that is not well."""

    name: str
    state: CheckState
    found: str
    advice: str = ""


def checks(settings: Settings) -> list[Check]:
    """Everything a run needs, in the order in which it is needed.

    Nothing outside this machine is asked, but for the store and the server of a lake or warehouse that lies elsewhere.
    """
    every: tuple[Callable[[Settings], Iterator[Check]], ...] = (
        _python,
        _packages,
        _browser,
        _home,
        _disk,
        _lake,
        _clock,
        _keys,
        _servers,
        _warehouse,
        _runner,
        _catalogue,
    )
    return [check for look in every for check in look(settings)]


def _python(settings: Settings) -> Iterator[Check]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        yield Check("Python", CheckState.OK, found)
    else:
        yield Check("Python", CheckState.FAULT, found, "Install Python 3.11 or newer and run `make setup`.")


def _packages(settings: Settings) -> Iterator[Check]:
    lock = PROJECT_ROOT / "requirements.lock"
    if not lock.exists():
        yield Check("packages", CheckState.WARNING, "no requirements.lock to compare with", "Run from the project.")
        return
    locked = locked_versions(lock.read_text(encoding="utf-8"))
    other = [f"{name} {installed or 'missing'} for {want}" for name, want, installed in _differences(locked)]
    if other:
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        yield Check("packages", CheckState.FAULT, f"{', '.join(other[:3])}{more}", SET_UP)
    else:
        yield Check("packages", CheckState.OK, f"{len(locked)} as locked")


def locked_versions(lock: str) -> dict[str, str]:
    """Name and version of every line of a lock that holds for this Python and system.

    >>> locked_versions('uvloop==0.1 ; sys_platform == "win32" \\\\\\nrich==15.0.0 \\\\\\n    --hash=sha256:00')
    {'rich': '15.0.0'}
    """
    lines = [match for line in lock.splitlines() if (match := _LOCKED.match(line))]
    return {
        line["name"]: line["version"] for line in lines if line["marker"] is None or Marker(line["marker"]).evaluate()
    }


def _differences(locked: dict[str, str]) -> Iterator[tuple[str, str, str | None]]:
    for name, want in locked.items():
        try:
            installed: str | None = version(name)
        except PackageNotFoundError:
            installed = None
        if installed != want:
            yield name, want, installed


def _browser(settings: Settings) -> Iterator[Check]:
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    advice = "Run `make browser`; on Debian that is `apt-get install chromium chromium-driver`."
    if browser is None or driver is None:
        missing = "chromedriver" if browser else "Chromium"
        note = "Selenium Manager fetches them at the first start where the internet can be reached"
        yield Check("browser", CheckState.WARNING, f"{missing} is not installed; {note}", advice)
        return
    versions = [_major_version(program) for program in (browser, driver)]
    if None in versions:
        yield Check("browser", CheckState.FAULT, f"{browser} or {driver} does not start", advice)
    elif versions[0] != versions[1]:
        found = f"browser {versions[0]}, driver {versions[1]}"
        yield Check("browser", CheckState.FAULT, found, "Install browser and driver of the same version.")
    else:
        yield Check("browser", CheckState.OK, f"Chromium {versions[0]} with its driver")


def _major_version(program: str) -> int | None:
    with tempfile.TemporaryDirectory() as home:  # Chromium leaves files in the home even for this
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        try:
            command = [program, "--version"]
            said = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
    found = re.search(r"(\d+)\.\d+", said.stdout)
    return int(found[1]) if found and said.returncode == 0 else None


def _home(settings: Settings) -> Iterator[Check]:
    home = settings.home.absolute()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    advice = "Make it writable, or name another folder in OSTINATO_HOME."
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as fault:
        yield Check("home", CheckState.FAULT, f"{existing} cannot be written ({fault.strerror})", advice)
    else:
        yield Check("home", CheckState.OK, str(home) if existing == home else f"{home}, made at the first run")


def _disk(settings: Settings) -> Iterator[Check]:
    home = settings.home.absolute()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    found, advice = f"{free_gb:.1f} GB free", "Free some space, or name a folder on a larger disk in OSTINATO_HOME."
    if free_gb < TOO_LITTLE_DISK_GB:
        yield Check("disk", CheckState.FAULT, found, advice)
    elif free_gb < LITTLE_DISK_GB:
        yield Check("disk", CheckState.WARNING, found, advice)
    else:
        yield Check("disk", CheckState.OK, found)


def _lake(settings: Settings) -> Iterator[Check]:
    """A lake on an object store has to answer; one in the home has the home's own check."""
    if not is_remote(settings.lake):
        return
    try:
        batches = list_batches(settings.lake)
        with duckdb.connect(config=NO_DOWNLOADS) as con:
            let_duckdb_read(con, settings.lake)
            if batches:
                con.execute("select count(*) from read_parquet(?)", [str(batches[0].path)])
    except (OstinatoError, duckdb.Error) as fault:
        advice = "Look at OSTINATO_LAKE, the AWS_... variables and the store itself."
        yield Check("lake", CheckState.FAULT, " ".join(str(fault).split())[:300], advice)
    else:
        yield Check("lake", CheckState.OK, f"{settings.lake} answers, {len(batches):,} batches")


def _clock(settings: Settings) -> Iterator[Check]:
    """Schedules and freshness hang on the clock; one that was set back shows in files from the future."""
    now = datetime.now(UTC)
    lake = [] if is_remote(settings.lake) else [settings.lake]
    watched = [PROJECT_ROOT / "requirements.lock", settings.warehouse_file, settings.serving, *lake]
    newest = max((_changed_at(path) for path in watched if path.exists()), default=now)
    found = f"{now:%Y-%m-%d %H:%M} UTC"
    if newest > now + timedelta(minutes=5):
        found += f", but files were written at {newest:%Y-%m-%d %H:%M}"
        yield Check("clock", CheckState.FAULT, found, "Set the clock; with systemd: `timedatectl set-ntp true`.")
    else:
        yield Check("clock", CheckState.OK, found)


def _changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _keys(settings: Settings) -> Iterator[Check]:
    if settings.is_sandbox:
        yield Check("keys", CheckState.OK, "none needed in the sandbox")
        return
    wanted = {
        "TMDB key": (
            settings.tmdb_api_key,
            "films get no IMDb id, so no soundtrack credits",
            "Set OSTINATO_TMDB_API_KEY (https://www.themoviedb.org/settings/api).",
        ),
        "Spotify client": (
            settings.spotify_client_id and settings.spotify_client_secret,
            "tracks are not searched",
            "Set OSTINATO_SPOTIFY_CLIENT_ID and OSTINATO_SPOTIFY_CLIENT_SECRET "
            "(https://developer.spotify.com/dashboard).",
        ),
        "contact": (
            settings.contact,
            "sites cannot reach you before they block you",
            "Set OSTINATO_CONTACT to an e-mail address or a URL.",
        ),
    }
    for name, (value, consequence, advice) in wanted.items():
        if value:
            yield Check(name, CheckState.OK, "set")
        else:
            yield Check(name, CheckState.WARNING, f"not set: {consequence}", advice)


def _servers(settings: Settings) -> Iterator[Check]:
    services = running_services(settings)
    if services:
        yield Check("servers", CheckState.OK, f"Prefect at {services['prefect']}, MLflow at {services['mlflow']}")
        return
    if state_file(settings).exists():
        found = "`ostinato up` is starting, or was killed"
        yield Check("servers", CheckState.WARNING, found, "Wait a minute, or run `ostinato up`: it clears up first.")
    else:
        yield Check("servers", CheckState.OK, "not running; `ostinato up` starts them, `ostinato refresh` needs none")
    for name, (port, option) in DEFAULT_PORTS.items():
        if not is_free(port):
            advice = f"Stop that, or give `ostinato up` another port with {option}."
            yield Check(f"{name} port", CheckState.WARNING, f"{port} is taken by {holder(port)}", advice)


def _warehouse(settings: Settings) -> Iterator[Check]:
    """Whether a warehouse in DuckLake can be reached; of one that is a file there is nothing to say."""
    catalogue = catalogue_of(settings)
    if catalogue is None:
        return
    where = f"DuckLake, its catalogue in {catalogue.engine.known_as}, its data in {catalogue.data_path}"
    try:
        begun = warehouse_exists(settings)
    except OstinatoError as fault:
        yield _fault("warehouse", fault)
        return
    found = where if begun else f"{where}; nothing is built yet"
    if catalogue.engine.has_many_writers:
        yield Check("warehouse", CheckState.OK, found)
    else:
        advice = "That is enough for one machine; for several set OSTINATO_WAREHOUSE=ducklake:postgres:..."
        yield Check("warehouse", CheckState.OK, f"{found}; one process at a time may write", advice)


def _runner(settings: Settings) -> Iterator[Check]:
    """Dask, where it is to do the heavy steps."""
    if not is_dask(settings):
        return
    try:
        cluster = require_cluster(settings)
    except OstinatoError as fault:
        yield _fault("Dask", fault)
        return
    if cluster is None:
        yield Check(
            "Dask", CheckState.OK, f"{settings.threads} processes on this machine, while there is work for them"
        )
    else:
        found = f"{len(cluster.threads)} workers, {sum(cluster.threads.values())} threads"
        yield Check("Dask", CheckState.OK, f"{found} at {scheduler_address(settings)}")


def _fault(name: str, fault: OstinatoError) -> Check:
    """What a sentence says is wrong, and after its semicolon what to do."""
    found, _, advice = str(fault).rpartition("; ")
    return Check(name, CheckState.FAULT, found, advice[:1].upper() + advice[1:])


def _catalogue(settings: Settings) -> Iterator[Check]:
    served = settings.serving / "current"
    if not (served / "catalogue.duckdb").exists():
        advice = f"Run `ostinato refresh --profile {settings.profile}`."
        yield Check("catalogue", CheckState.WARNING, f"none published in the {settings.profile} world", advice)
        return
    age = datetime.now(UTC) - _changed_at(served / "catalogue.duckdb")
    found = f"published {age / timedelta(hours=1):.0f} hours ago"
    if age > STALE_AFTER:
        advice = "Run `ostinato refresh`, or keep `ostinato up` running overnight."
        yield Check("catalogue", CheckState.WARNING, found, advice)
    else:
        yield Check("catalogue", CheckState.OK, found)
