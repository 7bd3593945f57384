"""What requests-cache keeps of answers so that the next ask is conditional: validators here, bodies in the archive.

A body lies once on disk. When it has expired from the archive, the entry that names it counts as absent. Entries name
neither addresses nor headers of a request: the key is a hash of the address without its secrets.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import PreparedRequest
from requests_cache import CachedSession
from requests_cache.backends.base import BaseCache
from requests_cache.models.response import CachedResponse

from tasks.disk import writing
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.fetching.classify import classify
from tasks.fetching.scrub import without_secrets
from tasks.fetching.transport import Received
from tasks.settings import Settings

UNUSED_DAYS = 200  # longer than any web page counts as fresh
_LONGEST_VALIDATOR = 256  # characters
_BUSY_S = 30.0
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_TELLING_HEADERS = ("Accept", "Accept-Language", "X-Requested-With")  # what a site may answer differently to
_TABLE = """
create table if not exists entry (
    key text primary key,
    sha256 text not null,
    etag text not null,
    last_modified text not null,
    content_type text not null,
    used_at_s real not null
) without rowid;
create index if not exists entry_of_page on entry (sha256);
"""
_SAVE = """
insert into entry values (:key, :sha256, :etag, :last_modified, :content_type, :used_at_s)
on conflict (key) do update set sha256 = excluded.sha256, etag = excluded.etag,
    last_modified = excluded.last_modified, content_type = excluded.content_type, used_at_s = excluded.used_at_s
