"""How the command line speaks: the world it works on, progress, one-line errors, tables, JSON."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tasks.settings import Profile, Settings, load_settings, prepare_environment

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

LONGEST_WORD = 14  # characters; columns of no more are not broken where there is room
BORDER = 3  # characters a column
NARROWEST_COLUMN = 8  # characters, its border counted


def enter_world(profile: Profile | None = None, *, default: Profile | None = None) -> Settings:
    """The settings of the world a command works on, said on stderr and passed on to what the command starts."""
    chosen = profile or (default if default and "OSTINATO_PROFILE" not in os.environ else None)
    settings = load_settings(chosen)
    os.environ["OSTINATO_PROFILE"] = settings.profile.value
    os.environ["OSTINATO_HOME"] = str(settings.home.absolute())
    prepare_environment(settings)
    err.print(Text(f"World: {settings.profile} ({settings.world})", "dim"), soft_wrap=True)
    return settings


def say(word: str, text: str, style: str) -> None:
    """One line on stderr that begins with `word`, whatever brackets or line ends `text` holds; never wrapped."""
    err.print(Text.assemble((f"{word}:", style), " ", " ".join(text.splitlines())), soft_wrap=True)


def error(fault: object) -> None:
    """Why a command failed."""
    say("Error", str(fault), "red")


def warn(text: str) -> None:
    """What a user should know although the command went on."""
    say("Warning", text, "yellow")


def print_json(value: Any) -> None:
    """One JSON document on stdout, nothing else: no colour, no wrapping."""
    print(json.dumps(_jsonable(value), ensure_ascii=False, allow_nan=False))


def _jsonable(value: Any) -> Any:
    """A value as JSON holds it: no number is null, days and times are ISO 8601, bytes are text in hexadecimals.

    >>> _jsonable({"share": float("nan"), "on": date(2026, 11, 20), "cost": Decimal("1.50"), "raw": b"\\x00"})
    {'share': None, 'on': '2026-11-20', 'cost': 1.5, 'raw': '00'}
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(_jsonable(key)): _jsonable(held) for key, held in value.items()}
        case list() | tuple() | set():
            return [_jsonable(held) for held in value]
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case _:
            return str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """A table for people; numbers to the right. Where a column would get too little room, a block of lines per row."""
    if out.width < NARROWEST_COLUMN * len(columns):
        _print_blocks(columns, rows, title)
        return
    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    widths = [
        max(len(_cell(value)) for value in (column, *(row[i] for row in rows))) for i, column in enumerate(columns)
    ]
    words = [width for width in widths if width <= LONGEST_WORD]
    has_room = sum(words) + BORDER * len(columns) + NARROWEST_COLUMN * (len(columns) - len(words)) <= out.width
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float | None) for row in rows)
        is_kept_whole = has_room and widths[index] <= LONGEST_WORD
        justify: Literal["left", "right"] = "right" if numeric else "left"
        table.add_column(Text(column), justify=justify, overflow="fold", no_wrap=is_kept_whole)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    out.print(table)


def _print_blocks(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None) -> None:
    if title:
        out.print(Text(title, "italic"))
    for row in rows:
        print_pairs(dict(zip(columns, row, strict=True)))
        out.print()
    out.print(f"{len(rows):,} rows")


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Names and values, aligned."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        out.print(f"  {name:<{width}}  {_cell(value)}", soft_wrap=True, markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return str(value)


def display_path(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def command_name() -> str:
    """How this command is called from here: by its path where the shell does not find it."""
    return "ostinato" if shutil.which("ostinato") else display_path(Path(sys.argv[0]))


class StepDisplay:
    """One line per step of a run, drawn on stderr: a bar where the number of items is known."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines: dict[str, TaskID] = {}

    def __call__(self, title: str, done: int, total: int) -> None:
        """Draw a report of `flows.progress`."""
        if title not in self._lines:
            self._lines[title] = self._progress.add_task(title, total=None)
        line = self._lines[title]
        if total:
            shown = self._progress.tasks[line].total
            finished = (done, total) == (1, 1)
            self._progress.update(
                line, total=shown or total if finished else total, completed=shown or 1 if finished else done
            )

    def note(self, title: str) -> None:
        """A line without a count, for what happens before and after the flow."""
        self(title, 0, 0)

    def done(self, title: str) -> None:
        """Tick a line off."""
        self(title, 1, 1)


@contextmanager
def step_display() -> Iterator[StepDisplay]:
    """A live display of steps, or plain lines where stderr is no terminal."""
    progress = Progress(
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:>5.0f}"),
        TimeElapsedColumn(),
        console=err,
        transient=False,
    )
    if not err.is_terminal:
        yield PlainDisplay(progress)
        return
    with progress:
        yield StepDisplay(progress)


class PlainDisplay(StepDisplay):
    """The same for logs and pipes: a line when a step begins and when it ends."""

    def __call__(self, title: str, done: int, total: int) -> None:
        """Write a line for the first report of a step and for its last."""
        if title not in self._lines:
            self._lines[title] = TaskID(len(self._lines))
            err.print(f"  ... {title}", markup=False)
        elif (done, total) == (1, 1):
            err.print(f"   ok {title}", markup=False)
