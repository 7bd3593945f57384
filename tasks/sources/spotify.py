"""Spotify's search and track bodies: JSON in, rows out.

The Web API was cut in November 2024 and February 2026: `popularity`, `available_markets`, `preview_url` and, for
most apps, `external_ids` (so the ISRC) are gone. Every field but the id and the name is therefore optional, and
bodies of before and after the cuts read alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.json_body import count, object_of, objects, overlong, read_answer, text
from tasks.sources.parsed import Parsed
from tasks.sources.reading import read_date


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
    items = hits.get("items") if isinstance(hits, dict) else None
    if not isinstance(items, list) or "type" in answer:  # an album holds its tracks much the same
        return Parsed([], FetchState.BROKEN, "no tracks.items: not the answer to a track search")
    if too_many := overlong(items, "tracks"):
        return too_many
    rows = _rows(items)
    if not rows and any(_is_unknown(item) for item in items):
        return Parsed([], FetchState.BROKEN, "the hits are no tracks as they were known: the answer has changed")
    return Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.EMPTY, "no track found")


def parse_track(body: bytes | str, url: str | None = None) -> Parsed[TrackRow]:
    """Read one track, or the `tracks` list that batch reads gave until February 2026."""
    answer = read_answer(body)
    if isinstance(answer, Parsed):
        return answer
    batch = answer.get("tracks")
    items = batch if isinstance(batch, list) else [answer]
    if too_many := overlong(items, "tracks"):
        return too_many
    rows = _rows(items)
    if not rows and batch is not items:
        return Parsed([], FetchState.BROKEN, "not a track object")
    return Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.MISSING, "no such track")


def _rows(items: list[Any]) -> list[TrackRow]:
    """The tracks of a list, each once."""
    rows: dict[str, TrackRow] = {}
    for item in items:
        if (row := track_row(item)) is not None:
            rows.setdefault(row["track_id"], row)
    return list(rows.values())


def track_row(item: Any) -> TrackRow | None:
    """The row of one track object; null for the nulls, episodes and local files that lists may hold."""
    if not isinstance(item, dict) or item.get("type", "track") != "track":
        return None
    track_id, title = text(item.get("id")), text(item.get("name"))
    if track_id is None or title is None:
        return None
    album, ids = object_of(item.get("album")), object_of(item.get("external_ids"))
    explicit = item.get("explicit")
    return TrackRow(
        track_id=track_id,
        isrc=text(ids.get("isrc")),
        title=title,
        artists=[name for artist in objects(item.get("artists")) if (name := text(artist.get("name")))],
        album=text(album.get("name")),
        released_on=_release_date(album),
        duration_ms=count(item.get("duration_ms")),
        explicit=explicit if isinstance(explicit, bool) else None,
    )


def _is_unknown(item: Any) -> bool:
    """Whether an item is neither a track nor one of the things that lists may hold in its place."""
    return isinstance(item, dict) and item.get("type", "track") == "track" and "id" not in item


def _release_date(album: Mapping[str, Any]) -> str | None:
    """The album's date, cut to its precision: Spotify fills up some unknown months and days with 01."""
    day, precision = text(album.get("release_date")), album.get("release_date_precision")
    if day is None:
        return None
    return read_date(day[: {"year": 4, "month": 7}.get(precision, 10) if isinstance(precision, str) else 10])
