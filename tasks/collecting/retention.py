"""Archived pages go when a source's terms no longer let them stay."""

from __future__ import annotations

from datetime import date

from tasks import lake
from tasks.collecting.batches import read_since
from tasks.fetching import archive
from tasks.fetching.policy import load_policies
from tasks.schemas import COLLECTED_SOURCES
from tasks.settings import Settings


def expire_pages(settings: Settings, as_of: date) -> int:
    """Delete the pages that no night within their source's `keep_for` has fetched again; how many there were.

    The rows read from them stay, and so does the manifest; only what was parsed can no longer be parsed anew.
    """
    policies = load_policies(settings)
    expired: set[str] = set()
    kept: set[str] = set()
    for source in COLLECTED_SOURCES:
        every = set(lake.read(settings.lake, source, "fetch", ["page_sha256"])["page_sha256"].drop_null().to_pylist())
        keep_for = policies[source].keep_for
        if keep_for is None:
            kept |= every
            continue
        recent = read_since(settings.lake, source, "fetch", ["page_sha256"], as_of - keep_for)["page_sha256"]
        kept |= set(recent.drop_null().to_pylist())
        expired |= every
    gone = {sha256 for sha256 in expired - kept if archive.page_path(settings.pages, sha256).exists()}
    for sha256 in gone:
        archive.delete(settings.pages, sha256)
    return len(gone)
