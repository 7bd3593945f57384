"""Who reads whom among the tables, and where each stands in a drawing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.warehouse.models import TRAINABLE, SqlModel

COLUMNS = (("staging",), ("core", "matching"), ("features", "tagging"), ("marts",))
"""Layers drawn above each other, from left to right; raw tables are left out, since staging bears their names."""
WIDTH, HEIGHT = 216.0, 24.0  # of a node, in px: room for 31 letters of 12 px
ROW, GAP, HEAD = 30.0, 104.0, 34.0  # from node to node, between columns, for the names of the layers
SWEEPS = 12  # each puts tables nearer to those that they read or are read by; more change nothing here


@dataclass(frozen=True)
class Node:
    """One table in the drawing, by its upper left corner in px."""

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Edge:
    """A line from a table to one that reads it, as the data of an SVG path."""

    source: str
    target: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """Nodes and edges, and the size of all in px."""

    nodes: list[Node]
    edges: list[Edge]
    heads: list[tuple[str, float]]
    """Names of the layers with the left end of their column."""
    width: float
    height: float


def shown_as(name: str) -> str:
    """A table of `trainable` has the SELECT of its counterpart, and stands in the drawing as that; see `readings`.

    >>> shown_as("matching.trainable_credit_track")
    'matching.credit_track'
    """
    schema, table = name.split(".", 1)
    return f"{schema}.{table.removeprefix(f'{TRAINABLE}_')}"


def readings(models: Mapping[str, SqlModel]) -> dict[str, list[str]]:
    """The tables that each model reads, without audits and the tables of `trainable`, whose readers read the original.

    Raw tables and vocabularies are among them.
    """
    shown = {name: model for name, model in models.items() if model.schema not in ("audits", TRAINABLE)}
    original = {f"{TRAINABLE}.{model.table}": name for name, model in shown.items()}
    return {
        name: sorted({shown_as(original.get(read, read)) for read in model.depends_on}) for name, model in shown.items()
    }


def draw(reads: Mapping[str, list[str]]) -> Drawing:
    """Place the tables in columns, each near those that it is tied to, and draw a line for each reading."""
    ties = [(source, target) for target, sources in reads.items() for source in sources if source in reads]
    columns = _in_order([[name for name in sorted(reads) if name.split(".")[0] in layers] for layers in COLUMNS], ties)
    height = HEAD + ROW * max(map(len, columns))
    nodes = {}
    for number, column in enumerate(columns):
        step = (height - HEAD) / max(len(column), 1)
        for row, name in enumerate(column):
            y = HEAD + step * (row + 0.5) - HEIGHT / 2
            nodes[name] = Node(name, number * (WIDTH + GAP), round(y, 1))
    edges = [Edge(source, target, _line(nodes[source], nodes[target])) for source, target in sorted(ties)]
    heads = [(" and ".join(layers), number * (WIDTH + GAP)) for number, layers in enumerate(COLUMNS)]
    width = len(COLUMNS) * WIDTH + (len(COLUMNS) - 1) * GAP
    return Drawing(list(nodes.values()), edges, heads, width + GAP / 2, height)


def _in_order(columns: list[list[str]], ties: list[tuple[str, str]]) -> list[list[str]]:
    """Each column sorted by the mean height of its tables' neighbours, again and again, so that fewer lines cross."""
    neighbours: dict[str, list[str]] = {name: [] for column in columns for name in column}
    for source, target in ties:
        neighbours[source].append(target)
        neighbours[target].append(source)
    for _ in range(SWEEPS):
        for number in range(len(columns)):
            height = {name: (row + 0.5) / len(column) for column in columns for row, name in enumerate(column)}
            weight = {
                name: sum(height[other] for other in neighbours[name]) / len(neighbours[name])
                if neighbours[name]
                else height[name]
                for name in columns[number]
            }
            columns[number] = sorted(columns[number], key=lambda name: (weight[name], name))
    return columns


def _line(source: Node, target: Node) -> str:
    """A curve between the sides of two nodes that face each other, or round the right side within a column."""
    if source.x > target.x:  # what counts training rows reads the marts
        source, target = target, source
    x1, y1 = source.x + WIDTH, source.y + HEIGHT / 2
    x2, y2 = target.x, target.y + HEIGHT / 2
    if source.x == target.x:
        x2, bend = x1, 18 + min(abs(y2 - y1) / 8, GAP / 3)
        return f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 + bend:g} {y2:g} {x2:g} {y2:g}"
    middle = (x1 + x2) / 2
    return f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
