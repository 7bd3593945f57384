"""Spotify's bodies before and after the cuts, and its errors; MusicBrainz' look-up by address beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.fetching.answer import FetchState
from tasks.sources.musicbrainz import parse_url
from tasks.sources.spotify import parse_search, parse_track

CUT_TRACK = {  # as development mode sends it since March 2026
    "id": "6NPVjNh8Jhru9xOmyQigds",
    "name": "Happy",
    "type": "track",
    "artists": [{"name": "Pharrell Williams"}, {"name": None}, None],
    "album": {"name": "G I R L", "release_date": "2014-01-01", "release_date_precision": "year"},
    "duration_ms": 233305,
    "explicit": False,
}
FULL_TRACK = {**CUT_TRACK, "external_ids": {"isrc": "USQ4E1300686"}, "popularity": 80, "available_markets": []}


def search_body(items: list[Any], **more: Any) -> str:
    return json.dumps(
        {"tracks": {"items": items, "total": 0, "next": "https://api.spotify.com/v1/search?offset=3", **more}}
    )


@pytest.mark.parametrize(("track", "isrc"), [(CUT_TRACK, None), (FULL_TRACK, "USQ4E1300686")])
def test_tracks_read_alike_before_and_after_the_cuts(track: dict[str, Any], isrc: str | None) -> None:
    expected = {
        "track_id": "6NPVjNh8Jhru9xOmyQigds",
        "isrc": isrc,
        "title": "Happy",
        "artists": ["Pharrell Williams"],
        "album": "G I R L",
        "released_on": "2014",
        "duration_ms": 233305,
        "explicit": False,
    }
    assert parse_track(json.dumps(track)).rows == [expected]
    assert parse_search(search_body([None, track])).rows == [expected]


def test_a_bare_track_has_nulls_not_faults() -> None:
    row = parse_track('{"id": "1", "name": "x", "album": null, "artists": null, "duration_ms": 0}').rows[0]
    assert row["artists"] == []
    assert [row[key] for key in ("isrc", "album", "released_on", "duration_ms", "explicit")] == [None] * 5


@pytest.mark.parametrize(
    ("day", "precision", "read"),
    [
        ("1985-01-01", "year", "1985"),
        ("1985-09-01", "month", "1985-09"),
        ("1985-09-17", None, "1985-09-17"),
        ("1985", "day", "1985"),
        ("0000", "year", None),
        ("soon", "day", None),
    ],
)
def test_dates_are_iso_and_as_fine_as_known(day: str, precision: str | None, read: str | None) -> None:
    album = {"name": "A", "release_date": day, "release_date_precision": precision}
    assert parse_track(json.dumps({**CUT_TRACK, "album": album})).rows[0]["released_on"] == read


@pytest.mark.parametrize("gone", [name for name in FULL_TRACK if name not in ("id", "name")])
def test_every_other_field_may_be_gone(gone: str) -> None:
    for value in ({}, {gone: None}, {gone: []}, {gone: {}}):
        item = {name: there for name, there in FULL_TRACK.items() if name != gone} | value
        if item.get("type", "track") == "track":
            assert parse_track(json.dumps(item)).rows[0]["title"] == "Happy"


def test_a_hit_that_comes_twice_is_read_once() -> None:
    assert len(parse_search(search_body([CUT_TRACK, {**CUT_TRACK, "id": "2"}, CUT_TRACK])).rows) == 2


def test_no_hit_beside_a_next_link_is_empty() -> None:
    assert parse_search(search_body([])).state is FetchState.EMPTY
    assert parse_search(search_body([None])).state is FetchState.EMPTY


def test_many_more_hits_than_items_is_no_cut_list() -> None:
    assert not parse_search(search_body([CUT_TRACK], total=371)).is_cut


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"error": {"status": 401, "message": "Invalid access token"}}, FetchState.BLOCKED),
        ({"error": {"status": 403, "message": "Forbidden"}}, FetchState.BLOCKED),
        ({"error": {"status": 404, "message": "Not found."}}, FetchState.MISSING),
        ({"error": {"status": 429, "message": "API rate limit exceeded"}}, FetchState.LIMITED),
        ({"error": {"status": 400, "message": "Invalid limit"}}, FetchState.BROKEN),
        ({"error": {}}, FetchState.BROKEN),
        ({"error": "invalid_client", "error_description": "Invalid client"}, FetchState.BLOCKED),
    ],
)
def test_error_bodies_are_classified(body: dict[str, Any], state: FetchState) -> None:
    for parse in (parse_search, parse_track):
        parsed = parse(json.dumps(body))
        assert (parsed.state, parsed.rows) == (state, [])
        assert parsed.reason


@pytest.mark.parametrize(
    "body", [b"", b"Too many requests", b"[]", b"[" * 99_999, b"\xff\xfe", '{"tracks": {"items"', "9" * 9999]
)
def test_hostile_bodies_are_states(body: bytes | str) -> None:
    assert parse_search(body).state is FetchState.BROKEN
    assert parse_track(body).state is FetchState.BROKEN


def test_half_a_surrogate_pair_can_still_be_written() -> None:
    row = parse_track('{"id": "1", "name": "a\\ud83d"}').rows[0]
    assert row["title"].encode() == b"a?"


def test_an_album_or_an_episode_is_no_track() -> None:
    album = {"type": "album", "id": "9", "name": "A", "tracks": {"items": [CUT_TRACK]}}
    assert parse_search(json.dumps(album)).state is FetchState.BROKEN
    assert parse_track(json.dumps(album)).state is FetchState.BROKEN
    assert parse_search(search_body([{**CUT_TRACK, "type": "episode"}])).state is FetchState.EMPTY


RELATED = {
    "resource": "https://www.imdb.com/title/tt0133093/",
    "relations": [
        {"type": "IMDb", "target-type": "release_group", "release_group": {"id": "g1", "title": "The Matrix"}},
        {"type": "IMDb", "target-type": "release_group", "release_group": {"id": "g1", "title": "The Matrix"}},
        {"type": "IMDb", "target-type": "work", "work": {"id": "w1"}},
    ],
}


def test_musicbrainz_names_each_release_group_once() -> None:
    row = {"imdb_id": "tt0133093", "release_group_id": "g1", "title": "The Matrix"}
    assert parse_url(json.dumps(RELATED)).rows == [row]
    assert parse_url(json.dumps({"urls": [RELATED, RELATED]})).rows == [row]


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ('{"error": "Not Found", "help": "..."}', FetchState.MISSING),
        ('{"resource": "https://www.imdb.com/title/tt0000001/", "relations": []}', FetchState.EMPTY),
        (
            '{"resource": "https://www.imdb.com/title/tt0000001/", "relations": [null, {"release_group": 3}]}',
            FetchState.EMPTY,
        ),
        ('{"title": "The Matrix"}', FetchState.BROKEN),
        ("<html>", FetchState.BROKEN),
    ],
)
def test_musicbrainz_states(body: str, state: FetchState) -> None:
    assert parse_url(body).state is state
