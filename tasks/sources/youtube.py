"""YouTube's search (Data API v3): JSON in, rows out.

`GET /youtube/v3/search?part=snippet&type=video&q=...&key=...`. Titles come with HTML entities in them. An exhausted
day's quota is an error 403 like a wrong key; only its `reason` tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.json_body import object_of, objects, overlong, read_object, shown, state_of_status, text
from tasks.sources.parsed import Parsed
from tasks.sources.reading import unescape

_LIMITS = ("quotaExceeded", "dailyLimitExceeded", "rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED")
_REFUSALS = ("keyInvalid", "API_KEY_INVALID", "accessNotConfigured", "forbidden", "ipRefererBlocked")


class VideoRow(TypedDict):
    """One video that a search found, best hit first."""

    video_id: str
    title: str | None
    channel: str | None


def parse_search(body: bytes | str, url: str | None = None) -> Parsed[VideoRow]:
    """Read the answer to a search; channels and playlists among the hits are left out."""
    answer = read_object(body)
    if isinstance(answer, Parsed):
        return answer
    if "error" in answer:
        return _fault(answer["error"])
    if not isinstance(items := answer.get("items"), list):
        return Parsed([], FetchState.BROKEN, "no items: not the answer to a search")
    if too_many := overlong(items, "hits"):
        return too_many
    rows = [row for item in objects(items) if (row := _row(item)) is not None]
    if not rows and any(items) and not any("id" in item for item in objects(items)):
        return Parsed([], FetchState.BROKEN, "the hits are none as they were known: the answer has changed")
    return Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.EMPTY, "no video found")


def _row(item: Mapping[str, Any]) -> VideoRow | None:
    video_id = text(object_of(item.get("id")).get("videoId"))
    if video_id is None:
        return None
    snippet = object_of(item.get("snippet"))
    return {"video_id": video_id, "title": _words(snippet.get("title")), "channel": _words(snippet.get("channelTitle"))}


def _words(value: Any) -> str | None:
    return text(unescape(value)) if isinstance(value, str) else None


def _fault(error: Any) -> Parsed[VideoRow]:
    """The state of an error by its reasons first: quota and key share a status."""
    fault = object_of(error)
    listed = [*objects(fault.get("errors")), *objects(fault.get("details"))]
    reasons = [reason for entry in listed if (reason := text(entry.get("reason")))]
    code = fault.get("code")
    if any(reason in _LIMITS for reason in reasons):
        state = FetchState.LIMITED
    elif any(reason in _REFUSALS for reason in reasons):
        state = FetchState.BLOCKED
    else:
        state = state_of_status(code)
    told = text(unescape(fault["message"])) if isinstance(fault.get("message"), str) else None
    return Parsed([], state, f"YouTube answered {shown(code)} {', '.join(reasons)}: {told or 'no message'}")
