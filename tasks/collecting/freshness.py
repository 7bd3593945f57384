"""What a collector need not ask again, by the manifest of what it has asked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from tasks import lake
from tasks.collecting.batches import read_since
from tasks.fetching.answer import FetchState
from tasks.fetching.http import SHORT_WAIT_S
from tasks.lake import utc_now
from tasks.schemas import LAKE_SCHEMAS
from tasks.settings import Settings

SETTLED = frozenset(str(state) for state in (FetchState.OK, FetchState.EMPTY, FetchState.MISSING))
"""States that answer the question; every other one is asked again in the next run."""

_WAITS = ("retry_after_s",)
_LINES = ("url", "state", "fetched_at", "retry_after_s")


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

    By the wall clock, as the sites mean it, whatever night the run that was told so worked for; in the sandbox, whose
    nights follow each other at once, none is.
    """
    limits: dict[str, datetime] = {}
    for row in () if settings.is_sandbox else _long_waits(settings, source):
        host, until = urlsplit(row["url"]).netloc, row["fetched_at"] + timedelta(seconds=row["retry_after_s"])
        if row["state"] == FetchState.LIMITED and until > utc_now():
            limits[host] = max(until, limits.get(host, until))
    return limits


def _long_waits(settings: Settings, source: str) -> list[dict[str, Any]]:
    """The lines of a source's manifest that ask for a long wait; few files have any, so one column tells which."""
    schema = LAKE_SCHEMAS[(source, "fetch")]
    waits, lines = (pa.schema([schema.field(name) for name in names]) for names in (_WAITS, _LINES))
    found: list[dict[str, Any]] = []
    with lake.read_lock(settings.lake):
        for file in lake.batch_files(settings.lake, source, "fetch"):
            is_long = pc.greater(lake.read_file(file, waits)["retry_after_s"], SHORT_WAIT_S)
            if pc.any(is_long, min_count=0).as_py():
                found += lake.read_file(file, lines).filter(is_long).to_pylist()
    return found
