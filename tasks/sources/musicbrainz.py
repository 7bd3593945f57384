"""MusicBrainz' answers to a look-up by web address: JSON in, rows out.

`GET /ws/2/url?resource=https://www.imdb.com/title/tt0133093/&inc=release-group-rels&fmt=json` tells which release
groups (a film's soundtrack albums, as a rule) name that IMDb page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict

from tasks.fetching.answer import FetchState
from tasks.sources.parsed import Parsed
from tasks.sources.spotify import read_answer

_IMDB_TITLE = re.compile(r"imdb\.com/title/(tt\d{7,})")


class ReleaseGroupRow(TypedDict):
    """One release group that is related to one IMDb title."""

    imdb_id: str | None
    release_group_id: str
    title: str | None


def parse_url(body: bytes | str, url: str | None = None) -> Parsed[ReleaseGroupRow]:
    """Read a look-up of one address, or of several (`urls`); each release group once per film."""
    answer = read_answer(body)
    if isinstance(answer, Parsed):
        is_unknown = "Not Found" in answer.reason
        return Parsed([], FetchState.MISSING, "MusicBrainz knows no such address") if is_unknown else answer
    entries = answer["urls"] if isinstance(answer.get("urls"), list) else [answer]
    known = [entry for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("resource"), str)]
    if not known:
        return Parsed([], FetchState.BROKEN, "no resource: not the answer to a look-up by address")
    rows: dict[tuple[str | None, str], ReleaseGroupRow] = {}
    for entry in known:
        for row in _release_groups(entry):
            rows.setdefault((row["imdb_id"], row["release_group_id"]), row)
    if not rows:
        return Parsed([], FetchState.EMPTY, "no release group is related to the address")
    return Parsed(list(rows.values()), FetchState.OK)


def _release_groups(entry: Mapping[str, Any]) -> list[ReleaseGroupRow]:
    found = _IMDB_TITLE.search(entry["resource"])
    relations = entry.get("relations")
    groups = [
        relation.get("release_group") or relation.get("release-group")  # both spellings occur
        for relation in (relations if isinstance(relations, list) else [])
        if isinstance(relation, Mapping)
    ]
    return [
        ReleaseGroupRow(
            imdb_id=found[1] if found else None,
            release_group_id=group["id"],
            title=group["title"] if isinstance(group.get("title"), str) else None,
        )
        for group in groups
        if isinstance(group, Mapping) and isinstance(group.get("id"), str)
    ]
