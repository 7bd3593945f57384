"""What parsers share: text out of bytes, trees out of text, dates out of words, and the look of a refusal."""

from __future__ import annotations

import html
import re
from calendar import monthrange
from typing import Any

import numpy
from lxml import etree

_REFUSALS = re.compile(
    r"awswaf|aws-waf-token|gokuprops|captcha|cf-challenge|just a moment\.\.\.|access denied|attention required"
    r"|verify (?:that )?you are (?:a )?human|unusual traffic|request unsuccessful\. incapsula",
    re.IGNORECASE,
)
MAX_PAGE_BYTES = 4 * 2**20
"""The largest real page has 1 MB; a tree takes up to forty times its page's memory."""
_CONTROLS = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20)])  # no page shows them, and XML cannot hold them
_HARMLESS_ATTRIBUTES, _MAX_ATTRIBUTES, _MAX_TAG_BYTES = 60_000, 500, 16_384  # 60,000 in one tag take 3 s
_ATTRIBUTE = re.compile(rb"""[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"?+|'[^']*+'?+|[^\s>"'][^\s>]*+)?+)?+""")
_TAG = re.compile(rb"<!--(?>.*?-->|.*)|<[A-Za-z](?:[\s/]++|" + _ATTRIBUTE.pattern + rb")*+", re.DOTALL)
_IS_WORD = bytes(chr(code) not in " \t\n\f\r/" for code in range(256))
_STRING = etree.XPath("string()")
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


def is_json(body: bytes | str) -> bool:
    """Whether a body is a JSON object by its first sign."""
    return to_text(body[:100]).lstrip().startswith("{")


def to_tree(body: bytes | str) -> Any | None:
    """The HTML tree of a page or fragment; None where there is none to be had whole. lxml mends what it can.

    It gives up on elements nested more than 256 deep and leaves out the rest: such a tree is no page.
    """
    raw = body.encode("utf-8", errors="replace") if isinstance(body, str) else body
    if len(raw) > MAX_PAGE_BYTES or has_monstrous_tag(raw):
        return None
    parser = etree.HTMLParser(encoding="utf-8")
    try:
        tree = etree.fromstring(raw.translate(None, _CONTROLS), parser)
    except (etree.LxmlError, ValueError):
        return None
    fault = parser.error_log.last_error
    return None if fault is not None and fault.level == etree.ErrorLevels.FATAL else tree


def has_monstrous_tag(raw: bytes) -> bool:
    """Whether a tag holds more attributes than any real one: the parser's time grows with their square.

    Few pages hold so many words that this could matter; in those alone the tags are looked at one by one.
    """
    is_word = numpy.frombuffer(raw.translate(_IS_WORD), numpy.uint8)
    n_words = int(numpy.count_nonzero(is_word[1:] > is_word[:-1]))
    if n_words + raw.count(b"=") < _HARMLESS_ATTRIBUTES:
        return False
    tags = (tag[0] for tag in _TAG.finditer(raw))
    return any(
        len(tag) > _MAX_TAG_BYTES or len(_ATTRIBUTE.findall(tag)) > _MAX_ATTRIBUTES
        for tag in tags
        if len(tag) > _MAX_ATTRIBUTES
    )


def unescape(text: str) -> str:
    """The text with its entities decoded; one that names a number of thousands of digits stays as it is."""
    if "&" not in text:
        return text
    try:
        return html.unescape(text)
    except ValueError:
        return text


def text_of(element: Any | None) -> str | None:
    """The text of an element with single blanks; None where there is no element or no text."""
    if element is None:
        return None
    return " ".join(_STRING(element).split()) or None


def has_class(name: str) -> str:
    """XPath condition: the class attribute holds this name as a word; the quick look comes first."""
    return f'(contains(@class, "{name}") and contains(concat(" ", normalize-space(@class), " "), " {name} "))'


def looks_refused(text: str) -> bool:
    """Whether a page without the expected content looks like a challenge or a refusal."""
    return not text.strip() or bool(_REFUSALS.search(text[:20_000]))


def is_cut_off(body: bytes | str) -> bool:
    """Whether a whole page stops half-way: what is left of it can still read like a page that says little."""
    return "<html" in to_text(body[:2000]).lower() and "</html" not in to_text(body[-2000:]).lower()


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
