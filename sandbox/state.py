"""What all sites of one sandbox share: the world, who asked for what, and what a test has ordered."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from sandbox.faults import FaultBook
from sandbox.releases import Shelf
from sandbox.world import World

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass
class Sandbox:
    """The state of one sandbox process."""

    world: World
    base_urls: dict[str, str] = field(default_factory=dict)
    requests: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: FaultBook = field(init=False)
    shelf: Shelf = field(init=False)
    tmdb_max_page: int = 500  # of the API's lists
    spotify_mode: str = "default"
    melon_cells: dict[tuple[str, str], tuple[Markup, Markup]] = field(default_factory=dict)
    jumped: list[int] = field(default_factory=list)  # tmdb_id of films that a moving list has brought to its head
    youtube_searches: Counter[str] = field(default_factory=Counter)  # by key and day

    def __post_init__(self) -> None:
        self.faults = FaultBook(self.world.seed, [site for site in self.base_urls if site != "sandbox"])
        self.shelf = Shelf(self.world)

    def forget_faults(self) -> None:
        """No order stands any longer, and the lists that moved are as they were."""
        self.faults.clear()
        self.jumped.clear()


def render(template: str, **values: Any) -> str:
    """A page from its template; values are escaped as HTML."""
    return TEMPLATES.get_template(template).render(**values)
