"""Spotify tracks for what charts, soundtracks and listings ask for, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tasks.collecting.asking import come_back_note, open_session
from tasks.collecting.batches import ask_while_open, content_key, in_chunks, land, read_since, with_provenance
from tasks.collecting.report import Progress, SourceReport
from tasks.collecting.tracks.hits import best_hits
from tasks.collecting.tracks.listings import listed_questions
from tasks.collecting.tracks.questions import BY_CODE, Question, all_questions
from tasks.collecting.tracks.spotify_client import AppMode, SpotifyApi, credentials
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.settings import Settings
from tasks.sources.parsed import Parsed
from tasks.sources.spotify import TrackRow, parse_search

QUESTIONS_A_BATCH = 100
ANSWERED = (FetchState.OK, FetchState.EMPTY)  # a 404 says nothing about songs: the address is Spotify's own
MAX_SEARCHES = 18_000  # a run; some 20,000 bring a stop of a day
MAX_NAMED = 9_000  # songs that a report names as missing, so that it fits into memory and onto a screen

_MODES = {
    AppMode.EXTENDED: "Spotify's app is in extended mode: it may ask for 50 hits and see recording codes.",
    AppMode.DEVELOPMENT: "Spotify's app is in development mode: ten hits a search, no popularity, no batch reads.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What one question brought: every request made for it, and the hits that are the song."""

    question: Question
    requests: list[tuple[Answer, Parsed[TrackRow]]]

    @property
    def last(self) -> Parsed[TrackRow]:
        """What the last request brought; those before it found nothing."""
        return self.requests[-1][1]

    @property
    def is_settled(self) -> bool:
        """Whether the question is answered, be it that Spotify has no such song."""
        return self.last.state in ANSWERED

    def search_row(self) -> dict[str, Any]:
        """The row that remembers the question, so that it is not asked again."""
        title, artist = self.question.key
        answer, parsed = self.requests[-1]
        return {
            "asked_title": title,
            "asked_artist": artist,
            "track_ids": [row["track_id"] for row in parsed.rows],
            "state": parsed.state.value,
            "fetched_at": answer.fetched_at,
            "page_sha256": answer.sha256,
        }


class Outcome(NamedTuple):
    """What became of one question; without the answers, which would fill the memory."""

    question: Question
    state: FetchState
    reason: str


def collect_tracks(settings: Settings, as_of: date, progress: Progress | None = None) -> SourceReport:
    """Search for every song that charts, credits, recordings and listings name and that was not searched for of late.

    Each question is put by recording code where one is known, then by fields, then in plain words, until something is
    found. A long stop by Spotify ends the run cleanly: what is answered is kept, the rest is asked on the next run.

    Raises
    ------
    AppRefusedError
        When the app's credentials are not accepted.
    """
    report = SourceReport("spotify", "track")
    if credentials(settings) is None:
        report.notes.append(
            "Spotify was not asked: set OSTINATO_SPOTIFY_CLIENT_ID and OSTINATO_SPOTIFY_CLIENT_SECRET of your app."
        )
        return report.close(FetchState.REFUSED)
    with open_session(settings, "spotify") as polite:
        due = open_questions(settings, as_of, polite)
        api = SpotifyApi(settings, polite)
        outcomes = _ask_all(settings, as_of, polite, api, due, report, progress or (lambda *_: None))
        _tell_people(report, polite, api.mode, due, outcomes)
    return report.close(polite.closed)


def open_questions(settings: Settings, as_of: date, polite: PoliteSession) -> list[Question]:
    """The questions without a fresh answer in the lake; those of imported listings come last."""
    since = as_of - polite.policy.fresh_for
    asked = read_since(settings.lake, "spotify", "search", ["asked_title", "asked_artist"], since)
    known = set(zip(*asked.to_pydict().values(), strict=True))
    questions = all_questions(settings)
    due = [question for question in questions if question.key not in known]
    if settings.is_sandbox:  # whose Spotify knows nothing of real listings
        return due
    return due + listed_questions(settings, known | {question.names for question in questions})


def reread_search(body: bytes, key: str, url: str) -> Parsed[TrackRow]:
    """The rows that the collector keeps of a search's answer; `key` and `url` are those of its manifest row."""
    question = Question.from_text(key)
    if question is None:
        return Parsed([], FetchState.BROKEN, "the manifest does not say which song was asked for")
    parsed = parse_search(body, url)
    if parsed.state is not FetchState.OK:
        return parsed
    query = "".join(parse_qs(urlsplit(url).query).get("q", ()))
    isrc = query.removeprefix(BY_CODE) if query.startswith(BY_CODE) else None
    kept = best_hits(question, parsed.rows, isrc=isrc)
    if not kept:
        return Parsed([], FetchState.EMPTY, f"none of {len(parsed.rows)} hits is the song")
    return Parsed(kept, FetchState.OK)


