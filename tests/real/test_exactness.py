"""Every page of ../shared/pages through the parsers: what was found of what is there, and what was read exactly.

The truth is the files kept beside the pages, the bodies' own JSON, and for structured credits labels made by eye
(`labelled_credits.csv`: one line per entry and role, names joined by `|`). The table is printed; all of it is 100 %.
"""

from __future__ import annotations

import csv
import gzip
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tasks.fetching.answer import FetchState
from tasks.sources.kinds import PARSERS, Parser
from tasks.sources.musicbrainz import parse_releases
from tasks.sources.parsed import Parsed

PAGES = Path(__file__).parents[2].parent / "shared" / "pages"
LABELS = Path(__file__).with_name("labelled_credits.csv")
pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason=f"no saved pages in {PAGES}")
EVERY_PARSER: dict[str, Parser] = {**PARSERS, "musicbrainz-release": parse_releases}


@dataclass(slots=True)
class Score:
    """How much of one kind of page was there, was found, and was exact."""

    n_pages: int = 0
    expected: int = 0
    found: int = 0
    lines: int = 0
    lines_exact: int = 0
    artists: int = 0
    artists_exact: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def compare(
        self, name: str, artists: Any, true_artists: Any, lines: Sequence[str] = (), true: Sequence[str] = ()
    ) -> None:
        """Count one entry, its credit lines, and its artists (for credits: each role with its names)."""
        self.lines += len(true)
        self.lines_exact += sum(line == other for line, other in zip(lines, true, strict=False))
        self.artists += 1
        self.artists_exact += artists == true_artists
        if (artists, list(lines)) != (true_artists, list(true)):
            self.faults.append(name)

    def shown(self, kind: str) -> str:
        """One line of the table."""
        share = f"{self.found} / {self.expected}"
        lines = f"{self.lines_exact} / {self.lines}" if self.lines else "-"
        pages, ms = self.n_pages, self.seconds * 1000 / max(self.n_pages, 1)
        return f"{kind:22}{pages:>6}{share:>16}{lines:>14}{self.artists_exact:>10} / {self.artists:<6}{ms:>8.1f}"

    @property
    def is_perfect(self) -> bool:
        """Nothing missing, nothing inexact."""
        exact = (self.found, self.lines_exact, self.artists_exact)
        return self.n_pages > 0 and not self.faults and exact == (self.expected, self.lines, self.artists)


def saved(path: str) -> bytes:
    return gzip.decompress((PAGES / f"{path}.gz").read_bytes())


def names_in(folder: str) -> list[str]:
    return sorted(path.name.removesuffix(".gz") for path in (PAGES / folder).glob("*.gz"))


def read(score: Score, kind: str, body: bytes) -> Parsed[Any]:
    started = time.perf_counter()
    parsed = EVERY_PARSER[kind](body)
    score.seconds += time.perf_counter() - started
    score.n_pages += 1
    score.found += len(parsed.rows)
    return parsed


def score_soundtracks() -> Score:
    score = Score()
    labels: dict[str, list[dict[str, Any]]] = {}
    with LABELS.open(encoding="utf-8", newline="") as file:
        for label in csv.DictReader(file):
            credit = {"role": label["role"], "names": label["names"].split("|")}
            labels.setdefault(label["entry_id"], []).extend([credit] if label["role"] else [])
    for name, truth in json.loads((PAGES / "imdb/expected_soundtracks.json").read_text()).items():
        rows = read(score, "imdb-soundtrack", saved(f"imdb/{name}")).rows
        score.expected += truth["total"]
        for row, entry in zip(rows, truth["entries"], strict=True):
            assert (row["entry_id"], row["title"]) == (entry["id"], entry["title"].strip())
            score.compare(entry["id"], row["credits"], labels[entry["id"]], row["lines"], entry["lines"])
    return score


def melon_truth(part: str) -> dict[str, Any]:
    return dict(json.loads((PAGES / "melon/expected_melon.json").read_text(encoding="utf-8"))[part])


def score_charts() -> Score:
    score = Score()
    for name, truth in melon_truth("charts").items():
        rows = read(score, "melon-chart", saved(f"melon/{name.removesuffix('.html')}.html")).rows
        score.expected += len(truth)
        for row, true in zip(rows, truth, strict=True):
            assert (row["rank"], row["song_id"]) == (true["rank"], true["song_no"])
            assert (row["title"], row["album"]) == (true["title"], true["album"])
            score.compare(f"{name} {true['rank']}", row["artists"], true["artists"])
    return score


def score_songs() -> Score:
    score = Score()
    for name, true in melon_truth("song_details").items():
        (row,) = read(score, "melon-song", saved(f"melon/{name.removesuffix('.html')}.html")).rows
        score.expected += 1
        facts = (row["title"], row["album"], row["released_on"], row["genres"])
        assert facts == (true["title"], true["album"], true["released"].replace(".", "-"), [true["genre"]])
        score.compare(name, row["artists"], true["artists"])
    return score


def track_objects(answer: dict[str, Any]) -> list[dict[str, Any]]:
    tracks = answer.get("tracks", [answer])
    return [item for item in (tracks["items"] if isinstance(tracks, dict) else tracks) if item]


def score_tracks(kind: str, names: list[str]) -> Score:
    score = Score()
    for name in names:
        body = saved(f"spotify/{name}")
        rows, items = read(score, kind, body).rows, track_objects(json.loads(body))
        score.expected += len(items)
        for row, item in zip(rows, items, strict=True):
            assert (row["track_id"], row["title"]) == (item["id"], item["name"].strip())
            score.compare(item["id"], row["artists"], [artist["name"] for artist in item["artists"]])
    return score


