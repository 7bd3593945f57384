"""Four questions that the build asks of the lake, in DuckDB, pandas and Polars: each reads the same Parquet files.

Every engine answers with the same rows (a checksum is compared) and may use two threads. The questions are what costs:
the newest reading of each place, two joins on names, one wide group-by.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.memory import peak_mb

THREADS = 2
FILES = "{lake}/{source}/{entity}/*/*.parquet"
Answer = tuple[int, int]
"""Rows of the answer, and the sum of its whole numbers."""


def paths(lake: Path) -> dict[str, str]:
    """Patterns of the raw tables that the questions read."""
    tables = {
        "chart": ("melon", "chart"),
        "credit": ("imdb", "soundtrack"),
        "million": ("dataset", "spotify_million_tracks"),
        "seeds": ("dataset", "spotify_tracks"),
    }
    return {name: FILES.format(lake=lake, source=source, entity=entity) for name, (source, entity) in tables.items()}


_TRACKS = """
(select track_id, lower(track_name) as title, lower(artist_name) as artist, energy, tempo, popularity from '{million}'
 union all
 select track_id, lower(track_name), lower(artists), energy, tempo, popularity from '{seeds}')
"""
DUCKDB = {
    "newest reading of each chart place": """
        select song_id, count(*) as n, min(rank) as best from (
            select * from '{chart}'
            qualify row_number() over (partition by chart, scope, period, rank order by fetched_at desc) = 1
        ) group by song_id""",
    "charted songs to tracks by names": f"""
        select t.track_id, count(*) as n, min(c.rank) as best
        from (select lower(title) as title, lower(artists[1]) as artist, rank from '{{chart}}') as c
        join {_TRACKS} as t using (title, artist) group by t.track_id""",
    "soundtrack credits to tracks by names": f"""
        select c.imdb_id, count(*) as n, count(distinct t.track_id) as best
        from (select imdb_id, lower(title) as title, lower(credits[1].names[1]) as artist from '{{credit}}') as c
        join {_TRACKS} as t using (title, artist) group by c.imdb_id""",
    "mean features of each artist": f"""
        select artist, count(*) as n, max(popularity) as best, avg(energy) as energy, avg(tempo) as tempo
        from {_TRACKS} group by artist""",
}


def in_duckdb(lake: Path, question: str) -> Answer:
    """The question as SQL."""
    import duckdb

    with duckdb.connect() as con:
        con.execute(f"set threads = {THREADS}")
        con.execute(f"create table answer as {DUCKDB[question].format(**paths(lake))}")
        n_rows, total = con.execute("select count(*), sum(n + best) from answer").fetchone()  # type: ignore[misc]
    return int(n_rows), int(total)


def in_pandas(lake: Path, question: str) -> Answer:
    """The question as data frames."""
    import pandas as pd

    def read(name: str, columns: list[str]) -> Any:
        folder = Path(paths(lake)[name]).parents[1]
        return pd.read_parquet(folder, columns=columns)

    def tracks() -> Any:
        shared = ["track_id", "track_name", "energy", "tempo", "popularity"]
        million = read("million", [*shared, "artist_name"]).rename(columns={"artist_name": "artist"})
        seeds = read("seeds", [*shared, "artists"]).rename(columns={"artists": "artist"})
        both = pd.concat([million, seeds], ignore_index=True)
        return both.assign(title=both["track_name"].str.lower(), artist=both["artist"].str.lower())

    if question.startswith("newest"):
        chart = read("chart", ["chart", "scope", "period", "rank", "song_id", "fetched_at"])
        place = ["chart", "scope", "period", "rank"]
        newest = chart.sort_values("fetched_at", ascending=False).drop_duplicates(place)
        answer = newest.groupby("song_id").agg(n=("rank", "size"), best=("rank", "min"))
    elif question.startswith("charted"):
        chart = read("chart", ["title", "artists", "rank"])
        chart = chart.assign(title=chart["title"].str.lower(), artist=chart["artists"].str[0].str.lower())
        joined = chart[["title", "artist", "rank"]].merge(tracks(), on=["title", "artist"])
        answer = joined.groupby("track_id").agg(n=("rank", "size"), best=("rank", "min"))
    elif question.startswith("soundtrack"):
        credit = read("credit", ["imdb_id", "title", "credits"])
        artist = credit["credits"].map(lambda credits: credits[0]["names"][0]).str.lower()
        credit = credit.assign(title=credit["title"].str.lower(), artist=artist)[["imdb_id", "title", "artist"]]
        joined = credit.merge(tracks(), on=["title", "artist"])
        answer = joined.groupby("imdb_id").agg(n=("track_id", "size"), best=("track_id", "nunique"))
    else:
        grouped = tracks().groupby("artist")
        answer = grouped.agg(
            n=("energy", "size"), best=("popularity", "max"), energy=("energy", "mean"), tempo=("tempo", "mean")
        )
    return len(answer), int((answer["n"] + answer["best"]).sum())


def in_polars(lake: Path, question: str) -> Answer:
    """The question as lazy frames, run by the streaming engine."""
    import polars as pl

    files = paths(lake)

    def tracks() -> Any:
        names = {"million": "artist_name", "seeds": "artists"}
        return pl.concat(
            [
                pl.scan_parquet(files[name], hive_partitioning=False).select(
                    "track_id",
                    "energy",
                    "tempo",
                    "popularity",
                    title=pl.col("track_name").str.to_lowercase(),
                    artist=pl.col(artist).str.to_lowercase(),
                )
                for name, artist in names.items()
            ]
        )

    if question.startswith("newest"):
        chart = pl.scan_parquet(files["chart"], hive_partitioning=False)
        newest = chart.group_by("chart", "scope", "period", "rank").agg(pl.col("song_id").sort_by("fetched_at").last())
        lazy = newest.group_by("song_id").agg(n=pl.len(), best=pl.col("rank").min())
    elif question.startswith("charted"):
        chart = pl.scan_parquet(files["chart"], hive_partitioning=False).select(
            "rank", title=pl.col("title").str.to_lowercase(), artist=pl.col("artists").list.first().str.to_lowercase()
        )
        lazy = chart.join(tracks(), on=["title", "artist"]).group_by("track_id").agg(n=pl.len(), best=pl.min("rank"))
    elif question.startswith("soundtrack"):
        first = pl.col("credits").list.first().struct.field("names").list.first()
        credit = pl.scan_parquet(files["credit"], hive_partitioning=False).select(
            "imdb_id", title=pl.col("title").str.to_lowercase(), artist=first.str.to_lowercase()
        )
        joined = credit.join(tracks(), on=["title", "artist"])
        lazy = joined.group_by("imdb_id").agg(n=pl.len(), best=pl.col("track_id").n_unique())
    else:
        lazy = (
            tracks()
            .group_by("artist")
            .agg(n=pl.len(), best=pl.max("popularity"), energy=pl.mean("energy"), tempo=pl.mean("tempo"))
        )
    answer = lazy.collect(engine="streaming")
    return answer.height, int(answer["n"].cast(pl.Int64).sum() + answer["best"].cast(pl.Int64).sum())


ENGINES: dict[str, Callable[[Path, str], Answer]] = {"duckdb": in_duckdb, "pandas": in_pandas, "polars": in_polars}


def main() -> None:
    """Answer one question with one engine and print seconds, peak memory and the answer's checksum as JSON."""
    engine, question, lake = sys.argv[1:]
    started = time.perf_counter()
    n_rows, total = ENGINES[engine](Path(lake), question)
    seconds = time.perf_counter() - started
    gb = peak_mb() / 2**10
    print(json.dumps({"seconds": seconds, "gb": gb, "n_rows": n_rows, "total": total}))


if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    main()
