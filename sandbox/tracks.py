"""The tracks of the made-up world: a song catalogue, Korean songs by year, and what an artist's tracks share.

Everything is a function of the seed and an index, so the world can grow with the clock and still be the same
world. A track's genre seeds are what it was drawn from; score cues have none.
"""

from __future__ import annotations

import string
import uuid
import zlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from sandbox import names
from sandbox.features import Features, Point, Profiles, draw_point, with_artist
from sandbox.names import ArtistName
from sandbox.profiles import KOREAN_SEED

EPOCH = date(2026, 10, 1)  # the world of the asked size is as of this day; it grows and shrinks around it
ALPHABET = string.digits + string.ascii_letters
KOREAN_PER_YEAR = 120
UNKNOWN_SHARE = 0.03  # of tracks that ReccoBeats does not know
NO_ISRC_SHARE = 0.05
COVER_SHARE = 0.04

# Melon's genre, what it writes on the song page, the seed that its songs are drawn from, its share of songs
KOREAN_GENRES = (
    ("GN0100", "발라드", KOREAN_SEED, 0.28),
    ("GN0200", "댄스", KOREAN_SEED, 0.28),
    ("GN0300", "랩/힙합", "hip-hop", 0.12),
    ("GN0400", "R&B/Soul", "r-n-b", 0.09),
    ("GN0500", "인디음악", "indie-pop", 0.07),
    ("GN0600", "록/메탈", "rock", 0.05),
    ("GN0700", "트로트", KOREAN_SEED, 0.04),
    ("GN0800", "포크/블루스", "acoustic", 0.03),
    ("GN0100", "발라드, 국내드라마", "piano", 0.04),
)


@dataclass(frozen=True, slots=True)
class Artist:
    """Someone who performs; `point` is what all their tracks have in common."""

    artist_id: str
    names: ArtistName
    point: Point = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name on Spotify."""
        return self.names.spotify

    @property
    def melon_no(self) -> int:
        """The artist's number on Melon."""
        return 100_000 + zlib.crc32(self.artist_id.encode()) % 2_900_000


@dataclass(frozen=True, slots=True)
class Track:
    """One recording as Spotify has it."""

    track_id: str
    recording_uuid: str
    isrc: str | None
    title: str
    artists: tuple[Artist, ...]
    album: str
    album_id: str
    released_on: date
    date_precision: str
    explicit: bool
    popularity: int
    track_number: int
    features: Features = field(hash=False)
    seeds: tuple[str, ...]
    is_known_to_reccobeats: bool
    writers: tuple[str, ...]

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds."""
        return int(self.features["duration_ms"])

    @property
    def artist_names(self) -> list[str]:
        """Names of all artists, the first first."""
        return [artist.name for artist in self.artists]


class TrackMaker:
    """Makes artists and tracks of one seed; no two tracks share both title and first artist."""

    def __init__(self, seed: int, profiles: Profiles) -> None:
        self.seed = seed
        self.profiles = profiles
        self._artists: dict[str, Artist] = {}
        self._artist_names: set[str] = set()
        self._taken: set[tuple[str, str]] = set()
        self.titles: list[str] = []

    def rng(self, *key: object) -> Random:
        """A generator of its own for one object of the world."""
        return names.generator(self.seed, *key)

    def artist(self, kind: str, number: int) -> Artist:
        """Artist `number` of a kind: a genre seed, `composer`, or `korean`."""
        key = f"{kind}/{number}"
        if key not in self._artists:
            rng = self.rng("artist", key)
            name = self._new_name(rng, kind)
            self._artists[key] = Artist("".join(rng.choices(ALPHABET, k=22)), name, draw_point(rng))
        return self._artists[key]

    def _new_name(self, rng: Random, kind: str) -> ArtistName:
        while True:
            if kind.startswith("korean"):
                name = names.korean_artist(rng)
            elif kind == "composer":
                person = names.person(rng)
                name = ArtistName(person, person, f"{person.split()[-1]}")
            else:
                name = names.latin_artist(rng)
            if name.spotify not in self._artist_names and name.melon not in self._artist_names:
                self._artist_names |= {name.spotify, name.melon}
                return name

    def song(self, number: int, seeds: list[str], artists_per_seed: int) -> Track:
        """Song `number` of the catalogue; seeds take turns, artists of a seed are not equally busy."""
        rng = self.rng("song", number)
        seed = seeds[number % len(seeds)]
        artists = [self.artist(seed, int(artists_per_seed * rng.random() ** 1.6))]
        if rng.random() < 0.12:
            guest = self.artist(rng.choice(seeds), rng.randrange(artists_per_seed))
            artists += [guest] if guest not in artists else []
        is_cover = bool(self.titles) and rng.random() < COVER_SHARE
        title = rng.choice(self.titles) if is_cover else names.song_title(rng)
        if len(artists) > 1 and rng.random() < 0.6:
            title += f" (feat. {artists[1].name})"
        title = self.new_title(rng, title, artists[0])
        released_on = EPOCH - timedelta(days=int(365.25 * 70 * rng.random() ** 2.0) + 40)
        features = self.profiles.song(seed, with_artist(artists[0].point, draw_point(rng)))
        also = [s for s, share in self.profiles.companions[seed].items() if s in seeds and rng.random() < share / 2]
        return self.track(rng, title, tuple(artists), released_on, features, (seed, *also))

    def new_title(self, rng: Random, title: str, artist: Artist) -> str:
        """`title`, or another one where the artist has it already."""
        korean = not title.isascii() and any("가" <= c <= "힣" for c in title)
        while (title.casefold(), artist.artist_id) in self._taken:
            title = names.korean_title(rng) if korean else names.song_title(rng)
        self._taken.add((title.casefold(), artist.artist_id))
        self.titles.append(title)
        return title

    def track(
        self,
        rng: Random,
        title: str,
        artists: tuple[Artist, ...],
        released_on: date,
        features: Features,
        seeds: tuple[str, ...],
        album: str | None = None,
        country: str = "",
    ) -> Track:
        """A track with the ids, album and writers that the generator draws for it."""
        registrant = "".join(rng.choices(string.ascii_uppercase, k=2)) + str(rng.randrange(10))
        country = country or rng.choice(("US", "GB", "FR", "DE", "SE", "QM"))
        isrc = f"{country}{registrant}{released_on.year % 100:02d}{rng.randrange(100_000):05d}"
        by_artist = rng.random() < 0.45
        writers = (
            *((artists[0].name,) if by_artist else ()),
            *(names.person(rng) for _ in range(rng.choice((1, 1, 2, 3)) - by_artist)),
        )
        return Track(
            track_id=rng.choice("01234567") + "".join(rng.choices(ALPHABET, k=21)),
            recording_uuid=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            isrc=None if rng.random() < NO_ISRC_SHARE else isrc,
            title=title,
            artists=artists,
            album=album or (title if rng.random() < 0.35 else names.album_title(rng)),
            album_id="".join(rng.choices(ALPHABET, k=22)),
            released_on=released_on,
            date_precision="year" if released_on.year < 1985 and rng.random() < 0.4 else "day",
            explicit=rng.random() < 0.09,
            popularity=int(100 * rng.random() ** 1.7),
            track_number=rng.randint(1, 14),
            features=features,
            seeds=seeds,
            is_known_to_reccobeats=rng.random() >= UNKNOWN_SHARE,
            writers=writers or (artists[0].name,),
        )
