"""What parsers share: text out of bytes, trees out of text, dates out of words, and the look of a refusal."""

from __future__ import annotations

import re
from calendar import monthrange
from typing import Any

import lxml.etree
import lxml.html

_REFUSALS = re.compile(
    r"awswaf|captcha|cf-challenge|just a moment\.\.\.|access denied|attention required|verify you are human",
    re.IGNORECASE,
)
_LONGEST_DATE = 100  # characters; whatever is longer is no date
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-./년]\s*(\d{1,2})(?:\s*[-./월]\s*(\d{1,2}))?")
_SLASHED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_WORDED = re.compile(
    r"(?:(\d{1,2})\.?\s+)?([A-Za-z]{3})[A-Za-z]*\.?\s*(?:(\d{1,2})(?:st|nd|rd|th)?\s*,?\s+)?,?\s*(\d{4})"
)
_HANGUL_MONTH = re.compile(r"(\d{1,2})월\s*(\d{1,2})일?\s*,?\s*(\d{4})")
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


def to_text(body: bytes | str) -> str:
    """The body as text; UTF-8, with bytes that do not fit replaced and a byte order mark dropped."""
    text = body if isinstance(body, str) else body.decode("utf-8", errors="replace")
    return text.removeprefix("\ufeff")


def to_tree(text: str) -> Any | None:
    """The HTML tree of a page or fragment; None where there is none to be had. lxml mends what it can."""
    parser = lxml.html.HTMLParser(encoding="utf-8")
    # signs that XML cannot hold would end the parse early
    clean = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", " ", text)
    try:
        tree = lxml.html.document_fromstring(clean.encode("utf-8"), parser=parser)
    except (lxml.etree.LxmlError, ValueError):
        return None
    return tree


def text_of(element: Any | None) -> str | None:
    """The text of an element with single blanks; None where there is no element or no text."""
    if element is None:
        return None
    return " ".join(element.text_content().split()) or None


def first(tree: Any, path: str) -> Any | None:
    """The first hit of an XPath, or None."""
    hits = tree.xpath(path)
    return hits[0] if hits else None


def has_class(name: str) -> str:
    """XPath condition: the class attribute holds this name as a word."""
    return f'contains(concat(" ", normalize-space(@class), " "), " {name} ")'


def looks_refused(text: str) -> bool:
    """Whether a page without the expected content looks like a challenge or a refusal."""
    return not text.strip() or bool(_REFUSALS.search(text[:20_000]))


def read_date(text: str | None) -> str | None:
    """A date as ISO 8601, as exact as the text has it; None where it holds none.

    >>> read_date("Oct 15, 1999"), read_date("10/15/1999 (US)"), read_date("15 October 1999")
    ('1999-10-15', '1999-10-15', '1999-10-15')
    >>> read_date("1999년 10월 15일"), read_date("10월 15, 1999"), read_date("1999-10-15 (KR)")
    ('1999-10-15', '1999-10-15', '1999-10-15')
    >>> read_date("1999.10"), read_date("(1999)"), read_date("soon") is None
    ('1999-10', '1999', True)
    """
    text = (text or "")[:_LONGEST_DATE]
    if match := _YEAR_FIRST.search(text):
        return _iso(match[1], match[2], match[3])
    if match := _HANGUL_MONTH.search(text):
        return _iso(match[3], match[1], match[2])
    if match := _SLASHED.search(text):
        # the site writes the month first; a first number above 12 can only be the day
        month, day = (match[2], match[1]) if int(match[1]) > 12 else (match[1], match[2])
        return _iso(match[3], month, day)
    if (match := _WORDED.search(text)) and match[2].lower() in _MONTHS:
        return _iso(match[4], str(_MONTHS.index(match[2].lower()) + 1), match[1] or match[3])
    year = _YEAR.search(text)
    return year[1] if year else None


def _iso(year: str, month: str, day: str | None) -> str | None:
    """The parts as an ISO date, cut before the first part that cannot be."""
    y, m, d = int(year), int(month), int(day or 0)
    if not 1800 <= y <= 2200:
        return None
    if not 1 <= m <= 12:
        return f"{y:04d}"
    return f"{y:04d}-{m:02d}-{d:02d}" if 1 <= d <= monthrange(y, m)[1] else f"{y:04d}-{m:02d}"
