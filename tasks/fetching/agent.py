"""Who asks: one name for the HTTP session, the browser and robots.txt."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

from tasks.settings import OstinatoError, Settings

PRODUCT = "Ostinato"
SHARED_START = "Mozilla/5.0 (compatible; "  # what browsers send too
_SEARCH_ENGINES = re.compile(
    r"googlebot|bingbot|slurp|duckduckbot|baiduspider|yandex|\byeti\b|applebot|facebookexternalhit", re.IGNORECASE
)


def user_agent(settings: Settings) -> str:
    """The program, its version and, where set, how to reach its operator; or the operator's own words.

    Raises
    ------
    OstinatoError
        When these cannot be sent, or name a search engine.
    """
    try:
        release = version("ostinato")
    except PackageNotFoundError:
        release = "0"
    contact = f"; +{settings.contact}" if settings.contact else ""
    agent = settings.user_agent or f"{SHARED_START}{PRODUCT}/{release}{contact})"
    setting = "OSTINATO_USER_AGENT" if settings.user_agent else "OSTINATO_CONTACT"
    if not (agent.isascii() and agent.isprintable() and agent == agent.strip()):
        raise OstinatoError(f"{setting} holds what no HTTP header can; use letters, digits and signs of ASCII.")
    posed = _SEARCH_ENGINES.search(agent)
    if posed:
        raise OstinatoError(f"{setting} names {posed[0]}, which this is not; say who you are, or unset it.")
    return agent
