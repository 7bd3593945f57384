"""One class says where everything lies; the two worlds never meet, and a wrong variable is one sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks import settings as module
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings, load_settings, prepare_environment

PLACES = ("world", "lake", "pages", "warehouse_file", "serving", "docs_page", "mlflow_artifacts")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, in an environment that says nothing else of Ostinato."""
    for name in [name for name in os.environ if name.upper().startswith(("OSTINATO_", "MLFLOW_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OSTINATO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make_live_world(home: Path) -> None:
    (home / "live" / "lake").mkdir(parents=True)


# --- which world -----------------------------------------------------------------------------------------------


def test_a_new_home_is_worked_on_in_the_sandbox() -> None:
    assert load_settings().profile is Profile.SANDBOX


def test_a_home_with_a_live_world_is_worked_on_there(home: Path) -> None:
    make_live_world(home)
    assert load_settings().profile is Profile.LIVE


def test_a_live_folder_without_a_lake_is_no_live_world(home: Path) -> None:
    (home / "live").mkdir(parents=True)
    assert load_settings().profile is Profile.SANDBOX


@pytest.mark.parametrize("name", ["OSTINATO_PROFILE", "ostinato_profile"])
def test_the_variable_comes_before_what_is_found(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_live_world(home)
    monkeypatch.setenv(name, "sandbox")
    assert load_settings().profile is Profile.SANDBOX


@pytest.mark.parametrize("profile", ["sandbox", Profile.SANDBOX])
def test_the_argument_comes_before_the_variable(
    home: Path, monkeypatch: pytest.MonkeyPatch, profile: str | Profile
) -> None:
    make_live_world(home)
    monkeypatch.setenv("OSTINATO_PROFILE", "live")
    assert load_settings(profile).profile is Profile.SANDBOX


def test_an_empty_variable_is_one_that_is_not_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_live_world(home)
    for name in ("PROFILE", "THREADS", "SITES", "TMDB_API_KEY"):
        monkeypatch.setenv(f"OSTINATO_{name}", "")
    settings = load_settings()
    assert settings.profile is Profile.LIVE
    assert settings.tmdb_api_key is None
    assert settings.sites == {}
    monkeypatch.setenv("OSTINATO_HOME", "")
    assert load_settings().home == PROJECT_ROOT / ".ostinato"


# --- worlds never mix ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_each_world_has_places_of_its_own_below_the_home(home: Path, place: str) -> None:
    sandbox, live = load_settings("sandbox"), load_settings("live")
    assert getattr(sandbox, place).is_relative_to(home / "sandbox")
    assert getattr(live, place).is_relative_to(home / "live")


def test_each_world_has_a_tracking_store_of_its_own(home: Path) -> None:
    assert load_settings("sandbox").mlflow_uri == f"sqlite:///{home}/sandbox/mlflow.db"
    assert load_settings("live").mlflow_uri == f"sqlite:///{home}/live/mlflow.db"


def test_a_tracking_server_of_the_user_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert load_settings().mlflow_uri == "http://127.0.0.1:5000"


def test_settings_moved_to_the_other_world_forget_the_first() -> None:
    sandbox = load_settings("sandbox")
    assert sandbox.is_sandbox
    live = sandbox.model_copy(update={"profile": Profile.LIVE})
    assert not live.is_sandbox
    assert live.world.name == "live"


def test_what_both_worlds_share_holds_no_data_of_either(home: Path) -> None:
    for profile in Profile:
        settings = load_settings(profile)
        assert settings.prefect_home == home / "prefect"
        assert settings.browser_home == home / "browser"
        assert not settings.world.is_relative_to(settings.prefect_home)


def test_a_relative_home_is_the_same_place_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OSTINATO_HOME", "here")
    settings = load_settings()
    lake = settings.lake
    assert lake == tmp_path / "here" / "sandbox" / "lake"
    monkeypatch.chdir("/")
    assert settings.lake == lake


def test_a_tilde_is_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OSTINATO_HOME", "~/ostinato")
    assert load_settings().world == tmp_path / "ostinato" / "sandbox"


def test_looking_makes_no_folder(home: Path) -> None:
    settings = load_settings()
    assert all(getattr(settings, place) for place in PLACES)
    assert not home.exists()


# --- wrong values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROFILE", "production"),
        ("THREADS", "many"),
        ("THREADS", "0"),
        ("MEMORY_GB", "-1"),
        ("MAX_WORKERS", "1000"),
        ("KEEP_SNAPSHOTS", "1"),
        ("SITES", "http://127.0.0.1:8000"),
        ("SITES", '["http://127.0.0.1:8000"]'),
        ("SITES", '{"melon": 5}'),
    ],
)
def test_a_wrong_variable_is_one_sentence_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"OSTINATO_{name}", value)
    with pytest.raises(
        OstinatoError, match=rf"^OSTINATO_{name}\b.* cannot be used: [^\n]+; set it right or unset it\.$"
    ):
        load_settings()


def test_a_profile_that_does_not_exist_is_one_sentence_naming_those_that_do() -> None:
    with pytest.raises(OstinatoError, match=r"^[^\n]*production[^\n]*sandbox[^\n]*live[^\n]*$"):
        load_settings("production")


def test_unknown_variables_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_CONDUCTOR", "dask")
    assert load_settings().profile is Profile.SANDBOX


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMDB_API_KEY", "SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"):
        monkeypatch.setenv(f"OSTINATO_{name}", "s3cret")
    settings = load_settings()
    assert settings.tmdb_api_key == SecretStr("s3cret")
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    "value",
    [
        "ducklake:postgres:dbname=lake password=s3cret host=localhost",
        "ducklake:postgres:dbname=lake PASSWORD = 's3cret'",
        "ducklake:postgres:postgresql://me:s3cret@localhost/lake",
        "ducklake:postgres:host=localhost sslpassword=s3cret",
        "postgres:s3cret",
        "ducklake:",
    ],
)
def test_a_warehouse_with_a_password_or_of_another_kind_is_refused_unseen(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTINATO_WAREHOUSE", value)
    with pytest.raises(OstinatoError, match=r"^OSTINATO_WAREHOUSE cannot be used: it [^.]*\.") as refused:
        load_settings()
    with pytest.raises(ValueError, match="warehouse") as as_argument:
        Settings(warehouse=value)
    assert "s3cret" not in f"{refused.value}{as_argument.value}"


def test_a_passfile_is_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "OSTINATO_WAREHOUSE", "ducklake:postgres:dbname=lake host=db user=me@home passfile=/etc/passfile"
    )
    assert load_settings().warehouse.endswith("passfile=/etc/passfile")


