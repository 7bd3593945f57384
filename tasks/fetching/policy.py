"""What each source allows: `sources.toml`, read, checked and enforced in one place."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.fetching.archive import MAX_BODY_BYTES
from tasks.schemas import COLLECTED_SOURCES
from tasks.settings import PROJECT_ROOT, OstinatoError, Settings

SOURCES_FILE = PROJECT_ROOT / "sources.toml"
_LONGEST_DAYS = 36_500  # a century; dates end not far beyond
CONTROL_SITE = "sandbox"  # of no source: it steers and explains the made-up sites


class SourcePolicy(BaseModel):
    """One source's rules. Rates are requests per second and host; ages are counted from `as_of`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sites: dict[str, str] = Field(default_factory=dict, description="Web sites, by site name; robots.txt counts.")
    apis: dict[str, str] = Field(default_factory=dict, description="Documented interfaces, by site name.")
    robots: Literal["obey", "operator-permission"] = "obey"
    requests_per_second: float = Field(1.0, gt=0)
    api_requests_per_second: float | None = Field(None, gt=0, description="Of the interfaces, where it is another.")
    fresh_for_days: int = Field(30, ge=1, le=_LONGEST_DAYS)
    keep_for_days: int = Field(0, ge=0, le=_LONGEST_DAYS, description="0 keeps pages for good.")
    largest_body_mb: int = Field(
        32, ge=1, le=MAX_BODY_BYTES // 2**20, description="Unpacked; the largest page has 1 MB."
    )
    training: Literal["yes", "no", "attested"]
    attribution: str = Field(min_length=1, description="The words that a publisher of its rows owes the source.")
    terms_url: str

    @property
    def fresh_for(self) -> timedelta:
        """How long a page counts as fresh."""
        return timedelta(days=self.fresh_for_days)

    @property
    def keep_for(self) -> timedelta | None:
        """How long an archived page may be kept; null means for good."""
        return timedelta(days=self.keep_for_days) if self.keep_for_days else None

    def pace(self, is_api: bool) -> float:
        """Requests per second to one host: an interface may be meant to be asked faster than a site."""
        return self.api_requests_per_second or self.requests_per_second if is_api else self.requests_per_second

    @property
    def may_train(self) -> bool:
        """Whether rows of this source may enter a training set."""
        return self.training != "no"

    def in_sandbox(self) -> SourcePolicy:
        """The same source in the made-up world: no limit of rate, no robots.txt, cleared for training."""
        unlimited = {"requests_per_second": math.inf, "api_requests_per_second": None}
        return self.model_copy(update={**unlimited, "robots": "operator-permission", "training": "yes"})


def load_policies(settings: Settings) -> dict[str, SourcePolicy]:
    """All sources by name; in the sandbox profile every one is cleared.

    Raises
    ------
    OstinatoError
        When `sources.toml` is missing or holds what cannot be.
    """
    policies = _read(SOURCES_FILE)
    if settings.is_sandbox:
        return {source: policy.in_sandbox() for source, policy in policies.items()}
    return dict(policies)


def addresses(settings: Settings, sites: Iterable[str]) -> list[str]:
    """The base URLs of these sites, less those that have none in this profile: an older sandbox lacks newer sites."""
    return [base_url(settings, site) for site in sites if site in settings.sites or not settings.is_sandbox]


def check_sites(settings: Settings) -> None:
    """Make sure that OSTINATO_SITES names sites that some source has: a misspelt one would be asked for nothing.

    Raises
    ------
    OstinatoError
        Naming the first that none has.
    """
    known = {CONTROL_SITE}.union(*(policy.sites.keys() | policy.apis.keys() for policy in _read(SOURCES_FILE).values()))
    unknown = sorted(settings.sites.keys() - known)
    if unknown:
        names = ", ".join(sorted(known))
        raise OstinatoError(f"OSTINATO_SITES names {unknown[0]}, which is no site of any source; it may name {names}.")


def base_url(settings: Settings, site: str) -> str:
    """The address of a site, without a trailing slash; `settings.sites` comes before `sources.toml`.

    In the sandbox profile only `settings.sites` counts, so that nothing made up ever asks a real site.

    Raises
    ------
    OstinatoError
        When the site has no address in this profile, or OSTINATO_SITES names one that no source has.
    """
    check_sites(settings)
    if site in settings.sites:
        return settings.sites[site].rstrip("/")
    if settings.is_sandbox:
        raise OstinatoError(f"The sandbox is not running, so {site} has no address; start it with: ostinato up")
    for policy in load_policies(settings).values():
        url = policy.sites.get(site) or policy.apis.get(site)
        if url:
            return url.rstrip("/")
    raise OstinatoError(f"No source names a site {site!r}; name it in {SOURCES_FILE.name} or in OSTINATO_SITES.")


@lru_cache(maxsize=4)
def _read(file: Path) -> dict[str, SourcePolicy]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        policies = {source: SourcePolicy.model_validate(table) for source, table in tables.items()}
    except OSError as fault:
        raise OstinatoError(f"{file.name} cannot be read ({fault.strerror}); restore it from the repository.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise OstinatoError(f"{file.name} is not valid TOML: {fault}; mend that line.") from None
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        place = f"{where} of [{_culprit(tables)}]" if where else f"[{_culprit(tables)}]"
        raise OstinatoError(f"{file.name}: {place} cannot be used ({first['msg']}); mend it there.") from None
    for source in (*COLLECTED_SOURCES, "dataset", "audio"):
        if source not in policies:
            raise OstinatoError(f"{file.name} has no section [{source}]; restore it from the repository.")
    return policies


def _culprit(tables: dict[str, dict[str, object]]) -> str:
    for source, table in tables.items():
        try:
            SourcePolicy.model_validate(table)
        except ValidationError:
            return source
    return "?"
