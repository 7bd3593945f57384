"""What one would use instead of our matching: an exact join, and Splink's probabilistic record linkage.

Both take the tables that `tasks.matching.match` takes, and return pairs of `id` and `track_id` with a `score`.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pyarrow as pa
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from tasks.text import artist_names, title_core
from tasks.titles import film_keys, soundtrack_films, version_marks

_PLAIN = "trim(regexp_replace(lower(strip_accents({})), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g'))"
_EXACT = f"""
with credit as (
    select distinct id, {_PLAIN.format("title")} as title, {_PLAIN.format("performer")} as artist
    from queries, unnest(performers) as each(performer)
),
track as (
    select distinct track_id, {_PLAIN.format("title")} as title, {_PLAIN.format("artist")} as artist
    from tracks, unnest(artists) as each(artist)
)
select distinct id, track_id, 1.0::double as score from credit join track using (title, artist) where title <> ''
"""
SPLINK_FLOOR = 0.5
"""Least probability that Splink's pairs are kept at."""
_SEED = 7


def exact_join(queries: pa.Table, tracks: pa.Table) -> pa.Table:
    """Pairs whose lower-case titles and one artist are equal after accents and signs are gone."""
    with duckdb.connect() as con:
        con.register("queries", queries)
        con.register("tracks", tracks)
        return con.sql(_EXACT).to_arrow_table()


def by_splink(queries: pa.Table, tracks: pa.Table) -> pa.Table:
    """Pairs that Splink gives a probability of at least `SPLINK_FLOOR`, trained on the same tables without labels.

    It has what its documentation asks for: clean text (our own normalisation, so that the models are compared and not
    the cleaning), term frequencies of titles, blocking by title and by artist, u from a random sample, m by EM.
    """
    with duckdb.connect() as con:
        api = DuckDBAPI(connection=con)
        con.register("query_record", _records(queries, "id", "performers", "film_title", film_keys))
        con.register("track_record", _records(tracks, "track_id", "artists", "album", soundtrack_films))
        sides = [api.register(f"{side}_record", dataset_display_name=side) for side in ("query", "track")]
        linker = Linker(sides, _settings(), log_level="ERROR")
        _train(linker)
        found = linker.inference.predict(threshold_match_probability=SPLINK_FLOOR).as_duckdbpyrelation()
        return found.select("unique_id_l as id, unique_id_r as track_id, match_probability as score").to_arrow_table()


def _records(table: pa.Table, key: str, people: str, film: str, films: Callable[[str], frozenset[str]]) -> pa.Table:
    """One side as Splink wants it: the same columns on both, null where nothing is known."""
    titles = table["title"].to_pylist()
    cores = [title_core(title) or None for title in titles]
    names = [sorted(set().union(*map(artist_names, credit or []))) or None for credit in table[people].to_pylist()]
    strings = pa.list_(pa.string())
    return pa.table(
        {
            "unique_id": table[key],
            "title": pa.array(cores, pa.string()),
            "start": pa.array([core and core[:4] for core in cores], pa.string()),
            "version": pa.array([version_marks(title) for title in titles], pa.string()),
            "names": pa.array(names, strings),
            "name": pa.array([each and each[0] for each in names], pa.string()),
            "films": pa.array([sorted(films(text)) or None for text in table[film].to_pylist()], strings),
        }
    )


def _settings() -> SettingsCreator:
    title = cl.CustomComparison(
        output_column_name="title",
        comparison_levels=[
            cll.NullLevel("title"),
            cll.ExactMatchLevel("title", term_frequency_adjustments=True),
            cll.JaroWinklerLevel("title", 0.95),
            cll.JaroWinklerLevel("title", 0.88),
            cll.ElseLevel(),
        ],
    )
    return SettingsCreator(
        link_type="link_only",
        comparisons=[
            title,
            cl.PairwiseStringDistanceFunctionAtThresholds("names", "jaro_winkler", [0.92, 0.8]),
            cl.ExactMatch("version"),
            cl.ArrayIntersectAtSizes("films", [1]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("title"),
            block_on("names", "start", arrays_to_explode=["names"]),
        ],
        retain_matching_columns=False,
    )


def _train(linker: Linker) -> None:
    training = linker.training
    same_song = block_on("title", "names", arrays_to_explode=["names"])
    training.estimate_probability_two_random_records_match([same_song], recall=0.8)
    training.estimate_u_using_random_sampling(max_pairs=1e7, seed=_SEED)
    for rule in (block_on("title"), block_on("name", "start")):
        training.estimate_parameters_using_expectation_maximisation(rule)
