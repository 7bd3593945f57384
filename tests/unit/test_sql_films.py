"""Films: which tables name them, which value wins, and what stands for unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sql_world import EARLIER, Row, built_world, marts_are_the_same, rows

GENRES = '[{"id": 27, "name": "Horror"}, {"id": 10769, "name": "Foreign"}]'


def movie(tmdb_id: int, imdb_id: str | None, title: str, **more: Any) -> Row:
    known = {"runtime": 100.0, "budget": 7, "revenue": 0, "vote_average": 6.0, "vote_count": 10, "adult": False}
    return {
        "id": tmdb_id,
        "imdb_id": imdb_id,
        "title": title,
        "genres": GENRES,
        "poster_path": "/p.jpg",
        **known,
        **more,
    }


RAW: dict[tuple[str, str], list[Row]] = {
    ("tmdb", "film"): [{"tmdb_id": 1, "imdb_id": "tt0000001", "title": "Collected", "genres": [], "budget_usd": 3}],
    ("dataset", "movies_metadata"): [
        movie(1, "tt0000001", "Older title", overview="Its plot."),
        movie(2, "tt0000002", "Of 2017"),
        movie(2, "tt0000002", "Of 2017, twice", vote_count=9, runtime=50.0),
        movie(2, "tt0000002", "Imported before", vote_count=99, fetched_at=EARLIER),
        movie(3, "0", "Without ids", overview="No overview found.", runtime=0.0, budget=0, vote_average=0.0),
        movie(4, "tt0000004", "For adults", adult=True),
        # TMDB's own id of 2017 comes before MovieLens' link
        movie(5, "tt0000005", "Told by both"),
    ],
    ("dataset", "movielens_films"): [
        {"movieId": 50, "title": "Told by both (1990)", "genres": "War", "tmdbId": 5, "imdb_id": "tt0000055"},
        {"movieId": 90, "title": "Numbered (1999)", "genres": "War"},
    ],
    ("dataset", "tmdb_films"): [{"id": 5, "title": "Of the 5000", "genres": "[]", "vote_count": 1, "budget": 11}],
    ("dataset", "imdb_films"): [
        {
            "imdb_id": "tt0000006",
            "name": "Hachi: A Dog&apos;s Tale",
            "abstract": "Rock &amp; roll &quot;lives&quot;.",
            "genres": ["Sci-Fi", "Biography"],
            "date_published": "2010-03-12",
            "duration": "PT1H33M",
            "poster_url": "https://example.org/hachi.jpg",
        },
        {"imdb_id": "tt0000002", "name": "x", "abstract": "A plot.", "genres": ["Musical"], "duration": "PT9M"},
        {"imdb_id": "tt0000007", "name": "In both", "genres": ["Drama"], "duration": "soon"},
    ],
    ("dataset", "film_ost_films"): [{"imdb_id": "tt0000007", "title": "In both", "genres": ["Biography"]}],
    ("dataset", "film_spotify_albums"): [
        {"movie_name": "Searched", "release_date": "2001", "album_id": "a", "track_ids": ["t"]}
    ],
    ("dataset", "cmu_films"): [
        {"tmdb_id": "8.0", "name": "Searched", "release_date": "2001"},
        {"tmdb_id": "9.0", "name": "Without an album", "release_date": "2001"},
    ],
    ("dataset", "soundtrack_listings"): [
        {
            "ml_movie_id": 70,
            "movie_title": "American President, The (1995)",
            "imdb_id": "tt0000070",
            "position": 1,
            "track_raw": "Main Title",
        }
    ],
}


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with built_world(tmp_path_factory.mktemp("films"), RAW) as warehouse:
        yield warehouse


def film(con: duckdb.DuckDBPyConnection, film_id: str, columns: str) -> tuple[Any, ...]:
    (found,) = rows(con, f"select {columns} from marts.film where film_id = '{film_id}'")
    return found


def test_the_collected_page_comes_before_the_movies_dataset(con: duckdb.DuckDBPyConnection) -> None:
    assert film(con, "tt0000001", "title, budget_usd, overview, runtime_min, poster_url, genres, genre_source") == (
        "Collected",
        3,
        "Its plot.",
        100,
        "https://image.tmdb.org/t/p/w500/p.jpg",
        ["Horror"],  # the page has none; Foreign is none of the 19
        "tmdb",
    )


def test_a_film_that_a_file_repeats_is_read_from_its_newest_import_and_latest_votes(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert film(con, "tt0000002", "title, runtime_min, overview") == ("Of 2017", 100, "A plot.")


def test_a_page_shows_the_original_title_only_where_it_differs(tmp_path: Path) -> None:
    def page(tmdb_id: int, **shown: Any) -> Row:
        return {"tmdb_id": tmdb_id, "title": "기생충", "original_language": "ko", **shown}

    raw = {
        ("tmdb", "film"): [
            page(1, title="Parasite", original_title="기생충"),
            page(2),
            page(3, original_title=" "),
            # a page whose facts are named in a language that the parser does not know
            page(4, title="Parasiten", original_language=None),
        ]
    }
    with built_world(tmp_path, raw) as world:
        titles = "select original_title from staging.tmdb_film order by tmdb_id"
        assert [title for (title,) in rows(world, titles)] == ["기생충", "기생충", "기생충", None]


def test_zero_and_sentences_that_say_so_are_unknown(con: duckdb.DuckDBPyConnection) -> None:
    assert film(con, "tmdb:3", "imdb_id, overview, runtime_min, budget_usd, revenue_usd, user_score") == (None,) * 6


def test_adult_films_are_left_out(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "select * from marts.film where tmdb_id = 4 or imdb_id = 'tt0000004'") == []


def test_tmdbs_own_imdb_id_comes_before_movielens_link(con: duckdb.DuckDBPyConnection) -> None:
    assert film(con, "tt0000005", "tmdb_id, title, budget_usd") == (5, "Of the 5000", 11)
    assert film(con, "tt0000055", "tmdb_id, title") == (None, "Told by both")


def test_imdb_films_are_read_as_they_were_meant(con: duckdb.DuckDBPyConnection) -> None:
    assert film(con, "tt0000006", "title, overview, runtime_min, released_on, poster_url, genres, genre_source") == (
        "Hachi: A Dog's Tale",
        'Rock & roll "lives".',
        93,
        "2010-03-12",
        "https://example.org/hachi.jpg",
        ["Science Fiction"],
        "imdb",
    )


def test_genres_are_those_of_the_first_table_of_a_source_that_has_any(con: duckdb.DuckDBPyConnection) -> None:
    assert film(con, "tt0000002", "genres, genre_source") == (["Music"], "imdb")  # IMDb before TMDB's Horror
    assert film(con, "tt0000007", "genres, runtime_min") == (
        ["Drama"],
        None,
    )  # the soundtrack films have Biography only


def test_films_known_by_their_music_alone_have_a_name(con: duckdb.DuckDBPyConnection) -> None:
    assert film(con, "tt0000070", "title, released_on") == ("The American President", "1995")
    assert film(con, "tmdb:8", "title, released_on") == ("Searched", "2001")
    assert rows(con, "select * from marts.film where tmdb_id = 9") == []


def test_the_order_of_landing_and_the_threads_change_nothing(tmp_path: Path) -> None:
    assert marts_are_the_same(tmp_path, RAW)
