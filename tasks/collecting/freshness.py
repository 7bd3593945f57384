"""What a collector need not ask again, by the manifest of what it has asked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

import pyarrow.compute as pc

from tasks.collecting.batches import read_since
from tasks.fetching.answer import FetchState
from tasks.fetching.http import SHORT_WAIT_S
from tasks.lake import utc_now
from tasks.settings import Settings, today

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


def limits_in_force(settings: Settings, source: str) -> dict[str, datetime]:
    """Host -> when it may be asked again, for the hosts that asked for a long wait which has not passed yet.

    By the wall clock, as the sites mean it; in the sandbox, whose nights follow each other at once, none is.
    """
    if settings.is_sandbox:
        return {}
    columns = ["url", "state", "fetched_at", "retry_after_s"]
    manifest = read_since(settings.lake, source, "fetch", columns, today() - timedelta(days=7))
    is_limit = pc.and_(pc.equal(manifest["state"], "limited"), pc.greater(manifest["retry_after_s"], SHORT_WAIT_S))
    limits: dict[str, datetime] = {}
    for row in manifest.filter(is_limit).to_pylist():
        host, until = urlsplit(row["url"]).netloc, row["fetched_at"] + timedelta(seconds=row["retry_after_s"])
        if until > utc_now():
            limits[host] = max(until, limits.get(host, until))
    return limits
