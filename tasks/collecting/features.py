"""Audio features of the tracks that have none, from ReccoBeats."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tasks import lake
from tasks.collecting.batches import ask_while_open, content_key, in_chunks, land, less, read_since, with_provenance
from tasks.collecting.report import Progress, SourceReport
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import Settings
from tasks.sources.audio_features import AudioFeaturesRow, parse_audio_features
from tasks.sources.parsed import Parsed

IDS_A_CALL = 40  # the provider's limit
CALLS_A_BATCH = 10
UNKNOWN_FOR = timedelta(days=30)  # a track the provider does not know is asked for again after that
WITH_FEATURES = (
    ("reccobeats", "audio_features"),
    ("dataset", "spotify_tracks"),
    ("dataset", "spotify_query_tracks"),
    ("dataset", "film_ost_tracks"),
)
"""Raw tables whose `track_id` has features already."""

CallFound: TypeAlias = tuple[Sequence[str], Answer, Parsed[AudioFeaturesRow]]
"""The ids of one call, its answer, and what was read from it."""


def collect_features(settings: Settings, as_of: date, progress: Progress | None = None) -> SourceReport:
    """Bring the features of all Spotify tracks in the lake that have none; ids the provider lacks stay without."""
    tell = progress or (lambda done, total: None)
    report = SourceReport("reccobeats", "audio_features")
    wanted = tracks_without_features(settings, as_of)
    n_done = n_answered = 0
    with (
        PoliteSession(settings, "reccobeats") as session,
        ThreadPoolExecutor(settings.max_workers, thread_name_prefix="reccobeats") as pool,
    ):
        for batch in in_chunks(wanted, IDS_A_CALL * CALLS_A_BATCH):
            calls = in_chunks(batch, IDS_A_CALL)
            found = ask_while_open(pool, session, lambda ids: _fetch(settings, session, ids), calls)
            n_answered += _land(settings, as_of, found, report)
            n_done += len(batch)
            tell(n_done, len(wanted))
            if session.is_closed:
                break
    _tell_people(report, n_wanted=len(wanted), n_answered=n_answered)
    return report.close(session.closed)


def tracks_without_features(settings: Settings, as_of: date) -> list[str]:
    """Spotify ids in the lake that no table has features for and that were not asked for in vain of late."""
    ids = lake.read(settings.lake, "spotify", "track", ["track_id"])["track_id"].drop_null().unique().to_pylist()
    for source, entity in WITH_FEATURES:
        ids = less(ids, lake.read(settings.lake, source, entity, ["track_id"])["track_id"])
    return less(ids, _asked_in_vain(settings, as_of))


def _asked_in_vain(settings: Settings, as_of: date) -> pa.Array:
    """Ids of answered calls; those of them that had features are in their table, the others are unknown."""
    calls = read_since(settings.lake, "reccobeats", "fetch", ["key", "state"], as_of - UNKNOWN_FOR)
    answered = pc.is_in(calls["state"], value_set=pa.array([FetchState.OK.value, FetchState.EMPTY.value]))
    keys = calls["key"].filter(answered).to_pylist()
    return pa.array([track_id for key in keys for track_id in key.split(",")], pa.string())


def _fetch(settings: Settings, session: PoliteSession, ids: Sequence[str]) -> CallFound:
    answer = session.get(f"{base_url(settings, 'reccobeats')}/audio-features", params={"ids": ",".join(ids)})
    if answer.state is not FetchState.OK:
        return ids, answer, Parsed([], answer.state, answer.reason)
    return ids, answer, parse_audio_features(answer.body)


def _land(settings: Settings, as_of: date, found: Sequence[CallFound], report: SourceReport) -> int:
    """Write one batch; returns how many tracks were answered for, known or not."""
    rows: list[dict[str, Any]] = []
    fetched: list[dict[str, Any]] = []
    for ids, answer, parsed in found:
        asked = set(ids)  # the order is not kept, and nothing else than what was asked for is believed
        rows += with_provenance((row for row in parsed.rows if row["track_id"] in asked), answer)
        fetched.append(answer.manifest_row("audio_features", ",".join(ids), parsed.state, parsed.reason))
        report.count(answer, parsed.state)
    batch_key = content_key("tracks", [track_id for ids, _, _ in found for track_id in ids])
    land(settings.lake, "reccobeats", {"audio_features": rows, "fetch": fetched}, batch_key, as_of)
    report.n_rows += len(rows)
    answered = (FetchState.OK, FetchState.EMPTY)
    return sum(len(ids) for ids, _, parsed in found if parsed.state in answered)


def _tell_people(report: SourceReport, n_wanted: int, n_answered: int) -> None:
    if n_answered:
        report.notes.append(f"ReccoBeats has features for {report.n_rows} of {n_answered} tracks asked for.")
    if n_answered < n_wanted:
        report.notes.append(f"{n_wanted - n_answered} tracks got no answer from ReccoBeats; the next run asks again.")
