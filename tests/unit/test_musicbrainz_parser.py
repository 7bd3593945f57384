"""MusicBrainz' releases of a soundtrack album: one stands for the group, and its recordings are read whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.fetching.answer import FetchState
from tasks.sources.musicbrainz import parse_releases, parse_url

URL = "https://musicbrainz.org/ws/2/release?release-group=aaaa-1&inc=recordings+isrcs+artist-credits&limit=100&fmt=json"
CREDIT = [{"name": "Ed Sheeran", "joinphrase": " feat. ", "artist": {"name": "Ed Sheeran"}}, {"name": "Rudimental"}]


def track(number: int, **recording: Any) -> dict[str, Any]:
    return {
        "position": number,
        "title": f"Track {number}",
        "length": 1000 * number,
        "recording": {"id": f"r{number}", "title": f"Song {number}", "length": None, "isrcs": [], **recording},
    }


def release(name: str, *media: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": f"Album {name}",
        "date": "2001-05",
        "status": "Official",
        "artist-credit": [{"name": "Various Artists"}],
        "media": [{"position": n, "track-count": len(tracks), "tracks": tracks} for n, tracks in enumerate(media, 1)],
        **more,
    }


def body(*releases: Any) -> str:
    return json.dumps({"release-count": len(releases), "release-offset": 0, "releases": releases})


def test_recordings_are_counted_over_all_media() -> None:
    first = track(1, isrcs=["GBAHS1400099", None, "x"], **{"artist-credit": CREDIT})
    parsed = parse_releases(body(release("a", [first, track(2, video=True)], [track(3, length=281000)])), URL)
    assert (parsed.state, parsed.n_expected) == (FetchState.OK, 2)
    assert parsed.rows[0] == {
        "release_group_id": "aaaa-1",
        "release_id": "a",
        "position": 1,
        "recording_id": "r1",
        "isrcs": ["GBAHS1400099"],
        "title": "Song 1",
        "artists": ["Ed Sheeran", "Rudimental"],
        "album": "Album a",
        "released_on": "2001-05",
        "duration_ms": 1000,
    }
    last = parsed.rows[1]
    assert (last["position"], last["artists"], last["duration_ms"]) == (3, ["Various Artists"], 281000)


def test_a_hidden_track_comes_first() -> None:
    whole = release("a", [track(1)])
    whole["media"][0]["pregap"] = track(9)
    assert [(row["position"], row["recording_id"]) for row in parse_releases(body(whole)).rows] == [
        (1, "r9"),
        (2, "r1"),
    ]


def test_a_track_that_comes_twice_is_read_once() -> None:
    twice = [{**track(1), "id": "t1"}, {**track(1), "id": "t1"}, {**track(2), "id": "t2"}]
    rows = parse_releases(body(release("a", twice))).rows
    assert [(row["position"], row["recording_id"]) for row in rows] == [(1, "r1"), (2, "r2")]


with_isrc = {"isrcs": ["GBAHS1400099"]}


@pytest.mark.parametrize(
    ("chosen", "others"),
    [
        (release("z", [track(1)]), [release("a", [track(1, **with_isrc), track(2)], status="Bootleg")]),
        (release("z", [track(1, **with_isrc)]), [release("a", [track(1), track(2)])]),
        (release("z", [track(1), track(2)]), [release("a", [track(1)])]),
        (release("z", [track(1)], date="1999"), [release("a", [track(1)]), release("b", [track(1)], date=None)]),
        (release("a", [track(1)]), [release("b", [track(1)])]),
    ],
)
def test_one_release_stands_for_the_group(chosen: dict[str, Any], others: list[dict[str, Any]]) -> None:
    for order in ([chosen, *others], [*others, chosen]):
        assert {row["release_id"] for row in parse_releases(body(*order)).rows} == {chosen["id"]}


def test_a_release_that_promises_more_tracks_is_cut() -> None:
    short = release("a", [track(1)])
    short["media"][0]["track-count"] = 12
    parsed = parse_releases(body(short))
    assert (parsed.is_cut, parsed.n_expected) == (True, 12)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"releases": [], "release-count": 0}, FetchState.EMPTY),
        ({"releases": [None, {"title": "x"}]}, FetchState.BROKEN),
        ({"releases": [{"id": "a", "media": []}]}, FetchState.EMPTY),
        ({"releases": [{"id": "a", "media": None}]}, FetchState.BROKEN),
        ({"releases": {}}, FetchState.BROKEN),
        ({"error": "Not Found", "help": "For usage, please see: ..."}, FetchState.MISSING),
        ({"error": "Your requests are exceeding the allowable rate limit. Please see ..."}, FetchState.LIMITED),
        ({"error": "Invalid mbid."}, FetchState.BROKEN),
        ([], FetchState.BROKEN),
    ],
)
def test_states(answer: Any, state: FetchState) -> None:
    parsed = parse_releases(json.dumps(answer), URL)
    assert (parsed.rows, parsed.state) == ([], state)


def test_null_fields_are_null() -> None:
    poor = {"id": "a", "title": None, "date": None, "status": None, "artist-credit": None}
    poor["media"] = [{"tracks": [{"title": None, "recording": {"id": "r", "title": None, "isrcs": None}}, None, {}]}]
    (row,) = parse_releases(body(poor)).rows
    assert {name for name, value in row.items() if value} == {"release_id", "position", "recording_id"}


def related(resource: str, *groups: dict[str, str]) -> dict[str, Any]:
    return {"resource": resource, "relations": [{"target-type": "release_group", "release_group": g} for g in groups]}


def test_several_addresses_are_looked_up_at_once() -> None:
    several = {
        "url-count": 2,
        "url-offset": 0,
        "urls": [
            related("https://www.imdb.com/title/tt0133093/", {"id": "g1", "title": "The Matrix"}),
            related("https://www.imdb.com/title/tt0120338/", {"id": "g2", "title": "Titanic"}, {"id": "g1"}),
            related("https://www.imdb.com/title/tt0000001/"),
        ],
    }
    rows = parse_url(json.dumps(several)).rows
    assert [(row["imdb_id"], row["release_group_id"], row["title"]) for row in rows] == [
        ("tt0133093", "g1", "The Matrix"),
        ("tt0120338", "g2", "Titanic"),
        ("tt0120338", "g1", None),
    ]
    assert parse_url('{"urls": [], "url-count": 0}').state is FetchState.EMPTY
