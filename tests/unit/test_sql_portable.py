"""No SQL file names a path or uses what DuckLake lacks, so that the warehouse moves there by one ATTACH."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tasks.warehouse.connection import SQL_DIR
from tasks.warehouse.models import read_model

FILES = sorted(path for path in SQL_DIR.rglob("*.sql"))
_READERS = re.compile(r"(?i)^(read_\w+|\w+_scan|scan_\w+|glob|sniff_csv|parquet_\w+|sql_auto_complete)$")
_OWN_TO_A_FILE = ("nextval", "currval", "getvariable", "rowid", "pragma_table_info")
_PATH = re.compile(r"(?i)(^|/)[^'\s]*\.(parquet|csv|json|jsonl|ndjson|duckdb|db|tsv|gz)$|^\w+://|^/")
_LACKING = {
    exp.PrimaryKey: "a primary key",
    exp.PrimaryKeyColumnConstraint: "a primary key",
    exp.UniqueColumnConstraint: "a unique constraint",
    exp.ForeignKey: "a foreign key",
    exp.GeneratedAsIdentityColumnConstraint: "a generated column",
    exp.ComputedColumnConstraint: "a generated column",
    exp.OnConflict: "an upsert",
    exp.Index: "an index",
}


def faults(sql: str) -> set[str]:
    """What keeps a statement from running on DuckLake, or on a lake that lies elsewhere."""
    return {fault for tree in sqlglot.parse(sql, dialect="duckdb") if tree for fault in _faults(tree)}


def _faults(tree: exp.Expression) -> Iterator[str]:
    if not isinstance(tree, exp.Query):
        yield f"a statement other than SELECT: {tree.key}"
    for node in tree.walk():
        if lacking := _LACKING.get(type(node)):
            yield lacking
        if isinstance(node, exp.Insert) and (node.args.get("alternative") or node.args.get("overwrite")):
            yield "an upsert"
        if isinstance(node, exp.DataType) and node.this in (exp.DataType.Type.ENUM, exp.DataType.Type.USERDEFINED):
            yield "an enum"
        if isinstance(node, exp.Table) and _PATH.search(node.name):
            yield f"the path {node.name}"
        if isinstance(node, exp.Func) and _is_own_to_a_file(name := _function(node)):
            yield f"the function {name}"
        if isinstance(node, exp.Column) and node.name.lower() == "rowid":
            yield "the number of a row"


def _function(node: exp.Func) -> str:
    return node.name if isinstance(node, exp.Anonymous) else node.sql_name()


def _is_own_to_a_file(name: str) -> bool:
    return bool(_READERS.match(name)) or name.lower() in _OWN_TO_A_FILE


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_every_sql_file_runs_on_ducklake_wherever_the_lake_lies(path: Path) -> None:
    assert faults(read_model(path).select) == set()


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("select * from read_parquet('/lake/x.parquet')", "the function READ_PARQUET"),
        ("select * from read_csv('x.csv', header => true)", "the function READ_CSV"),
        ("select * from read_json_auto('x.json')", "the function read_json_auto"),
        ("select * from 'films/*.parquet'", "the path films/*.parquet"),
        ("select * from 's3://bucket/films'", "the path s3://bucket/films"),
        ("select * from (select * from '/data/films.csv') as film", "the path /data/films.csv"),
        ("select * from sqlite_scan('x.db', 't')", "the function sqlite_scan"),
        ("select * from glob('*')", "the function glob"),
        ("select nextval('film_number') as n", "the function nextval"),
        ("select cast(genre as enum('a', 'b')) as genre from core.film", "an enum"),
        ("select genre::mood as mood from core.film", "an enum"),
        ("select rowid from core.film", "the number of a row"),
        ("create table core.film (film_id varchar primary key)", "a primary key"),
        ("create table core.film (a int, b int, primary key (a, b))", "a primary key"),
        ("create table core.film (film_id varchar unique)", "a unique constraint"),
        ("create table core.film (a int, b int generated always as (a + 1))", "a generated column"),
        ("insert or replace into core.film select 1", "an upsert"),
        ("insert into core.film select 1 on conflict do nothing", "an upsert"),
        ("create index by_title on core.film (title)", "an index"),
        ("create sequence film_number", "a statement other than SELECT: create"),
    ],
)
def test_the_lint_finds_it(sql: str, fault: str) -> None:
    assert any(found.lower() == fault.lower() for found in faults(sql)), faults(sql)
