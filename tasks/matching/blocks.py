"""Many queries matched in blocks by workers: the rows of one query do not depend on those of another (`decide`).

What both sides have learned together (spellings, common titles, the meaning of texts) goes to every block as it is, so
that the result does not depend on how many blocks there are.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tasks.fanout import Fanout, folder_aside, write_aside
from tasks.matching.deciding import decide
from tasks.matching.texts import TEXT_TABLES, create_text_tables
from tasks.settings import Settings

QUERIES_A_BLOCK = 20_000
"""Each block reads all the tracks, which for a million of them takes seconds."""
_SIDES = ("q", "t", "spelling", "common_title")
_NEW_FACTS = "select * from title_fact where title not in (select title from known_fact)"


@dataclass(frozen=True, slots=True)
class Block:
    """One of `n_blocks` parts of the queries, by a hash of their ids, and the folder of what matching reads."""

    folder: Path
    number: int
    n_blocks: int
    memory_gb: float
    """What DuckDB may hold for it before it spills, into the folder."""


def decide_in_blocks(con: duckdb.DuckDBPyConnection, settings: Settings, fanout: Fanout) -> None:
    """What `decide` does, by `fanout` elsewhere where there are queries enough for several blocks."""
    row = con.execute("select count(*) from q").fetchone()
    n_blocks = -(-(row[0] if row else 0) // QUERIES_A_BLOCK)
    if fanout.is_here or n_blocks < 2:
        decide(con, threads=settings.threads)
        return
    with folder_aside(settings, "matching") as folder:
        for name in (*_SIDES, *TEXT_TABLES):
            con.sql(f"from {name}").write_parquet(str(folder / f"{name}.parquet"))
        memory_gb = settings.memory_gb / settings.threads
        blocks = [Block(folder, number, n_blocks, memory_gb) for number in range(n_blocks)]
        results = list(fanout.map(match_block, blocks))
        _gather(con, "block_found", [found for found, _ in results])
        _gather(con, "block_fact", [facts for _, facts in results])
    con.execute("create or replace temp table found as from block_found order by id, track_id")
    con.execute(
        "insert into matching.title_fact select distinct * from block_fact "
        "where title not in (select title from title_fact) order by title"
    )
    con.execute("drop table block_found; drop table block_fact")


def match_block(block: Block) -> tuple[Path, Path]:
    """Match one block on a worker; returns the files with its rows of `found` and with what it learned of titles."""
    with closing(_opened(block)) as con:
        create_text_tables(con)
        for name in TEXT_TABLES:
            _kept(con, block, name).insert_into(f"matching.{name}")
        for name in _SIDES:
            _kept(con, block, name).create(name)
        con.execute("create temp table known_fact as select title from title_fact")
        con.execute("delete from q where hash(id) % $n <> $number", {"n": block.n_blocks, "number": block.number})
        decide(con, threads=1)
        own = block.folder / f"block-{block.number:04d}"
        return (
            write_aside(con.sql("from found").to_arrow_table(), own.with_suffix(".found")),
            write_aside(con.sql(_NEW_FACTS).to_arrow_table(), own.with_suffix(".facts")),
        )


def _opened(block: Block) -> duckdb.DuckDBPyConnection:
    spill = block.folder / f"spill-{uuid.uuid4().hex}"  # a block may be worked on twice at once
    con = duckdb.connect(config={"temp_directory": str(spill), "memory_limit": f"{block.memory_gb}GB", "threads": 1})
    con.execute("set enable_progress_bar = false")
    return con


def _kept(con: duckdb.DuckDBPyConnection, block: Block, name: str) -> duckdb.DuckDBPyRelation:
    return con.read_parquet(str(block.folder / f"{name}.parquet"))


def _gather(con: duckdb.DuckDBPyConnection, table: str, files: Sequence[Path]) -> None:
    """Make a table of this connection from the files of all blocks."""
    con.execute(f"create or replace temp table {table} as from read_parquet($files)", {"files": list(map(str, files))})
