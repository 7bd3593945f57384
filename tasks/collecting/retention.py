"""Archived pages go when a source's terms no longer let them stay, when nobody names them, and when room runs short."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa

from tasks import lake
from tasks.collecting.batches import read_since
from tasks.fetching import archive
from tasks.fetching.archive import Kept
from tasks.fetching.cache import Entries, cache_file
from tasks.fetching.policy import load_policies
from tasks.schemas import COLLECTED_SOURCES
from tasks.settings import Settings

ORPHAN_S = 86_400.0  # a run lands what it fetches within minutes; what nobody names after a day was lost by a kill
LEFT_OVER_S = 3600.0  # a body is written within a second

log = logging.getLogger(__name__)


def expire_pages(settings: Settings, as_of: date) -> int:
    """Delete the pages that may not stay, the oldest beyond the archive's size, and what killed runs left; how many.

    The rows read from them stay, and so does the manifest; only what was parsed can no longer be parsed anew. What
    the HTTP cache knows of a page goes with it.
    """
    files = list(archive.every_file(settings.pages))  # before the manifests: what lands meanwhile is no file here yet
    fetched_at_s = _last_fetched(settings)
    expired = _expired(settings, as_of)
    gone = [file for file in files if file.sha256 in expired or _is_left_over(file, fetched_at_s)]
    stay = [file for file in files if file.sha256 and file not in set(gone)]
    gone += _beyond(stay, settings.pages_max_gb, fetched_at_s)
    for file in gone:
        with lake.writing(file.path):
            file.path.unlink(missing_ok=True)
    entries = Entries(cache_file(settings))
    entries.prune(settings.pages)
    entries.close()
    return len(gone)


def expire_rows(settings: Settings, as_of: date) -> int:
    """Delete the rows of sources whose terms let nothing stay, not even what was read; how many batches.

    YouTube's policies ask for stored data to be refreshed or deleted within 30 days: what no night has searched again
    goes, and with it its link.
    """
    n_gone = 0
    keep_for = load_policies(settings)["youtube"].keep_for
    for entity in ("search", "fetch") if keep_for else ():
        for file in lake.batch_files(settings.lake, "youtube", entity):
            if keep_for and date.fromisoformat(file.parent.name.removeprefix("ingest_date=")) < as_of - keep_for:
                lake.remove(file)
                n_gone += 1
    return n_gone


def _expired(settings: Settings, as_of: date) -> set[str]:
    """Pages that no night within their source's `keep_for` has fetched or confirmed again."""
    policies = load_policies(settings)
    named: set[str] = set()
    kept: set[str] = set()
    for source in COLLECTED_SOURCES:
        keep_for = policies[source].keep_for
        every = _pages_of(lake.read(settings.lake, source, "fetch", ["page_sha256"]))
        named |= every
        if keep_for is None:
            kept |= every
        else:
            kept |= _pages_of(read_since(settings.lake, source, "fetch", ["page_sha256"], as_of - keep_for))
    return named - kept


def _pages_of(manifest: pa.Table) -> set[str]:
    return set(manifest["page_sha256"].drop_null().to_pylist())


def _last_fetched(settings: Settings) -> dict[str, float]:
    """Each page that a manifest names -> when it was last fetched, in seconds since 1970."""
    columns = ["page_sha256", "fetched_at"]
    tables = [lake.read(settings.lake, source, "fetch", columns) for source in COLLECTED_SOURCES]
    latest = pa.concat_tables(tables).group_by("page_sha256").aggregate([("fetched_at", "max")])
    pages, moments = latest["page_sha256"].to_pylist(), latest["fetched_at_max"].to_pylist()
    return {page: at.timestamp() if at else 0.0 for page, at in zip(pages, moments, strict=True) if page}


def _is_left_over(file: Kept, fetched_at_s: Mapping[str, float]) -> bool:
    """True for a body that no manifest names although a day has passed, and for a file that was never finished."""
    age_s = time.time() - file.stored_at_s
    return age_s > LEFT_OVER_S if file.sha256 is None else file.sha256 not in fetched_at_s and age_s > ORPHAN_S


def _beyond(files: Sequence[Kept], max_gb: float, fetched_at_s: Mapping[str, float]) -> list[Kept]:
    """The pages that were fetched longest ago, as many as the archive holds too much."""
    too_much = sum(file.n_bytes for file in files) - max_gb * 10**9
    gone: list[Kept] = []
    for file in sorted(files, key=lambda file: fetched_at_s.get(file.sha256 or "", file.stored_at_s)):
        if too_much <= 0:
            break
        gone.append(file)
        too_much -= file.n_bytes
    if gone:
        log.warning("The %d oldest archived pages go: OSTINATO_PAGES_MAX_GB leaves room for %g GB.", len(gone), max_gb)
    return gone
