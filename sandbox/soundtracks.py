"""Which pieces a film uses, and how IMDb's contributors would word the credits.

A song is picked because it sounds like the soundtracks of the film's genres: a point is drawn from the measured
profile of one of them, and the nearest of a few songs is taken. So film genre shows in the features, but weakly.
"""

from __future__ import annotations

import unicodedata
import zlib
from dataclasses import dataclass
from html import escape
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from sandbox import names
from sandbox.features import draw_point
from sandbox.films import Film
from sandbox.tracks import Track, TrackMaker

if TYPE_CHECKING:
    from sandbox.world import World

NO_LIST_SHARE = 0.05
OFF_SPOTIFY_SHARE = 0.15
CUE_SHARE = 0.18
LONG_LIST_EVERY, LONG_LIST_AT = 160, 5  # films whose list is longer than one load of the page
N_CANDIDATES = 40
# What tells soundtracks of one genre from another's; keys, tempos and lengths would only blur the likeness.
TELLING = ("danceability", "energy", "loudness", "speechiness", "acousticness", "instrumentalness", "valence")
CUES = (
    "Main Title",
    "End Credits",
    "Opening",
    "The Chase",
    "Love Theme",
    "Finale",
    "{noun} Theme",
    "Arrival at {word}",
    "The {adjective} {noun}",
)
SCENES = ("[played over the credits]", "(played at the wedding)", "[sung in the bar scene]", "(uncredited)", "(1997)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a soundtrack list; `track` is the recording it means, where Spotify has one."""

    entry_id: str
    title: str
    lines: tuple[str, ...]
    track: Track | None


class SongPicker:
    """Finds songs of the catalogue that sound like a film's genres."""

    def __init__(self, songs: list[Track]) -> None:
        self.songs = songs
        table = np.array([[song.features[name] for name in TELLING] for song in songs], dtype=float)
        self._scale = table.std(axis=0) + 1e-9
        self._points = table / self._scale
        self._years = np.array([song.released_on.year for song in songs])

    def pick(self, rng: Random, wanted: dict[str, float], year: int) -> Track:
        """The nearest to `wanted` of a few songs released by `year`, else of a few songs."""
        some = [rng.randrange(len(self.songs)) for _ in range(3 * N_CANDIDATES)]
        fitting = [n for n in some if self._years[n] <= year][:N_CANDIDATES] or some[:N_CANDIDATES]
        target = np.array([wanted[name] for name in TELLING]) / self._scale
        distance = ((self._points[fitting] - target) ** 2).sum(axis=1)
        return self.songs[fitting[int(distance.argmin())]]


def make_cues(maker: TrackMaker, film: Film, n_composers: int) -> list[Track]:
    """The film's score cues that are on Spotify, on its soundtrack album."""
    rng = maker.rng("cues", film.number)
    composer = maker.artist("composer", int(n_composers * rng.random() ** 1.5))
    album = f"{film.title} (Original Motion Picture Soundtrack)"
    cues = []
    for number in range(rng.choice((0, 1, 1, 2, 2, 3))):
        title = "Main Title" if number == 0 else cue_title(rng)
        features = maker.profiles.cue(film.genres, draw_point(rng))
        if number and rng.random() < 0.3:
            title = f'{title} (From "{film.title}")'
        title = title if number == 0 else maker.new_title(rng, title, composer)
        cues.append(maker.track(rng, title, (composer,), film.released_on, features, (), album=album))
    return cues


def cue_title(rng: Random) -> str:
    """What a score cue is called."""
    return rng.choice(CUES).format(
        noun=rng.choice(names.NOUNS), adjective=rng.choice(names.ADJECTIVES), word=names.word(rng)
    )


def make_entries(world: World, film: Film, cues: list[Track]) -> list[Entry]:
    """The soundtrack list of a film, in page order; empty for one film in twenty, now and then over 50 long."""
    rng = world.maker.rng("soundtrack", film.number)
    if rng.random() < NO_LIST_SHARE:
        return []
    is_long = film.number % LONG_LIST_EVERY == LONG_LIST_AT
    n_entries = 51 + film.number % 17 if is_long else min(int(rng.lognormvariate(1.95, 0.65)) + 1, 40)
    waiting = [cue for cue in cues if rng.random() < 0.8]
    used: set[str] = set()
    entries: list[Entry] = []
    while len(entries) < n_entries:
        track, title = _piece(world, rng, film, waiting)
        if track and track.track_id in used:
            continue
        used |= {track.track_id} if track else set()
        entry_id = f"sn{1_000_000 + film.number * 100 + len(entries):07d}"
        entries.append(Entry(entry_id, as_credited(rng, title), credit_lines(rng, track), track))
    return entries


def _piece(world: World, rng: Random, film: Film, waiting: list[Track]) -> tuple[Track | None, str]:
    """The next piece of a list: one that Spotify does not have, a waiting score cue, or a song."""
    kind = rng.random()
    if kind < OFF_SPOTIFY_SHARE:
        return None, cue_title(rng) if rng.random() < 0.35 else names.song_title(rng)
    if waiting and kind < OFF_SPOTIFY_SHARE + CUE_SHARE:
        track = waiting.pop(0)
    else:
        track = world.picker.pick(rng, world.profiles.cue(film.genres, draw_point(rng)), film.released_on.year)
    return track, track.title


def as_credited(rng: Random, title: str) -> str:
    """A title as a contributor writes it: mostly right, now and then in another case or without its brackets."""
    title = title.split(" - Remastered")[0]
    if rng.random() < 0.75:
        return title
    plain = title.split(" (")[0]
    accents = "".join(c for c in unicodedata.normalize("NFD", title) if not unicodedata.combining(c))
    return rng.choice(
        (
            title.upper(),
            plain,
            plain,
            title.replace("&", "&amp;"),
            title.replace("&", "and"),
            title.replace("'", "’"),
            title + " ",
            accents,
            f"{plain} ({rng.choice(('Reprise', 'Instrumental', 'Theme'))})",
            plain.lower().capitalize(),
        )
    )


def credit_lines(rng: Random, track: Track | None) -> tuple[str, ...]:
    """Credit lines as HTML, in the order in which IMDb shows them."""
    artists = track.artist_names if track else [names.latin_artist(rng).spotify]
    aliases = [artist.names.alias for artist in track.artists] if track else [""]
    writers = list(track.writers) if track else [names.person(rng) for _ in range(rng.choice((1, 2)))]
    lines = [rng.choice(SCENES[3:])] if rng.random() < 0.1 else []
    if writers == artists[:1] and rng.random() < 0.6:
        joint = ("Written and Performed by", "Written, Produced and Performed by", "Written & Performed by")
        lines.append(f"{escape(rng.choice(joint))} {linked(rng, artists[0])}")
    else:
        lines += _writing_lines(rng, writers)
        if rng.random() < 0.74:
            lines.append(_performing_line(rng, artists, aliases))
    lines += _business_lines(rng)
    if rng.random() < 0.07:
        lines.append(rng.choice(SCENES))
    return tuple(lines)


def _writing_lines(rng: Random, writers: list[str]) -> list[str]:
    credited = [
        linked(rng, writer) + (f" (as {names.person(rng)})" if rng.random() < 0.08 else "") for writer in writers
    ]
    if len(writers) > 1 and rng.random() < 0.3:
        return [f"Music by {credited[0]}", f"{rng.choice(('Lyrics by', 'Lyric by'))} {joined(rng, credited[1:])}"]
    role = rng.choices(
        ("Written by", "Composed by", "Music by", "Words and Music by", "Music and Lyrics by", "A song by", "by"),
        (60, 12, 12, 5, 5, 3, 2),
    )[0]
    return [f"{role} {joined(rng, credited)}"]


def _performing_line(rng: Random, artists: list[str], aliases: list[str]) -> str:
    role = rng.choices(("Performed by", "Sung by", "performed by", "Vocals by"), (90, 4, 4, 2))[0]
    first = linked(rng, artists[0])
    if rng.random() < 0.1 and aliases[0] and aliases[0] != artists[0]:
        first = f"{linked(rng, aliases[0])} (as {escape(artists[0], quote=False)})"
    if len(artists) == 1:
        return f"{role} {first}"
    return f"{role} {first} {rng.choice(('featuring', 'feat.', 'and', 'with', '&amp;'))} {linked(rng, artists[1])}"


def _business_lines(rng: Random) -> list[str]:
    label = rng.choice(names.LABELS)
    lines = []
    if rng.random() < 0.12:
        lines.append(f"Produced by {linked(rng, names.person(rng))}")
    if rng.random() < 0.12:
        lines.append(
            f"{rng.choice(('Published by', 'Used by permission of'))} {label} Music Corp. and {names.word(rng)} Tunes"
        )
    if rng.random() < 0.55:
        lines.append(
            f"Courtesy of {label} Records{rng.choice((', Inc.', '', ' &amp; Co., a division of Northlight Group'))}"
        )
        if rng.random() < 0.35:
            lines.append(
                rng.choice(
                    (
                        f"By arrangement with {label} Licensing",
                        f"Under license from {label} Film &amp; Television Music",
                    )
                )
            )
    if rng.random() < 0.04:
        sampled = names.song_title(rng)
        lines += [
            f"Contains a sample of &quot;{escape(sampled)}&quot;",
            f"Written by {linked(rng, names.person(rng))}",
            f"Courtesy of {rng.choice(names.LABELS)} Records",
            f"Arranged by {linked(rng, names.person(rng))}",
        ]
    return lines


def linked(rng: Random, name: str) -> str:
    """A name with its link to a person's page, or for one in six the bare name."""
    text = escape(name).replace("&#x27;", "&#39;")
    if rng.random() < 0.16:
        return text
    number = 1 + zlib.crc32(name.encode()) % 9_000_000
    return f'<a class="ipc-md-link ipc-md-link--entity" href="/name/nm{number:07d}/?ref_=ttsnd">{text}</a>'


def joined(rng: Random, people: list[str]) -> str:
    """Names as prose: `A`, `A and B`, `A, B, and C`, `A &amp; B`, `A / B`."""
    if len(people) == 1:
        return people[0]
    last = rng.choice((" and ", " and ", " and ", " &amp; ", ", "))
    return ", ".join(people[:-1]) + (", and " if len(people) > 2 and rng.random() < 0.4 else last) + people[-1]