def score_features(names: list[str]) -> Score:
    score = Score()
    for name in names:
        body = saved(f"spotify/{name}")
        answer = json.loads(body)
        items = answer.get("audio_features", [answer])
        score.expected += len(items)
        for row, item in zip(read(score, "audio-features", body).rows, items, strict=True):
            assert row["track_id"] == item["id"]
            score.compare(item["id"], row["energy"], item["energy"])
    return score


def score_releases() -> Score:
    score = Score()
    for name in ("release.json", "release_multidisc.json"):
        body = saved(f"musicbrainz/{name}")
        release = json.loads(body)
        tracks = [track for medium in release["media"] for track in medium["tracks"]]
        tracks = [track for track in tracks if not track["recording"]["video"]]  # the second disc is one of videos
        score.expected += len(tracks)
        credited = [credit["name"] for credit in release.get("artist-credit", [])]
        for row, track in zip(read(score, "musicbrainz-release", body).rows, tracks, strict=True):
            recording = track["recording"]
            assert (row["recording_id"], row["title"]) == (recording["id"], recording["title"])
            assert row["duration_ms"] == recording["length"]
            score.compare(recording["id"], row["artists"], credited)
    return score


FEATURE_BODIES = ["doc_GetAudioFeaturesForSeveralTracksRequest.json", "doc_GetAudioFeaturesForTrackRequest.json"]
TRACK_BODIES = [
    "doc_GetRecommendationsRequest.json",
    "doc_GetSeveralTracksRequest.json",
    "doc_GetTrackRequest.json",
    "search_or_item_multiartist_track.json",
    "search_or_item_track_info.json",
]
SEARCH_BODIES = [
    "doc_SearchTracksRequest.json",
    "search_or_item_japanese_track_request.json",
    "search_or_item_missing_request.json",
    "search_or_item_track_request.json",
    "spotifySearchEmptyResponse.json",
    "spotifySearchResponse.json",
]
KINDS: dict[str, Callable[[], Score]] = {
    "imdb-soundtrack": score_soundtracks,
    "melon-chart": score_charts,
    "melon-song": score_songs,
    "spotify-search": lambda: score_tracks("spotify-search", SEARCH_BODIES),
    "spotify-track": lambda: score_tracks("spotify-track", TRACK_BODIES),
    "audio-features": lambda: score_features(FEATURE_BODIES),
    "musicbrainz-release": score_releases,
}


def test_every_entry_line_and_artist_of_every_page(capsys: pytest.CaptureFixture[str]) -> None:
    scores = {kind: score() for kind, score in KINDS.items()}
    with capsys.disabled():
        print(f"\n{'':22}{'pages':>6}{'found/expected':>16}{'lines exact':>14}{'artists exact':>19}{'ms/page':>8}")
        for kind, score in scores.items():
            print(score.shown(kind))
    assert {kind: score.faults for kind, score in scores.items() if not score.is_perfect} == {}
    assert (scores["imdb-soundtrack"].expected, scores["melon-chart"].expected) == (122, 300)


def other_pages() -> Iterator[str]:
    """The pages and bodies that no parser may take for its own."""
    told = {*FEATURE_BODIES, *TRACK_BODIES, *SEARCH_BODIES}
    yield from (f"spotify/{name}" for name in names_in("spotify") if name not in told)
    yield from (f"deezer/{name}" for name in names_in("deezer"))
    yield from (f"acousticbrainz/{name}" for name in names_in("acousticbrainz"))
    yield from (f"musicbrainz/{name}" for name in names_in("musicbrainz") if not name.startswith("release"))
    yield from ("imdb/reference_tt0133093_next_data.json", "melon/error_overloaded_2025-07.html")


def test_no_page_is_taken_for_one_of_another_kind() -> None:
    read_by = {
        **dict.fromkeys((f"imdb/{name}" for name in names_in("imdb") if "soundtrack_tt" in name), "imdb-soundtrack"),
        **dict.fromkeys((f"melon/{name}.html" for name in melon_names("charts")), "melon-chart"),
        **dict.fromkeys((f"melon/{name}.html" for name in melon_names("song_details")), "melon-song"),
        **dict.fromkeys((f"spotify/{name}" for name in SEARCH_BODIES), "spotify-search"),
        **dict.fromkeys((f"spotify/{name}" for name in TRACK_BODIES), "spotify-track"),
        **dict.fromkeys((f"spotify/{name}" for name in FEATURE_BODIES), "audio-features"),
        **dict.fromkeys(("musicbrainz/release.json", "musicbrainz/release_multidisc.json"), "musicbrainz-release"),
        **dict.fromkeys(other_pages(), ""),
    }
    for path, kind in read_by.items():
        for other in EVERY_PARSER.keys() - {kind}:
            parsed = EVERY_PARSER[other](saved(path))
            assert parsed.rows == [], f"{path} read as {other}"
            assert parsed.state in (FetchState.BROKEN, FetchState.BLOCKED, FetchState.MISSING), f"{path} as {other}"
    assert len(read_by) == sum(1 for _ in PAGES.glob("*/*.gz")) - 1  # a table of credits is no page


def melon_names(part: str) -> list[str]:
    return [name.removesuffix(".html") for name in melon_truth(part)]
