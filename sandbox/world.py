"""The made-up world behind the sites: films, recordings, soundtracks and charts, one world per seed.

Nothing in it is real, and nothing is noise: features follow profiles measured on real tables. The clock (`as_of`)
decides what exists; moving it on adds films and songs and changes scores and charts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from sandbox import films, korean
from sandbox.features import Profiles
from sandbox.films import Film
from sandbox.korean import Song
from sandbox.profiles import KOREAN_SEED
from sandbox.soundtracks import Entry, SongPicker, make_cues, make_entries
from sandbox.tracks import EPOCH, KOREAN_PER_YEAR, Track, TrackMaker

SONG_SHARE = 0.6  # of the asked tracks; a quarter are Korean, score cues are the rest
KOREAN_SHARE = 0.25
LABELLED_SHARE = 0.85  # of the catalogue's songs are in the labelled table
HEARD_ABROAD = frozenset({"pop", "dance", "hip-hop", "r-n-b", "indie-pop", "soul", "disco", "rock", "synth-pop", "edm"})
ARTIST_EVERY = 4  # songs of a seed per artist


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """A film's score cues on Spotify and its list on IMDb."""

    film: Film
    cues: tuple[Track, ...]
    entries: tuple[Entry, ...]


class World:
    """Everything the sites show; the same for the same seed and sizes, whatever the clock was before."""

    def __init__(self, n_films: int = 300, n_tracks: int = 3000, seed: int = 7, as_of: date = EPOCH) -> None:
        self.n_films = n_films
        self.n_tracks = n_tracks
        self.seed = seed
        self.profiles = Profiles()
        self.maker = TrackMaker(seed, self.profiles)
        self.seeds = sorted(seed for seed in self.profiles.songs if seed != KOREAN_SEED)
        n_songs = max(int(n_tracks * SONG_SHARE), len(self.seeds))
        artists_per_seed = max(n_songs // len(self.seeds) // ARTIST_EVERY, 2)
        self.songs = [self.maker.song(number, self.seeds, artists_per_seed) for number in range(n_songs)]
        self.picker = SongPicker(self.songs)
        self.first_korean_day = korean.first_on_spotify(int(n_tracks * KOREAN_SHARE))
        self._korean: dict[int, list[Song]] = {}
        self._unlisted: dict[int, list[Song]] = {}
        self._soundtracks: list[Soundtrack] = []
        self._by_tmdb_id: dict[int, Soundtrack] = {}
        self._by_imdb_id: dict[str, Soundtrack] = {}
        self._tracks: dict[str, Track] = {track.track_id: track for track in self.songs}
        self.as_of = as_of
        self.move_clock(as_of)

    def move_clock(self, as_of: date) -> None:
        """Set the day; what is not there yet by then is made."""
        self.as_of = as_of
        while not self._soundtracks or len(self._soundtracks) < self.n_films or self._next_release() <= as_of:
            self._add_film()
        for year in range(self.first_korean_day.year, as_of.year + 1):
            self.korean_songs(year)

    def _next_release(self) -> date:
        number = len(self._soundtracks)
        return films.release_day(self.maker.rng("film", number), number, self.n_films)

    def _add_film(self) -> None:
        number = len(self._soundtracks)
        film = films.make_film(self.maker.rng("film", number), self.profiles, number, self.n_films)
        cues = make_cues(self.maker, film, max(self.n_films // 6, 3))
        self._tracks |= {cue.track_id: cue for cue in cues}
        item = Soundtrack(film, tuple(cues), tuple(make_entries(self, film, cues)))
        self._soundtracks.append(item)
        self._by_tmdb_id[film.tmdb_id] = item
        if film.imdb_id:
            self._by_imdb_id[film.imdb_id] = item

    def korean_songs(self, year: int) -> list[Song]:
        """The Korean songs of a year; those that Spotify has are among the tracks from then on."""
        if year not in self._korean:
            songs = [
                korean.korean_song(self.maker, year, number, self.first_korean_day) for number in range(KOREAN_PER_YEAR)
            ]
            self._korean[year] = songs
            self._tracks |= {song.track.track_id: song.track for song in songs if song.track}
        return self._korean[year]

    @cached_property
    def foreign_songs(self) -> list[Song]:
        """Catalogue songs that Korea heard: pop and what is near it."""
        heard = [track for track in self.songs if track.seeds[0] in HEARD_ABROAD]
        return [korean.foreign_song(self.maker, number, track) for number, track in enumerate(heard)]

    def unlisted_songs(self, year: int) -> list[Song]:
        """Foreign songs of a year that Melon has and Spotify has not; they fill the charts of early years."""
        if year not in self._unlisted:
            self._unlisted[year] = [korean.unlisted_song(self.maker, year, n) for n in range(korean.UNLISTED_PER_YEAR)]
        return self._unlisted[year]

    @property
    def known_songs(self) -> list[Song]:
        """Every Melon song made so far."""
        return [song for year in sorted(self._korean) for song in self._korean[year]] + self.foreign_songs

    @property
    def soundtracks(self) -> list[Soundtrack]:
        """Films released by now, oldest number first, with their soundtracks."""
        return [item for item in self._soundtracks if item.film.released_on <= self.as_of]

    def soundtrack_of_tmdb(self, tmdb_id: int) -> Soundtrack | None:
        """The released film with that TMDB id, and its soundtrack."""
        return self._if_out(self._by_tmdb_id.get(tmdb_id))

    def soundtrack_of_imdb(self, imdb_id: str) -> Soundtrack | None:
        """The released film with that IMDb id, and its soundtrack."""
        return self._if_out(self._by_imdb_id.get(imdb_id))

    def _if_out(self, item: Soundtrack | None) -> Soundtrack | None:
        return item if item and item.film.released_on <= self.as_of else None

    @property
    def films(self) -> list[Film]:
        """Films released by now."""
        return [item.film for item in self.soundtracks]

    @property
    def tracks(self) -> list[Track]:
        """Recordings released by now."""
        return [track for track in self._tracks.values() if track.released_on <= self.as_of]

    @property
    def all_tracks(self) -> dict[str, Track]:
        """Every recording made so far, by Spotify id; some may come out only after `as_of`."""
        return self._tracks

    @cached_property
    def labelled_tracks(self) -> list[Track]:
        """The tracks of the data set that an operator imports: catalogue songs, and Korean songs of the first years."""
        korean_tracks = [
            song.track
            for year in range(self.first_korean_day.year, EPOCH.year - 2)
            for song in self.korean_songs(year)
            if song.track
        ]
        return self.songs[: int(len(self.songs) * LABELLED_SHARE)] + korean_tracks
