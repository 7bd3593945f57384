"""What all sites of one sandbox share: the world, who asked for what, and the faults that a test has ordered."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from sandbox.world import World

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass
class Fault:
    """A fault ordered for a site: the next `times` requests whose path starts with `path` get it."""

    kind: str
    times: int
    path: str = "/"
    retry_after_s: int = 1


@dataclass
class Sandbox:
    """The state of one sandbox process."""

    world: World
    base_urls: dict[str, str] = field(default_factory=dict)
    requests: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: dict[str, Fault] = field(default_factory=dict)


def render(template: str, **values: Any) -> str:
    """A page from its template; values are escaped as HTML."""
    return TEMPLATES.get_template(template).render(**values)
