"""YouTube's Data API, below `/youtube/v3`: searches for videos, a hundred a day and key, then the quota is spent."""

from __future__ import annotations

import base64
import hashlib
import zlib
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.catalogue import Catalogue, words
from sandbox.korean import Song
from sandbox.sites.faults import google_error
from sandbox.sites.routing import get, otherwise, robots
from sandbox.state import Sandbox
from sandbox.tracks import Track

SEARCHES_A_DAY = 100
MAX_RESULTS, DEFAULT_RESULTS = 50, 5
OFF_YOUTUBE_SHARE = 0.05
QUOTA = (
    "The request cannot be completed because you have exceeded your "
    '<a href="/youtube/v3/getting-started#quota">quota</a>.'
)
KINDS = ("{artist} - {title} (Official Video)", "{artist} - {title} (Lyrics)", "{title}", "{artist} '{title}' MV")


def api(sandbox: Sandbox, catalogue: Catalogue) -> Starlette:
    """www.googleapis.com, as far as `/youtube/v3/search` goes."""

    def search(request: Request) -> Response:
        asked = request.query_params
        key = asked.get("key") or request.headers.get("x-goog-api-key", "")
        if refusal := refused(sandbox, key):
            return refusal
        count = asked.get("maxResults", str(DEFAULT_RESULTS))
        if asked.get("part", "") not in ("snippet", "id", "id,snippet", "snippet,id"):
            return google_error(400, "missingRequiredParameter", "No filter selected.", "INVALID_ARGUMENT")
        if not (count.isascii() and count.isdigit() and int(count) <= MAX_RESULTS):
            return google_error(400, "invalidValue", f"Invalid value '{count}' for maxResults.", "INVALID_ARGUMENT")
        videos = [*tracks_videos(catalogue, asked.get("q", "")), *songs_videos(sandbox, asked.get("q", ""))]
        return JSONResponse(page_of(videos, int(count), "snippet" in asked["part"]))

    return Starlette(
        routes=[robots("User-agent: *\nDisallow: /search\n"), get("/youtube/v3/search", search)],
        exception_handlers=otherwise(lambda request: google_error(404, "notFound", "Not Found", "NOT_FOUND")),
    )


def refused(sandbox: Sandbox, key: str) -> Response | None:
    """The refusal of a missing or wrong key, or of one that has spent its day; None counts one search."""
    if not key:
        said = "Method doesn't allow unregistered callers. Please use API Key or other form of API consumer identity."
        return google_error(403, "forbidden", said, "PERMISSION_DENIED")
    if key.startswith("wrong"):
        said = "API key not valid. Please pass a valid API key."
        return google_error(400, "badRequest", said, "INVALID_ARGUMENT")
    day = f"{key} {sandbox.world.as_of}"
    if sandbox.youtube_searches[day] >= SEARCHES_A_DAY:
        return google_error(403, "quotaExceeded", QUOTA, "PERMISSION_DENIED")
    sandbox.youtube_searches[day] += 1
    return None


def tracks_videos(catalogue: Catalogue, query: str) -> list[dict[str, Any]]:
    """Videos of the recordings that a query finds."""
    return [
        video
        for track in catalogue.search(query.replace(":", " "))[:MAX_RESULTS]
        for video in videos_of(track.track_id, track.title, track.artist_names[0], track)
    ]


def songs_videos(sandbox: Sandbox, query: str) -> list[dict[str, Any]]:
    """Videos of the songs that only Melon has; all words of the title must have been asked for."""
    asked = set(words(query))
    return [
        video
        for song in sandbox.world.known_songs
        if song.track is None and song.released_on <= sandbox.world.as_of
        if (title := set(words(song.title))) and title <= asked and asked & set(words(song.artists[0][0]))
        for video in videos_of(song.song_id, song.title, song.artists[0][0], song)
    ]


def videos_of(any_id: str, title: str, artist: str, piece: Track | Song) -> list[dict[str, Any]]:
    """The one to three videos of a piece: the artist's own, then others'; one piece in twenty has none."""
    draw = zlib.crc32(any_id.encode())
    if draw % 100 < OFF_YOUTUBE_SHARE * 100:
        return []
    videos = []
    for number in range(1 + draw % 3):
        name = KINDS[(draw + number) % len(KINDS)].format(artist=artist, title=title)
        channel = f"{artist} - Topic" if number == 0 else f"{artist} Fans"
        videos.append({"id": code(f"{any_id}/{number}", 11), "title": name, "channel": channel, "piece": piece})
    return videos


def code(text: str, length: int) -> str:
    """An id as YouTube writes them."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()[:length]


def page_of(videos: list[dict[str, Any]], count: int, with_snippet: bool) -> dict[str, Any]:
    """The answer to a search; titles come with their entities, as YouTube sends them."""
    page: dict[str, Any] = {"kind": "youtube#searchListResponse", "etag": code(str(videos), 27), "regionCode": "KR"}
    if len(videos) > count:
        page["nextPageToken"] = "CAUQAA"
    page["pageInfo"] = {"totalResults": len(videos), "resultsPerPage": count}
    page["items"] = [video_object(video, with_snippet) for video in videos[:count]]
    return page


def video_object(video: dict[str, Any], with_snippet: bool) -> dict[str, Any]:
    """One hit."""
    item: dict[str, Any] = {
        "kind": "youtube#searchResult",
        "etag": code(video["id"], 27),
        "id": {"kind": "youtube#video", "videoId": video["id"]},
    }
    if with_snippet:
        published_at = f"{video['piece'].released_on}T09:00:00Z"
        item["snippet"] = {
            "publishedAt": published_at,
            "channelId": "UC" + code(video["channel"], 22),
            "title": escape(video["title"]).replace("&#x27;", "&#39;"),
            "description": "",
            "thumbnails": {"default": {"url": f"https://i.ytimg.com/vi/{video['id']}/default.jpg"}},
            "channelTitle": video["channel"],
            "liveBroadcastContent": "none",
            "publishTime": published_at,
        }
    return item
