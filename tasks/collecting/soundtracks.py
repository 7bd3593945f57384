"""IMDb's soundtrack lists, for the films in the lake that have an IMDb id."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from tasks import lake
from tasks.collecting.batches import ask_while_open, content_key, in_chunks, with_provenance
from tasks.collecting.freshness import settled_keys
from tasks.collecting.report import Progress, SourceReport
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import Settings
from tasks.sources.imdb import SoundtrackEntry, parse_soundtrack
from tasks.sources.parsed import Parsed

FILMS_A_BATCH = 100

_FAULTS = {
    FetchState.BLOCKED: "were a challenge page or a refusal",
    FetchState.LIMITED: "asked for a long wait",
    FetchState.BROKEN: "were a server fault or a broken page",
    FetchState.REFUSED: "were not asked for, as robots.txt forbids it",
    FetchState.UNREACHABLE: "did not come, as IMDb cannot be reached",
}
"""What became of requests, in words."""

_Fetched = tuple[str, Answer, Parsed[SoundtrackEntry]]


def collect_soundtracks(settings: Settings, as_of: date, progress: Progress | None = None) -> SourceReport:
    """Bring the soundtrack lists of the lake's films that are not fresh into the lake.

    A challenge page is *blocked*, never "no soundtrack"; after three in a row IMDb is left alone for this run,
    and the films that are left are asked for in the next one.
    """
    report = SourceReport("imdb", "soundtrack")
    tell = progress or (lambda done, total: None)
    with PoliteSession(settings, "imdb") as session:
        fresh = settled_keys(settings, "imdb", "soundtrack", as_of, session.policy.fresh_for)
        films = known_films(settings)
        due = [imdb_id for imdb_id in films if imdb_id not in fresh]
        n_done = len(films) - len(due)
        tell(n_done, len(films))
        n_workers = settings.max_workers if settings.is_sandbox else 1
        with ThreadPoolExecutor(n_workers, thread_name_prefix="imdb") as pool:
            for chunk in in_chunks(due, FILMS_A_BATCH):
                fetched = ask_while_open(pool, session, lambda imdb_id: _fetch(settings, session, imdb_id), chunk)
                _land(settings, as_of, fetched, report)
                n_done += len(fetched)
                tell(n_done, len(films))
                if session.is_closed:
                    break
    _annotate(report, n_left=len(films) - n_done)
    return report.close(session.closed)


def known_films(settings: Settings) -> list[str]:
    """IMDb ids of the collected films, in order."""
    ids = lake.read(settings.lake, "tmdb", "film", ["imdb_id"]).column("imdb_id").to_pylist()
    return sorted({imdb_id for imdb_id in ids if imdb_id})


def _fetch(settings: Settings, session: PoliteSession, imdb_id: str) -> _Fetched:
    url = f"{base_url(settings, 'imdb')}/title/{imdb_id}/soundtrack/"
    answer = session.get(url)
    if answer.state is not FetchState.OK:
        return imdb_id, answer, Parsed([], answer.state, answer.reason)
    parsed = parse_soundtrack(answer.body, url)
    session.heed(answer, parsed.state)
    return imdb_id, answer, parsed


def _land(settings: Settings, as_of: date, fetched: Sequence[_Fetched], report: SourceReport) -> None:
    """Rows first, the manifest last: what the manifest calls settled is in the lake."""
    prefix = f"soundtracks-{as_of.isoformat()}"
    rows = [row for _, answer, parsed in fetched for row in with_provenance(parsed.rows, answer)]
    with_rows = content_key(prefix, (imdb_id for imdb_id, _, parsed in fetched if parsed.rows))
    lake.write_batch(settings.lake, "imdb", "soundtrack", rows, batch_key=with_rows, ingest_date=as_of)
    manifest = [
        answer.manifest_row("soundtrack", imdb_id, parsed.state, parsed.reason) for imdb_id, answer, parsed in fetched
    ]
    asked = content_key(prefix, (imdb_id for imdb_id, _, _ in fetched))
    lake.write_batch(settings.lake, "imdb", "fetch", manifest, batch_key=asked, ingest_date=as_of)
    report.n_rows += len(rows)
    for imdb_id, answer, parsed in fetched:
        report.count(answer, parsed.state)
        if parsed.is_cut:
            report.notes.append(f"IMDb's list of {imdb_id} is cut: {parsed.reason}.")


def _annotate(report: SourceReport, n_left: int) -> None:
    """Say in sentences what an operator should know."""
    n_asked = sum(report.states.values())
    report.notes += [
        f"{report.states[state]} of {n_asked} answers of IMDb {words}; these films are not known to have no "
        "soundtrack: run `ostinato refresh` again later, which asks for them anew."
        for state, words in _FAULTS.items()
        if state in report.states
    ]
    if n_left:
        report.notes.append(f"IMDb was closed for this run; {n_left} films are left for the next one.")
