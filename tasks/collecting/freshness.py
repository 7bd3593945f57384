"""What a collector need not ask again, by the manifest of what it has asked."""

from __future__ import annotations

from datetime import date, timedelta

from tasks.collecting.batches import read_since
from tasks.fetching.answer import FetchState
from tasks.settings import Settings

SETTLED = frozenset(str(state) for state in (FetchState.OK, FetchState.EMPTY, FetchState.MISSING))
"""States that answer the question; every other one is asked again in the next run."""


def settled_keys(settings: Settings, source: str, entity: str, as_of: date, fresh_for: timedelta) -> set[str]:
    """Keys of `<source>/fetch` that were answered within `fresh_for` before `as_of`.

    Ages are counted in nights (`as_of` of the run that asked), not by the wall clock, so that any night can be run
    again. Collectors land rows before the manifest: what is settled here is in the lake.
    """
    since = as_of - fresh_for + timedelta(days=1)
    manifest = read_since(settings.lake, source, "fetch", ["entity", "key", "state"], since)
    rows = zip(*(manifest.column(name).to_pylist() for name in ("entity", "key", "state")), strict=True)
    return {key for kind, key, state in rows if kind == entity and state in SETTLED}
