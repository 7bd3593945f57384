"""Audio features of both providers, and what neither sends."""

from __future__ import annotations

import json

import pytest

from tasks.fetching.answer import FetchState
from tasks.schemas import AUDIO_FEATURES
from tasks.sources.audio_features import parse_audio_features

SOUND = {
    "danceability": 0.808,
    "energy": 0.626,
    "key": 7,
    "loudness": -12.7,
    "mode": 1,
    "speechiness": 0.168,
    "acousticness": 0.00187,
    "instrumentalness": 0.159,
    "liveness": 0.376,
    "valence": 0.369,
    "tempo": 123.99,
}


def reccobeats_item(track_id: str) -> dict[str, object]:
    return {"id": f"uuid-{track_id}", "href": f"https://open.spotify.com/track/{track_id}", "isrc": None, **SOUND}


def test_reccobeats_rows_are_joined_by_address_and_lack_two_features() -> None:
    body = json.dumps({"content": [reccobeats_item("bbb"), reccobeats_item("aaa")]})
    rows = parse_audio_features(body).rows
    assert [row["track_id"] for row in rows] == ["bbb", "aaa"]
    assert rows[0]["provider"] == "reccobeats"
    assert (rows[0]["duration_ms"], rows[0]["time_signature"]) == (None, None)
    assert list(rows[0]) == ["track_id", "isrc", *AUDIO_FEATURES, "provider"]


@pytest.mark.parametrize(
    "href",
    ["https://open.spotify.com/track/4Jp", "https://open.spotify.com/intl-de/track/4Jp?si=1", "spotify:track:4Jp"],
)
def test_every_form_of_a_spotify_address_is_understood(href: str) -> None:
    body = json.dumps({"content": [{**reccobeats_item("x"), "href": href}]})
    assert parse_audio_features(body).rows[0]["track_id"] == "4Jp"


def test_spotify_batches_and_single_objects_read_alike() -> None:
    item = {"id": "4Jp", "type": "audio_features", "duration_ms": 535223, "time_signature": 4, **SOUND}
    batch = parse_audio_features(json.dumps({"audio_features": [None, item]}))
    single = parse_audio_features(json.dumps(item))
    assert batch.rows == single.rows
    assert (single.rows[0]["provider"], single.rows[0]["duration_ms"]) == ("spotify", 535223.0)


def test_a_track_that_comes_twice_is_read_once() -> None:
    body = json.dumps({"content": [reccobeats_item("a"), reccobeats_item("b"), {**reccobeats_item("a"), "tempo": 1}]})
    rows = parse_audio_features(body).rows
    assert [(row["track_id"], row["tempo"]) for row in rows] == [("a", 123.99), ("b", 123.99)]


def test_items_without_a_name_or_a_sound_are_left_out() -> None:
    nameless = {**reccobeats_item("a"), "href": None}
    silent = {"id": "u", "href": "https://open.spotify.com/track/s"}
    by_isrc = {**nameless, "isrc": "USQ4E1300686"}
    body = json.dumps({"content": [None, 3, [], nameless, silent, by_isrc]})
    assert [(row["track_id"], row["isrc"]) for row in parse_audio_features(body).rows] == [(None, "USQ4E1300686")]


def test_an_error_with_its_status_beside_it_is_classified() -> None:
    parsed = parse_audio_features('{"timestamp": "x", "status": 429, "error": "Too Many Requests", "path": "/v1"}')
    assert parsed.state is FetchState.LIMITED


def test_unknown_tracks_are_empty_not_broken() -> None:
    assert parse_audio_features('{"content": []}').state is FetchState.EMPTY
    assert parse_audio_features('{"audio_features": [null]}').state is FetchState.EMPTY


def test_a_refusal_is_a_state() -> None:
    parsed = parse_audio_features('{"error": {"status": 403}}')
    assert parsed.state is FetchState.BLOCKED
    assert "403" in parsed.reason


def test_values_that_are_no_numbers_are_null() -> None:
    item = {**reccobeats_item("a"), "key": None, "tempo": "fast", "mode": True, "valence": 10**400}
    body = json.dumps({"content": [item]}).replace("-12.7", "NaN")
    row = parse_audio_features(body).rows[0]
    assert (row["key"], row["tempo"], row["mode"], row["valence"], row["loudness"]) == (None,) * 5


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'{"content": 3}', b'{"content": [{"id": 3, "href": 4}]}', b"\xff"]
)
def test_hostile_bodies_are_states(body: bytes) -> None:
    assert parse_audio_features(body).state in (FetchState.BROKEN, FetchState.EMPTY)
