"""A cell is read as the lake's type whatever notation a file uses, or said not to be one."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from dataset_files import CREDIT
from hypothesis import assume, given
from hypothesis import strategies as st

from tasks.sources.datasets.cells import convert, without_nothing


@pytest.mark.parametrize(
    ("text", "value"),
    [("4", 4.0), ("4.0", 4.0), ("1e-06", 1e-06), (" 7 ", 7.0), ("+.5", 0.5), ("5.", 5.0), ("", None), ("NaN", None)],
)
def test_the_ways_to_write_a_number(text: str, value: float | None) -> None:
    cells = convert(pa.array([text]), pa.float64())
    assert (cells.values.to_pylist(), cells.is_wrong.to_pylist()) == ([value], [False])


@pytest.mark.parametrize("text", ["four", "0,5", "1_000", "0x10", "1e999", "inf", "2016-11-23", "1 2"])
def test_what_is_no_number(text: str) -> None:
    cells = convert(pa.array([text]), pa.float64())
    assert (cells.values.to_pylist(), cells.is_wrong.to_pylist()) == ([None], [True])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_survives_as_text(value: float) -> None:
    assert convert(pa.array([repr(value)]), pa.float64()).values.to_pylist() == [value]


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_whole_numbers_survive_with_and_without_a_point(value: int) -> None:
    written = pa.array([f"{value}", f"{value}.0"])
    assert convert(written, pa.int64()).values.to_pylist() == [value, value]
    assert convert(pa.array([value]), pa.int64()).values.to_pylist() == [value]


@pytest.mark.parametrize(
    "cells", [pa.array(["4.5"]), pa.array([4.5]), pa.array([1e300]), pa.array(["9007199254740993"])]
)
def test_what_is_no_whole_number(cells: pa.Array) -> None:
    assert convert(cells, pa.int64()).is_wrong.to_pylist() == [True]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (
            pa.array(["True", "FALSE", "1", "0", "1.0", "no", "", "nan"]),
            [True, False, True, False, True, False, None, None],
        ),
        (pa.array([1, 0, None]), [True, False, None]),
        (pa.array([True, False]), [True, False]),
    ],
)
def test_the_ways_to_write_true_and_false(cells: pa.Array, values: list[bool | None]) -> None:
    found = convert(cells, pa.bool_())
    assert found.values.to_pylist() == values
    assert not any(found.is_wrong.to_pylist())
    assert convert(pa.array(["maybe", "2"]), pa.bool_()).is_wrong.to_pylist() == [True, True]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (pa.array([201412.0, 0.5, 150_000_000.0, None]), ["201412", "0.5", "150000000", None]),
        (pa.array([201412]), ["201412"]),
        (pa.array([date(2016, 11, 23)]), ["2016-11-23"]),
        (pa.array([pd.Timestamp("2016-11-23 08:00")]), ["2016-11-23"]),
        (pa.array(["a", "a", None]).dictionary_encode(), ["a", "a", None]),
        (pa.array([[{"id": 28}], None]), ['[{"id": 28}]', None]),
        (pa.array(["", "  ", " a "]), [None, None, " a "]),
        (pa.array(["None", "nan", "NULL"]), ["None", "nan", "NULL"]),  # there are songs of these names
    ],
)
def test_text_is_what_a_person_would_write(cells: pa.Array, text: list[str | None]) -> None:
    assert convert(cells, pa.string()).values.to_pylist() == text


NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20), max_size=4)
LIST_OF_NAMES = pa.list_(pa.string())


@given(NAMES)
def test_a_list_reads_the_same_in_every_notation(names: list[str]) -> None:
    assume("None" not in names)  # DuckDB writes this name as Python writes nothing, and nothing is likelier
    in_duckdb = duckdb.execute("select cast(cast(? as varchar[]) as varchar)", [names]).fetchone()
    assert in_duckdb is not None
    notations = [
        json.dumps(names),
        json.dumps(names, ensure_ascii=False),
        repr(names),
        repr(tuple(names)),
        in_duckdb[0],
    ]
    for text in notations:
        cells = convert(pa.array([text]), LIST_OF_NAMES)
        assert cells.values.to_pylist() == [names], text
    assert convert(pa.array([names], LIST_OF_NAMES), LIST_OF_NAMES).values.to_pylist() == [names]


def test_names_that_numpy_wrote_without_commas_stay_apart() -> None:
    written = str(np.array(CREDIT["composers"] * 3, dtype=object))  # long enough to break lines
    assert "\n" in written
    assert convert(pa.array([written]), LIST_OF_NAMES).values.to_pylist() == [CREDIT["composers"] * 3]


@pytest.mark.parametrize("text", ["The Bee Gees", "['a', ", "[['a']]", "{'a': 1}", "[" * 100_000, '["\\ud83d"]'])
def test_what_is_no_list_of_names(text: str) -> None:
    cells = convert(pa.array([text, "['a']"]), LIST_OF_NAMES)
    assert (cells.values.to_pylist(), cells.is_wrong.to_pylist()) == ([None, ["a"]], [True, False])


RECORDS = [{"id": 18, "name": "Women's film"}, {"id": 35, "name": 'the "other" {kind} }'}, {"id": None}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECORDS),
        repr(RECORDS),
        str(np.array(RECORDS, dtype=object)),
        str(np.array(RECORDS, dtype=object)).replace("\n", ""),
    ],
    ids=["JSON", "Python", "NumPy", "NumPy on one line"],
)
def test_records_become_json_from_every_notation(text: str) -> None:
    cells = convert(pa.array([text]), pa.string(), is_json=True)
    assert json.loads(cells.values[0].as_py()) == RECORDS


@pytest.mark.parametrize(
    "text",
    [
        "False",
        "{'id': 1}",
        "[{'id': 1}",
        "[b'x']",
        "[{1, 2}]",
        "[...]",
        "[NaN]",
        "[1e999]",
        "[nan]",
        '["\\ud83d"]',
        "[" * 9_999,
    ],
)
def test_what_is_no_list_of_records(text: str) -> None:
    cells = convert(pa.array([text, "[]"]), pa.string(), is_json=True)
    assert (cells.values.to_pylist(), cells.is_wrong.to_pylist()) == ([None, "[]"], [True, False])


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda one: st.lists(one) | st.dictionaries(st.text(max_size=3), one),
    )
)
def test_any_records_survive_in_json_and_python_notation(records: Any) -> None:
    assume(not any(0xD800 <= ord(letter) <= 0xDFFF for letter in repr(records)))
    for text in (json.dumps([records]), repr([records])):
        assert json.loads(convert(pa.array([text]), pa.string(), is_json=True).values[0].as_py()) == [records]


def test_nothing_is_written_in_many_ways() -> None:
    text = pa.array(["", " NaN", "None", "<NA>", "N/A", "null ", None, "0", " tt1 "])
    assert without_nothing(text).to_pylist() == [None] * 7 + ["0", "tt1"]
    assert without_nothing(text, ["0"]).to_pylist() == [None] * 8 + ["tt1"]
