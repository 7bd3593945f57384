"""What a parser returns: rows, and the state the page was found in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tasks.fetching.answer import FetchState

Row = TypeVar("Row", bound=Mapping[str, Any])


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Row]):
    """The rows of one page or body.

    `n_expected` is the count the page itself promises, where it promises one: fewer rows mean a cut list.
    `reason` is for people, and empty where all is well.
    """

    rows: list[Row]
    state: FetchState
    reason: str = ""
    n_expected: int | None = None

    @property
    def is_cut(self) -> bool:
        """True where the page promises more rows than it holds."""
        return self.n_expected is not None and len(self.rows) < self.n_expected
