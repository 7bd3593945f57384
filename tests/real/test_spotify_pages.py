"""Recorded and documented bodies of Spotify: each is read by its own parser and refused by the others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tasks.fetching.answer import FetchState
from tasks.schemas import AUDIO_FEATURES
from tasks.sources.audio_features import parse_audio_features
from tasks.sources.kinds import Parser
from tasks.sources.spotify import parse_search, parse_track

PAGES = Path(__file__).parents[2].parent / "shared" / "pages" / "spotify"
pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason="the saved bodies (../shared/pages/spotify) are not here")

PARSERS: dict[str, Parser] = {"search": parse_search, "track": parse_track, "features": parse_audio_features}
BODIES = {  # file -> which parser reads it, how many rows
    "doc_GetAudioFeaturesForSeveralTracksRequest": ("features", 3),
    "doc_GetAudioFeaturesForTrackRequest": ("features", 1),
    "doc_GetAvailableGenreSeedsRequest": (None, 0),
    "doc_GetRecommendationsRequest": ("track", 10),
    "doc_GetSeveralTracksRequest": ("track", 2),
    "doc_GetTrackRequest": ("track", 1),
    "doc_SearchTracksRequest": ("search", 10),
    "search_or_item_album_info": (None, 0),
    "search_or_item_japanese_track_request": ("search", 1),
    "search_or_item_missing_request": ("search", 0),
    "search_or_item_multiartist_album": (None, 0),
    "search_or_item_multiartist_track": ("track", 1),
    "search_or_item_track_info": ("track", 1),
    "search_or_item_track_request": ("search", 1),
    "spotifySearchEmptyResponse": ("search", 0),
    "spotifySearchResponse": ("search", 3),
}


def body(name: str) -> bytes:
    return gzip.decompress((PAGES / f"{name}.json.gz").read_bytes())


def track_objects(name: str) -> list[dict[str, Any]]:
    answer = json.loads(body(name))
    tracks = answer.get("tracks", [answer])
    found: list[dict[str, Any]] = tracks["items"] if isinstance(tracks, dict) else tracks
    return found


def test_every_body_is_read_by_its_parser_alone() -> None:
    assert {path.name.removesuffix(".json.gz") for path in PAGES.glob("*.json.gz")} == set(BODIES)
    for name, (reader, n_rows) in BODIES.items():
        for kind, parse in PARSERS.items():
            parsed = parse(body(name))
            if kind == reader:
                assert (parsed.state, len(parsed.rows)) == (FetchState.OK if n_rows else FetchState.EMPTY, n_rows), name
            else:
                assert (parsed.state, parsed.rows) == (FetchState.BROKEN, []), f"{name} read as {kind}"
    print(f"{len(BODIES)} of {len(BODIES)} bodies classified as expected")


@pytest.mark.parametrize("name", [name for name, (reader, n) in BODIES.items() if n and reader in ("search", "track")])
def test_every_track_field_is_what_the_body_says(name: str) -> None:
    parse = PARSERS[str(BODIES[name][0])]
    for row, item in zip(parse(body(name)).rows, track_objects(name), strict=True):
        assert row["track_id"] == item["id"]
        assert row["title"] == item["name"].strip()
        assert row["artists"] == [artist["name"] for artist in item["artists"]]
        assert row["isrc"] == item.get("external_ids", {}).get("isrc")
        assert row["album"] == item["album"]["name"]
        assert row["duration_ms"] == item["duration_ms"]
        assert str(item["album"].get("release_date", "")).startswith(row["released_on"] or "")


def test_the_release_date_is_as_fine_as_its_precision() -> None:
    first = parse_search(body("spotifySearchResponse")).rows[0]
    assert (first["title"], first["artists"]) == ("Running Up That Hill (A Deal With God)", ["Kate Bush"])
    assert first["released_on"] == "1985"


def test_all_13_features_are_read() -> None:
    rows = parse_audio_features(body("doc_GetAudioFeaturesForSeveralTracksRequest")).rows
    items = json.loads(body("doc_GetAudioFeaturesForSeveralTracksRequest"))["audio_features"]
    for row, item in zip(rows, items, strict=True):
        values: dict[str, Any] = dict(row)
        assert values["track_id"] == item["id"]
        assert {name: values[name] for name in AUDIO_FEATURES} == {name: float(item[name]) for name in AUDIO_FEATURES}
