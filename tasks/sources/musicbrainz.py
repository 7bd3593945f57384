"""MusicBrainz' answers on a film's soundtrack albums and what is on them: JSON in, rows out.

`GET /ws/2/url?resource=https://www.imdb.com/title/tt0133093/&inc=release-group-rels&fmt=json` tells which release
groups (a film's soundtrack albums, as a rule) name that IMDb page. `GET /ws/2/release?release-group=<id>&inc=
recordings+isrcs+artist-credits&fmt=json` gives the releases of one of them: countries, media and reissues of much
the same tracks. One of them stands for the group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.json_body import count, object_of, objects, overlong, read_answer, text, texts
from tasks.sources.parsed import Parsed
from tasks.sources.reading import read_date

_IMDB_TITLE = re.compile(r"imdb\.com/(?:[a-z-]{2,5}/)?title/(tt\d{7,10})\b")
_GROUP_ASKED = re.compile(r"[?&]release-group=([0-9A-Za-z-]+)")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")


class ReleaseGroupRow(TypedDict):
    """One release group that is related to one IMDb title."""

    imdb_id: str | None
    release_group_id: str
    title: str | None


class RecordingRow(TypedDict):
    """One recording on the release that stands for its group."""

    release_group_id: str | None
    release_id: str
    position: int  # from 1, over all media
    recording_id: str
    isrcs: list[str]
    title: str | None
    artists: list[str]
    album: str | None
    released_on: str | None
    duration_ms: int | None


def parse_url(body: bytes | str, url: str | None = None) -> Parsed[ReleaseGroupRow]:
    """Read a look-up of one address, or of several (`urls`); each release group once per film."""
    answer = _answer(body, "MusicBrainz knows no such address")
    if isinstance(answer, Parsed):
        return answer
    entries = objects(answer["urls"]) if isinstance(answer.get("urls"), list) else [answer]
    known = [entry for entry in entries if isinstance(entry.get("resource"), str)]
    if not known and answer.get("urls") != []:
        return Parsed([], FetchState.BROKEN, "no resource: not the answer to a look-up by address")
    if known and not any(isinstance(entry.get("relations"), list) for entry in known):
        return Parsed([], FetchState.BROKEN, "no relations: asked without inc=release-group-rels, or changed")
    rows: dict[tuple[str | None, str], ReleaseGroupRow] = {}
    for entry in known:
        for row in _release_groups(entry):
            rows.setdefault((row["imdb_id"], row["release_group_id"]), row)
    if not rows:
        return Parsed([], FetchState.EMPTY, "no release group is related to the address")
    return Parsed(list(rows.values()), FetchState.OK)


def parse_releases(body: bytes | str, url: str | None = None) -> Parsed[RecordingRow]:
    """Read the releases of one group, and give the recordings of the one that stands for it.

    That is an official one before others, then the one with the most ISRCs, the most tracks, the earliest date.
    `url` names the group where the body does not.
    """
    answer = _answer(body, "MusicBrainz knows no such release group")
    if isinstance(answer, Parsed):
        return answer
    releases = answer.get("releases", [answer] if "media" in answer else None)
    if not isinstance(releases, list):
        return Parsed([], FetchState.BROKEN, "no releases: not the answer to a look-up of a release group")
    if too_many := overlong(releases, "releases"):
        return too_many
    known = [release for release in objects(releases) if text(release.get("id"))]
    if not known:
        state = FetchState.BROKEN if releases else FetchState.EMPTY
        return Parsed([], state, "the release group has no release")
    release = min(known, key=_rank)
    rows = _recordings(release, _group_id(release, url))
    if not rows:
        state = FetchState.EMPTY if isinstance(release.get("media"), list) else FetchState.BROKEN
        return Parsed([], state, "the release has no recordings")
    return Parsed(rows, FetchState.OK, n_expected=len(rows) + _n_missing(release))


def _answer(body: bytes | str, unknown: str) -> Mapping[str, Any] | Parsed[Any]:
    """The answer, or its state; MusicBrainz' errors are sentences."""
    answer = read_answer(body)
    if not isinstance(answer, Parsed):
        return answer
    if "Not Found" in answer.reason:
        return Parsed([], FetchState.MISSING, unknown)
    if "allowable rate limit" in answer.reason:
        return Parsed([], FetchState.LIMITED, answer.reason)
    return answer


def _release_groups(entry: Mapping[str, Any]) -> Iterator[ReleaseGroupRow]:
    found = _IMDB_TITLE.search(entry["resource"])
    for relation in objects(entry.get("relations")):
        group = object_of(relation.get("release_group") or relation.get("release-group"))  # both spellings occur
        if group_id := text(group.get("id")):
            yield {
                "imdb_id": found[1] if found else None,
                "release_group_id": group_id,
                "title": text(group.get("title")),
            }


def _rank(release: Mapping[str, Any]) -> tuple[bool, int, int, str, str]:
    """What puts one release of a group before another; the smallest comes first."""
    recordings = [recording for _, _, recording in _tracks(release)]
    n_with_isrc = sum(bool(_isrcs(recording)) for recording in recordings)
    released_on = read_date(text(release.get("date"))) or "9999"
    return (release.get("status") != "Official", -n_with_isrc, -len(recordings), released_on, str(release["id"]))


def _tracks(release: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    """Position, track and recording of all tracks of all media, each track once; a hidden one before the first too."""
    position = 0
    known: set[str] = set()
    for medium in objects(release.get("media")):
        hidden = [medium["pregap"]] if isinstance(medium.get("pregap"), dict) else []
        for track in [*hidden, *objects(medium.get("tracks"))]:
            track_id = text(track.get("id"))
            if track_id in known:
                continue
            known.update([track_id] if track_id else [])
            position += 1
            recording = object_of(track.get("recording"))
            if text(recording.get("id")) and recording.get("video") is not True:
                yield position, track, recording


def _recordings(release: Mapping[str, Any], group_id: str | None) -> list[RecordingRow]:
    return [
        RecordingRow(
            release_group_id=group_id,
            release_id=str(text(release["id"])),
            position=position,
            recording_id=str(text(recording["id"])),
            isrcs=_isrcs(recording),
            title=text(recording.get("title")) or text(track.get("title")),
            artists=_artists(recording) or _artists(track) or _artists(release),
            album=text(release.get("title")),
            released_on=read_date(text(release.get("date"))),
            duration_ms=count(recording.get("length")) or count(track.get("length")),
        )
        for position, track, recording in _tracks(release)
    ]


def _n_missing(release: Mapping[str, Any]) -> int:
    """How many tracks the media promise and do not hold: an answer that was asked for without its recordings."""
    media = objects(release.get("media"))
    return sum(max((count(medium.get("track-count")) or 0) - len(objects(medium.get("tracks"))), 0) for medium in media)


def _isrcs(recording: Mapping[str, Any]) -> list[str]:
    return [isrc for isrc in texts(recording.get("isrcs")) if _ISRC.fullmatch(isrc)]


def _artists(credited: Mapping[str, Any]) -> list[str]:
    """The names as credited; the words that join them ("feat.", "&") are left out."""
    credit = objects(credited.get("artist-credit"))
    return texts([text(part.get("name")) or object_of(part.get("artist")).get("name") for part in credit])


def _group_id(release: Mapping[str, Any], url: str | None) -> str | None:
    asked = _GROUP_ASKED.search(url or "")
    return asked[1] if asked else text(object_of(release.get("release-group")).get("id"))
