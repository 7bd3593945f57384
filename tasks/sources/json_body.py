"""JSON bodies of APIs: an object or a named state, and values out of it that are what they should be or null."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from tasks.fetching.answer import FetchState
from tasks.sources.parsed import Parsed

MAX_JSON_BYTES = 8 * 2**20
"""A hundred releases with their recordings have some megabytes; read, a body takes up to thirty times its size."""
MOST_BRACKETS = 1_000_000
"""Lists and objects of a body: Python's collector walks over all of them again and again while they are read, so that
eight megabytes of empty lists take seconds; the richest real answers open some ten thousand."""
LONGEST_LIST = 10_000  # entries; the longest real answer has 300, and whatever holds more is no answer to our questions
_UNFIT = re.compile("[\0\ud800-\udfff]")  # half surrogate pairs, which JSON can escape, and zero bytes


def read_object(body: bytes | str) -> dict[str, Any] | Parsed[Any]:
    """The JSON object of a body, or the state of a body that is cut off or none at all."""
    if len(body) > MAX_JSON_BYTES:
        return Parsed([], FetchState.BROKEN, f"{len(body):,} bytes, which no answer has")
    if (opened := _brackets(body)) > MOST_BRACKETS:
        return Parsed([], FetchState.BROKEN, f"{opened:,} lists and objects, which no answer has")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return Parsed([], FetchState.BROKEN, "not JSON, or cut off")
    return answer if isinstance(answer, dict) else Parsed([], FetchState.BROKEN, "not a JSON object")


def _brackets(body: bytes | str) -> int:
    return body.count("[") + body.count("{") if isinstance(body, str) else body.count(b"[") + body.count(b"{")


def read_answer(body: bytes | str) -> dict[str, Any] | Parsed[Any]:
    """The JSON object of a body, or the state of a body that is an error, is cut off or is no JSON at all.

    Errors come in three shapes: `{"error": {"status", "message"}}`, the token endpoint's `{"error": "invalid_client",
    "error_description"}`, and a sentence or name with the status beside it; gateways answer in plain text or not.
    """
    answer = read_object(body)
    fault = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(answer, Parsed) or fault is None:
        return answer
    if isinstance(fault, dict):
        status, told = fault.get("status"), text(fault.get("message")) or "no message"
        return Parsed([], state_of_status(status), f"the provider answered {shown(status)}: {told}")
    description = text(answer.get("error_description"))
    state = FetchState.BLOCKED if description else state_of_status(answer.get("status"))
    return Parsed([], state, f"the provider answered: {description or shown(fault)}")


def state_of_status(status: Any) -> FetchState:
    """What the status of an API error means; 400 and 5xx are a fault of the question or of the server."""
    named = {401: FetchState.BLOCKED, 403: FetchState.BLOCKED, 404: FetchState.MISSING, 429: FetchState.LIMITED}
    return named.get(status, FetchState.BROKEN) if isinstance(status, int) else FetchState.BROKEN


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; nulls and whatever else stands among them are left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def overlong(items: list[Any], kind: str) -> Parsed[Any] | None:
    """The state of a list that is longer than any answer: reading it all would only cost time."""
    if len(items) <= LONGEST_LIST:
        return None
    return Parsed([], FetchState.BROKEN, f"{len(items):,} {kind}, which no answer holds")


def object_of(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """A string without blanks around it that can be written anywhere; null where there is none.

    >>> text(" a\\n"), text("a\\ud83d"), text(3) is None, text(" ") is None
    ('a', 'a?', True, True)
    """
    if not isinstance(value, str):
        return None
    return (value if value.isascii() and "\0" not in value else _UNFIT.sub("?", value)).strip() or None


def texts(values: Any) -> list[str]:
    """The strings of a list, each once, in order."""
    found = (text(value) for value in values) if isinstance(values, list) else ()
    return list(dict.fromkeys(value for value in found if value))


def number(value: Any) -> float | None:
    """A finite number; null for true and false, for texts, and for what no measure reaches."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or abs(value) > 1e12:  # a huge int would not fit a float
        return None
    return float(value) if math.isfinite(value) else None


def count(value: Any) -> int | None:
    """A whole number above 0 that a 53-bit float holds; APIs write 0 for unknown.

    >>> count(233305), count(1000.0), count(0) is None, count(True) is None, count(float("inf")) is None
    (233305, 1000, True, True, True)
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (int(value) or None) if is_number and 0 < value < 2**53 else None


def shown(value: Any) -> str:
    """A value for a sentence: short, and in one line."""
    return " ".join(_UNFIT.sub("?", str(value)[:100]).split())
