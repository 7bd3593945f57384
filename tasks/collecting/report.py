"""What a collector reports of one source and entity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tasks.fetching.answer import Answer, FetchState
from tasks.lake import utc_now

FINE = (FetchState.OK, FetchState.EMPTY, FetchState.MISSING)
MATERIAL_SHARE = 0.1  # of the answers; fewer faults than that are told in the notes and leave the state ok
NAMED = 5  # things named in a sentence; `missing` has them all

Progress = Callable[[int, int], None]
"""Told after each step: how many are done, of how many."""


@dataclass
class SourceReport:
    """One collector's run: how much came in, what states the answers were in, and sentences for people.

    The counts add up: what was due is answered or missing, and each request counts in one of the answers' states.
    """

    source: str
    entity: str
    state: FetchState = FetchState.OK
    n_rows: int = 0
    n_pages: int = 0
    """Requests that were made; one that was tried several times, or sent on, counts once."""
    n_bytes: int = 0
    started_at: datetime = field(default_factory=utc_now)
    ended_at: datetime | None = None
    n_due: int = 0
    """Things (films, albums, charts, songs, ...) that this run was to ask for; what is fresh is not due."""
    n_answered: int = 0
    """Those of them that were answered for: they came, or the source says that there is none."""
    states: dict[str, int] = field(default_factory=dict)
    """Answers by state."""
    unasked: dict[str, int] = field(default_factory=dict)
    """Things that were due and not asked for, by the state that kept the run from it."""
    why_unasked: str = ""
    missing: dict[str, str] = field(default_factory=dict)
    """What was due and did not come: its key -> the state that kept it away, also of what was not asked any more."""
    notes: list[str] = field(default_factory=list)

    @property
    def n_missing(self) -> int:
        """How many things did not come; `missing` names them, but for the last of very many."""
        return max(self.n_due - self.n_answered, len(self.missing))

    def count(self, answer: Answer, state: FetchState | None = None) -> None:
        """Add one answer, in the state the parser found where it differs from the answer's own.

        What was not asked for is no answer: `skip` names it.
        """
        if not answer.was_asked:
            return
        name = str(state or answer.state)
        self.states[name] = self.states.get(name, 0) + 1
        self.n_pages += 1
        self.n_bytes += 0 if answer.was_revalidated else len(answer.body)

    def miss(self, keys: Iterable[str], state: FetchState) -> None:
        """Name what was due and did not come."""
        self.missing.update(dict.fromkeys(keys, str(state)))

    def skip(self, keys: Collection[str], state: FetchState, reason: str = "") -> None:
        """Name what was due and not asked for, since the source is closed, or for the reason given."""
        self.miss(keys, state)
        self.why_unasked = reason or self.why_unasked
        if keys:
            self.unasked[str(state)] = self.unasked.get(str(state), 0) + len(keys)

    def close(self, state: FetchState | None = None) -> SourceReport:
        """End the run: in `state`, such as what closed the source; else by the answers.

        Those make it OK, or the commonest fault where at least a tenth of all failed or was not asked for.

        >>> SourceReport("imdb", "soundtrack", states={"ok": 18, "broken": 2}).close().state
        <FetchState.BROKEN: 'broken'>
        """
        self.ended_at = utc_now()
        self.state = state or self._overall()
        return self

    def _overall(self) -> FetchState:
        counts = Counter(self.states) + Counter(self.unasked)
        faults = Counter({state: n for state, n in counts.items() if state not in FINE})
        if not faults or faults.total() < MATERIAL_SHARE * counts.total():
            return FetchState.OK
        return FetchState(faults.most_common(1)[0][0])


def first_of(names: Sequence[str], n_named: int = NAMED) -> str:
    """The first few of many, and how many more there are.

    >>> first_of(["a", "b", "c"], 2), first_of(["a", "b"], 2)
    ('a, b and 1 more', 'a, b')
    """
    n_more = len(names) - n_named
    return ", ".join(names[:n_named]) + (f" and {n_more:,} more" if n_more > 0 else "")
