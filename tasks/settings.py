"""Where everything lies and which world a command works on: one settings class, read from `OSTINATO_*`.

A *world* is one profile's folder below the home: `sandbox` (made up, served by this project) or `live`
(real sites, imported tables). The two never share a file, so nothing made up can reach a real catalogue.
"""

from __future__ import annotations

import ipaddress
import os
import re
import subprocess
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tasks.places import place

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SEOUL = ZoneInfo("Asia/Seoul")
TRACKING_URI = "MLFLOW_TRACKING_URI"
"""Environment variable by which MLflow's own commands, too, are told of a server."""
_PASSWORD = re.compile(r"(?i)\b(ssl)?password\s*=|//[^@\s]*:[^@\s]*@")
"""A password in PostgreSQL's connection string, as `key=value` or in a URI."""


class OstinatoError(Exception):
    """A fault that a user can act on: its text is one sentence saying what failed, on what, and what to do."""


class Profile(StrEnum):
    """Which world: the made-up one that needs no account, or the real one."""

    SANDBOX = "sandbox"
    LIVE = "live"


class Settings(BaseSettings):
    """Everything that can be set, each by the environment variable `OSTINATO_<NAME>`.

    Secrets come from the environment alone and print as asterisks.
    """

    # a value that is refused may hold a password, so no fault shows it
    model_config = SettingsConfigDict(
        env_prefix="OSTINATO_",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    home: Path = Field(
        default=PROJECT_ROOT / ".ostinato", description="Folder that holds all that is written at run time."
    )
    profile: Profile = Field(default=Profile.SANDBOX, description="World to work on: sandbox or live.")
    sites: dict[str, str] = Field(
        default_factory=dict,
        description="Base URLs that replace those of sources.toml, by site name, as JSON; the sandbox is reached so.",
    )
    contact: str | None = Field(
        default=None, description="E-mail or URL in the user agent, so that a site can reach you."
    )
    tmdb_api_key: SecretStr | None = Field(default=None, description="TMDB API key (v3) or read access token (v4).")
    spotify_client_id: SecretStr | None = Field(default=None, description="Spotify app's client id.")
    spotify_client_secret: SecretStr | None = Field(default=None, description="Spotify app's client secret.")
    youtube_api_key: SecretStr | None = Field(default=None, description="YouTube Data API key (100 searches a day).")
    user_agent: str | None = Field(
        default=None, description="User agent in place of Ostinato's own; say who you are, never who you are not."
    )
    audio: Path | None = Field(
        default=None, description="Folder with your own audio files; every refresh measures those that are new."
    )
    pages_max_gb: float = Field(
        default=20.0, gt=0, description="Size of the page archive in GB, beyond which its oldest pages are deleted."
    )
    threads: int = Field(default=min(os.cpu_count() or 2, 8), ge=1, description="Threads for DuckDB and for training.")
    memory_gb: float = Field(
        default=4.0, gt=0, description="Memory that DuckDB may take, in GB; beyond it spills to disk."
    )
    max_workers: int = Field(default=8, ge=1, le=64, description="Tasks that fetch or score at the same time.")
    lake_address: str = Field(
        default="",
        validation_alias="OSTINATO_LAKE",
        description="Where the lake lies: empty for a folder in the home; else another folder, or an object store "
        "(s3://bucket/prefix; keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY). Each world has its own below it.",
    )
    keep_snapshots: int = Field(default=7, ge=2, description="Published catalogues kept for rollback.")
    warehouse: str = Field(
        default="",
        description="Where the warehouse is built: empty for a DuckDB file in the home; else in DuckLake, its "
        "catalogue in PostgreSQL (ducklake:postgres:dbname=... host=...; the password in PGPASSWORD or a "
        "passfile), or for one writer at a time in a file (ducklake:sqlite:PATH or ducklake:PATH).",
    )
    warehouse_data: str = Field(
        default="",
        description="Folder or s3:// address for the Parquet files of a warehouse in DuckLake, the same on every "
        "machine; empty for a folder in the home.",
    )

    dask_unencrypted: bool = Field(
        default=False,
        description="Speak to a Dask scheduler on another machine without TLS; whoever reaches its port runs code.",
    )
    runner: str = Field(  # after `dask_unencrypted`, by which it is judged
        default="threads",
        description="Where heavy steps run: threads for this machine alone; dask for a cluster of processes on it; "
        "dask:tls://HOST:PORT (or tcp:// on this machine) for the workers of a scheduler that runs.",
    )

    @field_validator("home")
    @classmethod
    def _same_from_anywhere(cls, home: Path) -> Path:
        """Absolute, so that a later change of directory does not move the home; `~` is the user's own folder."""
        try:
            return home.expanduser().absolute()
        except RuntimeError as fault:
            raise ValueError(str(fault)) from None

    @field_validator("warehouse")
    @classmethod
    def _without_password(cls, warehouse: str) -> str:
        """A setting is shown in logs and by `ps`, so a password in it is refused."""
        if warehouse and not warehouse.removeprefix("ducklake:").strip(" :"):
            raise ValueError("it names no catalogue, as ducklake:postgres:dbname=ostinato host=localhost does")
        if warehouse and not warehouse.startswith("ducklake:"):
            raise ValueError("it does not begin with ducklake:")
        kind = re.match(r"ducklake:(\w{2,}):", warehouse)
        if kind and kind[1] not in ("postgres", "sqlite"):
            raise ValueError(f"it names {kind[1]}, but a catalogue lies in postgres, sqlite or a file")
        if _PASSWORD.search(warehouse):
            raise ValueError("it holds a password; put that into PGPASSWORD or a passfile")
        return warehouse

    @field_validator("runner")
    @classmethod
    def _by_a_safe_way(cls, runner: str, info: ValidationInfo) -> str:
        """Dask runs whatever code comes in, so that it speaks in the clear on this machine alone."""
        kind, _, address = runner.partition(":")
        if runner in ("threads", "dask"):
            return runner
        scheme, host, port = _parts_of(address)
        if kind != "dask" or scheme not in ("tcp", "tls") or not host or not port:
            raise ValueError("it is none of threads, dask and dask:tls://HOST:PORT")
        if scheme == "tcp" and not _is_loopback(host) and not info.data.get("dask_unencrypted"):
            raise ValueError(
                f"whoever reaches {address} could run code here; name a tls:// address, or set "
                "OSTINATO_DASK_UNENCRYPTED=true if none but you reaches that network"
            )
        return runner

    @property
    def world(self) -> Path:
        """The folder of the chosen profile."""
        return self.home.absolute() / self.profile.value

    @field_validator("lake_address")
    @classmethod
    def _is_a_place(cls, address: str) -> str:
        if address:
            place(address)
        return address

    @property
    def lake(self) -> Path:
        """Raw Parquet: `<source>/<entity>/ingest_date=<day>/<batch>.parquet`."""
        return place(self.lake_address) / self.profile.value if self.lake_address else self.world / "lake"

    @property
    def pages(self) -> Path:
        """Archive of fetched pages and API bodies, by content hash."""
        return self.world / "pages"

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB file that SQL builds into, where `warehouse` names nothing else; never served."""
        return self.world / "warehouse.duckdb"

    @property
    def serving(self) -> Path:
        """Published catalogues, one folder a run; `current` links to the served one."""
        return self.world / "serving"

    @property
    def docs_page(self) -> Path:
        """The data dictionary as one HTML page."""
        return self.world / "docs" / "index.html"

    @property
    def mlflow_uri(self) -> str:
        """MLflow's tracking store: SQLite by absolute path, unless MLFLOW_TRACKING_URI names a server."""
        return os.environ.get(TRACKING_URI) or f"sqlite:///{self.world / 'mlflow.db'}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Where models and figures of MLflow runs lie."""
        return self.world / "mlartifacts"

    @property
    def prefect_home(self) -> Path:
        """Prefect's own database and logs, shared by both worlds."""
        return self.home.absolute() / "prefect"

    @property
    def browser_home(self) -> Path:
        """Chromium's profiles and crash reports, one folder a session, removed after it."""
        return self.home.absolute() / "browser"

    @property
    def is_sandbox(self) -> bool:
        """True in the made-up world, where every source is cleared for everything."""
        return self.profile is Profile.SANDBOX


def _parts_of(address: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address; empty and 0 for what it lacks."""
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname or "", parts.port or 0
    except ValueError:
        return "", "", 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_provided: dict[str, SecretStr] = {}

SECRETS = tuple(name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None)
"""The settings that are secret."""


def provide_secrets(secrets: Mapping[str, SecretStr]) -> None:
    """Give this process secrets from elsewhere than the environment, which still comes first; nothing keeps them."""
    _provided.update(secrets)


def load_settings(profile: Profile | str | None = None) -> Settings:
    """Settings of this process: `profile`, else `OSTINATO_PROFILE`, else `live` where such a world exists.

    Raises
    ------
    OstinatoError
        When a variable holds a value that cannot be.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    if profile is not None and profile not in set(Profile):
        raise OstinatoError(f"There is no profile {profile}; choose sandbox or live.")
    try:
        settings = Settings() if profile is None else Settings(profile=Profile(profile))
        settings = settings.model_copy(
            update={name: secret for name, secret in _provided.items() if getattr(settings, name) is None}
        )
    except ValidationError as fault:
        first = fault.errors()[0]
        name, *inside = (str(part) for part in first["loc"])
        place = f" ({', '.join(inside)})" if inside else ""
        why = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise _unusable(name, f"{place} cannot be used: {why}") from None
    except SettingsError:
        raise _unusable("sites", ' cannot be used: it is no JSON such as {"melon": "http://127.0.0.1:8000"}') from None
    live = settings.home / Profile.LIVE
    if "profile" not in settings.model_fields_set and (live if settings.lake_address else live / "lake").is_dir():
        settings = settings.model_copy(update={"profile": Profile.LIVE})
    return settings


def _unusable(name: str, why: str) -> OstinatoError:
    return OstinatoError(f"OSTINATO_{name.upper().removeprefix('OSTINATO_')}{why}; set it right or unset it.")


def today() -> date:
    """Today where the charts are made: Asia/Seoul."""
    return datetime.now(SEOUL).date()


def code_version() -> str:
    """The commit this project is at, with `+` where files were changed since; else the package's version."""
    try:
        found = subprocess.run(
            ["git", "-C", str(PROJECT_ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return found.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version("ostinato")


def prepare_environment(settings: Settings) -> None:
    """Point Prefect and MLflow into the home, before either is imported; neither may call out.

    Variables that the user has set stay as they are.
    """
    defaults = {
        "PREFECT_HOME": str(settings.prefect_home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_CLI_PROMPT": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MPLCONFIGDIR": str(settings.home.absolute() / "matplotlib"),
        "MPLBACKEND": "Agg",
        "NUMBA_CACHE_DIR": str(settings.home.absolute() / "numba"),
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
