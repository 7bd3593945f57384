"""The browser keeps the session's rules: its name, its time, its silence about keys, and what its pages are called."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.webdriver import WebDriver

from tasks.fetching import archive, browser
from tasks.fetching.agent import user_agent
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.browser import open_browser
from tasks.fetching.http import PoliteSession
from tasks.settings import Profile, Settings

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromedriver") and (shutil.which("chromium") or shutil.which("google-chrome"))),
    reason="no Chromium with chromedriver on this machine",
)
CHALLENGE = b"<html><script>window._cf_chl_opt = {};</script><body>one moment</body></html>"


class _Page(BaseHTTPRequestHandler):
    agents: list[str] = []  # noqa: RUF012 - of all requests

    def do_GET(self) -> None:
        self.agents.append(self.headers["User-Agent"])
        status, body = {
            "/echo": (200, f"<html>you are {self.headers['User-Agent']}</html>".encode()),
            "/challenge": (200, CHALLENGE),
            "/refused": (403, b"<html>Your IP is 203.0.113.9</html>"),
            "/elsewhere": (302, b""),
        }.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", f"http://localhost:{self.server.server_port}/echo")  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Settings]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Settings(home=tmp_path, profile=Profile.SANDBOX, sites={"tmdb": url}, contact="me@study.example")
        server.shutdown()


def browse(settings: Settings, driver: WebDriver, session: PoliteSession, path: str) -> Answer:
    url = settings.sites["tmdb"] + path
    driver.get(url)
    status = int(driver.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus"))
    return session.brought(url, status, driver.page_source.encode(), driver.current_url)


def test_pages_are_named_and_kept_as_those_of_the_session(world: Settings) -> None:
    with open_browser(world, "tmdb") as driver, PoliteSession(world, "tmdb") as session:
        echo, challenge, refused = (
            browse(world, driver, session, path) for path in ("/echo", "/challenge", "/refused")
        )
    assert _Page.agents[0] == user_agent(world)
    assert (echo.state, challenge.state, refused.state) == (FetchState.OK, FetchState.BLOCKED, FetchState.BLOCKED)
    assert "script challenge" in challenge.reason
    kept = b"".join(archive.load(world.pages, file.sha256) for file in archive.every_file(world.pages) if file.sha256)
    assert b"you are" in kept
    assert b"Your IP is" in kept
    assert not any(word in kept for word in (b"me@study.example", b"Ostinato", b"203.0.113.9"))


def test_a_page_of_another_host_is_no_answer(world: Settings) -> None:
    with PoliteSession(world, "tmdb") as session:
        url = f"{world.sites['tmdb']}/movie"
        answer = session.brought(url, 200, b"<html>log in</html>", "https://accounts.example.org/login")
    assert (answer.state, answer.url) == (FetchState.BLOCKED, url)
    assert "accounts.example.org" in answer.reason


def test_no_key_reaches_the_browser(world: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"OSTINATO_TMDB_API_KEY": "k1", "OSTINATO_SITES": "{}", "AWS_SECRET_ACCESS_KEY": "k2", "MY_TOKEN": "k3"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    with open_browser(world, "tmdb"):
        pids = list(browser._processes_of(next(world.browser_home.glob("[0-9]*-*"))))
        environments = []
        for pid in pids:
            with suppress(FileNotFoundError):  # a helper of the browser that has ended meanwhile
                environments.append(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    assert len(environments) > 2
    assert not any(name.encode() in variable for names in environments for variable in names for name in secrets)
    assert any(variable.startswith(b"PATH=") for variable in environments[0])


def test_a_driver_that_hangs_is_a_page_that_did_not_load(world: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "COMMAND_S", 2)
    with open_browser(world, "tmdb") as driver:
        process = driver.service.process  # type: ignore[attr-defined]
        assert isinstance(process, subprocess.Popen)
        process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(TimeoutException, match="chromedriver did not answer"):
            driver.get(world.sites["tmdb"] + "/echo")
        assert time.monotonic() - started < 20
    assert list(world.browser_home.iterdir()) == []