"""

log = logging.getLogger(__name__)


def cache_file(settings: Settings) -> Path:
    """Where a world keeps its entries."""
    return settings.world / "http_cache.sqlite"


class Entries:
    """The table of entries, for all threads and processes of a world.

    A cache is a help and no more: where its file cannot be used there are no entries, and one that is damaged is
    made anew.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        try:
            try:
                self._db = self._open()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                self._remove_file()
                self._db = self._open()
        except sqlite3.Error as fault:
            self._give_up(fault)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, timeout=_BUSY_S, check_same_thread=False, isolation_level=None)
        try:
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = normal")
            db.executescript(_TABLE)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _remove_file(self) -> None:
        for name in (self._file.name, f"{self._file.name}-wal", f"{self._file.name}-shm"):
            self._file.with_name(name).unlink(missing_ok=True)

    def run(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement; none where the file cannot be used."""
        with self._lock:
            if self._db is None:
                return []
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as fault:
                if not isinstance(fault, sqlite3.OperationalError):
                    self._remove_file()
                self._give_up(fault)
                return []

    def _give_up(self, fault: sqlite3.Error) -> None:
        log.warning("%s cannot be used (%s), so pages are fetched whole in this run.", self._file, fault)
        self._db = None

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def prune(self, pages: Path) -> int:
        """Drop the entries whose body is gone, and those that no run has used for long; how many."""
        long_ago_s = time.time() - UNUSED_DAYS * 86_400
        n_dropped = len(self.run("delete from entry where used_at_s < ? returning key", (long_ago_s,)))
        for (sha256,) in self.run("select distinct sha256 from entry"):
            if not archive.has(pages, sha256):
                n_dropped += self.forget(sha256)
        return n_dropped

    def forget(self, sha256: str) -> int:
        """Drop the entries that name this body; how many."""
        return len(self.run("delete from entry where sha256 = ? returning key", (sha256,)))


class ArchiveCache(BaseCache):
    """requests-cache's view of the archive: an answer is cached where a later ask can be made conditional on it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._pages = settings.pages
        self._entries = Entries(cache_file(settings))

    def create_key(self, request: Any, match_headers: Any = None, **_: Any) -> str:
        """Which entry a request is about."""
        told = "\n".join(request.headers.get(name, "") for name in _TELLING_HEADERS)
        return hashlib.sha256(f"{without_secrets(request.url)}\n{told}".encode()).hexdigest()

    def knows(self, key: str) -> bool:
        """True where there is an entry, and so something to revalidate."""
        return bool(self._entries.run("select 1 from entry where key = ?", (key,)))

    def get_response(self, key: str, default: Any = None) -> CachedResponse | None:
        """The cached answer, always stale, so that it is revalidated; None where its body is gone."""
        rows = self._entries.run("select sha256, etag, last_modified, content_type from entry where key = ?", (key,))
        if not rows:
            return None
        sha256, *values = rows[0]
        try:
            body = archive.load(self._pages, sha256)
        except (FileNotFoundError, ValueError):
            archive.delete(self._pages, sha256)  # a damaged one would stand in the way of the next
            self.forget(sha256)
            return None
        named = zip(("ETag", "Last-Modified", "Content-Type"), values, strict=True)
        headers = requests.structures.CaseInsensitiveDict({name: value for name, value in named if value})
        cached = CachedResponse(status_code=200, headers=headers, content=body, expires=_LONG_AGO)
        cached.page_sha256 = sha256  # type: ignore[attr-defined]
        return cached

    def save_response(
        self, response: requests.Response, cache_key: str | None = None, expires: datetime | None = None
    ) -> None:
        """Keep an answer: a whole page with a validator, or a cached one that the site has just called valid."""
        etag, last_modified = (_validator(response, name) for name in ("ETag", "Last-Modified"))
        sha256 = getattr(response, "page_sha256", None)
        if cache_key is None or not (etag or last_modified) or (sha256 is None and not _is_sound(response)):
            return
        sha256 = sha256 or archive.store(self._pages, response.content)
        response.page_sha256 = sha256  # type: ignore[attr-defined]
        kept = {"key": cache_key, "sha256": sha256, "etag": etag, "last_modified": last_modified}
        content_type = response.headers.get("Content-Type", "")
        self._entries.run(_SAVE, {**kept, "content_type": content_type, "used_at_s": time.time()})

    def forget(self, sha256: str) -> None:
        """Drop what names this body, so that it is asked for whole."""
        self._entries.forget(sha256)

    def close(self) -> None:
        """Give the file back."""
        self._entries.close()


class PageSession(CachedSession):
    """A session whose GETs of pages are conditional where they can be; everything else goes past the cache.

    Redirects are left to the caller, who knows which hosts may be asked. Nothing of the user's own is sent: neither
    cookies nor what .netrc holds.
    """

    def __init__(self, cache: ArchiveCache, headers: Mapping[str, str]) -> None:
        super().__init__(backend=cache, expire_after=0, always_revalidate=True, allowable_methods=("GET",))
        self.headers.update(headers)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._archive_cache = cache
        self._ways: dict[tuple[str, str], Any] = {}

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: a redirect is an answer like any other."""
        return None

    def prepared(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> PreparedRequest:
        """A request with the session's headers, over which the caller's go; without cookies and credentials."""
        request = PreparedRequest()
        request.prepare_method(method)
        request.prepare_url(url, params)
        request.prepare_headers({**self.headers, **(headers or {})})
        request.prepare_body(data, None, json)
        return request

    def fetch(self, request: PreparedRequest, *, is_cached: bool) -> requests.Response:
        """Send one request; requests-cache has a part in it where there is something to revalidate."""
        way = self._way_to(request.url or "")
        key = self._archive_cache.create_key(request) if is_cached else ""
        if key and self._archive_cache.knows(key):
            return self.send(request, **way)
        response = requests.Session.send(self, request, **way)
        if key:
            self._archive_cache.save_response(response, key)
        return response

    def _way_to(self, url: str) -> Any:
        """Proxies and certificates by the environment, looked up once a host."""
        parts = urlsplit(url)
        host = (parts.scheme, parts.netloc)
        if host not in self._ways:
            self._ways[host] = self.merge_environment_settings(url, {}, True, None, None)
        return self._ways[host]


def _is_sound(response: requests.Response) -> bool:
    received: Received = response.received  # type: ignore[attr-defined]
    state, _ = classify(response.status_code, response.headers, response.content)
    return not received.fault and not received.is_private and state is FetchState.OK


def _validator(response: requests.Response, name: str) -> str:
    """A validator that can be sent back as it came; empty where there is none."""
    value = response.headers.get(name, "")
    return value if value.isascii() and value.isprintable() and len(value) <= _LONGEST_VALIDATOR else ""
