"""Audio features of the tracks that have none, from the first provider of the chain that knows them.

The chain is `dataset` (imported tables), `reccobeats`, `spotify`, `audio` (the operator's own files): a track that one
of them has is not asked of the next, and every row names its provider. ReccoBeats needs no key; Spotify answers only
apps that it approved before 27 November 2024, and its 403 is final, so that it is tried once a week.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, ClassVar, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tasks import lake
from tasks.collecting.asking import ask, come_back_note, open_session
from tasks.collecting.batches import ask_while_open, content_key, in_chunks, land, less, read_since, with_provenance
from tasks.collecting.report import Progress, SourceReport
from tasks.collecting.tracks.questions import read_isrc
from tasks.collecting.tracks.search import ANSWERED, MAX_NAMED
from tasks.collecting.tracks.spotify_client import SpotifyApi, credentials
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import Settings
from tasks.sources.audio_features import AudioFeaturesRow, parse_audio_features
from tasks.sources.parsed import Parsed

CALLS_A_BATCH = 10
UNKNOWN_FOR = timedelta(days=30)  # a track that a provider does not know is asked for again after that
REFUSED_FOR = timedelta(days=7)  # a provider that refused is tried again after that
WITH_FEATURES = (
    ("dataset", "spotify_tracks"),
    ("dataset", "spotify_query_tracks"),
    ("dataset", "film_ost_tracks"),
    ("dataset", "spotify_million_tracks"),
    ("reccobeats", "audio_features"),
    ("spotify", "audio_features"),
)
"""Raw tables whose `track_id` has features already."""

CallFound: TypeAlias = tuple[Sequence[str], Answer, Parsed[AudioFeaturesRow]]
"""The ids of one call, its answer, and what was read from it."""


class _Provider(ABC):
    """One that is asked for features, and no longer once its session is closed or it has refused."""

    source: ClassVar[str]
    title: ClassVar[str]
    ids_a_call: ClassVar[int]

    def __init__(self, settings: Settings, session: PoliteSession) -> None:
        self.session = session
        self.refusal: str | None = None
        self.n_workers = settings.max_workers

    @property
    def is_closed(self) -> bool:
        """True where it is no longer asked in this run."""
        return self.session.is_closed or self.refusal is not None

    @abstractmethod
    def fetch(self, ids: Sequence[str]) -> CallFound:
        """The features of a call's tracks; those it does not know are left out."""


class _ReccoBeats(_Provider):
    """By Spotify id or by recording code, 40 a call."""

    source, title, ids_a_call = "reccobeats", "ReccoBeats", 40

    def __init__(self, settings: Settings, session: PoliteSession) -> None:
        super().__init__(settings, session)
        self._url = f"{base_url(settings, 'reccobeats')}/audio-features"

    def fetch(self, ids: Sequence[str]) -> CallFound:
        """One call."""
        key = ",".join(ids)
        answer, parsed = ask(
            self.session, self._url, lambda body, url: reread_features(body, key, url), params={"ids": key}
        )
        return ids, answer, parsed


class _Spotify(_Provider):
    """By Spotify id, 100 a call, one call after the other, since the first one tells whether the app may ask."""

    source, title, ids_a_call = "spotify", "Spotify", 100

    def __init__(self, settings: Settings, session: PoliteSession) -> None:
        super().__init__(settings, session)
        self._api = SpotifyApi(settings, session)
        self.n_workers = 1

    def fetch(self, ids: Sequence[str]) -> CallFound:
        """One call; a 403 is the refusal of this endpoint, not a block of the site."""
        key = ",".join(ids)
        answer, parsed = self._api.audio_features(ids, lambda body, url: reread_features(body, key, url))
        if answer.status == 403 and parsed.state is FetchState.BLOCKED:
            self.refusal = parsed.reason
            parsed = Parsed([], FetchState.REFUSED, parsed.reason)
        return ids, answer, parsed


def collect_features(settings: Settings, as_of: date, progress: Progress | None = None) -> list[SourceReport]:
    """Bring the features of all tracks in the lake that have none, provider by provider; one report each.

    Raises
    ------
    AppRefusedError
        When Spotify does not accept the app's credentials.
    """
    return [_collect_reccobeats(settings, as_of, progress), _collect_spotify(settings, as_of)]


def reread_features(body: bytes, key: str, url: str) -> Parsed[AudioFeaturesRow]:
    """The rows that the collector keeps of an answer: nothing else than what was asked for (`key`) is believed."""
    parsed = parse_audio_features(body, url)
    asked = set(key.split(","))
    rows = [row for row in parsed.rows if row["track_id"] in asked or (row["isrc"] or "").upper() in asked]
    return Parsed(rows, parsed.state, parsed.reason)


def tracks_without_features(settings: Settings) -> list[str]:
    """Spotify ids of collected and charted tracks that no table has features for."""
    collected = lake.read(settings.lake, "spotify", "track", ["track_id"])["track_id"]
    charted = lake.read(settings.lake, "dataset", "spotify_daily_chart", ["uri"])["uri"].drop_null().unique()
    ids = {*collected.drop_null().to_pylist(), *(uri.rpartition(":")[2] for uri in charted.to_pylist())}
    wanted = sorted(ids)
    for source, entity in WITH_FEATURES:
        wanted = less(wanted, lake.read(settings.lake, source, entity, ["track_id"])["track_id"])
    return wanted


def codes_without_features(settings: Settings) -> list[str]:
    """ISRCs of MusicBrainz' recordings that Spotify has not shown under any of their codes, and no provider either."""
    recordings = lake.read(settings.lake, "musicbrainz", "recording", ["isrcs"])["isrcs"].to_pylist()
    tables = (("spotify", "track"), ("reccobeats", "audio_features"), ("spotify", "audio_features"))
    known = {code for table in tables for code in _codes(lake.read(settings.lake, *table, ["isrc"])["isrc"])}
    of_recording = (_codes(isrcs or ()) for isrcs in recordings)
    return sorted({code for codes in of_recording if codes.isdisjoint(known) for code in codes})


