"""Soundtrack albums as MusicBrainz has them: release groups of films, their releases, and the recordings on them.

An album holds some of the film's credited songs (with the ISRC that Spotify has) and score cues (mostly without one).
Of every three films one has no group at all, and now and then a film has two: its songs, and its score.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from sandbox import names
from sandbox.soundtracks import cue_title
from sandbox.tracks import Track
from sandbox.world import Soundtrack, World

GROUP_SHARE = 0.66  # of films have a group
SECOND_GROUP_SHARE = 0.12  # of those have another
ISRC_SHARE = 0.85  # of recordings that Spotify has carry its ISRC here too
OLD_CODE_SHARE = 0.1  # of those have a second ISRC of an earlier issue
MAX_SONGS = 18


class Name(NamedTuple):
    """An artist as MusicBrainz knows one."""

    artist_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording; `track` is what it is on Spotify, where Spotify has it."""

    recording_id: str
    title: str
    artists: tuple[Name, ...]
    length_ms: int | None
    isrcs: tuple[str, ...]
    track: Track | None


@dataclass(frozen=True, slots=True)
class Release:
    """One issue of an album: its status, country, day, and what is on each disc."""

    release_id: str
    title: str
    status: str | None
    country: str | None
    released_on: str
    medium: str
    discs: tuple[tuple[Recording, ...], ...]


@dataclass(frozen=True, slots=True)
class ReleaseGroup:
    """One album of a film, with all its releases."""

    group_id: str
    imdb_id: str
    title: str
    released_on: date
    artist: Name
    releases: tuple[Release, ...]


class Shelf:
    """The release groups of a world's films, made when they are first asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_film: dict[int, tuple[ReleaseGroup, ...]] = {}
        self._by_id: dict[str, ReleaseGroup] = {}

    def of_film(self, item: Soundtrack) -> tuple[ReleaseGroup, ...]:
        """The groups of a film."""
        number = item.film.number
        if number not in self._by_film:
            self._by_film[number] = make_groups(self._world, item)
            self._by_id |= {group.group_id: group for group in self._by_film[number]}
        return self._by_film[number]

    def find(self, group_id: str) -> ReleaseGroup | None:
        """The group with that id, where its film is out."""
        if group_id not in self._by_id:
            for item in self._world.soundtracks:
                self.of_film(item)
        group = self._by_id.get(group_id)
        return group if group and self._world.soundtrack_of_imdb(group.imdb_id) else None


def make_groups(world: World, item: Soundtrack) -> tuple[ReleaseGroup, ...]:
    """The release groups of a film; none where IMDb does not know the film."""
    film, rng = item.film, world.maker.rng("releases", item.film.number)
    if not film.imdb_id or rng.random() >= GROUP_SHARE:
        return ()
    songs = [_known(rng, entry.track) for entry in item.entries if entry.track and rng.random() < 0.75]
    cues = _cues(rng, item)
    if rng.random() < SECOND_GROUP_SHARE and songs:
        return (
            _group(rng, item, f"{film.title}: Music From the Motion Picture", songs[:MAX_SONGS]),
            _group(rng, item, f"{film.title} (Original Score)", cues),
        )
    mixed = songs[:MAX_SONGS] + cues
    rng.shuffle(mixed)
    return (_group(rng, item, f"{film.title} (Original Motion Picture Soundtrack)", mixed),)


def _cues(rng: Random, item: Soundtrack) -> list[Recording]:
    """Score cues: those on Spotify, and others that only the album has."""
    composer = item.cues[0].artists[0].name if item.cues else names.person(rng)
    known = [_known(rng, cue) for cue in item.cues]
    others = [
        Recording(
            _uuid(rng),
            cue_title(rng),
            (_name(composer),),
            None if rng.random() < 0.1 else rng.randrange(45_000, 300_000),
            (),
            None,
        )
        for _ in range(rng.randint(2, 9))
    ]
    return known + others


def _known(rng: Random, track: Track) -> Recording:
    has_code = track.isrc is not None and rng.random() < ISRC_SHARE
    codes = [track.isrc] if has_code and track.isrc else []
    if codes and rng.random() < OLD_CODE_SHARE:
        codes.insert(0, f"QZ{rng.choice('ABCDE')}ZZ{rng.randrange(10_000_000):07d}")
    length = None if rng.random() < 0.05 else track.duration_ms + rng.randrange(-900, 900)
    artists = tuple(_name(name) for name in track.artist_names)
    return Recording(recording_id(track), track.title.replace("'", "’"), artists, length, tuple(codes), track)


def recording_id(track: Track) -> str:
    """The recording's id: the same on every album."""
    return _uuid(names.generator("recording", track.track_id))


def _group(rng: Random, item: Soundtrack, title: str, recordings: list[Recording]) -> ReleaseGroup:
    film = item.film
    day = film.released_on - timedelta(days=rng.randrange(30))
    is_score = recordings and all(recording.track is None or not recording.track.seeds for recording in recordings)
    artist = recordings[0].artists[0] if is_score else _name("Various Artists")
    return ReleaseGroup(
        _uuid(rng), film.imdb_id or "", title, day, artist, tuple(_releases(rng, title, day, recordings))
    )


def _releases(rng: Random, title: str, day: date, recordings: list[Recording]) -> list[Release]:
    """The official issue; at times a bootleg with more on it before it, a promo, and a reissue on several discs."""
    official = _release(rng, title, "Official", rng.choice(("US", "GB", "XW")), day.isoformat(), [recordings])
    issues = [official]
    if rng.random() < 0.2:
        more = [*recordings, *(_bonus(rng, recordings) for _ in range(3))]
        issues.insert(0, _release(rng, f"{title} [Complete]", "Bootleg", None, str(day.year), [more]))
    if rng.random() < 0.3 and len(recordings) > 3:
        half = len(recordings) // 2
        later = (day + timedelta(days=800)).isoformat()[:7]
        discs = [recordings[:half], recordings[half:]]
        issues.append(_release(rng, f"{title} (Deluxe Edition)", "Official", "DE", later, discs))
    if rng.random() < 0.1:
        issues.insert(0, _release(rng, title, None, None, "", [recordings[: max(len(recordings) // 2, 1)]]))
    return issues


def _release(
    rng: Random, title: str, status: str | None, country: str | None, day: str, discs: list[list[Recording]]
) -> Release:
    medium = rng.choice(("CD", "CD", "Digital Media", '12" Vinyl'))
    return Release(_uuid(rng), title, status, country, day, medium, tuple(tuple(disc) for disc in discs))


def _bonus(rng: Random, recordings: list[Recording]) -> Recording:
    artists = recordings[0].artists if recordings else (_name(names.person(rng)),)
    return Recording(_uuid(rng), f"{cue_title(rng)} (alternate)", artists, rng.randrange(60_000, 240_000), (), None)


def _name(name: str) -> Name:
    return Name(_uuid(names.generator("musicbrainz artist", name)), name)


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
