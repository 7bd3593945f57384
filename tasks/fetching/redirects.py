"""Where a site may send a request on to: another page of the source's own hosts, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Set
from urllib.parse import urljoin, urlsplit

import requests

from tasks.fetching.answer import FetchState

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def host_of(url: str) -> str:
    """Host and port of a URL, without a user's name."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def target_of(response: requests.Response) -> str | None:
    """Where an answer sends on to, as an address of its own; None where it does not, or names no address."""
    location = response.headers.get("Location", "")
    if response.status_code not in _REDIRECTS or not location:
        return None
    try:
        return urljoin(response.url, location.encode("latin-1", errors="replace").decode("utf-8", errors="replace"))
    except ValueError:
        return None


def refusal(method: str, url: str, target: str, own_hosts: Set[str]) -> tuple[FetchState, str] | None:
    """Why a redirect is not followed, as state and sentence; None where it is.

    A site that sends on to another host (a log-in, a consent page, a challenge) does not give the page.
    """
    scheme, host = urlsplit(target).scheme, host_of(target)
    if host not in own_hosts and host != host_of(url):
        return FetchState.BLOCKED, f"it sends on to {host or 'nowhere'}, a host that sources.toml does not name"
    if scheme not in ("http", "https") or (urlsplit(url).scheme == "https" and scheme == "http"):
        return FetchState.BLOCKED, f"it sends on to an address of {host} that is not safe"
    if method != "GET":
        return FetchState.BROKEN, "it sends a form on to another page"
    return None


def for_host(headers: Mapping[str, str] | None, url: str, target: str) -> dict[str, str]:
    """The caller's headers as another address may see them: a key goes to the host that it was meant for."""
    is_same = host_of(url) == host_of(target)
    return {name: value for name, value in (headers or {}).items() if is_same or name.lower() != "authorization"}
