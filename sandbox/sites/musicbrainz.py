"""MusicBrainz' web service, below `/ws/2`: who has a soundtrack album, and what is on it. JSON only.

Films are found by the address of their IMDb page, one or up to a hundred at a time; their release groups lead to
releases, and those to recordings with ISRC.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.releases import Name, Recording, Release, ReleaseGroup
from sandbox.sites.faults import MB_HELP
from sandbox.sites.routing import Answer, conditional, get, otherwise, robots
from sandbox.state import Sandbox

MAX_RESOURCES = 100
MAX_LIMIT, DEFAULT_LIMIT = 100, 25
IMDB_TITLE = re.compile(r"https://www\.imdb\.com/title/(tt\d+)/")
ROBOTS = "User-agent: *\nDisallow: /ws/1/\nDisallow: /search\n"
IMDB_TYPE = "85b0a010-3237-47c7-8476-6fcefd4761af"
SPACE = uuid.UUID("0f5b2a4e-7a5e-4a0e-9c34-6f1d8f0f7a11")


def api(sandbox: Sandbox) -> Starlette:
    """musicbrainz.org, as far as `/ws/2/url` and `/ws/2/release` go."""

    def url(request: Request) -> Response:
        asked = list(dict.fromkeys(request.query_params.getlist("resource")))
        if not asked:
            return error(400, "Neither a resource nor an id was given.")
        if len(asked) > MAX_RESOURCES:
            return error(400, f"Only {MAX_RESOURCES} resources can be looked up at a time.")
        has_groups = "release-group-rels" in parts_of(request)
        found = {resource: groups_at(sandbox, resource) for resource in asked}
        known = [url_object(resource, groups if has_groups else None) for resource, groups in found.items() if groups]
        if len(asked) == 1:
            return JSONResponse(known[0]) if known else error(404, "Not Found")
        return JSONResponse({"url-count": len(known), "url-offset": 0, "urls": known})

    def releases(request: Request) -> Response:
        asked = request.query_params
        group_id = asked.get("release-group", "")
        if not is_uuid(group_id):
            return error(400, f"Invalid mbid for release-group: {group_id}" if group_id else "No entity was given.")
        group = sandbox.shelf.find(group_id)
        if group is None:
            return error(404, "Not Found")
        limit, offset = number_of(asked.get("limit"), DEFAULT_LIMIT), number_of(asked.get("offset"), 0)
        parts = parts_of(request)
        some = group.releases[offset : offset + min(limit, MAX_LIMIT)]
        body = {"release-count": len(group.releases), "release-offset": offset}
        return JSONResponse(body | {"releases": [release_object(group, release, parts) for release in some]})

    def as_json(answer: Answer) -> Answer:
        def checked(request: Request) -> Response:
            wants = request.query_params.get("fmt") or request.headers.get("accept", "")
            return answer(request) if "json" in wants else error(406, "Only fmt=json is spoken here.")

        return checked

    return Starlette(
        routes=[
            robots(ROBOTS),
            get("/ws/2/url", as_json(conditional(url))),
            get("/ws/2/release", as_json(conditional(releases))),
        ],
        exception_handlers=otherwise(lambda request: error(404, "Not Found")),
    )


def error(status: int, message: str) -> Response:
    """An error as the service words it."""
    return JSONResponse({"error": message, "help": MB_HELP}, status)


def groups_at(sandbox: Sandbox, resource: str) -> tuple[ReleaseGroup, ...]:
    """The release groups that name this very address."""
    found = IMDB_TITLE.fullmatch(resource)
    item = sandbox.world.soundtrack_of_imdb(found[1]) if found else None
    return sandbox.shelf.of_film(item) if item else ()


def parts_of(request: Request) -> list[str]:
    """What `inc` names, joined by `+`, which may have been encoded."""
    return re.split(r"[+\s]", request.query_params.get("inc", ""))


def is_uuid(text: str) -> bool:
    """Whether the text is an id of MusicBrainz."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def number_of(text: str | None, default: int) -> int:
    """A whole number, or the default."""
    return int(text) if text and text.isascii() and text.isdigit() else default


