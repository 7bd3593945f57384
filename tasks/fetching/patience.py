"""How long to wait for a site, what is worth asking again, and what it means when nothing came."""

from __future__ import annotations

from dataclasses import dataclass

import requests
import urllib3.exceptions

from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.classify import SHORT_WAIT_S
from tasks.fetching.transport import CUT_OFF


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a site, in seconds, and how often to ask again."""

    connect_s: float
    read_s: float
    whole_s: float
    attempts: int
    pause_s: float
    longest_pause_s: float


LIVE = Patience(connect_s=10, read_s=90, whole_s=240, attempts=3, pause_s=2.0, longest_pause_s=20.0)
SANDBOX = Patience(connect_s=2, read_s=3, whole_s=15, attempts=3, pause_s=0.05, longest_pause_s=0.3)


def short_wait_s(answer: Answer) -> float | None:
    """The wait after which the same question is worth asking again, in seconds; None where it is not."""
    if answer.status == 503 and answer.state is FetchState.BROKEN:
        return answer.retry_after_s or None
    if answer.state is not FetchState.LIMITED or answer.status is None:
        return None
    wait_s = 5.0 if answer.retry_after_s is None else answer.retry_after_s
    return wait_s if wait_s <= SHORT_WAIT_S else None


def is_passing(answer: Answer) -> bool:
    """True for a fault that another try may not meet; one that waiting did not mend is none."""
    is_lost = answer.status is None or answer.status >= 500 or answer.reason.startswith(CUT_OFF)
    is_fault = answer.state is FetchState.BROKEN and is_lost
    return (is_fault and short_wait_s(answer) is None) or answer.state is FetchState.UNREACHABLE


def transport_state(fault: requests.RequestException, patience: Patience) -> tuple[FetchState, str]:
    """The state of a request that brought no answer: nobody there, or somebody who broke off."""
    if isinstance(fault, requests.ReadTimeout):
        return FetchState.BROKEN, f"no answer within {patience.read_s:.0f} s"
    if isinstance(fault, requests.ConnectTimeout):
        return FetchState.UNREACHABLE, f"no connection within {patience.connect_s:.0f} s"
    if isinstance(fault, requests.exceptions.SSLError):
        return FetchState.BROKEN, "no safe connection: its certificate is not trusted here, or it speaks no TLS"
    cause = getattr(fault.args[0], "reason", None) if fault.args else None
    nobody_there = isinstance(cause, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.NameResolutionError))
    if nobody_there or isinstance(fault, requests.exceptions.ProxyError):
        return FetchState.UNREACHABLE, "no connection"
    return FetchState.BROKEN, f"the connection broke off ({type(fault).__name__})"
