"""What a collector reports of one source and entity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tasks.fetching.answer import Answer, FetchState
from tasks.lake import utc_now

Progress = Callable[[int, int], None]
"""Told after each step: how many are done, of how many."""


@dataclass
class SourceReport:
    """One collector's run: how much came in, what states the answers were in, and sentences for people."""

    source: str
    entity: str
    state: FetchState = FetchState.OK
    n_rows: int = 0
    n_pages: int = 0
    n_bytes: int = 0
    started_at: datetime = field(default_factory=utc_now)
    ended_at: datetime | None = None
    states: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def count(self, answer: Answer, state: FetchState | None = None) -> None:
        """Add one answer, in the state the parser found where it differs from the answer's own."""
        self.n_pages += answer.status is not None
        self.n_bytes += len(answer.body)
        name = str(state or answer.state)
        self.states[name] = self.states.get(name, 0) + 1

    def close(self, state: FetchState | None = None) -> SourceReport:
        """End the run: in `state`, else OK where anything went well, else the commonest state."""
        self.ended_at = utc_now()
        self.state = state or self._overall()
        return self

    def _overall(self) -> FetchState:
        fine = (FetchState.OK, FetchState.EMPTY, FetchState.MISSING)
        if not self.states or any(self.states.get(str(state)) for state in fine):
            return FetchState.OK
        return FetchState(Counter(self.states).most_common(1)[0][0])
