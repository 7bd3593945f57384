"""Names and titles as people write them, brought to forms that can be compared.

Every site spells the same song its own way: `Don´t You (Forget About Me) - Remastered 2011`, `Rock &amp; Roll`,
`아이유 (IU)`. These functions are pure and total: any text gives a result, and normalising twice changes nothing.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache


def word_set(words: str) -> frozenset[str]:
    """A set of words, written as a line of them."""
    return frozenset(words.split())


# Letters that Unicode does not decompose, as a Latin keyboard writes them.
_LATIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"})
# Accents alone; the vowel signs of Indic and Thai scripts and the Japanese dakuten make other letters, so they stay.
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]")
_APOSTROPHES = re.compile("['`´‘’‚‛ʹʻʼʽˈ′＇]")
_SIGNS = re.compile(r"[.$!]")
_INITIALS = re.compile(r"(?<=\b\w)\.(?=\w\b|\W|$)")
_STYLED_S = re.compile(r"(?<=[^\W\d_])\$(?=[^\W\d_])")
_STYLED_I = re.compile(r"(?<=[^\W\d_])!(?=[^\W\d_])")
_AND_SIGN = re.compile(r"[&+]")
_AND_LETTER = re.compile(r"(?<=\S )n(?= \S)")  # rock n roll
_WORDS = re.compile(r"[^\W_]+")

_OPENING, _CLOSING = "(\\[{（【［〔〈《「『<", ")\\]}）】］〕〉》」』>"
BRACKETED = re.compile(f"[{_OPENING}]([^{_OPENING}{_CLOSING}]*)[{_CLOSING}]")
LEADING_BRACKET = re.compile(rf"^\s*[{_OPENING}]([^{_OPENING}{_CLOSING}]*)[{_CLOSING}](?=\s*\S)")
DASH = re.compile(r"\s+[-–—~]\s+|\s*\|\s*")
_FEATURING = re.compile(r"(?i)(?<!\w)(?:feat(?:uring)?|ft|prod)(?:\.|\s|$)")
_MAY_HAVE_ADDITION = re.compile(rf"(?i)[{_OPENING}&|\-–—~]|\b(?:feat|ft|prod)|\bfrom\b|\bo\.?s\.?t|soundtrack")
_FROM_QUOTED = re.compile(r"(?i)\s(?:\(|\[)?(?:\S+\s)?from\s+(?:the\s+[\w\s]*)?[\"“”«„].*$")
_VERSION_TAIL = re.compile(
    r"(?i)\b(?:re-?master(?:ed|izado|is[ée]e?)?|version|versi[oó]n|edit|mix|re-?mix|mono|stereo|live|vivo|from|soundtrack|"
    r"o\.?s\.?t|bonus|single|album|original|acoustic|instrumental|inst|karaoke|demo|sessions?|take|recorded|radio|"
    r"unplugged|sped|slowed|score|film|theme|deluxe|anniversary|explicit|clean|extended|cover|feat|ft|with|prod|"
    r"ver|excerpt|long|short|full|video|motion|picture)\b|^\W*(?:part|pt)\W*\d+\W*$"
)
_OST_PART = re.compile(r"(?i)\s*\b(?:o\.?s\.?t\.?|original soundtrack)\W*(?:(?:part|pt|vol)\W*\d+)?\W*$")

_SEPARATORS = re.compile(
    r"(?i)\s*[;,、，/|]\s*|\s+(?:feat(?:uring)?\.?|ft\.?|with|vs\.?|x|×|starring|presents|pres\.)\s+|"
    r"\s*\b(?:feat|ft)\.\s*"
)
_TOGETHER = re.compile(r"(?i)\s*[&＆+]\s*|\s+(?:and|y|et|und)\s+")
_ALIAS = re.compile(r"(?i)^\s*(?:as|aka|a\.k\.a\.?|a/k/a|formerly|feat(?:uring)?\.?|ft\.?|with|of|from)\s+")
_NOT_A_NAME = word_set(
    "uncredited vocals vocal voice singer singing guitar piano drums bass violin cello conductor artist band us uk "
    "traditional instrumental composer arranger orchestra conducted by and the various artists"
)
HANGUL = re.compile(r"[가-힣][가-힣\d\s]*[가-힣]|[가-힣]+")


@lru_cache(maxsize=1 << 16)
def normalise(text: str | None) -> str:
    """The form in which two spellings of one name are equal: case, accents and punctuation are gone.

    Hangul stays composed, `&` reads `and`, entities are decoded, initials close up. A text of signs alone (`!!!`)
    keeps its signs, so that it never equals another one; no text at all gives the empty string, which matches nothing.

    >>> normalise("Don´t  Stop &amp; Go, Beyoncé!")
    'dont stop and go beyonce'
    >>> normalise("R.E.M."), normalise("Ke$ha"), normalise("아이유 (IU)"), normalise("JÃ³hann"), normalise("!!!")
    ('rem', 'kesha', '아이유 iu', 'johann', '!!!')
    """
    if not text:
        return ""
    folded = _fold(html.unescape(text) if "&" in text else text)
    if folded.isalnum():
        return folded
    plain = _STYLED_I.sub("i", _STYLED_S.sub("s", _INITIALS.sub("", folded))) if _SIGNS.search(folded) else folded
    words = _AND_LETTER.sub("and", _keep_words(_AND_SIGN.sub(" and ", plain)))
    return words or "".join(folded.split())


def _fold(text: str) -> str:
    """Casefolded, without accents and apostrophes; twice, since folding can bring marks and decomposing capitals."""
    text = _APOSTROPHES.sub("", _repaired(text))
    if text.isascii():
        return text.lower()
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _APOSTROPHES.sub("", _ACCENTS.sub("", text)).translate(_LATIN))


def _repaired(text: str) -> str:
    """UTF-8 that was once read as Windows-1252 (`JÃ³hann`), read rightly; anything else as it is."""
    if "Ã" not in text and "â€" not in text:
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


def _keep_words(text: str) -> str:
    """Letters, digits and the marks that belong to them, with one space for everything else."""
    if text.isascii():
        return " ".join(_WORDS.findall(text))
    kept = [char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in text]
    return " ".join("".join(kept).split())


@lru_cache(maxsize=1 << 16)
def title_core(title: str | None) -> str:
    """The title of the song itself, normalised: without guests, release notes, film names and part numbers.

    A bracket that opens a title is part of it; any other is an addition. Where nothing would be left, the whole stays.

    >>> title_core("Don't You (Forget About Me) - Remastered 2011")
    'dont you'
    >>> title_core("(I Can't Get No) Satisfaction"), title_core('Shallow - From "A Star Is Born"')
    ('i cant get no satisfaction', 'shallow')
    >>> title_core("마음 단단히 먹어 (Feat. 에일리)"), title_core("Hello [OST Part.4]"), title_core("(Live)")
    ('마음 단단히 먹어', 'hello', 'live')
    """
    if not title:
        return ""
    if is_plain(title):
        return normalise(title)
    text = html.unescape(title) if "&" in title else title
    return normalise(_without_additions(text)) or normalise(text)


def is_plain(title: str) -> bool:
    """True where nothing in a title can be an addition, as in most: no bracket, dash, guest or film name.

    >>> is_plain("Hey Jude"), is_plain("Hey Jude - Live")
    (True, False)
    """
    return not _MAY_HAVE_ADDITION.search(title)


def _without_additions(text: str) -> str:
    text = LEADING_BRACKET.sub(r"\1 ", text)
    text = without_note(BRACKETED.sub(" ", BRACKETED.sub(" ", text)))  # twice: brackets in brackets
    for cut in (_FROM_QUOTED, _OST_PART):
        text = cut.sub("", text)
    featuring = _FEATURING.search(text)
    return text[: featuring.start()] if featuring and featuring.start() > 0 else text


def without_note(title: str) -> str:
    """A title without the release note after its dash; what follows a dash and is no such note belongs to the title.

    >>> without_note("Hurt - Live at Folsom"), without_note("Heigh - Ho")
    ('Hurt', 'Heigh - Ho')
    """
    head, *tail = DASH.split(title, maxsplit=1)
    return head if tail and head.strip() and _VERSION_TAIL.search(tail[0]) else title


@lru_cache(maxsize=1 << 16)
def artist_names(text: str | None) -> frozenset[str]:
    """Every normalised name that a credit stands for: each artist in it, aliases, and Hangul and Latin spellings.

    A leading article is dropped. The whole credit stays among the names, since `Simon & Garfunkel` is one artist.

    >>> sorted(artist_names("아이유 (IU)")), sorted(artist_names("데이먼스 이어 Damons year"))
    (['iu', '아이유'], ['damons year', '데이먼스 이어', '데이먼스 이어 damons year'])
    >>> sorted(artist_names("Simon & Garfunkel feat. The Band"))
    ['band', 'garfunkel', 'simon', 'simon and garfunkel']
    >>> sorted(artist_names("Idina Menzel (as Elsa)"))
    ['elsa', 'idina menzel']
    """
    if not text:
        return frozenset()
    text = html.unescape(text) if "&" in text else text
    names: set[str] = set()
    for part in _split_outside_brackets(text):
        names.update(_spellings(part))
    return frozenset(names - {""}) or frozenset({normalise(text)} - {""})


def _split_outside_brackets(text: str) -> list[str]:
    """The artists of a credit; what stands in brackets goes with the artist before it."""
    held: list[str] = []

    def hold(bracket: re.Match[str]) -> str:
        held.append(bracket.group(0))
        return f"\x00{len(held) - 1}\x00"

    masked = BRACKETED.sub(hold, text.replace("\x00", " "))
    parts = [part for part in _SEPARATORS.split(masked) if part.strip()]
    return [re.sub("\x00(\\d+)\x00", lambda index: held[int(index.group(1))], part) for part in parts]


def _spellings(name: str) -> set[str]:
    """One artist's names: outside the brackets, inside them, and by script where Hangul and Latin stand together."""
    outside = BRACKETED.sub(" ", name)
    found = {_without_article(normalise(outside if outside.strip() else name))}
    if LEADING_BRACKET.match(name):
        found.add(_without_article(normalise(name)))  # (여자)아이들, (G)I-DLE
    for inside in BRACKETED.findall(name):
        alias = _without_article(normalise(_ALIAS.sub("", inside)))
        if alias and not set(alias.split()) <= _NOT_A_NAME and not alias.isdigit():
            found.add(alias)
    if _TOGETHER.search(outside.strip()):
        found.update(_without_article(normalise(part)) for part in _TOGETHER.split(outside))
    return found.union(*(_by_script(spelling) for spelling in found))


def _by_script(name: str) -> set[str]:
    """The Hangul and the other half of a name that is written in both, where each is more than one character."""
    hangul = " ".join(run.strip() for run in HANGUL.findall(name))
    other = " ".join(word for word in name.split() if not re.search("[가-힣]", word))
    return {hangul, other} if min(len(hangul), len(other)) > 1 else set()


def _without_article(name: str) -> str:
    return name[4:] if name.startswith("the ") and len(name) > 4 else name


@lru_cache(maxsize=1 << 16)
def first_artist(text: str | None) -> str:
    """The normalised name of the artist credited first, by which tracks are grouped.

    >>> first_artist("아이유 (IU), 김창완"), first_artist("The Beatles"), first_artist(None)
    ('아이유', 'beatles', '')
    """
    parts = _split_outside_brackets(html.unescape(text)) if text else []
    if not parts:
        return normalise(text)
    outside = BRACKETED.sub(" ", parts[0])
    return _without_article(normalise(outside if outside.strip() else parts[0]))
