"""How the command line speaks: the world it works on, progress, one-line errors, tables, JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tasks.settings import Profile, Settings, load_settings, prepare_environment

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def enter_world(profile: Profile | None = None, *, default: Profile | None = None) -> Settings:
    """The settings of the world a command works on, said on stderr and passed on to what the command starts."""
    chosen = profile or (default if default and "OSTINATO_PROFILE" not in os.environ else None)
    settings = load_settings(chosen)
    os.environ["OSTINATO_PROFILE"] = settings.profile.value
    os.environ["OSTINATO_HOME"] = str(settings.home.absolute())
    prepare_environment(settings)
    err.print(f"[dim]World: {settings.profile} ({settings.world})[/dim]", soft_wrap=True)
    return settings


def print_json(value: Any) -> None:
    """One JSON document on stdout, nothing else: no colour, no wrapping."""
    print(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """A table for people; numbers to the right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float | None) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    out.print(table)


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
            err.print(f"  ... {title}")
        elif (done, total) == (1, 1):
            err.print(f"   ok {title}")
