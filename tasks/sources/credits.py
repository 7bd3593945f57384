"""IMDb's credit lines: prose with links in, plain text and structured credits out.

Written, Produced and Performed by <a>Moby</a>      -> written_by, produced_by, performed_by: Moby
Lyrics by <a>William Whiting</a> and music by <a>John B. Dykes</a>   -> two credits
Performed by <a>Jr. Walker and the All Stars</a>    -> one name: a link is never split
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import zip_longest
from typing import TypedDict

Segment = tuple[str, bool]
"""A piece of a line, and whether it is the name of a person or company by its link."""


class Credit(TypedDict):
    """Who did what."""

    role: str  # performed_by, written_by, composed_by, lyrics_by, produced_by, arranged_by, courtesy_of, other
    names: list[str]


# first word of a label -> role; everything else that is done "by" somebody is "other"
_ROLES = {
    "written": "written_by", "writer": "written_by", "writers": "written_by", "song": "written_by",
    "songwriter": "written_by", "songwriters": "written_by", "authored": "written_by",
    "composed": "composed_by", "composer": "composed_by", "composers": "composed_by", "music": "composed_by",
    "lyrics": "lyrics_by", "lyric": "lyrics_by", "lyricist": "lyrics_by", "words": "lyrics_by", "text": "lyrics_by",
    "performed": "performed_by", "performer": "performed_by", "performers": "performed_by", "sung": "performed_by",
    "played": "performed_by", "vocals": "performed_by", "vocal": "performed_by", "singer": "performed_by",
    "artist": "performed_by", "artists": "performed_by", "piano": "performed_by", "guitar": "performed_by",
    "violin": "performed_by", "whistled": "performed_by", "hummed": "performed_by", "rapped": "performed_by",
    "featuring": "performed_by", "soloist": "performed_by", "orchestra": "performed_by", "covered": "performed_by",
    "produced": "produced_by", "producer": "produced_by", "producers": "produced_by",
    "arranged": "arranged_by", "arranger": "arranged_by", "orchestrated": "arranged_by", "adapted": "arranged_by",
    "arrangement": "arranged_by", "orchestration": "arranged_by", "orchestrations": "arranged_by",
}  # fmt: skip
_OTHER = (
    "published|administered|conducted|recorded|mixed|remixed|directed|edited|engineered|programmed|mastered"
    "|translated|choreographed|sampled|distributed|licensed|supervised|conductor"
)
_WORD = "|".join(sorted((*_ROLES, *_OTHER.split("|")), key=len, reverse=True))
_MODIFIER = r"(?:(?:an?|the|original(?:ly)?|additional|executive|co|lead|background|english|french|new|all)[\s-]+){0,4}"
_JOINT = rf"{_MODIFIER}(?:{_WORD})(?:\s*(?:,\s*and\b|,|&|\+|/|\band\b)\s*{_MODIFIER}(?:{_WORD}))*"
_LABEL = re.compile(
    rf"(?:^|(?<=[\s,;/.]))(?P<words>{_JOINT})(?:\s+and)?"
    rf"(?:\s*:|\s+(?:attributed\s+to|by)\b\s*:?)|^(?P<bare>by)\b(?!\s+(?:kind\s+)?(?:arrangement|permission))",
    re.IGNORECASE,
)
_COMPANY = re.compile(
    r"\bcourtesy\s+of\b"
    r"|\b(?:used\s+)?(?:by|with)\s+(?:the\s+)?(?:kind\s+)?(?:permission|arrangement)\b(?:\s+(?:of|from|with|by))?"
    r"|\bunder\s+(?:exclusive\s+)?licen[cs]e\s+(?:from|to|by)\b",
    re.IGNORECASE,
)
_SAMPLE = re.compile(
    r"\b(?:contains?|includes?|incorporates|features)\b.*\b(?:samples?|excerpts?|elements?|portions?|interpolat)",
    re.IGNORECASE,
)
_ALIAS = re.compile(r"\s+as\s*$", re.IGNORECASE)
_PURPOSE = re.compile(r"(?<=\ue001)\s+(?:for|at|from|of|on|in|during|through)\s.*$", re.IGNORECASE)
_BETWEEN = re.compile(
    r"\s*(?:,\s*(?:and|&)\s|,|;|/|\s\+\s|\s&\s|\band\b|\s(?:feat\.?|ft\.?|featuring|with)\s)\s*", re.IGNORECASE
)
_PUBLISHERS = re.compile(r"published|administered|distributed|licensed", re.IGNORECASE)
_SUFFIX = re.compile(r"^(?:jr|sr|inc|ltd|llc|esq|ii|iii|iv)\.?$", re.IGNORECASE)
_NO_NAME = re.compile(
    r"^(?:and|as|the|(?:(?:his|her|their|the)\s+)?(?:orchestra|band|chorus|choir|ensemble))$", re.IGNORECASE
)
_LONGEST_LINE = 4000  # characters; the longest real line met has 400, and a hostile one must not take minutes
_LINK = re.compile("\ue000(\\d+)\ue001")


class _LineReader(HTMLParser):
    """Splits the HTML of one line into segments; entities are decoded on the way."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.segments: list[Segment] = []
        self._in_name = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            href = dict(attrs).get("href") or ""
            self._in_name = "/name/" in href or "/company/" in href
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._in_name = False

    def handle_data(self, data: str) -> None:
        if self.segments and self.segments[-1][1] == self._in_name and not self._in_name:
            self.segments[-1] = (self.segments[-1][0] + data, False)
        else:
            self.segments.append((data, self._in_name))


