"""A headless Chromium for the one page that only a browser can scroll, and nothing of it left afterwards.

Chromedriver runs in a process group of its own, so that ending the group ends every child; profile, caches and
crash reports lie in one folder a session, which goes with it. What a killed run has left is cleared at the next start.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3.exceptions
from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

from tasks.fetching.agent import user_agent
from tasks.fetching.policy import base_url, load_policies
from tasks.settings import OstinatoError, Settings

PAGE_LOAD_S = 60
COMMAND_S = PAGE_LOAD_S + 30  # chromedriver answers for a page that does not load; one that does not answer hangs
_SECRET_NAMES = (
    "KEY",
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "COOKIE",
    "DATABASE_URL",
    "CONNECTION_URL",
)
_SILENCING = (
    "--headless=new",
    "--disable-background-networking",  # without these Chromium calls out at every start
    "--disable-component-update",
    "--disable-client-side-phishing-detection",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--password-store=basic",
    "--use-mock-keychain",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--mute-audio",
    "--blink-settings=imagesEnabled=false",
    "--window-size=1280,900",
)
_LONGEST_TMPDIR = 60  # Chromium puts a socket below it, whose path may have 107 characters

log = logging.getLogger(__name__)


class _Chrome(webdriver.Chrome):
    """A driver whose every command ends: as a page that loads too slowly does, when chromedriver hangs."""

    is_hung = False

    def execute(self, driver_command: Any, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one command."""
        try:
            result: dict[str, Any] = super().execute(driver_command, params)
            return result
        except urllib3.exceptions.HTTPError as fault:
            self.is_hung = True
            raise TimeoutException(f"chromedriver did not answer ({type(fault).__name__})") from None


@contextmanager
def open_browser(settings: Settings, source: str) -> Iterator[WebDriver]:
    """A Chromium that names itself as our HTTP session does; in the sandbox it can reach the sandbox alone.

    Raises
    ------
    OstinatoError
        When no Chromium with a driver can be started.
    """
    settings.browser_home.mkdir(parents=True, exist_ok=True)
    clear_orphans(settings.browser_home)
    session = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=settings.browser_home))
    service = Service(
        executable_path=shutil.which("chromedriver"),
        service_args=[f"--log-path={session / 'chromedriver.log'}"],
        env=_environment(settings, session),
        popen_kw={"start_new_session": True},
    )
    driver: _Chrome | None = None
    try:
        driver = _start(_options(settings, source, session), service)
        yield driver
    finally:
        if driver is not None and not driver.is_hung:  # one that hangs cannot quit: its processes are ended
            with suppress(WebDriverException, OSError):
                driver.quit()
        _end_processes(session)
        _reap(service)
        _remove(session)


def _start(options: Options, service: Service) -> _Chrome:
    try:
        driver = _Chrome(options=options, service=service)
    except (WebDriverException, OSError) as fault:
        first_line = (str(fault).strip().splitlines() or [type(fault).__name__])[0]
        raise OstinatoError(
            f"Chromium could not be started ({first_line}); run `make setup`, or `ostinato doctor` to see why."
        ) from None
    driver.command_executor.client_config.timeout = COMMAND_S  # type: ignore[union-attr]
    driver.set_page_load_timeout(PAGE_LOAD_S)
    driver.set_script_timeout(PAGE_LOAD_S)
    return driver


def _environment(settings: Settings, session: Path) -> dict[str, str]:
    """The child's environment: without keys, and whatever it writes by default lands in the session's folder."""
    below = {"HOME": "home", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache", "TMPDIR": "tmp"}
    places = {name: session / folder for name, folder in below.items()}
    if len(str(places["TMPDIR"])) > _LONGEST_TMPDIR:
        del places["TMPDIR"]
    for place in places.values():
        place.mkdir(exist_ok=True)
    selenium = {"SE_CACHE_PATH": str(settings.browser_home / "selenium"), "SE_AVOID_STATS": "true"}
    os.environ.update({name: value for name, value in selenium.items() if name not in os.environ})
    return {**_harmless(os.environ), **{name: str(place) for name, place in places.items()}}


def _harmless(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a browser may see: none of ours, and none that any program calls a secret.

    >>> _harmless({"PATH": "/bin", "OSTINATO_SITES": "{}", "AWS_SECRET_ACCESS_KEY": "x", "PREFECT_API_KEY": "y"})
    {'PATH': '/bin'}
    """
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("OSTINATO_") and not any(word in name.upper() for word in _SECRET_NAMES)
    }


def _options(settings: Settings, source: str, session: Path) -> Options:
    options = Options()
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser:
        options.binary_location = browser
    for argument in (*_SILENCING, *_places(session), f"--user-agent={user_agent(settings)}"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    if settings.is_sandbox:
        hosts = {urlsplit(base_url(settings, site)).hostname for site in load_policies(settings)[source].sites}
        excluded = ", ".join(f"EXCLUDE {host}" for host in sorted(filter(None, hosts)))
        options.add_argument(f"--host-resolver-rules=MAP * ~NOTFOUND, {excluded}")
        options.add_argument("--no-proxy-server")
    return options


def _places(session: Path) -> tuple[str, ...]:
    return (
        f"--user-data-dir={session / 'profile'}",
        f"--disk-cache-dir={session / 'cache'}",
        f"--crash-dumps-dir={session / 'crashes'}",
    )


def clear_orphans(browser_home: Path) -> None:
    """End and remove sessions whose process was killed before it could do so itself."""
    for session in browser_home.glob("[0-9]*-*"):
        owner = session.name.partition("-")[0]
        if owner.isdigit() and int(owner) != os.getpid() and not _is_alive(int(owner)):
            _end_processes(session)
            _remove(session)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end_processes(session: Path) -> None:
    """End every process that names this session's folder in its command line, and its group."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        pids = list(_processes_of(session))
        for pid in pids:
            _end_group(pid, signum)
        until = time.monotonic() + 3
        while pids and time.monotonic() < until:
            if not any(_processes_of(session)):
                return
            time.sleep(0.05)


def _reap(service: Service) -> None:
    """Make sure that chromedriver has ended, and take its exit status so that no zombie stays."""
    process = getattr(service, "process", None)
    if process is not None:
        if process.poll() is None:
            _end_group(process.pid)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)


def _processes_of(session: Path) -> Iterator[int]:
    """Process ids by the folder's path, which no other session shares; without /proc only groups can be ended."""
    needle = os.fsencode(session)
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if needle in cmdline.read_bytes():
                yield int(cmdline.parent.name)


def _end_group(pid: int, signum: int = signal.SIGKILL) -> None:
    with suppress(OSError):
        group = os.getpgid(pid)
        if group == os.getpgrp():
            os.kill(pid, signum)
        else:
            os.killpg(group, signum)


def _remove(session: Path) -> None:
    """Remove the folder; a browser that is just ending may still write into it for a moment."""
    for _ in range(20):
        shutil.rmtree(session, ignore_errors=True)
        if not session.exists():
            return
        time.sleep(0.1)
    log.warning("The browser's folder %s could not be removed; remove it by hand.", session)