def test_sites_are_read_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_SITES", '{"melon": "http://127.0.0.1:8000"}')
    assert load_settings().sites == {"melon": "http://127.0.0.1:8000"}


# --- the rest --------------------------------------------------------------------------------------------------


def test_prefect_and_mlflow_are_kept_inside_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"MPLBACKEND": "svg"})
    prepare_environment(Settings(home=home))
    assert os.environ["PREFECT_HOME"] == str(home / "prefect")
    assert os.environ["MPLCONFIGDIR"].startswith(str(home))
    assert os.environ["DO_NOT_TRACK"] == "true"
    assert os.environ["MPLBACKEND"] == "svg"


def test_prepared_variables_are_no_settings_of_ours(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    prepare_environment(Settings(home=home))
    assert not [name for name in os.environ if name.startswith("OSTINATO_")]


def test_today_is_a_day_in_seoul(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2025, 1, 1, 18, 30, tzinfo=UTC)

    class Clock:
        @staticmethod
        def now(zone: tzinfo | None = None) -> datetime:
            return moment.astimezone(zone)

    monkeypatch.setattr(module, "datetime", Clock)
    assert module.today().isoformat() == "2025-01-02"


def test_the_code_version_is_a_commit_or_a_release() -> None:
    assert re.fullmatch(r"[0-9a-f]{7,40}\+?|\d+(\.\w+)+|v?[\w.-]+\+?", module.code_version())


def test_settings_import_nothing_heavy() -> None:
    code = (
        "import sys, tasks.settings; print(*[m for m in ('prefect', 'mlflow', 'pandas', 'duckdb') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


@pytest.mark.parametrize(
    "runner", ["threads", "dask", "dask:tcp://127.0.0.1:8786", "dask:tcp://[::1]:8786", "dask:tls://dask.example:8786"]
)
def test_a_runner_on_this_machine_or_by_tls_is_taken(runner: str) -> None:
    assert Settings(runner=runner).runner == runner


@pytest.mark.parametrize(
    "runner", ["ray", "dask:", "dask:8786", "dask:tcp://127.0.0.1", "dask:http://127.0.0.1:1", "dask:tcp://127.0.0.1:x"]
)
def test_another_runner_is_refused_in_a_sentence(runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_RUNNER", runner)
    with pytest.raises(OstinatoError, match=r"^OSTINATO_RUNNER cannot be used: it is none of [^\n]+\.$"):
        load_settings()


@pytest.mark.parametrize("host", ["10.0.0.7", "dask.example", "0.0.0.0"])
def test_dask_in_the_clear_on_a_network_takes_the_operators_word(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTINATO_RUNNER", f"dask:tcp://{host}:8786")
    with pytest.raises(OstinatoError, match=r"^OSTINATO_RUNNER cannot be used: [^\n]*tls://[^\n]*UNENCRYPTED=true"):
        load_settings()
    monkeypatch.setenv("OSTINATO_DASK_UNENCRYPTED", "true")
    assert load_settings().runner == f"dask:tcp://{host}:8786"
