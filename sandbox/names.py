"""Made-up names: people, bands, films, songs, in Latin script and in Hangul.

Odd writing is here on purpose, because matching must live with it: entities (`&`, `'`, `"`), brackets, guests,
accents, emoji, upper case, one word in two scripts.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

ADJECTIVES = (
    "Amber Bitter Borrowed Broken Burning Careless Cold Crooked Distant Double Electric Empty Endless Faded Fallen "
    "Foreign Gentle Golden Hidden Hollow Honest Hungry Idle Last Lonely Loud Lucky Midnight Narrow Northern Paper "
    "Patient Pale Plastic Quiet Restless Rusty Salted Scarlet Second Secret Silent Silver Slow Small Southern Stolen "
    "Strange Sudden Tender Thirsty Velvet Violet Warm Wicked Wild Winter Wooden"
).split()
NOUNS = (
    "Alibi Anchor Answer Arcade Ashes Avenue Balcony Bell Border Bridge Candle Canyon Carnival Chapel Circus City "
    "Clock Coast Comet Corner Crown Dancer Desert Diary Dust Echo Ember Engine Fever Field Flag Flood Forest Fountain "
    "Garden Ghost Harbour Heart Highway Horizon Hour House Island Jury Kingdom Ladder Lantern Letter Lighthouse Machine "
    "Map Mirror Moon Mountain Ocean Orchard Parade Passenger Piano Pilot Promise Radio Rain Recipe River Road Rocket "
    "Room Rose Season Shadow Signal Sister Sky Smoke Snow Soldier Station Stranger Street Summer Swimmer Table Thief "
    "Thunder Ticket Tide Tower Train Valley Voice Wager Wedding Whisper Widow Wind Window Wolf"
).split()
VERBS = "Call Carry Catch Chase Dance Dream Fall Fight Find Follow Forget Hold Keep Leave Lose Meet Move Run Save Stay Wake".split()
ONSETS = "b br c ch d dr f fl g gr h j k l m n p pr r s sh sl st t th tr v w z".split()
VOWELS = "a a a e e i i o o u ai ea ei ia ou é ö å".split()
CODAS = "n r l s m t k nd rn lt sk th x".split()
SYLLABLES = (
    "하ha 루ru 빛bit 나na 라ra 온on 별byeol 달dal 솔sol 미mi 소so 윤yun 지ji 은eun 서seo 도do 현hyeon 준jun 아a 린rin "
    "새sae 봄bom 담dam 결gyeol 유yu 민min 수su 연yeon 호ho 진jin 원won 가ga 람ram 누nu 리ri"
).split()
KOREAN_NOUNS = (
    "봄날 밤하늘 첫눈 바다 편지 그대 우리 사랑 이별 기억 약속 새벽 노을 별빛 꿈 여름 겨울 거리 골목 우산 창문 시계 "
    "고백 하루 내일 어제 눈물 미소 마음 그림자 비밀 정류장 바람 구름 파도 소나기 라디오 사진 서울 강변 기차 달빛"
).split()
KOREAN_TAILS = "에게 처럼 에서 의끝 만큼 보다 까지 이라면 그리고너 이오면 없는밤 위에서 을지나 속으로".split()
LABELS = "Kestrel Lowfield Marrow Nightjar Palisade Quarry Redwing Tidemark Umber Wavelength".split()


class ArtistName(NamedTuple):
    """One artist's names: on Spotify, on Melon, and an alias that credits may use."""

    spotify: str
    melon: str
    alias: str


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
        return f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}s"
    if kind < 0.5:
        return f"{word(rng, 2)} & the {rng.choice(NOUNS)}s"
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
        f"{rng.randint(2, 99)} {noun}s",
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
        f"{adjective} {noun}s",
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
