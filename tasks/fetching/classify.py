"""From status, headers and body to a named state, before any parser sees the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tasks.fetching.answer import FetchState

_BLOCKING = frozenset({202, 401, 403, 406, 407, 451})
_MISSING = frozenset({404, 410})


def classify(status: int, headers: Mapping[str, str], body: bytes) -> tuple[FetchState, str]:
    """The state of an HTTP answer, and what it rests on.

    `headers` must be case-insensitive, as those of requests are. 202 is the status of a challenge that only a
    browser can pass; an empty body in place of a page is taken for one too.
    """
    action = headers.get("x-amzn-waf-action")
    if action:
        return FetchState.BLOCKED, f"HTTP {status} with a {action} of the site's firewall"
    if status in _BLOCKING:
        return FetchState.BLOCKED, f"HTTP {status}"
    if status in _MISSING:
        return FetchState.MISSING, f"HTTP {status}"
    if status == 429:
        return FetchState.LIMITED, "HTTP 429"
    if status == 204:
        return FetchState.EMPTY, "HTTP 204"
    if not 200 <= status < 300:
        return FetchState.BROKEN, f"HTTP {status}"
    if not body.strip():
        return FetchState.BLOCKED, f"HTTP {status} with an empty body"
    return FetchState.OK, ""


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait by the Retry-After header, which holds seconds or a date; None where it holds neither.

    >>> retry_after_s({"Retry-After": "7"})
    7.0
    >>> retry_after_s({"Retry-After": "soon"}) is None
    True
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
