"""Spotify's search and track bodies: JSON in, rows out.

The Web API was cut in November 2024 and February 2026: `popularity`, `available_markets`, `preview_url` and, for
most apps, `external_ids` (so the ISRC) are gone. Every field but the id and the name is therefore optional, and
bodies of before and after the cuts read alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.parsed import Parsed


class TrackRow(TypedDict):
    """One track; `released_on` is the album's date, as fine as Spotify knows it."""

    track_id: str
    isrc: str | None
    title: str
    artists: list[str]
    album: str | None
    released_on: str | None
    duration_ms: int | None
    explicit: bool | None


def parse_search(body: bytes | str, url: str | None = None) -> Parsed[TrackRow]:
    """Read the answer to a track search, best hit first.

    `total` is no promise: it can be 0 beside a `next` link, and counts all pages of hits, so nothing is "cut".
    """
    answer = read_answer(body)
    if isinstance(answer, Parsed):
        return answer
    hits = answer.get("tracks")
    items = hits.get("items") if isinstance(hits, Mapping) else None
    if not isinstance(items, list) or "type" in answer:  # an album holds its tracks much the same
        return Parsed([], FetchState.BROKEN, "no tracks.items: not the answer to a track search")
    rows = [row for item in items if (row := track_row(item)) is not None]
    return Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.EMPTY, "no track found")


def parse_track(body: bytes | str, url: str | None = None) -> Parsed[TrackRow]:
    """Read one track, or the `tracks` list that batch reads gave until February 2026."""
    answer = read_answer(body)
    if isinstance(answer, Parsed):
        return answer
    batch = answer.get("tracks")
    items = batch if isinstance(batch, list) else [answer]
    rows = [row for item in items if (row := track_row(item)) is not None]
    if not rows and batch is not items:
        return Parsed([], FetchState.BROKEN, "not a track object")
    return Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.MISSING, "no such track")


def track_row(item: Any) -> TrackRow | None:
    """The row of one track object; null for the nulls, episodes and local files that lists may hold."""
    if not isinstance(item, Mapping) or item.get("type", "track") != "track":
        return None
    track_id, title = _text(item.get("id")), _text(item.get("name"))
    if track_id is None or title is None:
        return None
    album, ids = _object(item.get("album")), _object(item.get("external_ids"))
    artists = item["artists"] if isinstance(item.get("artists"), list) else []
    explicit = item.get("explicit")
    return TrackRow(
        track_id=track_id,
        isrc=_text(ids.get("isrc")),
        title=title,
        artists=[name for artist in artists if isinstance(artist, Mapping) and (name := _text(artist.get("name")))],
        album=_text(album.get("name")),
        released_on=_release_date(album),
        duration_ms=_positive(item.get("duration_ms")),
        explicit=explicit if isinstance(explicit, bool) else None,
    )


def read_answer(body: bytes | str) -> dict[str, Any] | Parsed[Any]:
    """The JSON object of a body, or the state of a body that is an error, is cut off or is no JSON at all.

    Errors come in two shapes, the Web API's `{"error": {"status", "message"}}` and the token endpoint's
    `{"error": "invalid_client", "error_description"}`; gateways answer in plain text or with nothing.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return Parsed([], FetchState.BROKEN, "not JSON, or cut off")
    if not isinstance(answer, dict):
        return Parsed([], FetchState.BROKEN, "not a JSON object")
    fault = answer.get("error")
    if fault is None:
        return answer
    if isinstance(fault, Mapping):
        status, message = (fault.get("status"), _text(fault.get("message")) or "no message")
        return Parsed([], state_of_status(status), f"the provider answered {status}: {message}")
    told = _text(answer.get("error_description"))
    return Parsed([], FetchState.BLOCKED if told else FetchState.BROKEN, f"the provider answered: {told or fault}")


def state_of_status(status: Any) -> FetchState:
    """What the status of an API error means; 400 and 5xx are a fault of the question or of the server."""
    named = {401: FetchState.BLOCKED, 403: FetchState.BLOCKED, 404: FetchState.MISSING, 429: FetchState.LIMITED}
    return named.get(status, FetchState.BROKEN) if isinstance(status, int) else FetchState.BROKEN


def _release_date(album: Mapping[str, Any]) -> str | None:
    """The album's date, cut to its precision: Spotify fills up some unknown months and days with 01."""
    day, precision = (_text(album.get("release_date")), album.get("release_date_precision"))
    if day is None or day.startswith("0000"):
        return None
    return day[: {"year": 4, "month": 7}.get(precision, 10) if isinstance(precision, str) else 10]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    """A string without blanks around it; half a surrogate pair, which JSON can escape, becomes a question mark."""
    return value.encode("utf-8", errors="replace").decode().strip() or None if isinstance(value, str) else None


def _positive(value: Any) -> int | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 < value < 2**53 else None