def _codes(texts: Iterable[str | None] | pa.ChunkedArray) -> set[str]:
    values = texts.drop_null().to_pylist() if isinstance(texts, pa.ChunkedArray) else texts
    return {code for text in values if text and (code := read_isrc(text))}


def _collect_reccobeats(settings: Settings, as_of: date, progress: Progress | None) -> SourceReport:
    report = SourceReport(_ReccoBeats.source, "audio_features")
    wanted = [*tracks_without_features(settings), *codes_without_features(settings)]
    with open_session(settings, _ReccoBeats.source) as session:
        return _collect(settings, as_of, _ReccoBeats(settings, session), wanted, report, progress)


def _collect_spotify(settings: Settings, as_of: date) -> SourceReport:
    """Spotify's part, where there is an app, there are tracks left, and no refusal is remembered."""
    report = SourceReport(_Spotify.source, "audio_features")
    wanted = tracks_without_features(settings)
    if not wanted:
        return report.close()
    if credentials(settings) is None or _refused_of_late(settings, as_of):
        return report.close(FetchState.REFUSED)
    with open_session(settings, _Spotify.source) as session:
        return _collect(settings, as_of, _Spotify(settings, session), wanted, report, None)


def _refused_of_late(settings: Settings, as_of: date) -> bool:
    since = as_of - REFUSED_FOR + timedelta(days=1)
    calls = read_since(settings.lake, _Spotify.source, "fetch", ["entity", "state"], since)
    is_refusal = pc.and_(
        pc.equal(calls["entity"], "audio_features"), pc.equal(calls["state"], FetchState.REFUSED.value)
    )
    return bool(pc.any(is_refusal, min_count=0).as_py())


def _collect(
    settings: Settings,
    as_of: date,
    provider: _Provider,
    wanted: Sequence[str],
    report: SourceReport,
    progress: Progress | None,
) -> SourceReport:
    """Ask one provider for all that it was not asked for in vain of late, batch by batch."""
    due = less(wanted, _asked_in_vain(settings, provider.source, as_of))
    answered: set[str] = set()
    n_done = 0
    with ThreadPoolExecutor(provider.n_workers, thread_name_prefix=provider.source) as pool:
        for batch in in_chunks(due, provider.ids_a_call * CALLS_A_BATCH):
            found = ask_while_open(pool, provider, provider.fetch, in_chunks(batch, provider.ids_a_call))
            answered |= _land(settings, as_of, provider, found, report)
            n_done += len(batch)
            if progress is not None:
                progress(n_done, len(due))
            if provider.is_closed:
                break
    report.n_answered = len(answered)
    report.n_due = len(answered) if provider.refusal else len(due)  # whom it refuses for good, it owes nothing
    _tell_people(report, provider, as_of, due, answered)
    return report.close(FetchState.REFUSED if provider.refusal else provider.session.closed)


def _asked_in_vain(settings: Settings, source: str, as_of: date) -> pa.Array:
    """Ids of answered calls; those of them that had features are in their table, the others are unknown."""
    calls = read_since(settings.lake, source, "fetch", ["entity", "key", "state"], as_of - UNKNOWN_FOR)
    is_call = pc.equal(calls["entity"], "audio_features")
    answered = pc.and_(is_call, pc.is_in(calls["state"], value_set=pa.array([state.value for state in ANSWERED])))
    keys = calls["key"].filter(answered).to_pylist()
    return pa.array([track_id for key in keys for track_id in key.split(",")], pa.string())


def _land(
    settings: Settings, as_of: date, provider: _Provider, found: Sequence[CallFound], report: SourceReport
) -> set[str]:
    """Write one batch; returns the ids that were answered for, known or not."""
    rows: list[dict[str, Any]] = []
    fetched: list[dict[str, Any]] = []
    for ids, answer, parsed in found:
        rows += with_provenance(parsed.rows, answer)
        fetched.append(answer.manifest_row("audio_features", ",".join(ids), parsed.state, parsed.reason))
        report.count(answer, parsed.state)
        if parsed.state not in ANSWERED and parsed.state is not FetchState.REFUSED:
            report.miss(ids[: MAX_NAMED - len(report.missing)], parsed.state)
    batch_key = content_key("features", [track_id for ids, _, _ in found for track_id in ids])
    land(settings.lake, provider.source, {"audio_features": rows, "fetch": fetched}, batch_key, as_of)
    report.n_rows += len(rows)
    return {track_id for ids, _, parsed in found if parsed.state in ANSWERED for track_id in ids}


def _tell_people(
    report: SourceReport, provider: _Provider, as_of: date, due: Sequence[str], answered: set[str]
) -> None:
    if answered:
        report.notes.append(f"{provider.title} has features for {report.n_rows} of {len(answered)} tracks asked for.")
    if provider.refusal:
        report.notes.append(
            f"{provider.title} refused audio features ({provider.refusal}), as it does to every app that it did not "
            f"approve before 27 November 2024; it is asked again from {as_of + REFUSED_FOR} on."
        )
        return
    left = [track_id for track_id in due if track_id not in answered]
    closed = provider.session.closed
    if closed:
        unasked = [track_id for track_id in left if track_id not in report.missing]
        report.miss(unasked[: MAX_NAMED - len(report.missing)], closed)
    if left:
        when = come_back_note(provider.session)
        report.notes.append(f"{len(left)} tracks got no answer from {provider.title}; the next run asks again{when}.")
