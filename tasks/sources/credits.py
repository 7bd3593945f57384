"""IMDb's credit lines: prose with links in, plain text and structured credits out.

Written, Produced and Performed by <a>Moby</a>      -> written_by, produced_by, performed_by: Moby
Lyrics by <a>William Whiting</a> and music by <a>John B. Dykes</a>   -> two credits
Performed by <a>Jr. Walker and the All Stars</a>    -> one name: a link is never split
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import TypedDict

from tasks.sources.credit_words import (
    COMPANY,
    COURTESY,
    FOREIGN_LABEL,
    FOREIGN_ROLE_OF,
    LABEL,
    NO_NAME,
    PUBLISHERS,
    ROLE_OF,
    SAMPLE,
    UNCONNECTED,
)
from tasks.sources.reading import unescape

Segment = tuple[str, str]
"""A piece of a line, and what it links to: `name` (a person or company), `page` (a film, ...), or nothing."""

LONGEST_LINE = 4000  # characters; the longest real line met has 400, and a hostile one must not take minutes
_TAG = re.compile(r"<!--.*?-->|<(/?)([A-Za-z][A-Za-z0-9]{0,20})\b([^<>]*)>", re.DOTALL)
_HREF = re.compile(r"\bhref\s*=\s*[\"']?([^\"'\s>]*)", re.IGNORECASE)
_LINK = re.compile("[\ue000\ue002](\\d+)[\ue001\ue003]")  # numbered marks: a name, and another link
_MARKS = str.maketrans("", "", "\ue000\ue001\ue002\ue003\ue004\ue005")
_PAGE_LINK = re.compile("(?:\\b(?:from|in|for|of|on|at|during)\\s+(?:the\\s+)?)?\ue002\\d+\ue003")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_BETWEEN = re.compile(
    r"\s*(?:,\s*(?:and|&)\s|,|;|\s/|/\s|(?<=\w{3})/(?=\w{3})|\s\+\s|\s&\s|\band\b|\s(?:feat\.?|ft\.?|featuring|with|w/)\s"
    "|(?<=\ue001)\\s*[-–—•·|/]?\\s*(?=\ue000))\\s*",
    re.IGNORECASE,
)
# within an act that is not linked: "Glenn Miller and His Orchestra"; "and The Wailers" may be an act of its own
_ACT = re.compile(r"(?<=[\w.] )(and|&)(?= (?:his|her|their) \w)", re.IGNORECASE)
_SHOWN = {0xE004: "&", 0xE005: "and"}
_BETWEEN_FOREIGN = re.compile(r",|;|/|\s&\s|\s\+\s|\s(?:und|et|y|e)\s", re.IGNORECASE)
_ALIAS = re.compile(r"\s+(?:as|aka)\s*$", re.IGNORECASE)
_PURPOSE = re.compile(
    "(?<=\ue001)\\s+(?:for|at|from|of|on|in|during|through|as|aka|a\\.k\\.a\\.?)\\s.*$", re.IGNORECASE | re.DOTALL
)
_ORIGIN = re.compile(
    r"\s+(?:from|on|off)\s+(?:(?:the|his|her|their)\s+)?(?:album|soundtrack|lp|cd|ep|single|film|movie|musical|opera)\b.*$"
    r"|\s+from\s+[\"'“‘].*$",
    re.IGNORECASE | re.DOTALL,
)
_SUFFIX = re.compile(r"(?:jr|sr|inc|ltd|llc|esq|ii|iii|iv)\.?", re.IGNORECASE)
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
    for segments in lines:
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


def _line_credits(segments: list[Segment]) -> Iterator[Credit]:
    links = [text for text, link in segments if link]
    marked = _marked(segments)
    people, _, _ = _cut(_without_brackets(marked))
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


def _without_brackets(text: str) -> str:
    """The text without what stands in brackets: aliases, notes, "(uncredited)"; unpaired ones go alone."""
    for _ in range(4):  # deeper ones go alone too
        shorter = _BRACKETS.sub(" ", text)
        if shorter == text:
            break
        text = shorter
    return " ".join(re.sub(r"[()\[\]]", " ", text).split())


def _cut(text: str) -> tuple[str, str, str]:
    """The text before the first company phrase, that phrase, and what follows."""
    match = COMPANY.search(text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def _people(text: str, links: list[str]) -> Iterator[Credit]:
    labels = list(LABEL.finditer(text))
    if not labels and (foreign := FOREIGN_LABEL.match(text)):
        words = re.findall(r"[^\W\d_]+", foreign["words"].lower())
        roles = list(dict.fromkeys(FOREIGN_ROLE_OF[word] for word in words if word in FOREIGN_ROLE_OF))
        names = _names(text[foreign.end() :], links, _BETWEEN_FOREIGN)
        yield from (Credit(role=role, names=names) for role in roles if names)
    shared: list[str] = []
    for label, following in zip_longest(labels, labels[1:]):
        named = text[label.end() : following.start() if following else len(text)]
        roles = [*shared, *_label_roles(label)]
        if roles == ["other"] and PUBLISHERS.search(label["words"]):
            names = [_tidy(_named(named, links))]
        else:
            names = _names(_FOR_COMPANY.sub("", named) if _AT_THE_DESK.issuperset(roles) else named, links, _BETWEEN)
        shared = [] if any(names) else roles  # "Written by and performed by Moby"
        if any(names):
            yield from (Credit(role=role, names=names) for role in dict.fromkeys(roles))


def _label_roles(label: re.Match[str]) -> list[str]:
    if label["bare"]:
        return ["written_by"]
    if label["manner"]:
        return ["performed_by"]
    words = [word for word in re.findall(r"[a-z]+", (label["words"] or label["players"]).lower()) if word in ROLE_OF]
    if "song" in words and len(words) > 1:
        words.remove("song")
    return list(dict.fromkeys(ROLE_OF[word] for word in words))


def _companies(text: str, links: list[str]) -> Iterator[Credit]:
    _, phrase, rest = _cut(text)
    while phrase:
        name, following, after = _cut(rest)
        name = _tidy(_NOTED_YEAR.sub("", _named(name, links)))
        if name and not UNCONNECTED.search(phrase):
            yield {"role": "courtesy_of" if COURTESY.match(phrase) else "other", "names": [name]}
        phrase, rest = following, after


def _names(text: str, links: list[str], between: re.Pattern[str]) -> list[str]:
    """The names between signs and words that join names; what is linked is a name whatever it looks like."""
    names: list[str] = []
    for part in between.split(_ACT.sub(_hidden, text)):
        part = _tidy(_ALIAS.sub("", _PAGE_LINK.sub(" ", _ORIGIN.sub("", _PURPOSE.sub("", part)))))
        name = _named(part, links).translate(_SHOWN)
        if "\ue000" in part:
            names.append(name)
        elif name and _SUFFIX.fullmatch(name) and names:
            names[-1] = f"{names[-1]}, {name}"
        elif name and not NO_NAME.fullmatch(name):
            names.append(name)
    return [name for name in dict.fromkeys(names) if name]


def _hidden(joined: re.Match[str]) -> str:
    """The word within the name of an act as a sign at which nothing is split."""
    return "\ue004" if joined[1] == "&" else "\ue005"


def _tidy(name: str) -> str:
    """A name without the signs around it; quotation marks and brackets go where they are unpaired, or around all."""
    name = name.strip(" ,;:/&-–")
    if name.count('"') % 2 or (name.startswith('"') and name.endswith('"') and name.count('"') == 2):
        name = name.strip(' "')
    return name.rstrip(")]") if name.count(")") > name.count("(") else name.rstrip("([ ")


def _named(text: str, links: list[str]) -> str:
    return " ".join(_LINK.sub(lambda mark: links[int(mark[1])], text).split())
