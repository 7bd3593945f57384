"""MusicBrainz' recordings of films whose soundtrack list IMDb does not give: from the IMDb id to albums to ISRCs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from tasks import lake
from tasks.collecting.asking import ask, come_back_note, open_session, unasked_notes
from tasks.collecting.batches import content_key, in_chunks, read_since, with_provenance
from tasks.collecting.freshness import settled_keys
from tasks.collecting.growing import GrowingBatch, answers_of
from tasks.collecting.report import FINE, Progress, SourceReport
from tasks.collecting.soundtracks.films import known_films, new_first, nothing_to_ask
from tasks.collecting.soundtracks.imdb import in_number
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url, load_policies
from tasks.settings import Settings
from tasks.sources.musicbrainz import RecordingRow, ReleaseGroupRow, parse_releases, parse_url
from tasks.sources.parsed import Parsed

FILMS_A_NIGHT = 1_000  # in the live profile: ten look-ups, and a second for each album they lead to
ADDRESSES_A_REQUEST = 100  # the most that a look-up by address takes
RELEASES_A_REQUEST = 100  # the most of a page; MusicBrainz ends it earlier, at 500 tracks, but never within a release
ALBUMS_A_BATCH = 100
TOO_MUCH = frozenset({400, 404, 405, 413, 414, 431})  # how a server may turn down a look-up of many addresses

FAULTS = {
    FetchState.BLOCKED: "were a refusal",
    FetchState.LIMITED: "asked for a long wait",
    FetchState.BROKEN: "were a server fault or a broken answer",
    FetchState.UNREACHABLE: "did not come, as MusicBrainz cannot be reached",
}
"""What became of requests, in words."""


def collect_recordings(settings: Settings, as_of: date, progress: Progress | None = None) -> SourceReport:
    """Bring the recordings of films without a soundtrack list into the lake: one release of each of their albums.

    Asked for are films that IMDb gave no answer for (it blocks, limits or breaks, or was not asked) and that no
    imported table credits. A film whose list IMDb gave is not: MusicBrainz fills gaps, it doubles nothing. Films that
    MusicBrainz does not know are settled until that answer has grown old, just as those with recordings are.
    """
    films = films_without_list(settings, as_of)
    if not films:
        is_known = bool(known_films(settings))
        report = SourceReport("musicbrainz", "recording").close()
        return report if is_known else nothing_to_ask("musicbrainz", "recording", "MusicBrainz")
    with open_session(settings, "musicbrainz") as session:
        night = _Night(settings, as_of, session, films, progress or (lambda done, total: None))
        night.ask_all()
        return night.report_on()


def films_without_list(settings: Settings, as_of: date) -> list[str]:
    """IMDb ids of the films that neither IMDb nor an imported table credits: collected ones first, then best known."""
    fresh_for = load_policies(settings)["imdb"].fresh_for
    settled = settled_keys(settings, "imdb", "soundtrack", as_of, fresh_for)
    return [
        film.imdb_id
        for film in known_films(settings)
        if film.imdb_id not in settled and not film.credited_by & {"imdb", "dataset"}
    ]


def of_film(parsed: Parsed[ReleaseGroupRow], imdb_id: str) -> Parsed[ReleaseGroupRow]:
    """What an answer on many films says of one of them; such an answer leaves out what MusicBrainz does not know."""
    rows = [row for row in parsed.rows if row["imdb_id"] == imdb_id]
    if parsed.state is FetchState.OK and not rows:
        return Parsed([], FetchState.EMPTY, "no release group is related to the address")
    return Parsed(rows, parsed.state, parsed.reason)


def reread_albums(body: bytes, imdb_id: str, url: str) -> Parsed[ReleaseGroupRow]:
    """An archived answer read anew, for the film that its line of the manifest is about."""
    return of_film(parse_url(body, url), imdb_id)


class _Night:
    """One run's questions to MusicBrainz, and what became of them."""

    def __init__(
        self, settings: Settings, as_of: date, session: PoliteSession, films: Sequence[str], tell: Progress
    ) -> None:
        self._settings = settings
        self._as_of = as_of
        self._session = session
        self._films = films
        self._tell = tell
        self._base = base_url(settings, "musicbrainz")
        self._takes_many = True
        self._n_done = 0
        self._faults: dict[FetchState, str] = {}
        self._report = SourceReport("musicbrainz", "recording")

    def ask_all(self) -> None:
        """Ask for the albums that an earlier run found and did not reach, then for films and their albums in turn."""
        known = self._settled("url")
        due = new_first(self._settings, "musicbrainz", "url", self._as_of, [f for f in self._films if f not in known])
        due = due if self._settings.is_sandbox else due[:FILMS_A_NIGHT]
        self._step(n_more=len(due))
        self._ask_for_albums(self._albums_of(self._films))
        for chunk in in_chunks(due, ADDRESSES_A_REQUEST):
            self._look_up(chunk)
            self._ask_for_albums(self._albums_of(chunk))

    def _step(self, n_done: int = 0, n_more: int = 0) -> None:
        self._n_done += n_done
        self._report.n_due += n_more
        self._tell(self._n_done, self._report.n_due)

    def _settled(self, entity: str) -> set[str]:
        return settled_keys(self._settings, "musicbrainz", entity, self._as_of, self._session.policy.fresh_for)

    # --- from films to albums ---

    def _look_up(self, imdb_ids: Sequence[str]) -> None:
        """Land which release groups MusicBrainz relates to these films, with one line of the manifest for each film."""
        batch_key = content_key(f"urls-{self._as_of.isoformat()}", imdb_ids)
        asked: set[str] = set()
        with GrowingBatch(self._settings.lake, "musicbrainz", batch_key, self._as_of) as batch:
            for some, answer, parsed in self._addresses(imdb_ids):
                asked.update(some)
                films = {imdb_id: of_film(parsed, imdb_id) for imdb_id in some}
                rows = [row for found in films.values() for row in with_provenance(found.rows, answer)]
                manifest = [answer.manifest_row("url", key, one.state, one.reason) for key, one in films.items()]
                batch.add({"url": rows, "fetch": manifest})
                self._note(answer, parsed, some)
                self._step(n_done=len(some))
        self._report.skip(set(imdb_ids) - asked, self._session.closed or FetchState.BROKEN)

    def _addresses(self, imdb_ids: Sequence[str]) -> Iterator[tuple[Sequence[str], Answer, Parsed[ReleaseGroupRow]]]:
        """The answers for these films: one for all of them, or one each where the server takes no more at a time."""
        if self._takes_many and len(imdb_ids) > 1 and not self._session.is_closed:
            answer, parsed = self._ask_for_addresses(imdb_ids)
            if parsed.state not in FINE and not self._session.is_closed and answer.status not in TOO_MUCH:
                answer, parsed = self._ask_for_addresses(imdb_ids)  # one fault must not cost a hundred films the night
            self._takes_many = answer.status not in TOO_MUCH
            if self._takes_many:
                yield imdb_ids, answer, parsed
                return
        for imdb_id in imdb_ids:
            if not self._session.is_closed:
                yield [imdb_id], *self._ask_for_addresses([imdb_id])

    def _ask_for_addresses(self, imdb_ids: Sequence[str]) -> tuple[Answer, Parsed[ReleaseGroupRow]]:
        addresses = [("resource", f"https://www.imdb.com/title/{imdb_id}/") for imdb_id in imdb_ids]
        query = urlencode([*addresses, ("inc", "release-group-rels"), ("fmt", "json")])
        return ask(self._session, f"{self._base}/url?{query}", parse_url)

    # --- from albums to recordings ---

    def _albums_of(self, imdb_ids: Sequence[str]) -> list[str]:
        """The release groups of these films that are still to be asked for in this run."""
        films = set(imdb_ids)
        albums = {group_id for film, group_id in self._open_albums() if film in films}
        return sorted(albums - self._report.missing.keys())

    def _open_albums(self) -> set[tuple[str, str]]:
        """Films and their release groups by the answers in force, less those whose recordings are known as freshly."""
        since = self._as_of - self._session.policy.fresh_for + timedelta(days=1)
        known = self._settled("release")
        return {pair for pair in self._pairs(since) if pair[1] not in known}

    def _pairs(self, since: date) -> list[tuple[str, str]]:
        table = read_since(self._settings.lake, "musicbrainz", "url", ["imdb_id", "release_group_id"], since)
        return list(zip(table["imdb_id"].to_pylist(), table["release_group_id"].to_pylist(), strict=True))

    def _ask_for_albums(self, group_ids: Sequence[str]) -> None:
        self._step(n_more=len(group_ids))
        n_workers = self._settings.max_workers if self._settings.is_sandbox else 1
        for chunk in in_chunks(group_ids, ALBUMS_A_BATCH):
            key = content_key(f"releases-{self._as_of.isoformat()}", chunk)
            with (
                answers_of(self._fetch, chunk, n_workers) as answers,
                GrowingBatch(self._settings.lake, "musicbrainz", key, self._as_of) as batch,
            ):
                for group_id, fetched in zip(chunk, answers, strict=True):
                    self._take(batch, group_id, fetched)
                    self._step(n_done=1)

    def _fetch(self, group_id: str) -> tuple[Answer, Parsed[RecordingRow]] | None:
        """One album's releases; null once MusicBrainz is closed."""
        if self._session.is_closed:
            return None
        query = f"release-group={group_id}&inc=recordings+isrcs+artist-credits&limit={RELEASES_A_REQUEST}&fmt=json"
        return ask(self._session, f"{self._base}/release?{query}", parse_releases)

    def _take(self, batch: GrowingBatch, group_id: str, fetched: tuple[Answer, Parsed[RecordingRow]] | None) -> None:
        if fetched is None:
            self._report.skip([group_id], self._session.closed or FetchState.BROKEN)
            return
        answer, parsed = fetched
        manifest = answer.manifest_row("release", group_id, parsed.state, parsed.reason)
        batch.add({"recording": with_provenance(parsed.rows, answer), "fetch": [manifest]})
        self._note(answer, parsed, [group_id])
        self._report.n_rows += len(parsed.rows)

    # --- what to say of it ---

    def _note(self, answer: Answer, parsed: Parsed[Any], keys: Sequence[str]) -> None:
        self._report.count(answer, parsed.state)
        if not answer.was_asked:
            self._report.skip(keys, parsed.state, parsed.reason)
        elif parsed.state in FINE:
            self._report.n_answered += len(keys)
        else:
            self._report.miss(keys, parsed.state)
            self._faults.setdefault(parsed.state, parsed.reason)

    def report_on(self) -> SourceReport:
        """The report, with a sentence on each thing that an operator should know."""
        report = self._report
        report.notes.append(self._outcome())
        n_asked = sum(report.states.values())
        report.notes += [
            f"{n} of {n_asked} answers of MusicBrainz {in_number(words, n)} ({self._faults[state]}); the next "
            "`ostinato refresh` asks again."
            for state, words in FAULTS.items()
            if (n := report.states.get(state, 0))
        ]
        report.notes += unasked_notes(report, "MusicBrainz", "look-up", self._session)
        if self._session.closed and not report.unasked:
            report.notes.append(f"MusicBrainz was closed for this run{come_back_note(self._session)}.")
        if n_asked and not (self._settings.is_sandbox or self._settings.contact or self._settings.user_agent):
            report.notes.append(
                "MusicBrainz asks programs to say how their operator can be reached, and may block those that do not: "
                "set OSTINATO_CONTACT to an e-mail address or a URL."
            )
        return report.close(self._session.closed)

    def _outcome(self) -> str:
        """What became of the films without a list, in one sentence."""
        recorded = lake.read(self._settings.lake, "musicbrainz", "recording", ["release_group_id"])
        has_recordings = set(recorded["release_group_id"].unique().to_pylist())
        films = set(self._films)
        heard = {film for film, group_id in self._pairs(date.min) if group_id in has_recordings} & films
        answered = (self._settled("url") - {film for film, _ in self._open_albums()}) & films
        n_neither, n_left = len(answered - heard), len(films - answered - heard)
        left = f"; {n_left:,} are still to be asked for" if n_left else ""
        return (
            f"Of {len(films):,} film{'s' * (len(films) != 1)} without a soundtrack list from IMDb or an imported "
            f"table, MusicBrainz has recordings for {len(heard):,} and none for {n_neither:,}{left}."
        )
