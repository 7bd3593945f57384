"""What the title of a track or an album says besides the name of the song: which version it is, and of which film.

`Hurt - Live at Folsom` is another recording than `Hurt`; `Dawn - From "Pride & Prejudice" Soundtrack` names its film.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from tasks.text import BRACKETED, DASH, HANGUL, LEADING_BRACKET, is_plain, normalise, title_core, without_note, word_set

_MARKS = {
    name: re.compile(rf"(?i)\b(?:{pattern})\b")
    for name, pattern in {
        "live": r"live(?=\W*(?:$|at|in|from|on|ver|session|acoustic|take|\d|/))|(?:en|ao|al) vivo|unplugged|"
        r"in concert|radio performance|bbc|라이브",
        # An "original mix", a mono mix or the "2009 Mix" of a reissue is the recording itself.
        "remix": r"re-?mix(?:es|ed)?|rework(?:ed)?|bootleg|vip|dub|flip|mixed|(?<!original )(?<!stereo )(?<!mono )"
        r"(?<!single )(?<!album )(?<!radio )(?<!\d\d\d\d )mix",
        "karaoke": "karaoke|instrumental|inst|backing track|in the style of|반주",
        "cover": "cover|tribute|as made famous by|originally performed",
        "acoustic": "acoustic|ac[uú]stico|piano|stripped|orchestral|symphonic|a ?cappella|lullaby|어쿠스틱",
        "speed": "sped up|slowed|nightcore",
        "demo": r"demo|take \d+|rehearsal|alternate|outtake|\d+(?:st|nd|rd|th) version",
        "reprise": "reprise",
        "arrangement": r"arr\.?|arranged|re-?recorded|remake",
    }.items()
}
_LANGUAGES = word_set(
    "hindi tamil telugu kannada malayalam bengali punjabi marathi english korean japanese chinese mandarin spanish "
    "french german italian portuguese russian polish swedish danish norwegian dutch finnish"
)
_VERSIONS = frozenset(["version", "ver", "lyrics", "remix"])
_PART = re.compile(r"(?i)(?<!ost )(?<!ost)\b(?:part|pt)\W*(\d+|[ivx]+|one|two|three)\b")
CUES = word_set(
    "title titles theme themes credit credits overture prologue epilogue finale intro introduction outro opening "
    "ending suite cue score interlude prelude coda trailer"
)
CUE_WORDS = CUES | word_set("main end love film movie the a an of and from in on part pt no music song")
_ALBUM_WORDS = word_set(
    "the a an original motion picture pictures soundtrack soundtracks score music songs from inspired by and film "
    "movie ost deluxe edition expanded special anniversary complete remastered version bonus track tracks recording "
    "recordings cast album official banda sonora bande originale du de la pelicula collection netflix series "
    "television collectors"
)
_SOUNDTRACK = re.compile(
    r"(?i)\bsound ?tracks?\b|\bmotion pictures?\b|\bo\.?s\.?t\b|\bbanda sonora\b|\bbande originale\b|"
    r"\bcast recording\b|\b(?:original|film|complete) (?:film )?(?:score|recording)s?\b|"
    r"\bmusic from the (?:film|movie)\b"
)
_HANGUL_THEN_LATIN = re.compile(r"([가-힣][가-힣\d ]*[가-힣\d]) ([a-z][a-z\d ]+)")
_FROM_QUOTED = re.compile(r"(?i)\bfrom\s+(?:the\s+[\w\s]*)?[\"“”«„‘'](.+?)[\"“”»'’](?!\w)")


def additions(title: str) -> list[str]:
    """What a title carries besides the song's name: bracketed parts, and what follows a dash."""
    _, *tail = DASH.split(title, maxsplit=1)
    return [*BRACKETED.findall(LEADING_BRACKET.sub(" ", title)), *tail]


@lru_cache(maxsize=1 << 16)
def title_keys(title: str | None) -> frozenset[str]:
    """The forms by which a song is found: its core, the whole title, its name in another script; without spaces.

    Spaces and a leading article are the first things that sources disagree on (`Hush-a-Bye`, `Hushabye`).

    >>> sorted(title_keys("핑크빛 로맨스 (Pink Romance)"))
    ['pinkromance', '핑크빛로맨스', '핑크빛로맨스pinkromance']
    >>> sorted(title_keys("The Reaper (Don't Fear It) - Remastered"))
    ['reaper', 'reaperdontfearit']
    >>> sorted(title_keys("예뻤어 You Were Beautiful"))
    ['youwerebeautiful', '예뻤어', '예뻤어youwerebeautiful']
    """
    if not title:
        return frozenset()
    core = title_core(title)
    if is_plain(title):
        return frozenset(_squeezed(form) for form in (core, *_two_names(core))) - {""}
    forms = {core, title_core(LEADING_BRACKET.sub(" ", title)), normalise(without_note(title))}
    forms |= {normalise(part) for part in additions(title) if _is_hangul(part) != _is_hangul(core)}
    return frozenset(_squeezed(form) for form in forms) - {""}


