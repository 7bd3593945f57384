"""TMDB's films, each night: the list of popular ones, then those of them that are not fresh.

With `OSTINATO_TMDB_API_KEY` all of it comes by the API, and the site is left alone; without one, the site is read as
a visitor would. The rows are the same, but for the IMDb id, which only the API has. An outage of the API is waited
out, not read around: who has a key has chosen the API's terms over those of the site, what was collected stays, and
the next night asks for what is due. In the sandbox, which takes any key, the site is read and the API asked for the
IMDb ids alone, unless a key is set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date, timedelta

from tasks.collecting.asking import come_back_note, open_session, unasked_notes
from tasks.collecting.batches import content_key, in_chunks, read_since
from tasks.collecting.films.api import TmdbApi
from tasks.collecting.films.batch import FilmBatch
from tasks.collecting.films.listing import collect_list
from tasks.collecting.films.site import TmdbSite
from tasks.collecting.films.ways import ByApi, BySite, FilmFound
from tasks.collecting.freshness import SETTLED
from tasks.collecting.growing import answers_of
from tasks.collecting.report import Progress, SourceReport, first_of
from tasks.fetching.answer import FetchState
from tasks.settings import Settings

FILMS_A_BATCH = 100


def collect_films(
    settings: Settings, as_of: date, max_films: int, progress: Progress | None = None
) -> list[SourceReport]:
    """Bring the list of popular films and those of them that are not fresh into the lake.

    Returns the reports of the list and of the films.

    Raises
    ------
    OstinatoError
        When TMDB refuses the key.
    """
    with ExitStack() as stack:
        way = _way(settings, stack)
        listing, listed = collect_list(settings, way.source, as_of, max_films)
        films = FilmNight(settings, way, as_of).collect(listed, progress or (lambda done, total: None))
    if not listed and listing.state is not FetchState.OK:
        films.state = listing.state
    return [listing, films]


def _way(settings: Settings, stack: ExitStack) -> ByApi | BySite:
    """How films are asked for: by the API where a key is set, else by the site."""
    key = settings.tmdb_api_key.get_secret_value() if settings.tmdb_api_key else None
    made_up_key = "sandbox" if settings.is_sandbox else None
    api = None
    if key or made_up_key:
        api = TmdbApi(settings, stack.enter_context(open_session(settings, "tmdb")), key or made_up_key or "")
    if key and api:
        return ByApi(api)
    return BySite(TmdbSite(settings, stack.enter_context(open_session(settings, "tmdb"))), api)


def fresh_films(settings: Settings, as_of: date, fresh_for: timedelta, with_imdb_ids: bool) -> set[str]:
    """TMDB ids of the films that need not be asked for, by the manifest.

    Where IMDb ids can be had, a film is fresh only if the API was asked for its id too, in a request of its own or
    in that for the film: both addresses say `external_ids`. A film that is gone has none.
    """
    since = as_of - fresh_for + timedelta(days=1)
    manifest = read_since(settings.lake, "tmdb", "fetch", ["entity", "key", "url", "state"], since).to_pylist()
    settled = [line for line in manifest if line["state"] in SETTLED and line["entity"] in ("film", "external_ids")]
    films = {line["key"] for line in settled if line["entity"] == "film"}
    if not with_imdb_ids:
        return films
    gone = {line["key"] for line in settled if line["state"] == FetchState.MISSING}
    return films & (gone | {line["key"] for line in settled if "external_ids" in line["url"]})


class FilmNight:
    """One run's questions for films, and what became of them."""

    def __init__(self, settings: Settings, way: ByApi | BySite, as_of: date) -> None:
        self._settings = settings
        self._way = way
        self._as_of = as_of
        self._report = SourceReport("tmdb", "film")
        self._faults: dict[int, dict[str, FetchState]] = {}
        self._came: set[int] = set()
        self._gone: list[str] = []

    def collect(self, listed: Sequence[int], progress: Progress) -> SourceReport:
        """Ask for each film that is due, and land the answers in batches that are named by what they ask for."""
        fresh = fresh_films(self._settings, self._as_of, self._way.session.policy.fresh_for, self._way.has_imdb_ids)
        due = [tmdb_id for tmdb_id in listed if str(tmdb_id) not in fresh]
        n_fresh = len(listed) - len(due)
        progress(n_fresh, len(listed))
        for chunk in in_chunks(due, FILMS_A_BATCH):
            key = content_key(f"films-{self._as_of.isoformat()}", map(str, chunk))
            with FilmBatch(self._settings.lake, "film", key, self._as_of) as batch:
                self._ask_all(batch, chunk, lambda: progress(n_fresh + len(self._faults), len(listed)))
                self._ask_all(batch, [tmdb_id for tmdb_id in chunk if self._may_come(tmdb_id)], lambda: None)
        left = [str(tmdb_id) for tmdb_id in due if tmdb_id not in self._faults]
        closed = self._way.session.closed
        for name, state in (fault for faults in self._faults.values() for fault in faults.items()):
            self._report.miss([name], state)
        self._report.skip([name for name in left if name not in self._report.missing], closed or FetchState.BROKEN)
        self._report.n_due = len(due)
        self._report.n_answered = sum(not faults for faults in self._faults.values())
        self._report.n_rows = len(self._came)
        self._tell()
        return self._report.close(closed)

    def _may_come(self, tmdb_id: int) -> bool:
        """Whether asking once more, when its batch is through, may bring what failed; who is closed is not pressed."""
        api = self._way.api if isinstance(self._way, BySite) else None
        return any(
            state in (FetchState.BROKEN, FetchState.BLOCKED)
            and not ("external_ids" in name and api and api.session.is_closed)
            for name, state in self._faults.get(tmdb_id, {}).items()
        )

    def _ask_all(self, batch: FilmBatch, tmdb_ids: Sequence[int], tell: Callable[[], None]) -> None:
        """Ask while TMDB is open; each answer lands as it comes."""
        with answers_of(self._ask, tmdb_ids, self._n_workers) as answers:
            for found in answers:
                if found is not None:
                    self._take(batch, found)
                    tell()

    def _ask(self, tmdb_id: int) -> FilmFound | None:
        return None if self._way.session.is_closed else self._way.film(tmdb_id)

    @property
    def _n_workers(self) -> int:
        """Threads that ask: the pace of the live site makes more than two useless, not that of the API."""
        if self._settings.is_sandbox or isinstance(self._way, ByApi):
            return self._settings.max_workers
        return min(2, self._settings.max_workers)

    def _take(self, batch: FilmBatch, found: FilmFound) -> None:
        asked, state = found.answers[0]
        if not asked.was_asked:
            if found.tmdb_id not in self._faults:  # in the second round it was asked for before
                self._report.skip([str(found.tmdb_id)], state, asked.reason)
            return
        batch.add(found.rows, found.manifest)
        self._gone += [str(found.tmdb_id)] * found.is_gone
        if found.rows or found.tmdb_id not in self._came:  # what came in the first round stays come
            self._faults[found.tmdb_id] = found.faults
        self._came |= {row["tmdb_id"] for row in found.rows}
        for answer, state in found.answers:
            self._report.count(answer, state)

    def _tell(self) -> None:
        """Say in sentences what an operator should know."""
        notes = self._report.notes
        if self._came and not self._way.has_imdb_ids:
            notes.append(
                "Films came without IMDb ids, so their soundtracks cannot be asked for; set OSTINATO_TMDB_API_KEY."
            )
        if self._gone:
            notes.append(f"TMDB has no page any more of films that it listed: {first_of(self._gone)}.")
        lost: dict[FetchState, list[str]] = {}
        for faults in self._faults.values():
            for name, state in faults.items():
                lost.setdefault(state, []).append(name)
        if lost:
            told = "; ".join(f"{state}: {first_of(names)}" for state, names in sorted(lost.items()))
            notes.append(f"TMDB left {sum(map(len, lost.values()))} answers out ({told}); they are asked for again.")
        api = self._way.api if isinstance(self._way, BySite) else None
        if api and api.session.closed:
            notes.append(
                f"TMDB's API was closed for this run ({api.session.closed}), so that films came without their IMDb "
                f"ids; the next run asks for them{come_back_note(api.session)}."
            )
        notes += unasked_notes(self._report, "TMDB", "film", self._way.session)
