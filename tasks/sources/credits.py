"""IMDb's credit lines: prose with links in, plain text and structured credits out.

Written, Produced and Performed by <a>Moby</a>      -> written_by, produced_by, performed_by: Moby
Lyrics by <a>William Whiting</a> and music by <a>John B. Dykes</a>   -> two credits
Performed by <a>Jr. Walker and the All Stars</a>    -> one name: a link is never split
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import TypedDict

from tasks.sources.credit_names import BETWEEN, BETWEEN_FOREIGN, split_names, tidy, with_links
from tasks.sources.credit_words import (
    COMPANY,
    COURTESY,
    FINE_PRINT,
    FOREIGN_LABEL,
    FOREIGN_ROLE_OF,
    GUEST,
    LABEL,
    PIECE_WRITTEN,
    PUBLISHERS,
    ROLE_OF,
    SAMPLE,
    TRADITIONAL,
    UNCONNECTED,
    UNFINISHED,
)
from tasks.sources.reading import unescape

Segment = tuple[str, str]
"""A piece of a line, and what it links to: `name` (a person or company), `page` (a film, ...), or nothing."""

LONGEST_LINE = 4000  # characters; the longest real line met has 400, and a hostile one must not take minutes
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([A-Za-z][A-Za-z0-9]{0,20})\b([^<>]*)>", re.DOTALL)
_HREF = re.compile(r"\bhref\s*=\s*[\"']?([^\"'\s>]*)", re.IGNORECASE)
_MARKS = str.maketrans("", "", "\ue000\ue001\ue002\ue003\ue004\ue005")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_FOR_COMPANY = re.compile(r"\s+for\s.*$", re.IGNORECASE)
_AT_THE_DESK = frozenset(("produced_by", "arranged_by", "other"))  # done for somebody: "for American Recordings"
_NOTED_YEAR = re.compile(r"\s*\((?:c\)?\s*)?\d{4}\)\s*$")


class Credit(TypedDict):
    """Who did what."""

    role: str  # performed_by, written_by, composed_by, lyrics_by, produced_by, arranged_by, courtesy_of, other
    names: list[str]


def read_line(html: str) -> list[Segment]:
    """The segments of one credit line, entities decoded.

    >>> read_line('Sung by <a href="/name/nm1/">Jeremy &amp; The Harlequins</a> (live)')
    [('Sung by ', ''), ('Jeremy & The Harlequins', 'name'), (' (live)', '')]
    """
    segments: list[Segment] = []
    place, link = 0, ""
    for tag in _TAG.finditer(html):
        _add(segments, html[place : tag.start()], link)
        place = tag.end()
        if tag[2] and tag[2].lower() == "a":
            link = "" if tag[1] else _link_kind(tag[3])
        elif tag[2] and tag[2].lower() == "br":
            _add(segments, " ", link)
    _add(segments, html[place:], link)
    return segments


def _add(segments: list[Segment], html: str, link: str) -> None:
    """Another piece of the line; pieces of plain text that follow each other are joined."""
    if html:
        text = unescape(html)
        if not link and segments and not segments[-1][1]:
            text = segments.pop()[0] + text
        segments.append((text, link))


def _link_kind(attributes: str) -> str:
    found = _HREF.search(attributes)
    return "name" if found is not None and ("/name/" in found[1] or "/company/" in found[1]) else "page"


def plain_text(segments: list[Segment]) -> str:
    """The line as a reader sees it."""
    return " ".join("".join(text for text, _ in segments).split())


def read_credits(lines: list[list[Segment]]) -> list[Credit]:
    """The credits of one entry, in page order, one for each role of a label.

    A line without a label, such as a scene note, gives none. Who performs or produces a sampled piece counts as other:
    on the line that names the sample, and after it where the piece itself has its performer or producer already.
    """
    credits: list[Credit] = []
    own_roles: set[str] = set()
    after_sample = False
    for segments in _joined(lines):
        line = plain_text(segments)
        if len(line) > LONGEST_LINE:
            continue
        is_sample = SAMPLE.search(line) is not None
        after_sample = after_sample or is_sample
        for credit in _line_credits(segments):
            role = credit["role"]
            if role in ("performed_by", "produced_by") and (is_sample or (after_sample and role in own_roles)):
                credit["role"] = "other"
            elif not after_sample:
                own_roles.add(role)
            credits.append(credit)
    return credits


def _joined(lines: Iterable[list[Segment]]) -> Iterator[list[Segment]]:
    """The lines, one that ends in a comma or in the middle of a phrase together with what follows."""
    held: list[Segment] = []
    for segments in lines:
        line = plain_text(segments)
        if held and (line[:1] in "([" or LABEL.match(line) or COMPANY.match(line)):
            yield held
            held = []
        held = [*held, (" ", ""), *segments] if held else segments
        if not line.lower().endswith(UNFINISHED) or len(held) > LONGEST_LINE:
            yield held
            held = []
    if held:
        yield held


def _line_credits(segments: list[Segment]) -> Iterator[Credit]:
    links = [text for text, link in segments if link]
    marked = _marked(segments)
    for text in _without_brackets(marked):
        people, _, _ = _cut(text)
        yield from _people(people, links)
    yield from _companies(re.sub(r"\(uncredited\)", " ", marked, flags=re.IGNORECASE), links)


def _marked(segments: list[Segment]) -> str:
    """The line with each link as a numbered mark, so that nothing inside a name is read as a word of the line."""
    n = 0
    parts = []
    for text, link in segments:
        if link:
            parts.append(f"\ue000{n}\ue001" if link == "name" else f"\ue002{n}\ue003")
            n += 1
        else:
            parts.append(text.translate(_MARKS))
    return " ".join("".join(parts).split())


def _without_brackets(text: str) -> list[str]:
    """The text without what stands in brackets (aliases, notes, "(uncredited)"), then each credit that stood in some.

    Guests stay where they are: "(feat. X)". Unpaired brackets go alone.
    """
    credits: list[str] = []

    def opened(brackets: re.Match[str]) -> str:
        inner = brackets[0][1:-1].strip()
        if GUEST.match(inner):
            return f" {inner} "
        label = LABEL.match(TRADITIONAL.sub("", inner)) or LABEL.match(inner)
        if label and not (label["manner"] or label["bare"]):
            credits.append(" ".join(inner.split()))
        return " "

    for _ in range(4):  # deeper ones go alone too
        shorter = _BRACKETS.sub(opened, text)
        if shorter == text:
            break
        text = shorter
    return [" ".join(re.sub(r"[()\[\]]", " ", text).split()), *credits]


def _cut(text: str) -> tuple[str, str, str]:
    """The text before the first company phrase, that phrase, and what follows."""
    match = COMPANY.search(text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def _people(text: str, links: list[str]) -> Iterator[Credit]:
    labels = list(LABEL.finditer(text))
    if not labels and (foreign := FOREIGN_LABEL.match(text)):
        words = re.findall(r"[^\W\d_]+", foreign["words"].lower())
        roles = list(dict.fromkeys(FOREIGN_ROLE_OF[word] for word in words if word in FOREIGN_ROLE_OF))
        names = split_names(text[foreign.end() :], links, BETWEEN_FOREIGN)
        yield from (Credit(role=role, names=names) for role in roles if names)
    shared: list[str] = []
    for label, following in zip_longest(labels, labels[1:]):
        named = text[label.end() : following.start() if following else len(text)]
        roles = [*shared, *_label_roles(label)]
        if roles == ["other"] and PUBLISHERS.search(label[0]):
            names = [tidy(with_links(FINE_PRINT.sub("", named), links))]
        else:
            named = _FOR_COMPANY.sub("", named) if _AT_THE_DESK.issuperset(roles) else named
            names = split_names(named, links, BETWEEN)
        shared = roles if named.strip(" ,;/&+").lower() in ("", "and") else []  # "Written by and performed by Moby"
        if any(names):
            yield from (Credit(role=role, names=names) for role in dict.fromkeys(roles))


def _label_roles(label: re.Match[str]) -> list[str]:
    if label["bare"]:
        return ["written_by"]
    if label["under"]:
        return ["other"]
    said = label["words"] or label["players"] or label["direct"] or label["person"] or label["short"] or label["manner"]
    words = [word for word in re.findall(r"[a-z]+", PIECE_WRITTEN.sub(r"\1", said).lower()) if word in ROLE_OF]
    if "song" in words and len(words) > 1:
        words.remove("song")
    roles = [ROLE_OF[word] for word in words]
    if "originally" in said.lower():  # by whom the piece is known, not who is heard
        roles = ["other" if role == "performed_by" else role for role in roles]
    return list(dict.fromkeys(roles))


def _companies(text: str, links: list[str]) -> Iterator[Credit]:
    _, phrase, rest = _cut(text)
    while phrase:
        name, following, after = _cut(rest)
        name = tidy(_NOTED_YEAR.sub("", FINE_PRINT.sub("", with_links(name, links))))
        if name and not UNCONNECTED.search(phrase):
            yield {"role": "courtesy_of" if COURTESY.match(phrase) else "other", "names": [name]}
        phrase, rest = following, after
