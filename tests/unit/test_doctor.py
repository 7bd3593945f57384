"""Each check says what it found, and where that is not well what to do."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ostinato import doctor
from ostinato.doctor import Check, CheckState, checks, locked_versions
from ostinato.services import state_file
from tasks.settings import Profile, Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("OSTINATO_")]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home", profile=Profile.SANDBOX)


def found(settings: Settings, name: str) -> Check:
    (check,) = [each for each in checks(settings) if each.name == name]
    return check


def test_a_fresh_sandbox_world_has_no_fault_and_is_told_the_next_step(settings: Settings) -> None:
    results = checks(settings)
    assert [check for check in results if check.state is CheckState.FAULT] == []
    assert all(check.advice for check in results if check.state is not CheckState.OK)
    catalogue = found(settings, "catalogue")
    assert catalogue.state is CheckState.WARNING
    assert "ostinato refresh --profile sandbox" in catalogue.advice
    assert not settings.home.exists(), "looking must not make anything"


def test_a_lock_is_read_with_its_markers_and_extras() -> None:
    lock = "\n".join(
        [
            'pywin32==311 ; sys_platform == "win32" \\',
            "    --hash=sha256:00",
            "httpx[http2]==0.28.1 \\",
            'greenlet==3.5 ; python_full_version >= "3.0" \\',
            "# rich==1",
        ]
    )
    assert locked_versions(lock) == {"httpx": "0.28.1", "greenlet": "3.5"}


def test_a_package_of_another_version_is_a_fault(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.lock").write_text("rich==0.0.1\nno-such-package-here==2.0\n")
    monkeypatch.setattr(doctor, "PROJECT_ROOT", tmp_path)
    check = found(settings, "packages")
    assert check.state is CheckState.FAULT
    assert "for 0.0.1" in check.found
    assert "no-such-package-here missing" in check.found
    assert "make setup" in check.advice


def test_browser_and_driver_must_be_of_one_version(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in {"chromium": "120.0.1", "chromedriver": "119.0.2"}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} {version}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    check = found(settings, "browser")
    assert (check.state, check.found) == (CheckState.FAULT, "browser 120, driver 119")


def test_a_missing_browser_names_the_package(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    check = found(settings, "browser")
    assert check.state is CheckState.WARNING
    assert "apt-get install chromium chromium-driver" in check.advice


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write: /proc")
def test_a_home_that_cannot_be_written_is_a_fault(settings: Settings) -> None:
    check = found(settings.model_copy(update={"home": Path("/proc/ostinato")}), "home")
    assert check.state is CheckState.FAULT
    assert "OSTINATO_HOME" in check.advice


def test_the_live_world_names_each_key_that_is_missing(settings: Settings) -> None:
    live = settings.model_copy(update={"profile": Profile.LIVE})
    advice = " ".join(check.advice for check in checks(live) if check.state is CheckState.WARNING)
    for name in ("OSTINATO_TMDB_API_KEY", "OSTINATO_SPOTIFY_CLIENT_ID", "OSTINATO_CONTACT"):
        assert name in advice
    with_contact = live.model_copy(update={"contact": "me@example.org"})
    assert found(with_contact, "contact").state is CheckState.OK


def test_files_from_the_future_tell_of_a_clock_that_was_set_back(settings: Settings) -> None:
    settings.lake.mkdir(parents=True)
    tomorrow = time.time() + 86_400
    os.utime(settings.lake, (tomorrow, tomorrow))
    assert found(settings, "clock").state is CheckState.FAULT


@pytest.mark.parametrize(("hours", "state"), [(3, CheckState.OK), (50, CheckState.WARNING)])
def test_a_catalogue_that_missed_a_night_is_a_warning(settings: Settings, hours: int, state: CheckState) -> None:
    run = settings.serving / "run"
    run.mkdir(parents=True)
    (run / "catalogue.duckdb").touch()
    published_at = time.time() - hours * 3600
    os.utime(run / "catalogue.duckdb", (published_at, published_at))
    (settings.serving / "current").symlink_to("run")
    check = found(settings, "catalogue")
    assert (check.state, check.found) == (state, f"published {hours} hours ago")


def test_a_taken_port_is_named_with_its_holder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(doctor, "DEFAULT_PORTS", {"Prefect": (port, "--prefect-port")})
        check = found(settings, "Prefect port")
    assert check.state is CheckState.WARNING
    assert f"{port} is taken by" in check.found
    assert f"(process {os.getpid()})" in check.found
    assert "--prefect-port" in check.advice


@contextmanager
def healthy_server() -> Iterator[str]:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_servers_are_believed_only_when_they_answer(settings: Settings) -> None:
    settings.home.mkdir()
    with healthy_server() as url:
        urls = {"prefect": url, "prefect_api": f"{url}/api", "mlflow": url}
        state_file(settings).write_text(json.dumps({"urls": urls}))
        check = found(settings, "servers")
        assert check.state is CheckState.OK
        assert url in check.found
    gone = found(settings, "servers")
    assert gone.state is CheckState.WARNING
    assert "ostinato up" in gone.advice
