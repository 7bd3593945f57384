"""The names behind a label of a credit line: where one ends and the next begins, and what is no part of a name."""

from __future__ import annotations

import re

from tasks.sources.credit_words import CAPITAL, FINE_PRINT, INSTRUMENT, NO_NAME

_LINK = re.compile("[\ue000\ue002](\\d+)[\ue001\ue003]")  # numbered marks: a name, and another link
_ONLY_LINK = re.compile("\ue000(\\d+)\ue001")
_PAGE_LINK = re.compile("(?:\\b(?:from|in|for|of|on|at|during)\\s+(?:the\\s+)?)?\ue002\\d+\ue003")
BETWEEN = re.compile(
    r"\s*(?:,\s*(?:and|&)\s|(?<!\d),|,(?!\d)|;|•|\||\s/|/\s|(?<=\w{3})/(?=\w{3})|\s\+\s|\s&\s|\band\b"
    r"|\bas\s+well\s+as\b"
    r"|(?<!\w)(?:(?:along|together|in\s+duet|in\s+collaboration)\s+)?"
    r"(?:feat\.?|ft\.?|f/|featuring|duet\s+with|with|w/|vs\.?|versus)\s"
    "|(?<=\ue001)\\s*[-–—·x×]?\\s*(?=\ue000)|(?<=\ue001)[/&+](?=\\w)|(?:(?<=\ue001)|(?<=\\w\\w))[/&+](?=\ue000))\\s*(?:by\\s+)?",
    re.IGNORECASE,
)
BETWEEN_FOREIGN = re.compile(r",|;|/|\s&\s|\s\+\s|\s(?:und|et|y|e)\s", re.IGNORECASE)
_TIMES = re.compile(r"(?<=\S)\s+[x×]\s+(?=\S)")
_CAPITAL_TIMES = re.compile(r"(?<=\S)\s+X\s+(?!X\s)(?!(?:Band|Orchestra|Ensemble|Choir|Trio|Quartet|Project)\b)(?=\S)")
# within an act that is not linked: "Glenn Miller and His Orchestra"; "and The Wailers" may be an act of its own
_ACT = re.compile(r"(?<=[\w.] )(and|&)(?= (?:his|her|their) \w)", re.IGNORECASE)
_SHOWN = {0xE004: "&", 0xE005: "and"}
_ALIAS = re.compile(
    r"\s+(?:(?:a\.?k\.?a\.?|[pd]/[kb]/a|(?:also|better|professionally)\s+known\s+as|(?:credited|billed)\s+as"
    rf"|under\s+the\s+(?:name|pseudonym)(?:\s+of)?)(?:\s.*)?|as(?:\s+[\"'“‘]?{CAPITAL}.*)?)$",
    re.IGNORECASE | re.DOTALL,
)
_PURPOSE = re.compile(
    "(?<=\ue001)\\s+(?:for|at|from|of|on|in|during|through|as|aka|a\\.k\\.a\\.?)\\s.*$", re.IGNORECASE | re.DOTALL
)
_INSTRUMENT = re.compile(rf"\s+on\s+(?:[a-z]+\s+){{0,2}}?{INSTRUMENT}\b.*$", re.IGNORECASE | re.DOTALL)
_ORIGIN = re.compile(
    r"\s+(?:from|on|off)\s+(?:(?:the|his|her|their)\s+)?(?:album|soundtrack|lp|cd|ep|single|film|movie|musical|opera)\b.*$"
    r"|\s+from\s+[\"'“‘].*$",
    re.IGNORECASE | re.DOTALL,
)
_NO_PART = (FINE_PRINT, _PURPOSE, _INSTRUMENT, _ORIGIN)
_SUFFIX = re.compile(r"(?:jr|sr|inc|ltd|llc|esq|ii|iii|iv)\.?", re.IGNORECASE)
_ABBREVIATED = re.compile(
    r"(?:^|[\s.-])(?:\w|jn?r|sn?r|inc|ltd|llc|corp|cos?|bros|esq|publ?|div|st|mrs?|dr|mus|prods?|ent|int'?l|assoc|orch|"
    r"symph|phil|univ|pty|plc|etc|recs?|cie|bv|spa|srl|vol|mgmt)\.$",
    re.IGNORECASE,
)
"""The end of a name whose last full stop is its own: initials, and words that are cut short."""
_QUOTED = re.compile(r"['‘“]([^'‘’“”]+)['’”]")


def split_names(text: str, links: list[str], between: re.Pattern[str]) -> list[str]:
    """The names between signs and words that join names; what is linked is a name whatever it looks like."""
    if alone := _ONLY_LINK.fullmatch(text.strip(" ,;.")):
        return [with_links(alone[0], links)] if links[int(alone[1])].strip() else []
    names: list[str] = []
    for part in _parts(text, between):
        name = with_links(part, links).translate(_SHOWN)
        if "\ue000" in part:
            names.append(name)
        elif name and _SUFFIX.fullmatch(name) and names:
            names[-1] = f"{names[-1]}, {name}"
        elif name and not NO_NAME.fullmatch(name):
            names.append(name)
    return [name for name in dict.fromkeys(names) if name]


def _parts(text: str, between: re.Pattern[str]) -> list[str]:
    """The pieces of a text that may be names, each without what is no part of one."""
    parts: list[str] = []
    for joined in between.split(_ACT.sub(_hidden, text)):
        parts.extend(_name_alone(part) for part in _split_at_times(joined.strip()))
    return parts


def _name_alone(part: str) -> str:
    if _ONLY_LINK.fullmatch(part):
        return part
    for no_part in _NO_PART:
        part = no_part.sub("", part)
    return tidy(_ALIAS.sub("", _PAGE_LINK.sub(" ", part)))


def _split_at_times(text: str) -> list[str]:
    """Names joined by a cross or an x; a capital X may be part of a name: it is none at an end, or beside a small x.

    >>> _split_at_times("Lil Nas X x X Ambassadors"), _split_at_times("Diplo X Malcolm X")
    (['Lil Nas X', 'X Ambassadors'], ['Diplo', 'Malcolm X'])
    """
    parts = _TIMES.split(text)
    return parts if len(parts) > 1 else _CAPITAL_TIMES.split(text)


def _hidden(joined: re.Match[str]) -> str:
    """The word within the name of an act as a sign at which nothing is split."""
    return "\ue004" if joined[1] == "&" else "\ue005"


def tidy(name: str) -> str:
    """A name without the signs around it; quotation marks and brackets go where they are unpaired, or around all.

    >>> tidy("Jam &"), tidy("Moby."), tidy("Boney M."), tidy("R.E.M."), tidy("MCA, Inc.")
    ('Jam', 'Moby', 'Boney M.', 'R.E.M.', 'MCA, Inc.')
    """
    name = name.strip(" ,;:/&-–—•|")
    if name.endswith(".") and not _ABBREVIATED.search(name):
        name = name.rstrip(". ")
    if name.count('"') % 2 or (name.startswith('"') and name.endswith('"') and name.count('"') == 2):
        name = name.strip(' "')
    if quoted := _QUOTED.fullmatch(name):
        name = quoted[1].strip()
    return name.rstrip(")]") if name.count(")") > name.count("(") else name.rstrip("([ ")


def with_links(text: str, links: list[str]) -> str:
    """The text with each numbered mark replaced by the words of its link."""
    return " ".join(_LINK.sub(lambda mark: links[int(mark[1])], text).split())
