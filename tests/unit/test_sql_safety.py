"""Texts of strangers are never read as SQL, and a question can do nothing but read the catalogue."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sql_world import Row, land, place, soundtrack, spotify_track

from tasks import warehouse
from tasks.matching import match_all
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings
from tasks.warehouse import CatalogueReader, Phase

AS_OF = date(2026, 11, 20)
ATTACKS = [
    "'; drop table track; --",
    "Robert'); DROP TABLE marts.film;--",
    '" or ""="',
    "$1 $title ? :name @x",
    "{{ 7 * 7 }} {% raw %} {x} %s %(x)s",
    "null\x00byte",
    "back\\slash \\' \\x27",
    "/* comment */ -- end",
    "union all select * from read_text('/etc/passwd')",
    "🎼 O'Brien “quoted” ‘so’ ʼ",
    "||chr(39)||",
    "; attach '/tmp/x.duckdb' as x; --",
]
RAW: dict[tuple[str, str], list[Row]] = {
    ("spotify", "track"): [
        spotify_track(f"t{n}", text, [text], album=text, isrc=f"QM{n:010}") for n, text in enumerate(ATTACKS)
    ],
    ("tmdb", "film"): [
        {"tmdb_id": n + 1, "imdb_id": f"tt{n:07}", "title": text, "overview": text, "directors": [text]}
        for n, text in enumerate(ATTACKS)
    ],
    ("imdb", "soundtrack"): [soundtrack(f"tt{n:07}", 1, text, text) for n, text in enumerate(ATTACKS)],
    ("melon", "chart"): [place("day", "KPOP", "2026-11-20", n + 1, f"{n}", t, [t]) for n, t in enumerate(ATTACKS)],
}
REFUSED = [
    "delete from track",
    "insert into track (track_id) values ('x')",
    "update track set title = 'x'",
    "drop table track",
    "alter table track rename to x",
    "create table x as select 1",
    "create temp table x as select 1",
    "create temp table x as select 1; select * from x",
    "select 1; drop table track",
    "drop table track; select 1",
    "attach '/tmp/other.duckdb' as other",
    "attach ':memory:' as other",
    "attach 'https://example.com/x.duckdb' as other",
    "detach catalogue",
    "use memory",
    "copy track to '/tmp/stolen.csv'",
    "copy (select 1) to '/tmp/stolen.parquet' (format parquet)",
    "copy track from '/etc/passwd'",
    "export database '/tmp/exported'",
    "import database '/tmp/exported'",
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/proc/self/environ')",
    "select * from read_parquet('https://example.com/x.parquet')",
    "select * from '/etc/passwd'",
    "select * from glob('/*')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from parquet_metadata('/tmp/x.parquet')",
    "set enable_external_access = true",
    "set enable_external_access = true; select * from read_text('/etc/passwd')",
    "set lock_configuration = false",
    "reset enable_external_access",
    "set threads = 1",
    "set temp_directory = '/tmp/spill'",
    "set TimeZone = 'Asia/Seoul'",
    "pragma threads = 1",
    "pragma enable_profiling",
    "pragma profiling_output = '/tmp/stolen.json'",
    "explain analyze delete from track",
    "checkpoint",
    "call pragma_version()",
    "set variable x = 1",
    "install httpfs",
    "install httpfs from 'http://example.com'",
    "load httpfs",
    "load '/tmp/evil.duckdb_extension'",
    "create secret (type s3, key_id 'a', secret 'b')",
    "create persistent secret x (type http, bearer_token 'x')",
    "create macro a() as 1",
    "select getenv('HOME')",
    "begin",
    "prepare q as select 1",
    "select * from settings",
    "select * from con",
    "select nextval('x')",
]
QUOTING = {"_quoted", "quoted_name", "_escaped", "_literal", "quoted"}
"""What makes a text fit to stand in SQL."""
KNOWN_QUOTED = {
    ("extensions.py", "str(file).replace(chr(39), chr(39) * 2)"),
    ("matching/catalogue.py", "kind"),  # credit or song, ours
    ("matching/texts.py", "word"),  # of our own list
    ("matching/review.py", "text"),  # a cell of a CSV, no SQL
    ("warehouse/time_travel.py", "message"),  # escaped the line before
    ("warehouse/time_travel.py", "grace.total_seconds()"),  # a number
    ("lake.py", "pattern"),  # of our own folders and of names that LAKE_SCHEMAS knows, quotes doubled
    ("warehouse/connection.py", "settings.memory_gb"),  # a number
    ("warehouse/ducklake.py", "catalogue.schema"),  # hex digits of a hash
    ("warehouse/export.py", "meaning"),  # escaped the line before
    ("warehouse/models.py", "source"),  # of the names of our own SQL files
    ("warehouse/transactions.py", "quoted"),  # escaped the line before
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A world whose every text is an attack, through landing, build, match, audit and publish."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.SANDBOX, threads=2)
    land(settings, RAW)
    warehouse.build(settings, phase=Phase.COLLECTED)
    match_all(settings)
    warehouse.build(settings)
    checks = warehouse.run_checks(settings)
    warehouse.publish(settings, run_id="'; drop table snapshot; --", as_of=AS_OF, code_version="'", checks=checks)
    return settings


@pytest.mark.parametrize(
    "sql",
    [
        "select title from track where not contains(track_id, ':') order by isrc",
        "select artists[1] from track where not contains(track_id, ':') order by isrc",
        "select album from track where not contains(track_id, ':') order by isrc",
        "select title from film order by tmdb_id",
        "select overview from film order by tmdb_id",
        "select directors[1] from film order by tmdb_id",
        "select title from chart_entry order by rank",
        "select artists[1] from chart_entry order by rank",
    ],
)
def test_attacks_come_through_as_the_texts_they_are(attacked: Settings, sql: str) -> None:
    assert [text for (text,) in warehouse.query(attacked, sql).rows] == ATTACKS


def test_attacks_are_matched_like_other_titles(attacked: Settings) -> None:
    tied = "select film.title, track.title from film_track join film using (film_id) join track using (track_id)"
    pairs = warehouse.query(attacked, tied).rows
    assert len(pairs) >= len(ATTACKS) // 2
    assert all(film == track for film, track in pairs)
    assert warehouse.query(attacked, "select run_id from snapshot").rows == [("'; drop table snapshot; --",)]


@pytest.mark.parametrize(("sql", "values"), [("select '\udcff'", {}), ("select $x", {"x": "\udcff"})])
def test_bytes_that_are_no_text_are_a_sentence(attacked: Settings, sql: str, values: dict[str, str]) -> None:
    """What a shell gives that is no UTF-8, as Python hands it on."""
    with pytest.raises(OstinatoError, match=r"holds bytes that are no UTF-8; write it in UTF-8\.$"):
        warehouse.query(attacked, sql, values)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_parameter_is_a_value_and_never_sql(attacked: Settings, text: str) -> None:
    found = warehouse.query(attacked, "select title from film where title = $title", {"title": text})
    assert found.rows == [(text,)]
    assert warehouse.query(attacked, "select $1 as said", {"1": text}).rows == [(text,)]


def test_a_number_is_bound_as_text_and_read_as_the_column_is(attacked: Settings) -> None:
    assert warehouse.query(attacked, "select rank from chart_entry where rank = $n", {"n": "3"}).rows == [(3,)]
    for sql, values in (("select $n", {}), ("select 1", {"n": "3"}), ("select $n::int", {"n": "x"})):
        with pytest.raises(OstinatoError, match="The query was refused"):
            warehouse.query(attacked, sql, values)


@pytest.mark.parametrize("sql", REFUSED)
def test_a_question_can_do_nothing_but_read(attacked: Settings, sql: str) -> None:
    with pytest.raises(OstinatoError) as refusal:
        warehouse.query(attacked, sql)
    assert "\n" not in str(refusal.value)
    assert not list(Path("/tmp").glob("stolen.*"))
    assert not Path("/tmp/exported").exists()


def test_nothing_secret_and_no_variable_of_ours_is_within_reach(attacked: Settings) -> None:
    reader = CatalogueReader(attacked)
    assert reader.query("select * from duckdb_secrets()").rows == []
    locked = "select current_setting('lock_configuration'), current_setting('enable_external_access')"
    assert reader.query(locked).rows == [(True, False)]
    reader.close()


def test_a_question_too_large_for_memory_spills_into_the_home_and_not_beside_the_catalogue(attacked: Settings) -> None:
    spills = attacked.model_copy(update={"memory_gb": 0.05})
    sql = "select count(*) from (select i, md5(i::varchar) as m from range(1_500_000) t(i) order by m, i)"
    assert warehouse.query(spills, f"{sql} where i >= 0").rows == [(1_500_000,)]
    served = warehouse.served_snapshot(attacked)
    assert served is not None
    assert not list(served.glob("*.tmp"))
    assert not list(attacked.world.glob("spill-query-*/*"))


def sql_strings(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The text before, and the expression, of each value that an f-string puts between single quotes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for before, value in zip(node.values, node.values[1:], strict=False):
                if isinstance(before, ast.Constant) and isinstance(value, ast.FormattedValue):
                    yield str(before.value), value.value


def is_fit(expression: ast.expr) -> bool:
    """True for a constant of ours, and for what a quoting helper made."""
    if isinstance(expression, ast.Call):
        return isinstance(expression.func, ast.Name) and expression.func.id in QUOTING
    name = expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")
    return name.isupper()


def test_no_value_is_written_into_sql() -> None:
    """What stands between quotes in an f-string is quoted by a helper; values go in as parameters."""
    loose = set()
    for file in sorted((PROJECT_ROOT / "tasks").rglob("*.py")):
        name = file.relative_to(PROJECT_ROOT / "tasks").as_posix()
        for before, expression in sql_strings(ast.parse(file.read_text(encoding="utf-8"))):
            if before.endswith("'") and not is_fit(expression):
                loose.add((name, ast.unparse(expression)))
    assert loose <= KNOWN_QUOTED


def test_no_sql_is_made_by_formatting() -> None:
    """`execute("..." % x)`, `"...".format(x)` and `"..." + x` hide what goes in."""
    made = []
    for file in sorted((PROJECT_ROOT / "tasks").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
            if is_call and node.func.attr in ("execute", "executemany", "sql"):  # type: ignore[union-attr,attr-defined]
                asked = node.args[0]  # type: ignore[attr-defined]
                is_format = isinstance(asked, ast.Call) and getattr(asked.func, "attr", "") == "format"
                if isinstance(asked, ast.BinOp) or is_format:
                    made.append(f"{file.name}:{node.lineno}")  # type: ignore[attr-defined]
    assert made == []
