"""SQL reads plain texts as the functions of `tasks.text` and `tasks.titles` read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.matching.texts import TEXT_TABLES, TextTable, create_text_tables, read_texts
from tasks.settings import PROJECT_ROOT

DATA = PROJECT_ROOT.parent / "shared" / "data"
TITLES = """
select track_name from 'spotify_tracks_114k.parquet'
union select track_name from 'spotify_tracks_2024_146genres.parquet'
union select recording_name from 'imdb_soundtracks_imdb4m.parquet'
union select title from 'melon_weekly_top100_2010_2024.parquet'
union select song_title from 'film_ost_tracks_features.parquet'
"""
ARTISTS = """
select unnest(string_split(artists, ';')) from 'spotify_tracks_114k.parquet'
union select artist_name from 'spotify_tracks_2024_146genres.parquet'
union select unnest(performers) from 'imdb_soundtracks_imdb4m.parquet'
union select singer from 'melon_weekly_top100_2010_2024.parquet'
"""
ALBUMS = """
select album_name from 'spotify_tracks_114k.parquet'
union select album_name from 'spotify_tracks_2024_146genres.parquet'
union select album from 'melon_weekly_top100_2010_2024.parquet'
union select album_title from 'film_ost_tracks_features.parquet'
"""
REAL = {
    "title_key": TITLES,
    "title_fact": TITLES,
    "artist_name": ARTISTS,
    "soundtrack_film": ALBUMS,
    "source_film": f"{ALBUMS} union {TITLES}",
}
WORDS = st.sampled_from(
    [
        "the",
        "a",
        "an",
        "n",
        "and",
        "y",
        "x",
        "vs",
        "with",
        "from",
        "feat",
        "ft",
        "prod",
        "ost",
        "part",
        "theme",
        "main",
        "2",
        "love",
        "Ann's",
        "&",
        "+",
        "-",
        "(",
        ")",
        "!",
        ".",
        "$",
        "'",
        ",",
        "/",
        "*",
        "É",
        "사랑",
        "I",
        "Don't",
        "chorus",
        "various",
        "artists",
        "soundtrack",
        "score",
        "motion",
        "picture",
        "_",
        "#",
        "?",
        ":",
        ";",
        "|",
    ]
)
TEXTS = st.lists(st.one_of(WORDS, st.text("abn 'TE2,.-", max_size=4)), max_size=6).map(" ".join) | st.text(max_size=8)


def kept(table: TextTable, texts: Sequence[str]) -> set[tuple[Any, ...]]:
    """What the text table holds once these texts were read."""
    with duckdb.connect() as con:
        create_text_tables(con)
        for turn in (texts[::2], texts):  # the second time, half of them are known already
            con.register("given", pa.table({"text": pa.array(turn, pa.string())}))
            read_texts(con, table.name, "from given")
            con.unregister("given")
        rows = con.execute(f"from {table.name}").fetchall()
        assert len(rows) == len(set(rows))
        return set(rows)


def by_python(table: TextTable, texts: Sequence[str]) -> set[tuple[Any, ...]]:
    nothing = [(None,) * len(table.meaning)]
    return {(text, *row) for text in texts for row in (list(table.read(text)) or nothing)}


@pytest.mark.parametrize("name", sorted(TEXT_TABLES))
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=40))
def test_sql_and_python_read_any_text_alike(name: str, texts: list[str]) -> None:
    table = TEXT_TABLES[name]
    assert kept(table, texts) == by_python(table, texts)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real tables (../shared/data)")
@pytest.mark.parametrize("name", sorted(REAL))
def test_sql_and_python_read_all_real_texts_alike(name: str) -> None:
    table = TEXT_TABLES[name]
    with duckdb.connect() as con:
        con.execute(f"set file_search_path = '{DATA}'")
        texts = [text for (text,) in con.execute(REAL[name]).fetchall() if text is not None]
    assert len(texts) > 10_000
    assert kept(table, texts) == by_python(table, texts)
