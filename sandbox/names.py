"""Made-up names: people, bands, films, songs, in Latin script and in Hangul.

Odd writing is here on purpose, because matching must live with it: entities (`&`, `'`, `"`), brackets, guests,
accents, emoji, upper case, one word in two scripts.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from random import Random
from typing import NamedTuple

_WORDS: dict[str, list[str]] = {
    kind: text.split()
    for kind, text in tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8")).items()
}
ADJECTIVES = _WORDS["adjectives"]
NOUNS = _WORDS["nouns"]
VERBS = _WORDS["verbs"]
ONSETS = _WORDS["onsets"]
VOWELS = _WORDS["vowels"]
CODAS = _WORDS["codas"]
SYLLABLES = _WORDS["syllables"]
KOREAN_NOUNS = _WORDS["korean_nouns"]
KOREAN_TAILS = _WORDS["korean_tails"]
LABELS = _WORDS["labels"]


class ArtistName(NamedTuple):
    """One artist's names: on Spotify, on Melon, and an alias that credits may use."""

    spotify: str
    melon: str
    alias: str


def generator(*key: object) -> Random:
    """A generator of its own for one object of the world: the same for the same key, in every process."""
    return Random("/".join(map(str, key)))  # noqa: S311 - it draws a made-up world, not a secret


def plural(noun: str) -> str:
    """More than one of it.

    >>> plural("Jury"), plural("Ashes"), plural("Bell"), plural("Valley")
    ('Juries', 'Ashes', 'Bells', 'Valleys')
    """
    if noun.endswith("es"):
        return noun
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "h")) else f"{noun}s"


def word(rng: Random, syllables: int = 2) -> str:
    """A made-up word, capitalised."""
    text = "".join(rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(syllables)) + rng.choice(CODAS)
    return text.capitalize()


def person(rng: Random) -> str:
    """A made-up person: first name and surname, now and then hyphenated, initialled or with a particle."""
    first, last = word(rng, 1 + (rng.random() < 0.5)), word(rng, 2)
    kind = rng.random()
    if kind < 0.06:
        return f"{first}-{word(rng, 1)} {last}"
    if kind < 0.12:
        return f"{first} {rng.choice('ABCDEGHJKLMRST')}. {last}"
    if kind < 0.16:
        return f"{first} O'{last}"
    return f"{first} {last}"


def band(rng: Random) -> str:
    """A made-up band."""
    kind = rng.random()
    if kind < 0.35:
        return f"The {rng.choice(ADJECTIVES)} {plural(rng.choice(NOUNS))}"
    if kind < 0.5:
        return f"{word(rng, 2)} & the {plural(rng.choice(NOUNS))}"
    if kind < 0.6:
        return f"{rng.choice(NOUNS)} {rng.choice(NOUNS)} Orchestra"
    if kind < 0.7:
        return word(rng, 2).upper()
    return f"{word(rng, 2)} {rng.choice(NOUNS)}"


def latin_artist(rng: Random) -> ArtistName:
    """A solo artist or a band of the Latin-script world, with the name that credits may use for it."""
    if rng.random() < 0.6:
        name = person(rng)
        first, _, last = name.rpartition(" ")
        return ArtistName(name, name, f"{first[0]}. {last}" if rng.random() < 0.5 else f"{word(rng, 1)} {last}")
    name = band(rng)
    return ArtistName(name, name, name.removeprefix("The "))


def korean_artist(rng: Random) -> ArtistName:
    """A Korean artist: Melon writes `하루빛 (HARUBIT)`, one script alone, or nothing but Latin letters."""
    picked = rng.sample(SYLLABLES, rng.choice((2, 3, 3)))
    hangul, latin = "".join(s[0] for s in picked), "".join(s[1:] for s in picked)
    latin = latin.upper() if rng.random() < 0.5 else latin.capitalize()
    kind = rng.random()
    if kind < 0.55:
        return ArtistName(latin, f"{hangul} ({latin})", hangul)
    if kind < 0.7:
        return ArtistName(hangul, hangul, hangul)
    if kind < 0.8:
        return ArtistName(latin, hangul, hangul)
    return ArtistName(latin, latin, latin)


def song_title(rng: Random) -> str:
    """A song's title, plain or odd."""
    adjective, noun, other = rng.choice(ADJECTIVES), rng.choice(NOUNS), rng.choice(NOUNS)
    plain = (
        f"{adjective} {noun}",
        f"{noun} of {word(rng)}",
        f"{rng.choice(VERBS)} the {noun}",
        f"{rng.choice(VERBS)} Me, {word(rng)}",
        f"{noun} and {other}",
        f"{word(rng, 2)}",
        f"{noun} in the {other}",
        f"Don't {rng.choice(VERBS)} My {noun}",
    )
    odd = (
        f"{noun} & {other}",
        f"{word(rng)}'s {noun}",
        f'"{adjective}" {noun}',
        f"{noun} ({rng.choice(VERBS)} the {other})",
        f"{adjective} {noun} - Remastered {rng.randint(1998, 2019)}",
        f"{noun} (Live at {word(rng)})",
        f"¿{word(rng)} {word(rng, 1)}?",
        f"{noun.upper()} {rng.choice(('🌙', '🔥', '💔', '✨'))}",
        f"{rng.randint(2, 99)} {plural(noun)}",
        f"{adjective} {noun} / {other}",
    )
    return rng.choice(plain) if rng.random() < 0.72 else rng.choice(odd)


def korean_title(rng: Random) -> str:
    """A Korean song's title: Hangul, English, or both in brackets; `(Feat. ...)` is added by the caller."""
    noun = rng.choice(KOREAN_NOUNS)
    kind = rng.random()
    if kind < 0.4:
        return f"{noun}{rng.choice(KOREAN_TAILS)} {rng.choice(KOREAN_NOUNS)}"
    if kind < 0.6:
        return f"{noun} {rng.choice(KOREAN_NOUNS)}{rng.choice(KOREAN_TAILS)}"
    if kind < 0.72:
        return f"{noun} {rng.choice(KOREAN_NOUNS)} ({rng.choice(ADJECTIVES)} {rng.choice(NOUNS)})"
    if kind < 0.77:
        return f"{rng.choice(NOUNS)}`s {rng.choice(NOUNS)}"
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"


def film_title(rng: Random) -> str:
    """A film's title, plain or odd."""
    adjective, noun, other = rng.choice(ADJECTIVES), rng.choice(NOUNS), rng.choice(NOUNS)
    plain = (
        f"The {adjective} {noun}",
        f"{noun} of {word(rng)}",
        f"{adjective} {plural(noun)}",
        f"The {noun} and the {other}",
        f"{word(rng)}",
        f"{rng.choice(VERBS)} {word(rng)}",
        f"{noun} {rng.randint(2, 4)}",
        f"{word(rng)} {noun}",
    )
    odd = (
        f"{word(rng)} & {word(rng)}",
        f"{word(rng)}'s {noun}",
        f'The "{adjective}" {noun}',
        f"{noun}: {adjective} {other}",
        f"{word(rng)} <{noun}>",
        f"{noun}...{rng.choice(VERBS).lower()}!",
    )
    return rng.choice(plain) if rng.random() < 0.8 else rng.choice(odd)


def korean_film_title(rng: Random) -> str:
    """A film's title in Korean."""
    return f"{rng.choice(KOREAN_NOUNS)} {rng.choice(KOREAN_NOUNS)}"


def album_title(rng: Random) -> str:
    """An album's title."""
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}" if rng.random() < 0.7 else word(rng, 3)
