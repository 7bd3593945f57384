"""Turns the cells of one column, whatever notation a file uses, into the lake's type, and says which cannot be.

A cell that is there but does not fit is null in the result and true in the mask; an empty one is just null.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_NOTHING = ("", "nan", "none", "null", "na", "n/a", "<na>")
_TRUE = pa.array(["true", "t", "yes", "y", "1", "1.0"])
_FALSE = pa.array(["false", "f", "no", "n", "0", "0.0"])
_WHOLE_MAX = 2**53  # beyond it a float no longer tells neighbouring whole numbers apart

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_BARE = r"""[^ \t\r\n'",\[\](){}][^'",\[\](){}]*"""
_BLANK, _COMMA = r"[ \t\r\n]*", r"(?:,[ \t\r\n]*)"
_EITHER = rf"(?:(?:{_QUOTED}){_BLANK}|{_BARE})"
_NAME = re.compile(f"{_QUOTED}|{_BARE}", re.DOTALL)
_ALL_QUOTED = re.compile(rf"[\[(]{_BLANK}(?:(?:{_QUOTED}){_BLANK}{_COMMA}?)*[\])]", re.DOTALL)  # Python, NumPy
_SOME_BARE = re.compile(rf"\[{_BLANK}{_EITHER}(?:{_COMMA}{_EITHER})*\]", re.DOTALL)  # DuckDB
_BETWEEN = re.compile(rf"({_QUOTED})|\}}{_BLANK}\{{", re.DOTALL)  # two records

UNDECODED = "\ufdd0"
"""Stands before the two hexadecimal digits of a byte that is not UTF-8; no text holds this noncharacter itself."""


class Cells(NamedTuple):
    """A converted column."""

    values: pa.Array
    is_wrong: pa.Array
    """True where the file has something that is not of this type."""
    wanted: str
    """What it should have been, for people."""


def convert(cells: pa.Array, target: pa.DataType, is_json: bool = False) -> Cells:
    """Read a column as one of the lake's types: text, number, whole number, truth value or list of names."""
    if isinstance(cells.type, pa.DictionaryType):
        cells = cells.dictionary_decode()
    if is_json:
        return _parsed(cells, pa.string(), _json_list, "a list in JSON or Python notation")
    if pa.types.is_list(target):
        return _names(cells)
    if pa.types.is_boolean(target):
        return _truth(cells)
    if pa.types.is_integer(target):
        return _whole(cells)
    return _number(cells) if pa.types.is_floating(target) else _text(cells)


def _text(cells: pa.Array) -> Cells:
    """Text as it is; blank is null. Numbers and dates that a file types as such are written out."""
    try:
        text, wrong = pc.cast(_printable(cells), pa.string()), _nowhere(cells)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        text, wrong = _one_by_one(cells, pa.string(), str)
    undecoded = _holds(pc.match_substring(text, UNDECODED))
    is_nothing = pc.or_(undecoded, _holds(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(text)), 0)))
    return Cells(pc.if_else(is_nothing, pa.scalar(None, pa.string()), text), pc.or_(wrong, undecoded), "text in UTF-8")


def _printable(cells: pa.Array) -> pa.Array:
    """Cells of a type whose cast to text is what a person would write, and fails where it is not UTF-8."""
    kind = cells.type
    if _is_string(kind):
        return pc.cast(cells, pa.large_binary())  # Parquet readers take text on trust; a cast from bytes does not
    if pa.types.is_floating(kind):
        is_whole = _is_whole(cells)
        whole = pc.cast(pc.cast(pc.if_else(is_whole, cells, None), pa.int64()), pa.string())
        return pc.coalesce(whole, pc.cast(pc.if_else(pc.is_nan(cells), None, cells), pa.string()))
    if pa.types.is_timestamp(kind):
        return pc.cast(cells, pa.date32(), safe=False)
    if pa.types.is_nested(kind):
        return pa.array([_as_json(value) for value in cells.to_pylist()], pa.string())
    return cells


def _as_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _one_by_one(cells: pa.Array, target: pa.DataType, read: Callable[[Any], Any]) -> tuple[pa.Array, pa.Array]:
    """Convert cell by cell where some cannot be decoded: guessing another encoding would spoil names unseen."""
    values = [_attempt(_value, cell) for cell in cells]
    kept = [None if value is None or value is ValueError else read(value) for value in values]
    return pa.array(kept, target), pa.array([value is ValueError for value in values], pa.bool_())


def _value(cell: pa.Scalar) -> Any:
    value = cell.as_py()
    return value.decode() if isinstance(value, bytes) else value


def without_nothing(text: pa.Array, more: Sequence[str] = ()) -> pa.Array:
    """Trimmed text in which every way to write "nothing", and what `more` names, is null."""
    text = pc.utf8_trim_whitespace(text)
    is_nothing = pc.is_in(pc.utf8_lower(text), pa.array([*_NOTHING, *more]))
    return pc.if_else(is_nothing, pa.scalar(None, pa.string()), text)


