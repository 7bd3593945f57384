"""Spotify tracks for what soundtrack credits and charts ask for, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from tasks.collecting.batches import ask_while_open, content_key, in_chunks, land, read_since, with_provenance
from tasks.collecting.questions import Question, all_questions
from tasks.collecting.report import Progress, SourceReport
from tasks.collecting.spotify_client import SpotifySearch, credentials
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.settings import Settings
from tasks.sources.parsed import Parsed
from tasks.sources.spotify import TrackRow

QUESTIONS_A_BATCH = 200
MAX_QUESTIONS = 9_000  # a run; each takes up to two searches, and some 20,000 bring a stop of a day
_SETTLED = (FetchState.OK, FetchState.EMPTY)


@dataclass(frozen=True, slots=True)
class Found:
    """What one question brought: every request made for it, and the hits that resemble it."""

    question: Question
    requests: list[tuple[str, Answer, Parsed[TrackRow]]]
    rows: list[dict[str, Any]]
    state: FetchState

    def search_row(self) -> dict[str, Any]:
        """The row that remembers the question, so that it is not asked again."""
        title, artist = self.question.key
        _, answer, _ = self.requests[-1]
        return {
            "asked_title": title,
            "asked_artist": artist,
            "track_ids": list(dict.fromkeys(row["track_id"] for row in self.rows)),
            "state": self.state.value,
            "fetched_at": answer.fetched_at,
            "page_sha256": answer.sha256,
        }


def collect_tracks(settings: Settings, as_of: date, progress: Progress | None = None) -> SourceReport:
    """Search for every song that credits and charts name and that was not searched for of late.

    Each question is put by fields, then in plain words where that finds nothing. A long stop by Spotify ends the
    run cleanly: what is answered is kept, the rest is asked on the next run.

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
    with PoliteSession(settings, "spotify") as polite:
        due = open_questions(settings, as_of, polite)
        n_answered = _ask_all(settings, as_of, polite, due[:MAX_QUESTIONS], report, progress or (lambda *_: None))
    if n_answered < len(due):
        report.notes.append(f"{len(due) - n_answered} of {len(due)} songs are left for the next run{_why(report)}.")
    return report.close(polite.closed)


def open_questions(settings: Settings, as_of: date, polite: PoliteSession) -> list[Question]:
    """The questions of charts and credits without a fresh answer in the lake."""
    since = as_of - polite.policy.fresh_for
    asked = read_since(settings.lake, "spotify", "search", ["asked_title", "asked_artist"], since)
    known = set(zip(*asked.to_pydict().values(), strict=True))
    return [question for question in all_questions(settings) if question.key not in known]


def _ask_all(
    settings: Settings,
    as_of: date,
    polite: PoliteSession,
    questions: Sequence[Question],
    report: SourceReport,
    tell: Progress,
) -> int:
    """Ask in batches, each landed before the next; returns how many questions were settled."""
    since = as_of - polite.policy.fresh_for
    known_ids = set(read_since(settings.lake, "spotify", "track", ["track_id"], since)["track_id"].to_pylist())
    client = SpotifySearch(settings, polite)
    n_answered = n_done = 0
    with ThreadPoolExecutor(settings.max_workers, thread_name_prefix="spotify") as pool:
        for batch in in_chunks(questions, QUESTIONS_A_BATCH):
            found = ask_while_open(pool, polite, lambda question: _ask(client, question), batch)
            n_answered += _land(settings, as_of, found, known_ids, report)
            n_done += len(batch)
            tell(n_done, len(questions))
            if polite.is_closed:
                break
    return n_answered


def _ask(client: SpotifySearch, question: Question) -> Found:
    """One question: by fields, then in plain words; the hits kept are those that resemble it."""
    requests: list[tuple[str, Answer, Parsed[TrackRow]]] = []
    for query in (question.strict_query, question.plain_query):
        answer, parsed = client.search(query)
        requests.append((query, answer, parsed))
        hits = [row for row in parsed.rows if question.resembles(row["title"])]
        if hits or parsed.state not in _SETTLED:
            state = FetchState.OK if hits else parsed.state
            return Found(question, requests, with_provenance(hits, answer), state)
    return Found(question, requests, [], FetchState.EMPTY)


def _land(settings: Settings, as_of: date, found: Sequence[Found], known_ids: set[str], report: SourceReport) -> int:
    """Write one batch: new tracks, then the memory of the questions; returns how many of them were settled."""
    settled = [one for one in found if one.state in _SETTLED]
    new_rows: list[dict[str, Any]] = []
    for row in (row for one in settled for row in one.rows):
        if row["track_id"] not in known_ids:
            known_ids.add(row["track_id"])
            new_rows.append(row)
    fetched = []
    for query, answer, parsed in (request for one in found for request in one.requests):
        fetched.append(answer.manifest_row("search", query, parsed.state, parsed.reason))
        report.count(answer, parsed.state)
    tables = {"fetch": fetched, "track": new_rows, "search": [one.search_row() for one in settled]}
    land(settings.lake, "spotify", tables, content_key("songs", ["\t".join(one.question.key) for one in found]), as_of)
    report.n_rows += len(new_rows)
    return len(settled)


def _why(report: SourceReport) -> str:
    """What kept questions from being asked, in words."""
    reasons = {
        FetchState.LIMITED: "Spotify asked for a long wait",
        FetchState.BLOCKED: "Spotify refuses the app or this machine's address",
        FetchState.UNREACHABLE: "Spotify cannot be reached",
        FetchState.BROKEN: "Spotify's answers were broken",
    }
    return next((f": {words}" for state, words in reasons.items() if report.states.get(state.value)), "")