def _ask_all(
    settings: Settings,
    as_of: date,
    polite: PoliteSession,
    api: SpotifyApi,
    due: Sequence[Question],
    report: SourceReport,
    tell: Progress,
) -> list[Outcome]:
    """Ask in batches, each landed before the next; returns what became of the questions that were put."""
    since = as_of - polite.policy.fresh_for
    landed = read_since(settings.lake, "spotify", "track", ["track_id", "isrc"], since)
    known: dict[str, str | None] = {}
    for row in landed.to_pylist():
        known[row["track_id"]] = known.get(row["track_id"]) or row["isrc"]
    outcomes: list[Outcome] = []
    n_searches = 0
    with ThreadPoolExecutor(settings.max_workers, thread_name_prefix="spotify") as pool:
        for batch in in_chunks(due, QUESTIONS_A_BATCH):
            found = ask_while_open(pool, polite, lambda question: _ask(api, question), batch)
            _land(settings, as_of, found, known, report)
            outcomes += [Outcome(one.question, one.last.state, one.last.reason) for one in found]
            n_searches += sum(len(one.requests) for one in found)
            tell(len(outcomes), len(due))
            if polite.is_closed or n_searches >= MAX_SEARCHES:
                break
    return outcomes


def _ask(api: SpotifyApi, question: Question) -> Found:
    """One question, until a query finds the song or an answer fails."""
    key, *_, plain = question.to_text(), *question.queries
    requests: list[tuple[Answer, Parsed[TrackRow]]] = []
    for query in question.queries:
        found = api.search(query, lambda body, url: reread_search(body, key, url), is_broad=query == plain)
        requests.append(found)
        if found[1].rows or found[1].state not in ANSWERED:
            break
    return Found(question, requests)


def _land(
    settings: Settings, as_of: date, found: Sequence[Found], known: dict[str, str | None], report: SourceReport
) -> None:
    """Write one batch: new tracks, then the memory of the questions.

    The night is part of its name: what an earlier night was told stays beside it, since Spotify may not show a code
    again, be it that the app is in another mode.
    """
    rows: list[dict[str, Any]] = []
    fetched: list[dict[str, Any]] = []
    for one in found:
        key = one.question.to_text()
        for answer, parsed in one.requests:
            fetched.append(answer.manifest_row("search", key, parsed.state, parsed.reason))
            report.count(answer, parsed.state)
            rows += with_provenance(parsed.rows, answer)
    new_rows = _new(one_of_each(rows), known)
    tables = {"fetch": fetched, "track": new_rows, "search": [one.search_row() for one in found if one.is_settled]}
    batch_key = content_key("songs", [str(as_of), *("\t".join(one.question.key) for one in found)])
    land(settings.lake, "spotify", tables, batch_key, as_of)
    report.n_rows += len(new_rows)


def one_of_each(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each track once, as the first search that found it shows it, or the first that shows its recording code."""
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = first.setdefault(row["track_id"], row)
        if row["isrc"] and not known["isrc"]:
            first[row["track_id"]] = row
    return list(first.values())


def _new(rows: Iterable[dict[str, Any]], known: dict[str, str | None]) -> list[dict[str, Any]]:
    """The rows of tracks that no batch has yet, or none with the track's code; they are known from then on."""
    new = [row for row in rows if row["track_id"] not in known or (row["isrc"] and not known[row["track_id"]])]
    known.update((row["track_id"], row["isrc"]) for row in new)
    return new


def _tell_people(
    report: SourceReport, polite: PoliteSession, mode: AppMode | None, due: Sequence[Question], put: Sequence[Outcome]
) -> None:
    """Name what did not come and why, and what kind of app asked."""
    if mode is not None:
        report.notes.append(_MODES[mode])
    asked = {outcome.question for outcome in put}
    closed = polite.closed or FetchState.LIMITED  # the run's own limit stands for Spotify's
    failed = [outcome for outcome in put if outcome.state not in ANSWERED]
    unasked = [Outcome(question, closed, "") for question in due if question not in asked]
    missing = failed + unasked
    for outcome in missing[:MAX_NAMED]:
        report.miss([outcome.question.label], outcome.state)
    report.n_due, report.n_answered = len(due), len(due) - len(missing)
    if missing:
        report.notes.append(f"{len(missing)} of {len(due)} songs are left for the next run: {_why(polite, failed)}.")


def _why(polite: PoliteSession, failed: Sequence[Outcome]) -> str:
    """What kept questions from being answered, and the way out, in words."""
    commonest = Counter(outcome.state for outcome in failed).most_common(1)
    state = polite.closed or (commonest[0][0] if commonest else None)
    reason = next((outcome.reason for outcome in failed if outcome.state is state), "")
    if state is None:
        return f"a run makes at most {MAX_SEARCHES:,} searches"
    if state is FetchState.BLOCKED and "premium" in reason.lower():
        return "Spotify refuses the app until the account that owns it has Spotify Premium"
    words = {
        FetchState.LIMITED: f"Spotify asked for a long wait{come_back_note(polite)}",
        FetchState.BLOCKED: f"Spotify refuses the app or this machine's address ({reason})",
        FetchState.UNREACHABLE: "Spotify cannot be reached",
        FetchState.BROKEN: "Spotify's answers were broken",
    }
    return words.get(state, f"Spotify's answers were of the state {state} ({reason})")
