"""The data dictionary: what headers say reaches the page, nothing of it is read as HTML, and every question works."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from tasks import warehouse
from tasks.collecting.report import SourceReport
from tasks.dictionary import Dictionary, as_html, as_markdown, compile_dictionary, write_page
from tasks.dictionary.headers import Column, Rule
from tasks.dictionary.lineage import HEIGHT, WIDTH, draw, readings
from tasks.dictionary.python_made import MEANINGS, WORDS
from tasks.lake import utc_now, write_batch
from tasks.reports import write_books
from tasks.settings import OstinatoError, Profile, Settings
from tasks.warehouse.building import is_for_training
from tasks.warehouse.connection import SQL_DIR, python_tables
from tasks.warehouse.models import TRAINABLE, load_models

AS_OF = date(2026, 11, 20)
HOSTILE = "<script>alert(1)</script> \"' & `<img src=x onerror=alert(1)>`"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Dictionary:
    return compile_dictionary(Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.LIVE))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A night with three tracks, audited, its books written and published."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.SANDBOX)
    named = {"artists": ["IU"], "duration_ms": 1000, "fetched_at": utc_now()}
    tracks = [{"track_id": f"t{number}", "title": f"Song {number}", **named} for number in range(3)]
    write_batch(settings.lake, "spotify", "track", tracks, batch_key="tracks", ingest_date=AS_OF)
    warehouse.build(settings)
    checks = warehouse.run_checks(settings)
    write_books(settings, "nightly-refresh", "run", AS_OF, [], checks, SourceReport("warehouse", "marts").close())
    warehouse.build(settings, select="marts.data_quality")
    warehouse.publish(settings, run_id="run", as_of=AS_OF, code_version="test", checks=checks)
    return settings


class Page(HTMLParser):
    """What a browser would fetch, run and link to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[tuple[str, str]] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if tag == "a" and name == "href":
                self.links.append(str(value))
            elif name in ("src", "href", "srcset", "data", "poster"):
                self.fetched.append((tag, str(value)))
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_table_and_column_of_the_headers_is_on_the_page(empty: Dictionary) -> None:
    page = as_html(empty)
    for model in load_models(SQL_DIR).values():
        if model.schema not in ("audits", TRAINABLE):
            start = page.index(f'<article id="{model.name}"')
            entry = html.unescape(page[start : page.index("</article>", start)])
            for column in model.columns:
                assert f'<th scope="row"><code>{column}</code>' in entry, f"{model.name}.{column}"


def test_nothing_is_fetched_and_every_link_within_leads_somewhere(empty: Dictionary) -> None:
    page = Page(as_html(empty))
    assert page.fetched == [] and page.handlers == []
    assert len(page.ids) == len(set(page.ids))
    assert len(page.links) > 200
    for link in page.links:
        assert link.startswith("https://") or link.removeprefix("#") in page.ids, link


def test_no_text_of_a_header_is_read_as_html(empty: Dictionary) -> None:
    own = Page(as_html(empty))
    film = empty.tables["marts.film"]
    hostile = replace(
        film,
        description=HOSTILE,
        grain=HOSTILE,
        columns=[Column(HOSTILE, HOSTILE, HOSTILE, HOSTILE, refers_to=HOSTILE)],
        rules=[Rule(HOSTILE, HOSTILE, "error", 3)],
        example=HOSTILE,
    )
    source = replace(empty.sources[0], name=HOSTILE, words=HOSTILE, terms_url="javascript:alert(1)")
    sources = [source, *empty.sources[1:]]
    changed = replace(empty, tables={**empty.tables, "marts.film": hostile}, sources=sources, why_empty=HOSTILE)
    page = Page(as_html(changed))
    assert page.tags.count("script") == own.tags.count("script") == 1
    assert "img" not in page.tags and page.handlers == []
    assert not any("javascript" in link for link in page.links)
    assert "<script>alert(1)</script>" in page.text


def test_a_browser_may_run_only_the_style_and_script_of_the_page(empty: Dictionary) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', as_html(empty))
    assert policy is not None
    told = html.unescape(policy[1])
    assert "default-src 'none'" in told and "unsafe-inline" not in told
    assert len(re.findall(r"'sha256-[A-Za-z0-9+/]{43}='", told)) == 2
    assert ' style="' not in as_html(empty)  # the policy would refuse it


def test_every_number_has_a_unit(empty: Dictionary) -> None:
    for table in empty.tables.values():
        for column in table.columns:
            is_measure = column.type in ("DOUBLE", "FLOAT", "DECIMAL") or column.name.endswith(("_ms", "_min", "_usd"))
            assert column.unit or not is_measure, f"{table.name}.{column.name}: name its unit in the header"


