"""IMDb's soundtrack lists, for the films in the lake that have an IMDb id.

IMDb answers most programs with a challenge since 2026, so a refusal is the normal case: three in a row end it for
the night, and `musicbrainz.py` asks MusicBrainz for what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from tasks.collecting.asking import ask, open_session, unasked_notes
from tasks.collecting.batches import content_key, in_chunks, with_provenance
from tasks.collecting.freshness import settled_keys
from tasks.collecting.growing import GrowingBatch, answers_of
from tasks.collecting.report import FINE, Progress, SourceReport, first_of
from tasks.collecting.soundtracks.films import known_films, new_first, nothing_to_ask
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import Settings
from tasks.sources.imdb import SoundtrackEntry, parse_soundtrack
from tasks.sources.parsed import Parsed

FILMS_A_BATCH = 100
FIRST_FILMS = 3  # asked for before the rest: as many refusals in a row close a source
IMPORTED_FILMS_A_NIGHT = 300  # of imported tables, in the live profile; at a second each five minutes

FAULTS = {
    FetchState.BLOCKED: "were a challenge page or a refusal",
    FetchState.LIMITED: "asked for a long wait",
    FetchState.BROKEN: "were a server fault or a broken page",
    FetchState.REFUSED: "were sent on to where robots.txt forbids to ask",
    FetchState.UNREACHABLE: "did not come, as IMDb cannot be reached",
}
"""What became of requests, in words."""

_WAY_OUT = {FetchState.BLOCKED: " What IMDb allows is in docs/sources.md."}

_Fetched = tuple[str, Answer, Parsed[SoundtrackEntry]]


def collect_soundtracks(settings: Settings, as_of: date, progress: Progress | None = None) -> SourceReport:
    """Bring the soundtrack lists of the lake's films that are not fresh into the lake.

    A challenge page is *blocked*, never "no soundtrack"; after three in a row IMDb is left alone for this run,
    and the films that are left are asked for in the next one.
    """
    with open_session(settings, "imdb") as session:
        collected, imported = due_films(settings, as_of, session.policy.fresh_for)
        if not (collected or imported or known_films(settings)):
            return nothing_to_ask("imdb", "soundtrack", "IMDb")
        budget = len(imported) if settings.is_sandbox else IMPORTED_FILMS_A_NIGHT
        night = _Night(settings, as_of, session, due=[*collected, *imported[:budget]])
        night.ask_all(progress or (lambda done, total: None))
        return night.report_on(n_later=len(imported) - budget)


def due_films(settings: Settings, as_of: date, fresh_for: timedelta) -> tuple[list[str], list[str]]:
    """IMDb ids of the films whose list is to be asked for: the collected ones, and those of imported tables.

    A collected film is asked for whenever its answer has grown old. An imported one only while the lake holds no
    credits of it from any source, since imported tables hold more films than any site should be asked for.
    """
    fresh = settled_keys(settings, "imdb", "soundtrack", as_of, fresh_for)
    due = [film for film in known_films(settings) if film.imdb_id not in fresh]
    collected = [film.imdb_id for film in due if film.is_collected]
    imported = [film.imdb_id for film in due if not film.is_collected and not film.credited_by]
    return collected, new_first(settings, "imdb", "soundtrack", as_of, imported)


class _Night:
    """One run's questions to IMDb, and what became of them."""

    def __init__(self, settings: Settings, as_of: date, session: PoliteSession, due: Sequence[str]) -> None:
        self._settings = settings
        self._as_of = as_of
        self._session = session
        self._due = due
        self._asked: set[str] = set()
        self._faults: dict[FetchState, str] = {}
        self._cut: dict[str, str] = {}
        self._report = SourceReport("imdb", "soundtrack", n_due=len(due))

    def ask_all(self, tell: Progress) -> None:
        """Ask for every film while IMDb is open, and land each answer as it comes."""
        tell(0, len(self._due))
        n_workers = self._settings.max_workers if self._settings.is_sandbox else 1
        for chunk in (self._due[:FIRST_FILMS], *in_chunks(self._due[FIRST_FILMS:], FILMS_A_BATCH)):
            key = content_key(f"soundtracks-{self._as_of.isoformat()}", chunk)
            with (
                answers_of(self._fetch, chunk, n_workers) as answers,
                GrowingBatch(self._settings.lake, "imdb", key, self._as_of) as batch,
            ):
                for fetched in filter(None, answers):
                    self._take(batch, *fetched)
                    tell(len(self._asked), len(self._due))

    def _fetch(self, imdb_id: str) -> _Fetched | None:
        """One film's answer; null once IMDb is closed."""
        if self._session.is_closed:
            return None
        url = f"{base_url(self._settings, 'imdb')}/title/{imdb_id}/soundtrack/"
        return imdb_id, *ask(self._session, url, parse_soundtrack)

    def _take(self, batch: GrowingBatch, imdb_id: str, answer: Answer, parsed: Parsed[SoundtrackEntry]) -> None:
        if not answer.was_asked:
            self._report.skip([imdb_id], parsed.state, parsed.reason)
            return
        manifest = answer.manifest_row("soundtrack", imdb_id, parsed.state, parsed.reason)
        batch.add({"soundtrack": with_provenance(parsed.rows, answer), "fetch": [manifest]})
        self._asked.add(imdb_id)
        self._report.count(answer, parsed.state)
        self._report.n_rows += len(parsed.rows)
        self._report.n_answered += parsed.state in FINE
        if parsed.state not in FINE:
            self._report.miss([imdb_id], parsed.state)
            self._faults.setdefault(parsed.state, parsed.reason)
        if parsed.is_cut:
            self._cut[imdb_id] = f"{len(parsed.rows)} of {parsed.n_expected}"

    def report_on(self, n_later: int) -> SourceReport:
        """The report; `n_later` films of imported tables wait for other nights."""
        report = self._report
        left = [imdb_id for imdb_id in self._due if imdb_id not in self._asked | report.missing.keys()]
        report.skip(left, self._session.closed or FetchState.BROKEN)
        report.notes += _notes_on_faults(report.states, self._faults)
        report.notes += unasked_notes(report, "IMDb", "film", self._session)
        report.notes += _notes_on_lists(self._cut, n_later)
        return report.close(self._session.closed)


def in_number(words: str, n: int) -> str:
    """What became of `n` requests, in the number that fits.

    >>> in_number("were a refusal", 1), in_number("were a refusal", 2)
    ('was a refusal', 'were a refusal')
    """
    return words.replace("were ", "was ", 1) if n == 1 else words


def _notes_on_faults(states: Mapping[str, int], faults: Mapping[FetchState, str]) -> list[str]:
    n_asked = sum(states.values())
    return [
        f"{n} of {n_asked} answers of IMDb {in_number(words, n)} ({faults[state]}), which tells nothing of these "
        f"films' soundtracks: run `ostinato refresh` again later, which asks for them anew.{_WAY_OUT.get(state, '')}"
        for state, words in FAULTS.items()
        if (n := states.get(state, 0))
    ]


def _notes_on_lists(cut: Mapping[str, str], n_later: int) -> list[str]:
    notes = []
    if cut:
        named = first_of([f"{imdb_id} ({found})" for imdb_id, found in cut.items()])
        notes.append(
            f"IMDb shows the first 50 entries of a list and loads the rest by script, so these are cut: {named}."
        )
    if n_later > 0:
        notes.append(
            f"Films of imported tables without soundtrack credits that are left for later nights: {n_later:,}; "
            f"{IMPORTED_FILMS_A_NIGHT} a night are asked for, the best known first."
        )
    return notes
