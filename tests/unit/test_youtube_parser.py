"""YouTube's search answers: videos alone, entities decoded, and quota told from a wrong key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.fetching.answer import FetchState
from tasks.sources.youtube import parse_search

VIDEO = {
    "kind": "youtube#searchResult",
    "id": {"kind": "youtube#video", "videoId": "wp43OdtAAkM"},
    "snippet": {
        "title": "Kate Bush - Running Up That Hill &quot;Live&quot; &amp; more",
        "channelTitle": "KateBushMusic",
    },
}
CHANNEL = {"id": {"kind": "youtube#channel", "channelId": "UC1"}, "snippet": {"title": "Kate Bush"}}


def test_videos_are_read_and_nothing_else() -> None:
    bare = {"id": {"videoId": "x"}}
    parsed = parse_search(json.dumps({"items": [CHANNEL, VIDEO, None, {"id": "y"}, bare]}))
    assert parsed.rows == [
        {
            "video_id": "wp43OdtAAkM",
            "title": 'Kate Bush - Running Up That Hill "Live" & more',
            "channel": "KateBushMusic",
        },
        {"video_id": "x", "title": None, "channel": None},
    ]


def fault(code: int, reason: str, place: str = "errors") -> dict[str, Any]:
    return {
        "error": {"code": code, "message": 'You have exceeded your <a href="/q">quota</a>', place: [{"reason": reason}]}
    }


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"items": [], "pageInfo": {"totalResults": 0}}, FetchState.EMPTY),
        (fault(403, "quotaExceeded"), FetchState.LIMITED),
        (fault(429, "rateLimitExceeded"), FetchState.LIMITED),
        (fault(403, "accessNotConfigured"), FetchState.BLOCKED),
        (fault(400, "API_KEY_INVALID", "details"), FetchState.BLOCKED),
        (fault(400, "invalidParameter"), FetchState.BROKEN),
        (fault(500, "backendError"), FetchState.BROKEN),
        ({"error": "?"}, FetchState.BROKEN),
        ({"kind": "youtube#searchListResponse"}, FetchState.BROKEN),
        ([], FetchState.BROKEN),
    ],
)
def test_an_answer_without_videos_has_a_state(answer: Any, state: FetchState) -> None:
    parsed = parse_search(json.dumps(answer))
    assert (parsed.rows, parsed.state) == ([], state)
    assert parsed.reason