def test_tables_that_python_fills_are_told_in_full() -> None:
    for name, schema in python_tables().items():
        if not name.split(".")[1].startswith(TRAINABLE):
            assert name in WORDS, f"{name}: say in tasks/dictionary/python_made.py what its rows are"
            assert set(WORDS[name].key) <= set(schema.names)
            assert set(schema.names) <= MEANINGS.keys(), name


def test_before_anything_was_built_the_page_says_so(empty: Dictionary) -> None:
    assert "Nothing was built" in empty.why_empty
    assert "Nothing was built" in as_html(empty)
    assert all(table.n_rows is None for table in empty.tables.values())
    assert all(rule.failing_rows is None for rule in empty.rules)
    assert not empty.catalogue


def test_words_that_claim_a_permission_wait_for_it(empty: Dictionary) -> None:
    assert "Used with permission" not in as_html(empty)
    assert "not endorsed or certified by TMDB" in as_html(empty)


def test_rows_and_checks_are_those_of_the_last_build(world: Settings) -> None:
    dictionary = compile_dictionary(world)
    assert (dictionary.tables["core.track"].n_rows, dictionary.tables["marts.film"].n_rows) == (3, 0)
    assert dictionary.tables["marts.track"].changed_at is not None
    assert dictionary.catalogue["as_of"] == dictionary.audited_for == AS_OF.isoformat()
    rules = {rule.check: rule for rule in dictionary.rules}
    assert rules["marts.track key"].failing_rows == 0
    assert rules["no_films"].failing_rows == 1  # a warning: there are none
    models = load_models(SQL_DIR)
    for name, table in dictionary.tables.items():
        if name in models and not is_for_training(models[name], models):
            assert all(rule.failing_rows is not None for rule in table.rules), name
    assert "1 row fails" in Page(as_html(dictionary)).text


def test_every_question_of_the_page_is_answered_by_the_catalogue(world: Settings) -> None:
    marts = compile_dictionary(world).of_layer("marts")
    assert len(marts) > 10
    for table in marts:
        assert table.short_name in table.example
        warehouse.query(world, table.example)
    assert all(model.example for model in load_models(SQL_DIR).values() if model.schema == "marts")


def test_the_dictionary_is_json_too(world: Settings) -> None:
    told = json.loads(json.dumps(compile_dictionary(world).as_json(), default=str))
    track = next(table for table in told["tables"] if table["name"] == "marts.track")
    duration = next(column for column in track["columns"] if column["name"] == "duration_ms")
    assert (duration["type"], duration["unit"], track["key"], track["n_rows"]) == ("BIGINT", "ms", ["track_id"], 3)


def test_the_short_form_names_every_table(world: Settings, tmp_path: Path) -> None:
    dictionary = compile_dictionary(world)
    short = as_markdown(dictionary, tmp_path / "index.html")
    rows = [line for line in short.splitlines() if line.startswith("| `")]
    assert len(rows) == len(dictionary.tables)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)


def test_a_page_that_cannot_be_written_leaves_the_old_one(empty: Dictionary, tmp_path: Path) -> None:
    page = write_page(empty, tmp_path / "new" / "index.html")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [file.name for file in page.parent.iterdir()] == ["index.html"]
    with pytest.raises(OstinatoError, match="could not be written: Is a directory"):
        write_page(empty, tmp_path / "new")
    assert [file.name for file in tmp_path.iterdir()] == ["new"]


def test_lineage_leads_from_staging_to_marts_and_no_tables_overlap(empty: Dictionary) -> None:
    reads = {name: table.reads for name, table in empty.tables.items()}
    drawing = draw(reads)
    assert {node.name for node in drawing.nodes} == empty.tables.keys()
    ties = {(source, name) for name, sources in reads.items() for source in sources if source in reads}
    assert {(edge.source, edge.target) for edge in drawing.edges} == ties
    columns: dict[float, list[float]] = {}
    for node in drawing.nodes:
        columns.setdefault(node.x, []).append(node.y)
        assert 0 <= node.x <= drawing.width - WIDTH and 0 <= node.y <= drawing.height - HEIGHT
    for heights in columns.values():
        heights.sort()
        assert all(below - above >= HEIGHT for above, below in pairwise(heights))


def test_what_is_trained_on_is_drawn_as_its_original() -> None:
    reads = readings(load_models(SQL_DIR))
    assert not any(name.startswith(TRAINABLE) for names in reads.values() for name in names)
    assert "features.film_genre_example" in reads["features.film_genre_training"]
