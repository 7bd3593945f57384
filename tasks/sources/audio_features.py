"""Audio features of tracks as providers send them: JSON in, rows out.

Two providers speak nearly the same words. ReccoBeats sends `{"content": [...]}` with ids of its own and the Spotify
address in `href`, the only way back to the track that was asked for; unknown ids are left out and the order is not
kept. Spotify, for apps approved before November 2024, sends `{"audio_features": [...]}` or one bare object.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.parsed import Parsed
from tasks.sources.spotify import read_answer

_TRACK_ADDRESS = re.compile(r"spotify(?:\.com/(?:[\w-]+/)*|:)tracks?[/:]([0-9A-Za-z]+)")


class AudioFeaturesRow(TypedDict):
    """The 13 features of one track; a value that the provider does not send is null."""

    track_id: str | None
    isrc: str | None
    danceability: float | None
    energy: float | None
    key: float | None
    loudness: float | None
    mode: float | None
    speechiness: float | None
    acousticness: float | None
    instrumentalness: float | None
    liveness: float | None
    valence: float | None
    tempo: float | None
    duration_ms: float | None
    time_signature: float | None
    provider: str


def parse_audio_features(body: bytes | str, url: str | None = None) -> Parsed[AudioFeaturesRow]:
    """Read the features of a batch or of one track; tracks unknown to the provider are absent, which is normal."""
    answer = read_answer(body)
    if isinstance(answer, Parsed):
        return answer
    provider, items = _provider_and_items(answer)
    if items is None:
        return Parsed([], FetchState.BROKEN, "neither content nor audio_features: not an answer with audio features")
    rows = [row for item in items if (row := _row(item, provider)) is not None]
    return (
        Parsed(rows, FetchState.OK) if rows else Parsed([], FetchState.EMPTY, "the provider knows none of the tracks")
    )


def _provider_and_items(answer: Mapping[str, Any]) -> tuple[str, list[Any] | None]:
    for provider, name in (("reccobeats", "content"), ("spotify", "audio_features")):
        if isinstance(items := answer.get(name), list):
            return provider, items
    if "danceability" not in answer:
        return "", None
    href = answer.get("href")
    return ("reccobeats" if isinstance(href, str) and "track_href" not in answer else "spotify"), [answer]


def _row(item: Any, provider: str) -> AudioFeaturesRow | None:
    """One track's row; null where the item names no track or holds no feature."""
    if not isinstance(item, Mapping):
        return None
    isrc = item.get("isrc")
    row = AudioFeaturesRow(
        track_id=_track_id(item, provider),
        isrc=isrc if isinstance(isrc, str) and isrc else None,
        danceability=_number(item.get("danceability")),
        energy=_number(item.get("energy")),
        key=_number(item.get("key")),
        loudness=_number(item.get("loudness")),
        mode=_number(item.get("mode")),
        speechiness=_number(item.get("speechiness")),
        acousticness=_number(item.get("acousticness")),
        instrumentalness=_number(item.get("instrumentalness")),
        liveness=_number(item.get("liveness")),
        valence=_number(item.get("valence")),
        tempo=_number(item.get("tempo")),
        duration_ms=_number(item.get("duration_ms")),
        time_signature=_number(item.get("time_signature")),
        provider=provider,
    )
    is_named = row["track_id"] is not None or row["isrc"] is not None
    return row if is_named and row["energy"] is not None else None


def _track_id(item: Mapping[str, Any], provider: str) -> str | None:
    """Spotify's id of the track: its own `id` at Spotify, at ReccoBeats the last part of `href`."""
    own_id = item.get("id")
    if provider == "spotify" and isinstance(own_id, str) and own_id:
        return own_id
    for name in ("href", "uri", "track_href"):
        found = _TRACK_ADDRESS.search(address) if isinstance(address := item.get(name), str) else None
        if found:
            return found[1]
    return None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or abs(value) > 1e12:  # a huge int would not fit a float
        return None
    return float(value) if math.isfinite(value) else None