def _two_names(core: str) -> list[str]:
    """The halves of a title that gives its name in Hangul and again in Latin, without a bracket between them."""
    found = _HANGUL_THEN_LATIN.fullmatch(core)
    return list(found.groups()) if found else []


def _squeezed(form: str) -> str:
    first, _, rest = form.partition(" ")
    return (rest if first in ("the", "a", "an") and rest else form).replace(" ", "")


def _is_hangul(text: str) -> bool:
    return bool(HANGUL.search(text))


@lru_cache(maxsize=1 << 16)
def version_marks(title: str | None) -> str:
    """What makes a title another recording than the song as first released: live, remix, karaoke, a language...

    Only additions count (`Live and Let Die` is not a live recording); remasters, edits and mono mixes are the same
    recording. The marks come sorted, joined by commas; the empty string is the plain recording.

    >>> version_marks("Hurt - Live at Folsom"), version_marks("Live and Let Die - Remastered 2011")
    ('live', '')
    >>> version_marks("Sway - 2009 Mix"), version_marks("Sway - Club Mix")
    ('', 'remix')
    >>> version_marks("Naatu Naatu (Hindi) [Remix]")
    'hindi,remix'
    >>> version_marks("러시안 룰렛 (Russian Roulette)"), version_marks("Sparkle - English Version")
    ('', 'english')
    >>> [version_marks(title) for title in ("Pathshaala (Part 2)", "White Wedding - Pt. 1", "Hello (OST Part.4)")]
    ['part 2', '', '']
    """
    parts = additions(title) if title else []
    if not parts:
        return ""
    added = " / ".join(parts)
    marks = {name for name, mark in _MARKS.items() if mark.search(added)}
    marks |= {f"part {number.lower()}" for number in _PART.findall(added)} - {"part 1", "part i", "part one"}
    for part in parts:
        marks |= _languages(normalise(part).split())
    return ",".join(sorted(marks))


def _languages(words: list[str]) -> set[str]:
    """Languages that an addition says the song is sung in: `Hindi`, `Telugu and Tamil`, `English Version`."""
    spoken = set(words) & _LANGUAGES
    is_alone = spoken and set(words) <= _LANGUAGES | {"and"}
    return spoken if is_alone else {word for word, then in pairwise(words) if word in spoken and then in _VERSIONS}


def is_cue(title: str | None) -> bool:
    """True for names that score cues of any film share: they do not say which film.

    >>> is_cue("Main Title"), is_cue("End Credits Suite, Part 2"), is_cue("Love Theme"), is_cue("Love Song")
    (True, True, True, False)
    """
    words = {word for word in title_core(title).split() if not word.isdigit()}
    return bool(words & CUES) and words <= CUE_WORDS


def film_keys(title: str | None) -> frozenset[str]:
    """A film's titles without the words that soundtrack albums add to them; a shared key names the same film.

    >>> sorted(film_keys("Seven (a.k.a. Se7en)")), sorted(film_keys("The Social Network"))
    (['se7en', 'seven', 'seven aka se7en'], ['social network'])
    """
    if not title:
        return frozenset()
    inside = [re.sub(r"(?i)^a\.?k\.?a\.?\s", "", part) for part in BRACKETED.findall(title)]
    return frozenset(_film_key(form) for form in (title, BRACKETED.sub(" ", title), *inside)) - {""}


def _film_key(text: str) -> str:
    return " ".join(word for word in normalise(text).split() if word not in _ALBUM_WORDS)


def soundtrack_films(album: str | None) -> frozenset[str]:
    """Keys of the film that an album says it is the soundtrack of; none for any other album.

    >>> sorted(soundtrack_films("Frozen: Original Motion Picture Soundtrack (Deluxe)")), soundtrack_films("Frozen")
    (['frozen'], frozenset())
    """
    if not album or not _SOUNDTRACK.search(album):
        return frozenset()
    return frozenset({_film_key(album), _film_key(BRACKETED.sub(" ", album))}) - {""}


def source_films(title: str | None) -> frozenset[str]:
    """Keys of the film that a track or album names as the song's origin; covers name it as readily as the original.

    >>> source_films('Dawn - From "Pride & Prejudice" Soundtrack'), source_films("Letter from Home")
    (frozenset({'pride prejudice'}), frozenset())
    """
    return frozenset(_film_key(quoted) for quoted in _FROM_QUOTED.findall(title or "")) - {""}