def read_line(html: str) -> list[Segment]:
    """The segments of one credit line.

    >>> read_line('Sung by <a href="/name/nm1/">Jeremy &amp; The Harlequins</a> (live)')
    [('Sung by ', False), ('Jeremy & The Harlequins', True), (' (live)', False)]
    """
    reader = _LineReader()
    reader.feed(html)
    reader.close()
    return reader.segments


def plain_text(segments: list[Segment]) -> str:
    """The line as a reader sees it."""
    return " ".join("".join(text for text, _ in segments).split())


def read_credits(lines: list[list[Segment]]) -> list[Credit]:
    """The credits of one entry, in page order, one for each role of a label.

    A line without a label, such as a scene note, gives none. After a line that names a sample, performers and
    producers are those of the sampled piece: they count as other.
    """
    credits: list[Credit] = []
    in_sample = False
    for segments in lines:
        if sum(len(text) for text, _ in segments) > _LONGEST_LINE:
            continue
        in_sample = in_sample or bool(_SAMPLE.search(plain_text(segments)))
        for credit in _line_credits(segments):
            if in_sample and credit["role"] in ("performed_by", "produced_by"):
                credit["role"] = "other"
            credits.append(credit)
    return credits


def _line_credits(segments: list[Segment]) -> Iterator[Credit]:
    links = [text for text, is_name in segments if is_name]
    marked = _marked(segments)
    people, _, _ = _cut(_without_brackets(marked))
    yield from _people(people, links)
    yield from _companies(re.sub(r"\(uncredited\)", " ", marked, flags=re.IGNORECASE), links)


def _marked(segments: list[Segment]) -> str:
    """The line with each link as a numbered mark, so that nothing inside a name is read as a word of the line."""
    n = 0
    parts = []
    for text, is_name in segments:
        parts.append(f"\ue000{n}\ue001" if is_name else text.replace("\ue000", "").replace("\ue001", ""))
        n += is_name
    return " ".join("".join(parts).split())


def _without_brackets(text: str) -> str:
    """The text without what stands in brackets: aliases, notes, "(uncredited)"; unpaired ones go alone."""
    while True:
        shorter = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", text)
        if shorter == text:
            return " ".join(re.sub(r"[()\[\]]", " ", text).split())
        text = shorter


def _cut(text: str) -> tuple[str, str, str]:
    """The text before the first company phrase, that phrase, and what follows."""
    match = _COMPANY.search(text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def _people(text: str, links: list[str]) -> Iterator[Credit]:
    labels = list(_LABEL.finditer(text))
    for label, following in zip_longest(labels, labels[1:]):
        named = text[label.end() : following.start() if following else len(text)]
        roles = _label_roles(label)
        is_company = roles == ["other"] and bool(_PUBLISHERS.search(label["words"] or ""))
        names = [_tidy(_named(named, links))] if is_company else _names(named, links)
        if any(names):
            yield from (Credit(role=role, names=names) for role in roles)


def _label_roles(label: re.Match[str]) -> list[str]:
    if label["bare"]:
        return ["written_by"]
    words = re.findall(rf"\b(?:{_WORD})\b", label["words"].lower())
    if "song" in words and len(words) > 1:
        words.remove("song")
    return list(dict.fromkeys(_ROLES.get(word, "other") for word in words))


def _companies(text: str, links: list[str]) -> Iterator[Credit]:
    _, phrase, rest = _cut(text)
    while phrase:
        name, following, after = _cut(rest)
        name = _tidy(_named(name, links))
        if name:
            role = "courtesy_of" if phrase.lower().startswith("courtesy") else "other"
            yield {"role": role, "names": [name]}
        phrase, rest = following, after


def _names(text: str, links: list[str]) -> list[str]:
    names: list[str] = []
    for part in _BETWEEN.split(text):
        part = _ALIAS.sub("", _PURPOSE.sub("", part))
        name = _tidy(_named(part, links))
        if name and _SUFFIX.match(name) and names:
            names[-1] = f"{names[-1]}, {name}"
        elif name and not _NO_NAME.match(name):
            names.append(name)
    return list(dict.fromkeys(names))


def _tidy(name: str) -> str:
    name = name.strip(' ,;:/&-"')
    return name.rstrip(")]") if name.count(")") > name.count("(") else name.rstrip("([ ")


def _named(text: str, links: list[str]) -> str:
    return " ".join(_LINK.sub(lambda mark: links[int(mark[1])], text).split())