def _plain(cells: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The same of cells of any type, and where they could not be decoded."""
    text, wrong, _ = _text(cells)
    return without_nothing(text), wrong


def _number(cells: pa.Array) -> Cells:
    kind = cells.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        number = pc.cast(cells, pa.float64(), safe=False)
        number, wrong = pc.if_else(pc.is_nan(number), None, number), _nowhere(cells)
    else:
        text, undecoded = _plain(cells)
        fits = pc.match_substring_regex(text, _NUMBER)
        number = pc.cast(pc.utf8_ltrim(pc.if_else(fits, text, None), "+"), pa.float64())
        wrong = pc.or_(undecoded, _holds(pc.invert(fits)))
    endless = _holds(pc.is_inf(number))
    return Cells(pc.if_else(endless, None, number), pc.or_(wrong, endless), "a number")


def _whole(cells: pa.Array) -> Cells:
    if pa.types.is_signed_integer(cells.type):
        return Cells(pc.cast(cells, pa.int64()), _nowhere(cells), "a whole number")
    number, wrong, _ = _number(cells)
    is_whole = _is_whole(number)
    whole = pc.cast(pc.if_else(is_whole, number, None), pa.int64())
    return Cells(whole, pc.or_(wrong, _holds(pc.invert(is_whole))), "a whole number")


def _truth(cells: pa.Array) -> Cells:
    text, undecoded = _plain(cells)
    lower = pc.utf8_lower(text)
    is_true, is_false = pc.is_in(lower, _TRUE), pc.is_in(lower, _FALSE)
    known = pc.or_(is_true, is_false)
    wrong = pc.or_(undecoded, pc.and_(pc.is_valid(text), pc.invert(known)))
    return Cells(pc.if_else(known, is_true, None), wrong, "true or false")


def _names(cells: pa.Array) -> Cells:
    target, wanted = pa.list_(pa.string()), "a list of names"
    if (pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type)) and _is_string(cells.type.value_type):
        return Cells(*_checked_names(cells, target), wanted)
    return _parsed(cells, target, _list_of_names, wanted)


def _checked_names(cells: pa.Array, target: pa.DataType) -> tuple[pa.Array, pa.Array]:
    """Lists as they are, unless a name in them is null or not UTF-8."""
    names = pc.list_flatten(cells)
    try:
        pc.cast(pc.cast(names, pa.large_binary()), pa.string())
        is_plain = names.null_count == 0
    except pa.ArrowInvalid:
        is_plain = False
    if is_plain:
        return pc.cast(cells, target), _nowhere(cells)
    return _one_by_one(cells, target, lambda names: [name for name in names if name is not None])


def _parsed(cells: pa.Array, target: pa.DataType, parse: Callable[[str], Any], wanted: str) -> Cells:
    """Convert text by a Python function, once for each distinct text; what it raises ValueError for is wrong."""
    text, undecoded = _plain(cells)
    distinct = text.dictionary_encode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd escapes in other people's strings
        parsed = [_attempt(parse, value) for value in distinct.dictionary.to_pylist()]
    values = pa.array([None if one is ValueError else one for one in parsed], target)
    is_wrong = pa.array([one is ValueError for one in parsed], pa.bool_())
    return Cells(values.take(distinct.indices), pc.or_(undecoded, _holds(is_wrong.take(distinct.indices))), wanted)


def _attempt(parse: Callable[[Any], Any], value: Any) -> Any:
    """What `parse` makes of a value, or the class ValueError where it cannot be read."""
    try:
        return parse(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return ValueError


def _list_of_names(text: str) -> list[str]:
    r"""Names of a list in JSON, Python, NumPy or DuckDB notation; a null name is left out.

    NumPy prints no commas (Python would silently join such names) and DuckDB few quotes.

    >>> _list_of_names('''["Olivia Foa'i", 'Sting']''')
    ["Olivia Foa'i", 'Sting']
    >>> _list_of_names("['Barry Gibb' 'Robin Gibb']")
    ['Barry Gibb', 'Robin Gibb']
    >>> _list_of_names(r"[Blondie, 'Sinéad O\'Connor', NULL]")
    ['Blondie', "Sinéad O'Connor"]
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(name is None or isinstance(name, str) for name in found):
        if not (_ALL_QUOTED.fullmatch(text) or _SOME_BARE.fullmatch(text)):
            raise ValueError("not a list of names")
        found = [_unquoted(name.strip(" \t\r\n")) for name in _NAME.findall(text[1:-1])]
    return [_storable(name) for name in found if name is not None]


def _unquoted(name: str) -> str | None:
    """A name as it was before it was written into a list."""
    if name in ("NULL", "None"):
        return None
    if name[0] not in "'\"":
        return name
    return str(ast.literal_eval(name.replace("\n", "\\n").replace("\r", "\\r")))


def _json_list(text: str) -> str:
    """The JSON text of a list in JSON or Python notation; NumPy's differs by the commas that it leaves out.

    >>> _json_list("[{'id': 18, 'name': 'Drama'}\\n {'id': 35, 'name': None}]")
    '[{"id": 18, "name": "Drama"}, {"id": 35, "name": null}]'
    """
    try:
        records = json.loads(text)
    except ValueError:
        records = ast.literal_eval(_BETWEEN.sub(lambda found: found[1] or "}, {", text))
    if not isinstance(records, list):
        raise ValueError("not a list")
    return _storable(json.dumps(records, ensure_ascii=False, allow_nan=False))


def _storable(text: str) -> str:
    """The same text, if it can be written as UTF-8: a lone surrogate (`\\ud83d`) cannot, and raises ValueError."""
    text.encode()
    return text


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_whole(number: pa.Array) -> pa.Array:
    return pc.and_(pc.equal(pc.floor(number), number), pc.less(pc.abs(number), _WHOLE_MAX))


def _nowhere(cells: pa.Array) -> pa.Array:
    return pa.repeat(pa.scalar(False), len(cells))


def _holds(condition: pa.Array) -> pa.Array:
    """A condition that is false where it cannot be judged."""
    return pc.fill_null(condition, False)
