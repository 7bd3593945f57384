"""Tells of which kind a data set file is, by its columns alone, or says what the nearest kind would need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.settings import OstinatoError
from tasks.sources.datasets.kinds import KINDS, Kind


@dataclass(frozen=True)
class Recognised:
    """Which kind a table is of, and which of its columns hold what."""

    kind: Kind
    positions: dict[str, int]
    """The lake's column -> the place of the file's column, from 0."""
    ignored: tuple[str, ...]
    """Columns of the file that the lake has no place for."""
    absent: tuple[str, ...]
    """Columns of the lake that the file does not have."""

    @property
    def n_cells_min(self) -> int | None:
        """How many cells a row needs for its key, where the kind has rows that end early; else None: all."""
        return 1 + max(self.positions[name] for name in self.kind.key) if self.kind.ends_early else None


def recognise(columns: Sequence[str], name: str) -> Recognised:
    """Tell a table's kind by its columns; where two fit, the one that asks for more.

    Raises
    ------
    OstinatoError
        When no kind fits, naming the nearest and what the table lacks; when a column that is needed comes twice.
    """
    places = {kind: _places(kind, columns) for kind in KINDS}
    fitting = [kind for kind in KINDS if not _lacking(kind, places[kind])]
    if not fitting:
        raise OstinatoError(_unknown(columns, name, places))
    kind = max(fitting, key=lambda one: len(one.required))
    taken = {columns[place] for place in places[kind].values()}
    for column, n_times in Counter(columns).items():
        if column in taken and n_times > 1:
            raise OstinatoError(f"{name} has the column {column} {n_times} times; keep one and import it again.")
    return Recognised(
        kind=kind,
        positions=places[kind],
        ignored=tuple(column or "(unnamed)" for column in columns if column not in taken),
        absent=tuple(column for column in kind.columns if column not in places[kind]),
    )


def _places(kind: Kind, columns: Sequence[str]) -> dict[str, int]:
    """Where each column of the kind is: by its exact name, else by its name in another case."""
    exact = {column: place for place, column in reversed(list(enumerate(columns)))}
    loose = {column.casefold(): place for place, column in reversed(list(enumerate(columns)))}
    found = {column: exact.get(column, loose.get(column.casefold())) for column in kind.columns}
    return {column: place for column, place in found.items() if place is not None}


def _lacking(kind: Kind, places: dict[str, int]) -> list[str]:
    return [column for column in kind.required if column not in places]


def _unknown(columns: Sequence[str], name: str, places: dict[Kind, dict[str, int]]) -> str:
    nearest = min(KINDS, key=lambda kind: len(_lacking(kind, places[kind])) / len(kind.required))
    lacking = ", ".join(_lacking(nearest, places[nearest]))
    return (
        f"{name} fits no known kind of data set by its {len(columns)} columns; the nearest is {nearest.entity}, for "
        f"which it lacks {lacking}: rename or add these and import it again."
    )
