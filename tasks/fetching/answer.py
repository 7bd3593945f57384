"""What a site answered, classified before anyone reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

_CHARSET = re.compile(r"charset=[\"']?([\w-]+)", re.IGNORECASE)


class FetchState(StrEnum):
    """The states an answer, or a whole source, can be in. A state is never read as "no data" but `EMPTY`."""

    OK = "ok"
    EMPTY = "empty"  # the site says that there is nothing
    MISSING = "missing"  # no such page
    BLOCKED = "blocked"  # a challenge, a refusal, or an error page in place of the page
    LIMITED = "limited"  # too many requests, and the wait asked for is too long
    BROKEN = "broken"  # a server fault, a body cut off, too large or unreadable
    REFUSED = "refused"  # not asked at all: robots.txt, the source's policy or a missing key forbids it
    UNREACHABLE = "unreachable"  # no connection
    IDLE = "idle"  # of a whole source: nothing there to ask for


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and what came of it.

    `status` is null where no HTTP answer came; `sha256` names the body in the page archive, and is null where
    nothing was archived; `reason` says in words what the state rests on. `n_wire_bytes` counts the body as it came,
    packed; 0 where the site said that the kept one still holds. `was_asked` is false where no request was sent for
    it: robots.txt forbids it, or the host was closed for the run before.
    """

    url: str
    state: FetchState
    status: int | None
    body: bytes
    content_type: str
    fetched_at: datetime
    sha256: str | None
    retry_after_s: float | None
    reason: str
    n_wire_bytes: int = 0
    was_asked: bool = True

    @property
    def was_revalidated(self) -> bool:
        """True where the site said that the body of an earlier answer still holds, and that one is given."""
        return self.status == 304 and self.state is FetchState.OK

    @property
    def text(self) -> str:
        """The body as text, by the charset the site names, else UTF-8; bytes that do not fit are replaced."""
        named = _CHARSET.search(self.content_type)
        try:
            return self.body.decode(named[1] if named else "utf-8", errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")

    def manifest_row(self, entity: str, key: str, state: FetchState | None = None, reason: str = "") -> dict[str, Any]:
        """The row of `<source>/fetch` for this answer; `state` is the parser's word where it differs.

        `is_page` is no column: it tells whether a parser saw the body, and so whether it is worth parsing anew.
        """
        return {
            "entity": entity,
            "key": key,
            "url": self.url,
            "state": str(state or self.state),
            "status": self.status,
            "reason": reason or self.reason,
            "n_bytes": len(self.body),
            "retry_after_s": self.retry_after_s,
            "is_page": self.state is FetchState.OK,
            "fetched_at": self.fetched_at,
            "page_sha256": self.sha256,
        }
