"""Audio features of tracks as providers send them: JSON in, rows out.

Two providers speak nearly the same words. ReccoBeats sends `{"content": [...]}` with ids of its own and the Spotify
address in `href`, the only way back to the track that was asked for; unknown ids are left out and the order is not
kept. Spotify, for apps approved before November 2024, sends `{"audio_features": [...]}` or one bare object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.json_body import number, objects, overlong, read_answer, text
from tasks.sources.parsed import Parsed

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
    """Read the features of a batch or of one track, each track once; unknown ones are absent, which is normal."""
    answer = read_answer(body)
    if isinstance(answer, Parsed):
        return answer
    provider, items = _provider_and_items(answer)
    if items is None:
        return Parsed([], FetchState.BROKEN, "neither content nor audio_features: not an answer with audio features")
    if too_many := overlong(items, "tracks"):
        return too_many
    if any(items) and not any(_names(item, provider) for item in objects(items)):
        return Parsed([], FetchState.BROKEN, "no item names its track: the answer has changed")
    rows: dict[tuple[str | None, str | None], AudioFeaturesRow] = {}
    for row in (_row(item, provider) for item in items):
        if row is not None:
            rows.setdefault((row["track_id"], row["isrc"]), row)
    if not rows:
        return Parsed([], FetchState.EMPTY, "the provider knows none of the tracks")
    return Parsed(list(rows.values()), FetchState.OK)


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
    if not isinstance(item, dict):
        return None
    row = AudioFeaturesRow(
        track_id=_track_id(item, provider),
        isrc=text(item.get("isrc")),
        danceability=number(item.get("danceability")),
        energy=number(item.get("energy")),
        key=number(item.get("key")),
        loudness=number(item.get("loudness")),
        mode=number(item.get("mode")),
        speechiness=number(item.get("speechiness")),
        acousticness=number(item.get("acousticness")),
        instrumentalness=number(item.get("instrumentalness")),
        liveness=number(item.get("liveness")),
        valence=number(item.get("valence")),
        tempo=number(item.get("tempo")),
        duration_ms=number(item.get("duration_ms")),
        time_signature=number(item.get("time_signature")),
        provider=provider,
    )
    return row if _names(item, provider) and row["energy"] is not None else None


def _names(item: Mapping[str, Any], provider: str) -> bool:
    """Whether an item says which track it is of."""
    return _track_id(item, provider) is not None or text(item.get("isrc")) is not None


def _track_id(item: Mapping[str, Any], provider: str) -> str | None:
    """Spotify's id of the track: its own `id` at Spotify, at ReccoBeats the last part of `href`."""
    if provider == "spotify" and (own_id := text(item.get("id"))):
        return own_id
    for name in ("href", "uri", "track_href"):
        found = _TRACK_ADDRESS.search(address) if isinstance(address := item.get(name), str) else None
        if found:
            return found[1]
    return None
