"""What texts mean for matching (keys of titles, names in credits, films of albums), kept so that each is read once.

Most texts are plain: ASCII letters and digits without brackets, dashes or guests. SQL reads those, by the same rules as
the functions of `tasks.text` and `tasks.titles` read the rest. A text that means nothing has one row of nulls, so that
it is known to have been read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from tasks.text import artist_names, title_core, word_set
from tasks.titles import CUE_WORDS, CUES, film_keys, is_cue, soundtrack_films, source_films, title_keys, version_marks

BATCH = 50_000
"""Texts read by Python at once."""

# Performers that name nobody: agreeing on them is no agreement.
_NOBODY = word_set(
    "cast chorus ensemble orchestra choir company various artists traditional unknown anonymous band children "
    "strings soundtrack disney"
) | {"various artists", "original cast", "studio orchestra", "original broadway cast"}

_PLAIN_FORM = "trim(regexp_replace(lower(replace(text, '''', '')), '[^a-z0-9]+', ' ', 'g'))"
_IS_PLAIN_TITLE = """
    regexp_full_match(text, '[a-zA-Z0-9 '',:;?*#/]*[a-zA-Z0-9][a-zA-Z0-9 '',:;?*#/]*')
    and not regexp_matches(text, '(?i)\\b(feat|ft|prod|ost)|\\bfrom\\b|soundtrack') and not contains(form, ' n ')
"""
_IS_PLAIN_ARTIST = """
    regexp_full_match(text, '[a-zA-Z0-9 '']*[a-zA-Z0-9][a-zA-Z0-9 '']*') and not regexp_matches(
        form, '\\b(feat|featuring|ft|with|vs|x|starring|presents|pres|and|y|et|und|n)\\b')
"""
_NAMES_NO_SOUNDTRACK = """
    regexp_full_match(text, '[\\x00-\\x7f]*') and not regexp_matches(
        text, '(?i)sound ?track|motion picture|o\\.?s\\.?t\\b|banda sonora|bande originale|recording|score|music from')
"""


@dataclass(frozen=True)
class TextTable:
    """A table of texts and what each means: how SQL reads a plain one, and Python any."""

    name: str
    text: str
    """Column of the text."""
    meaning: dict[str, str]
    """Other columns, with the SQL that gives them for a plain text from its `form`."""
    is_plain: str
    """SQL that is true of a `text` that SQL reads."""
    read: Callable[[str], Iterable[tuple[object, ...]]]
    """The rows of one text."""
    types: tuple[str, ...] = ("VARCHAR",)
    """DuckDB types of the other columns."""


def _each(forms: Callable[[str], Iterable[str]]) -> Callable[[str], Iterable[tuple[object, ...]]]:
    return lambda text: [(form,) for form in sorted(forms(text))]


def names_of(artist: str) -> frozenset[str]:
    """The names of one artist of a credit; none where it names nobody.

    >>> sorted(names_of("아이유 (IU)")), sorted(names_of("Chorus"))
    (['iu', '아이유'], [])
    """
    return artist_names(artist) - _NOBODY


def _sql_list(words: Iterable[str]) -> str:
    return "[" + ", ".join(f"'{word}'" for word in sorted(words)) + "]"


_PLAIN_WORDS = "list_filter(string_split(form, ' '), word -> not regexp_full_match(word, '[0-9]+'))"
_ARTIST = "regexp_replace(form, '^the ', '')"

TEXT_TABLES = {
    table.name: table
    for table in (
        TextTable(
            "title_key",
            "title",
            {"key": r"replace(regexp_replace(form, '^(the|a|an) (.)', '\2'), ' ', '')"},
            _IS_PLAIN_TITLE,
            _each(title_keys),
        ),
        TextTable(
            "title_fact",
            "title",
            {
                "core": "form",
                "marks": "''",
                "is_cue": f"list_has_any({_PLAIN_WORDS}, {_sql_list(CUES)}) "
                f"and list_has_all({_sql_list(CUE_WORDS)}, {_PLAIN_WORDS})",
            },
            _IS_PLAIN_TITLE,
            lambda title: [(title_core(title), version_marks(title), is_cue(title))],
            ("VARCHAR", "VARCHAR", "BOOLEAN"),
        ),
        TextTable(
            "artist_name",
            "artist",
            {"name": f"if({_ARTIST} in {tuple(sorted(_NOBODY))}, null, {_ARTIST})"},
            _IS_PLAIN_ARTIST,
            _each(names_of),
        ),
        TextTable("film_key", "film", {"key": "null"}, "text = ''", _each(film_keys)),
        TextTable("soundtrack_film", "album", {"key": "null"}, _NAMES_NO_SOUNDTRACK, _each(soundtrack_films)),
        TextTable("source_film", "text", {"key": "null"}, "not contains(lower(text), 'from')", _each(source_films)),
    )
}


def create_text_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Make the text tables that are not there in schema `matching`, and show each under its bare name."""
    con.execute("create schema if not exists matching")
    for table in TEXT_TABLES.values():
        columns = zip((table.text, *table.meaning), ("VARCHAR", *table.types), strict=True)
        typed = ", ".join(f"{name} {type_}" for name, type_ in columns)
        con.execute(f"create table if not exists matching.{table.name} ({typed})")
        con.execute(f"create or replace temp view {table.name} as from matching.{table.name}")


def read_texts(con: duckdb.DuckDBPyConnection, name: str, texts: str) -> None:
    """Add the texts that a SELECT of one column gives to a text table, but those that it holds already."""
    table = TEXT_TABLES[name]
    con.execute(f"""
        create or replace temp table unread as
        select text, form, {table.is_plain} as is_plain
        from (
            select text, {_PLAIN_FORM} as form
            from (select distinct text from ({texts}) as given(text) where text is not null)
            where text not in (select {table.text} from {name})
        )
    """)
    into = f"insert into matching.{name}"
    con.execute(f"{into} select text, {', '.join(table.meaning.values())} from unread where is_plain")
    rest = con.execute("select text from unread where not is_plain").fetchall()
    con.execute("drop table unread")
    for start in range(0, len(rest), BATCH):
        con.register("incoming", _rows(table, [text for (text,) in rest[start : start + BATCH]]))
        con.execute(f"{into} select * from incoming")
        con.unregister("incoming")


def _rows(table: TextTable, texts: Sequence[str]) -> pa.Table:
    nothing = [(None,) * len(table.meaning)]
    rows = [(text, *meaning) for text in texts for meaning in (list(table.read(text)) or nothing)]
    types = [pa.string(), *(pa.bool_() if type_ == "BOOLEAN" else pa.string() for type_ in table.types)]
    columns = zip((table.text, *table.meaning), types, zip(*rows, strict=True), strict=True)
    return pa.table({name: pa.array(values, type_) for name, type_, values in columns})
