"""Searching the recordings the way Spotify does: strict field filters, plain words otherwise."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable

from sandbox.tracks import Track
from sandbox.world import World

FIELD = re.compile(r'\b(track|artist|album|year|isrc):(?:"([^"]*)"|(.*?)(?=\s+(?:track|artist|album|year|isrc):|$))')
MIN_WORDS_SHARE = 0.6  # of a plain query's words must occur in a hit


def words(text: str) -> list[str]:
    """A text's words without case, accents and punctuation; Hangul stays as it is written."""
    text = text.replace("'", "").replace("’", "").replace("`", "")
    flat = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", flat))


class Catalogue:
    """An index over the world's recordings; those that the world makes later are taken in when asked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tracks: list[Track] = []
        self._by_word: defaultdict[str, set[int]] = defaultdict(set)
        self._by_isrc: dict[str, Track] = {}
        self._by_uuid: dict[str, Track] = {}

    def find(self, any_id: str) -> Track | None:
        """The recording with that Spotify id, ISRC or ReccoBeats UUID, if it has come out."""
        self._take_in()
        track = self._world.all_tracks.get(any_id) or self._by_isrc.get(any_id.upper()) or self._by_uuid.get(any_id)
        return track if track and track.released_on <= self._world.as_of else None

    def search(self, query: str) -> list[Track]:
        """Hits for a query, best first."""
        self._take_in()
        filters = {match[1]: match[2] if match[2] is not None else match[3] for match in FIELD.finditer(query)}
        plain = words(FIELD.sub(" ", query))
        if not filters and not plain:
            return []
        wanted = words(" ".join(filters.values())) if filters else plain
        found = self._with_most_words(wanted, strict=bool(filters))
        hits = [(n_words, self._tracks[number]) for number, n_words in found]
        kept = [
            (n_words, track)
            for n_words, track in hits
            if track.released_on <= self._world.as_of
            and all(FILTERS[name](track, text) for name, text in filters.items())
            and (not filters or _has(_text(track), " ".join(plain)))
        ]
        return [track for _, track in sorted(kept, key=lambda hit: (-hit[0], -hit[1].popularity, hit[1].track_id))]

    def _with_most_words(self, wanted: list[str], strict: bool) -> list[tuple[int, int]]:
        counts: Counter[int] = Counter()
        for word in set(wanted):
            counts.update(self._by_word.get(word, ()))
        least = len(set(wanted)) if strict else math.ceil(MIN_WORDS_SHARE * len(set(wanted)))
        return [(n, hits) for n, hits in counts.items() if hits >= least]

    def _take_in(self) -> None:
        tracks = self._world.all_tracks
        if len(tracks) == len(self._tracks):
            return
        for track in list(tracks.values())[len(self._tracks) :]:
            number = len(self._tracks)
            self._tracks.append(track)
            self._by_uuid[track.recording_uuid] = track
            if track.isrc:
                self._by_isrc[track.isrc] = track
            for word in (*words(_text(track)), str(track.released_on.year), (track.isrc or "").casefold()):
                self._by_word[word].add(number)


def _text(track: Track) -> str:
    return " ".join((track.title, *track.artist_names, track.album))


def _has(text: str, wanted: str) -> bool:
    return set(words(wanted)) <= set(words(text))


FILTERS: dict[str, Callable[[Track, str], bool]] = {
    "track": lambda track, text: _has(track.title, text),
    "artist": lambda track, text: _has(" ".join(track.artist_names), text),
    "album": lambda track, text: _has(track.album, text),
    "year": lambda track, text: str(track.released_on.year) == text.strip(),
    "isrc": lambda track, text: (track.isrc or "").casefold() == text.strip().casefold(),
}
