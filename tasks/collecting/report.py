"""What a collector reports of one source and entity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tasks.fetching.answer import Answer, FetchState
from tasks.lake import utc_now

FINE = (FetchState.OK, FetchState.EMPTY, FetchState.MISSING)
MATERIAL_SHARE = 0.1  # of the answers; fewer faults than that are told in the notes and leave the state ok

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
    missing: dict[str, str] = field(default_factory=dict)
    """What was due and did not come: its key -> the state that kept it away, also of what was not asked any more."""
    notes: list[str] = field(default_factory=list)

    def count(self, answer: Answer, state: FetchState | None = None) -> None:
        """Add one answer, in the state the parser found where it differs from the answer's own."""
        self.n_pages += answer.status is not None
        self.n_bytes += 0 if answer.was_revalidated else len(answer.body)
        name = str(state or answer.state)
        self.states[name] = self.states.get(name, 0) + 1

    def miss(self, keys: Iterable[str], state: FetchState) -> None:
        """Name what was due and did not come."""
        self.missing.update(dict.fromkeys(keys, str(state)))

    def close(self, state: FetchState | None = None) -> SourceReport:
        """End the run: in `state`, such as what closed the source; else by the answers.

        Those make it OK, or the commonest fault where at least a tenth of them failed.

        >>> SourceReport("imdb", "soundtrack", states={"ok": 18, "broken": 2}).close().state
        <FetchState.BROKEN: 'broken'>
        """
        self.ended_at = utc_now()
        self.state = state or self._overall()
        return self

    def _overall(self) -> FetchState:
        faults = Counter({state: n for state, n in self.states.items() if state not in FINE})
        if not faults or faults.total() < MATERIAL_SHARE * sum(self.states.values()):
            return FetchState.OK
        return FetchState(faults.most_common(1)[0][0])
