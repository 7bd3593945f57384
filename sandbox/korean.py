"""Songs as Melon has them: Korean songs year by year, and songs of the catalogue that charted abroad."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sandbox import names
from sandbox.features import draw_point, with_artist
from sandbox.profiles import KOREAN_SEED
from sandbox.tracks import EPOCH, KOREAN_GENRES, KOREAN_PER_YEAR, Track, TrackMaker

FIRST_YEAR = 1964  # Melon's age charts begin with the sixties
ON_SPOTIFY_SHARE = 0.92
ARTISTS_PER_DECADE = 60
UNLISTED_PER_YEAR = 100
FIRST_FOREIGN_ID, FIRST_UNLISTED_ID = 40_000_000, 60_000_000
FOREIGN_CODE = "GN0900"


@dataclass(frozen=True, slots=True)
class Song:
    """One song on Melon; `track` is the recording it is, where Spotify has one."""

    song_id: str
    title: str
    artists: tuple[tuple[str, int], ...]
    album: str
    album_no: int
    released_on: date
    genre: str
    class_code: str
    is_domestic: bool
    is_adult: bool
    appeal: float
    track: Track | None


def korean_song(maker: TrackMaker, year: int, number: int, first_on_spotify: date) -> Song:
    """Korean song `number` (0 to 119) of a year; older than `first_on_spotify` it is on Melon only."""
    rng = maker.rng("korean", year, number)
    code, genre, seed, _ = rng.choices(KOREAN_GENRES, [row[3] for row in KOREAN_GENRES])[0]
    decade = f"korean{year // 10}"
    performers = [maker.artist(decade, int(ARTISTS_PER_DECADE * rng.random() ** 1.5))]
    title = names.korean_title(rng)
    if rng.random() < 0.15:
        guest = maker.artist(decade, rng.randrange(ARTISTS_PER_DECADE))
        if guest not in performers and rng.random() < 0.6:
            title += f" (Feat. {guest.names.melon})"
        elif guest not in performers:
            performers.append(guest)
    title = maker.new_title(rng, title, performers[0])
    released_on = date(year, 1, 1) + timedelta(days=int((number + rng.random()) * 365 / KOREAN_PER_YEAR))
    features = maker.profiles.song(seed, with_artist(performers[0].point, draw_point(rng)))
    seeds = (KOREAN_SEED,) if seed in (KOREAN_SEED, "piano") else (KOREAN_SEED, seed)
    spotify_title = title.replace("`", "'").replace("(Feat.", "(feat.")
    track = maker.track(rng, spotify_title, tuple(performers), released_on, features, seeds, country="KR")
    on_spotify = released_on >= first_on_spotify and rng.random() < ON_SPOTIFY_SHARE
    return Song(
        song_id=str(1_000_000 + (year - 1960) * 500_000 + number * 4_000 + rng.randrange(4_000)),
        title=title,
        artists=tuple((artist.names.melon, artist.melon_no) for artist in performers),
        album=title if rng.random() < 0.4 else f"{names.album_title(rng)} - The {rng.randint(1, 9)}th Mini Album",
        album_no=10_000_000 + rng.randrange(2_000_000),
        released_on=released_on,
        genre=genre,
        class_code=code,
        is_domestic=True,
        is_adult=rng.random() < 0.04,
        appeal=rng.gauss(0, 1),
        track=track if on_spotify else None,
    )


def foreign_song(maker: TrackMaker, number: int, track: Track) -> Song:
    """The Melon entry of a track of the catalogue, the one of that number."""
    rng = maker.rng("foreign", track.track_id)
    return Song(
        song_id=str(FIRST_FOREIGN_ID + number * 97 + rng.randrange(97)),
        title=track.title.replace("'", "`"),
        artists=tuple((artist.names.melon, artist.melon_no) for artist in track.artists),
        album=track.album,
        album_no=10_000_000 + rng.randrange(2_000_000),
        released_on=track.released_on,
        genre="POP" if rng.random() < 0.85 else "POP, 애니메이션/웹툰",
        class_code=FOREIGN_CODE,
        is_domestic=False,
        is_adult=track.explicit,
        appeal=rng.gauss(0, 1),
        track=track,
    )


def unlisted_song(maker: TrackMaker, year: int, number: int) -> Song:
    """Foreign song `number` of a year that only Melon has."""
    rng = maker.rng("unlisted", year, number)
    name = names.latin_artist(rng)
    return Song(
        song_id=str(FIRST_UNLISTED_ID + (year - 1960) * 10_000 + number * 50 + rng.randrange(50)),
        title=names.song_title(rng),
        artists=((name.melon, 3_000_000 + rng.randrange(900_000)),),
        album=names.album_title(rng),
        album_no=12_000_000 + rng.randrange(900_000),
        released_on=date(year, 1, 1) + timedelta(days=rng.randrange(365)),
        genre="POP",
        class_code=FOREIGN_CODE,
        is_domestic=False,
        is_adult=False,
        appeal=rng.gauss(-9, 1),
        track=None,
    )


def first_on_spotify(n_tracks: int) -> date:
    """The day from which `n_tracks` Korean tracks fit in before the epoch."""
    return EPOCH - timedelta(days=int(n_tracks / (KOREAN_PER_YEAR * ON_SPOTIFY_SHARE) * 365.25))
