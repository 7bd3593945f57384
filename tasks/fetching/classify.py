"""From status, headers and body to a named state, before any parser sees the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tasks.fetching.answer import FetchState

_BLOCKING = frozenset({202, 401, 403, 406, 407, 451})
_MISSING = frozenset({404, 410})
_CHALLENGES = (
    b"AwsWafIntegration",
    b"_cf_chl_opt",
    b"captcha-delivery.com",
    b"_Incapsula_Resource",
    b'id="px-captcha"',
)
_LARGEST_CHALLENGE = 64 * 1024  # bytes; a page that is larger holds what it is for
SHORT_WAIT_S = 60.0  # a longer Retry-After ends the source's run
LONGEST_WAIT_S = 366 * 86_400.0  # a site that asks for more is not asked again within any run's horizon


def classify(status: int, headers: Mapping[str, str], body: bytes) -> tuple[FetchState, str]:
    """The state of an HTTP answer, and what it rests on.

    `headers` must be case-insensitive, as those of requests are. 202 is the status of a challenge that only a
    browser can pass; an empty body in place of a page is taken for one too, and so is a script challenge under
    whatever status. A server that names a long wait (503) is as limited as one that counts requests.
    """
    action = headers.get("x-amzn-waf-action") or headers.get("cf-mitigated")
    if action:
        return FetchState.BLOCKED, f"HTTP {status} with a {action[:20]} of the site's firewall"
    if status in _BLOCKING:
        return FetchState.BLOCKED, f"HTTP {status}"
    if status in _MISSING:
        return FetchState.MISSING, f"HTTP {status}"
    if status == 429:
        return FetchState.LIMITED, "HTTP 429"
    if status == 503 and (retry_after_s(headers) or 0) > SHORT_WAIT_S:
        return FetchState.LIMITED, "HTTP 503 with a long wait"
    if status == 204:
        return FetchState.EMPTY, "HTTP 204"
    if not 200 <= status < 300:
        return FetchState.BROKEN, f"HTTP {status}"
    if not body.strip():
        return FetchState.BLOCKED, f"HTTP {status} with an empty body"
    if len(body) <= _LARGEST_CHALLENGE and any(mark in body for mark in _CHALLENGES):
        return FetchState.BLOCKED, f"HTTP {status} with a script challenge in place of the page"
    return FetchState.OK, ""


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait by the Retry-After header, which holds seconds or a date; None where it holds neither.

    What no calendar holds is cut to a year.

    >>> retry_after_s({"Retry-After": "7"})
    7.0
    >>> retry_after_s({"Retry-After": "soon"}) is None
    True
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - (now or datetime.now(UTC))).total_seconds()), LONGEST_WAIT_S)
