"""The dictionary as one HTML page that needs no network, and in short as Markdown for the Prefect UI."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
from collections.abc import Collection
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from tasks.dictionary.compiling import LAYERS, Dictionary
from tasks.dictionary.headers import Table
from tasks.dictionary.lineage import HEIGHT, WIDTH, draw
from tasks.settings import OstinatoError

FOLDER = Path(__file__).with_name("templates")


def as_html(dictionary: Dictionary) -> str:
    """The page; all text is escaped, and its own style and script are the only ones that a browser may run."""
    style, script = _asset("page.css"), _asset("page.js")
    template = _environment().get_template("page.html")
    return template.render(
        d=dictionary,
        layers=LAYERS,
        drawing=draw({name: table.reads for name, table in dictionary.tables.items()}),
        node_width=WIDTH,
        node_height=HEIGHT,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        prose=lambda text: prose(text, dictionary.tables),
    )


@cache
def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": _number, "when": when, "command": _command}
    return environment


def _asset(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content security policy calls a piece of the page by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def prose(text: str, tables: Collection[str]) -> Markup:
    """A header's words as HTML: `code` in backticks set as such, names of tables linked.

    >>> print(prose("see core.film, not `<b>`", ["core.film"]))
    see <a href="#core.film"><code>core.film</code></a>, not <code>&lt;b&gt;</code>
    """

    def marked(found: re.Match[str]) -> str:
        words, name = found[1] or found[2], (found[1] or found[2]).rstrip(".")
        table = next((each for each in (name, name.rpartition(".")[0]) if each in tables), None)
        if table:
            return f'<a href="#{table}"><code>{name}</code></a>{words[len(name) :]}'
        return f"<code>{words}</code>" if found[1] else words

    return Markup(re.sub(r"`([^`]+)`|\b([a-z]+\.[a-z][a-z_.]*)", marked, str(escape(text))))


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def when(at: datetime | str | None) -> str:
    """A time as people read it, to the minute.

    >>> when("2026-11-20T18:05:33.1+00:00")
    '2026-11-20 18:05 UTC'
    """
    if not at:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment:%Y-%m-%d %H:%M} {'UTC' if not moment.utcoffset() else moment.strftime('%z')}"


def _command(question: str) -> str:
    """A question as the command line takes it."""
    quoted = shlex.quote(question) if '"' in question else f'"{question}"'
    return f"ostinato query {quoted}"


def write_page(dictionary: Dictionary, path: Path) -> Path:
    """Write the page in one step, so that whoever has it open reloads the old one or the new.

    Raises
    ------
    OstinatoError
        When it cannot be written there.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(as_html(dictionary), encoding="utf-8")
        os.replace(part, path)
    except OSError as fault:
        part.unlink(missing_ok=True)
        why = fault.strerror or str(fault)
        raise OstinatoError(f"{path} could not be written: {why}; make room there or name another file.") from None
    return path


def as_markdown(dictionary: Dictionary, page: Path) -> str:
    """The table of tables, with what the last audit found, and where the whole page lies."""
    parts = [
        "# Data dictionary",
        f"World **{dictionary.world}**. Columns, units, tests and the lineage graph are on one page: `{page}`.",
        dictionary.why_empty or f"Rows and checks as of the night {dictionary.audited_for or 'that was built'}.",
    ]
    for layer, words in LAYERS.items():
        lines = [_line(table) for table in dictionary.of_layer(layer)]
        head = ["| table | one row is | rows | checks |", "| --- | --- | ---: | --- |"]
        parts.append("\n".join([f"## {layer}\n\n{words}\n", *head, *lines]))
    return "\n\n".join(parts)


def _line(table: Table) -> str:
    cells = (f"`{table.short_name}`", table.grain, _number(table.n_rows), checks_in_words(table))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def checks_in_words(table: Table) -> str:
    """How a table's checks went.

    >>> checks_in_words(Table("core.film", "table", "", "film", [], []))
    ''
    """
    if not table.n_looked_at:
        return ""
    failing = [f"{rule.words}: {rule.failing_rows:,} rows fail ({rule.severity})" for rule in table.failing]
    return "; ".join(failing) or f"{table.n_looked_at} passed"
