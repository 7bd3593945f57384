"""TMDB's films: the list by a scrolling browser, the film pages over one polite session, IMDb ids by the API."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tasks import lake
from tasks.collecting.batches import ask_while_open, content_key, in_chunks, with_provenance
from tasks.collecting.film_list import collect_list
from tasks.collecting.freshness import settled_keys
from tasks.collecting.report import FINE, Progress, SourceReport
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import OstinatoError, Settings
from tasks.sources.tmdb import parse_film
from tasks.sources.tmdb_api import parse_external_ids

FILMS_A_BATCH = 100


@dataclass(slots=True)
class _Fetched:
    """What asking for one film brought."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    manifest: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[Answer, FetchState]] = field(default_factory=list)

    def add(self, answer: Answer, entity: str, key: str, state: FetchState, reason: str) -> None:
        """Note one answer, in the state that counts."""
        self.answers.append((answer, state))
        self.manifest.append(answer.manifest_row(entity, key, state, reason))


def collect_films(
    settings: Settings, as_of: date, max_films: int, progress: Progress | None = None
) -> list[SourceReport]:
    """Bring the list of popular films and the pages of those that are not fresh into the lake.

    Returns the reports of the list and of the films. Without a TMDB key the films come without IMDb ids, which
    only the API has.

    Raises
    ------
    OstinatoError
        When TMDB refuses the key, or no browser can be started.
    """
    with PoliteSession(settings, "tmdb") as session:
        listing, listed = collect_list(settings, session, as_of, max_films)
        films = _collect_pages(settings, session, as_of, listed, progress or (lambda done, total: None))
    if not listed and listing.state is not FetchState.OK:
        films.state = listing.state
    return [listing, films]


def _collect_pages(
    settings: Settings, session: PoliteSession, as_of: date, listed: Sequence[int], progress: Progress
) -> SourceReport:
    report = SourceReport("tmdb", "film")
    key = _api_key(settings)
    fresh = settled_keys(settings, "tmdb", "film", as_of, session.policy.fresh_for)
    if key:
        fresh &= settled_keys(settings, "tmdb", "external_ids", as_of, session.policy.fresh_for)
    due = [tmdb_id for tmdb_id in listed if str(tmdb_id) not in fresh]
    n_done = len(listed) - len(due)
    progress(n_done, len(listed))
    with ThreadPoolExecutor(_n_workers(settings), thread_name_prefix="tmdb") as pool:
        for chunk in in_chunks(due, FILMS_A_BATCH):
            fetched = ask_while_open(pool, session, lambda film: _fetch_film(settings, session, film, key), chunk)
            _land(settings, as_of, fetched, report)
            n_done += len(fetched)
            progress(n_done, len(listed))
            if session.is_closed:
                break
    _annotate(report, key, n_asked=sum(report.states.values()), n_left=len(listed) - n_done)
    return report.close(session.closed)


def _n_workers(settings: Settings) -> int:
    """Threads that fetch: in the live profile the pace of the site makes more than two useless."""
    return settings.max_workers if settings.is_sandbox else min(2, settings.max_workers)


def _api_key(settings: Settings) -> str | None:
    if settings.tmdb_api_key is not None:
        return settings.tmdb_api_key.get_secret_value()
    return "sandbox" if settings.is_sandbox else None


def _fetch_film(settings: Settings, session: PoliteSession, tmdb_id: int, key: str | None) -> _Fetched:
    """One film's page, and its IMDb id where there is a key to ask for it."""
    fetched = _Fetched()
    url = f"{base_url(settings, 'tmdb')}/movie/{tmdb_id}"
    answer = session.get(url, params={"language": "en-US"})
    parsed = parse_film(answer.body, url) if answer.state is FetchState.OK else None
    state, reason = (parsed.state, parsed.reason) if parsed else (answer.state, answer.reason)
    session.heed(answer, state)
    fetched.add(answer, "film", str(tmdb_id), state, reason)
    if parsed and parsed.rows:
        fetched.rows = with_provenance(parsed.rows, answer)
        fetched.rows[0]["imdb_id"] = _fetch_imdb_id(settings, session, tmdb_id, key, fetched) if key else None
    return fetched


def _fetch_imdb_id(settings: Settings, session: PoliteSession, tmdb_id: int, key: str, fetched: _Fetched) -> str | None:
    """The film's IMDb id by TMDB's API.

    A read access token (v4) is a long text with dots and goes into a header; a key (v3) can only be a parameter.
    """
    is_token = key.count(".") == 2
    answer = session.get(
        f"{base_url(settings, 'tmdb_api')}/movie/{tmdb_id}/external_ids",
        params=None if is_token else {"api_key": key},
        headers={"Authorization": f"Bearer {key}"} if is_token else None,
    )
    if answer.status == 401:
        raise OstinatoError("TMDB's API refused the key (HTTP 401); set OSTINATO_TMDB_API_KEY to a valid one.")
    parsed = parse_external_ids(answer.body) if answer.state is FetchState.OK else None
    state, reason = (parsed.state, parsed.reason) if parsed else (answer.state, answer.reason)
    fetched.add(answer, "external_ids", str(tmdb_id), state, reason)
    return parsed.rows[0]["imdb_id"] if parsed and parsed.rows else None


def _land(settings: Settings, as_of: date, fetched: Sequence[_Fetched], report: SourceReport) -> None:
    """Rows first, the manifest last: what the manifest calls settled is in the lake."""
    rows = [row for film in fetched for row in film.rows]
    manifest = [entry for film in fetched for entry in film.manifest]
    prefix = f"films-{as_of.isoformat()}"
    brought = content_key(prefix, (str(row["tmdb_id"]) for row in rows))
    lake.write_batch(settings.lake, "tmdb", "film", rows, batch_key=brought, ingest_date=as_of)
    asked = content_key(prefix, (f"{entry['entity']} {entry['key']}" for entry in manifest))
    lake.write_batch(settings.lake, "tmdb", "fetch", manifest, batch_key=asked, ingest_date=as_of)
    report.n_rows += len(rows)
    for film in fetched:
        for answer, state in film.answers:
            report.count(answer, state)


def _annotate(report: SourceReport, key: str | None, n_asked: int, n_left: int) -> None:
    """Say in sentences what an operator should know."""
    if key is None and n_asked:
        report.notes.append(
            "Films came without IMDb ids, so their soundtracks cannot be asked for; set OSTINATO_TMDB_API_KEY."
        )
    lost = {state: n for state, n in report.states.items() if state not in FINE}
    if lost:
        counts = ", ".join(f"{n} {state}" for state, n in sorted(lost.items()))
        report.notes.append(f"TMDB left {counts} of {n_asked} answers; these films are asked for again next time.")
    if n_left:
        report.notes.append(f"TMDB was closed for this run; {n_left} films are left for the next one.")