def url_object(resource: str, groups: tuple[ReleaseGroup, ...] | None) -> dict[str, Any]:
    """An address and, where asked for, what is related to it."""
    relations: list[dict[str, Any]] = [
        {
            "type": "IMDb",
            "type-id": IMDB_TYPE,
            "target-type": "release_group",
            "direction": "backward",
            "begin": None,
            "end": None,
            "ended": False,
            "attributes": [],
            "attribute-ids": {},
            "attribute-values": {},
            "source-credit": "",
            "target-credit": "",
            "release_group": {
                "id": group.group_id,
                "title": group.title,
                "disambiguation": "",
                "first-release-date": group.released_on.isoformat(),
                "primary-type": "Album",
                "primary-type-id": str(uuid.uuid5(SPACE, "Album")),
                "secondary-types": ["Soundtrack"],
                "secondary-type-ids": [str(uuid.uuid5(SPACE, "Soundtrack"))],
            },
        }
        for group in groups or ()
    ]
    return {"id": str(uuid.uuid5(SPACE, resource)), "resource": resource} | (
        {} if groups is None else {"relations": relations}
    )


def release_object(group: ReleaseGroup, release: Release, parts: list[str]) -> dict[str, Any]:
    """A release, with its media and recordings where those were asked for."""
    body: dict[str, Any] = {
        "id": release.release_id,
        "title": release.title,
        "status": release.status,
        "status-id": str(uuid.uuid5(SPACE, release.status)) if release.status else None,
        "date": release.released_on,
        "country": release.country,
        "barcode": None,
        "disambiguation": "",
        "packaging": None,
        "quality": "normal",
        "text-representation": {"language": "eng", "script": "Latn"},
    }
    if "artist-credits" in parts:
        body["artist-credit"] = credit_objects((group.artist,))
    if "recordings" in parts or "media" in parts:
        body["media"] = media_objects(release, parts)
    return body


def media_objects(release: Release, parts: list[str]) -> list[dict[str, Any]]:
    """The discs of a release; tracks are counted anew on each of them."""
    media = []
    for position, disc in enumerate(release.discs, 1):
        medium: dict[str, Any] = {"position": position, "format": release.medium, "title": "", "track-count": len(disc)}
        if "recordings" in parts:
            tracks = [track_object(release, recording, n, parts) for n, recording in enumerate(disc, 1)]
            medium |= {"track-offset": 0, "tracks": tracks}
        media.append(medium)
    return media


def track_object(release: Release, recording: Recording, number: int, parts: list[str]) -> dict[str, Any]:
    """One track of a medium and the recording it is."""
    track: dict[str, Any] = {
        "id": str(uuid.uuid5(SPACE, f"{release.release_id}/{number}/{recording.recording_id}")),
        "number": str(number),
        "position": number,
        "title": recording.title,
        "length": recording.length_ms,
        "recording": {
            "id": recording.recording_id,
            "title": recording.title,
            "length": recording.length_ms,
            "disambiguation": "",
            "video": False,
            "first-release-date": release.released_on,
        },
    }
    if "isrcs" in parts:
        track["recording"]["isrcs"] = list(recording.isrcs)
    if "artist-credits" in parts:
        track["artist-credit"] = track["recording"]["artist-credit"] = credit_objects(recording.artists)
    return track


def credit_objects(artists: tuple[Name, ...]) -> list[dict[str, Any]]:
    """Names as credited, joined as prose."""
    return [
        {
            "name": artist.name,
            "joinphrase": " & " if number < len(artists) else "",
            "artist": {
                "id": artist.artist_id,
                "name": artist.name,
                "sort-name": artist.name,
                "type": None,
                "type-id": None,
                "disambiguation": "",
                "country": None,
            },
        }
        for number, artist in enumerate(artists, 1)
    ]
