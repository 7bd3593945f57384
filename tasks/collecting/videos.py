"""YouTube videos for tracks that have no Spotify page, a hundred a day, with the operator's own key.

YouTube allows a key 100 searches a day, counted from midnight to midnight Pacific Time, and failed ones too. So the
tracks of the served catalogue are asked for by how often they charted, and what is left waits for other days. Without
a key nothing is asked: the catalogue then links to a search on YouTube.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from tasks import lake
from tasks.collecting.asking import ask, come_back_note, open_session
from tasks.collecting.batches import content_key, read_since, with_provenance
from tasks.collecting.growing import GrowingBatch
from tasks.collecting.report import Progress, SourceReport
from tasks.collecting.tracks.questions import ADDITIONS, Question
from tasks.collecting.tracks.search import ANSWERED
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import LIVE, PoliteSession
from tasks.fetching.policy import base_url
from tasks.lake import utc_now
from tasks.settings import SEOUL, Settings
from tasks.sources.parsed import Parsed
from tasks.sources.youtube import VideoRow, parse_search
from tasks.text import HANGUL, artist_names, normalise, title_core
from tasks.titles import version_marks
from tasks.warehouse import open_catalogue, served_snapshot

MAX_SEARCHES_A_DAY = 100
HITS = 5
PACIFIC = ZoneInfo("America/Los_Angeles")
_REFUSALS = (FetchState.BLOCKED, FetchState.LIMITED)  # a key or a quota: the next search would get the same answer
_DERIVED = re.compile(
    r"\b(?:cover|covered|karaoke|reaction|tutorial|lesson|instrumental|mr|remix|nightcore|sped up|slowed|mashup|parody|"
    r"8d|1 hour)\b|노래방|커버|반주|리액션"
)
_WITHOUT_PAGE = """
    with charted as (
        select 'melon:' || song_id as track_id, count(*) as n_places from chart_entry group by all
    ),
    scored as (
        select track_id, count(*) as n_films from film_track group by all
    )
    select track.track_id, track.title, track.artists, track.listen_url like '%/watch?%' as has_video
    from track
    left join charted using (track_id)
    left join scored using (track_id)
    where split_part(track.track_id, ':', 1) in ('melon', 'isrc', 'mbid')
        and track.title <> ''
        and len(track.artists) > 0
    order by n_places desc nulls last, n_films desc nulls last, track.track_id
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A track that a video is wanted for."""

    track_id: str
    title: str
    artists: list[str]

    def to_text(self) -> str:
        """All that is needed to judge hits again, as the manifest keeps it."""
        return json.dumps(asdict(self), ensure_ascii=False)


class FoundRow(TypedDict):
    """What a track's search came to; without a video that fits, `video_id` is null and the state empty."""

    track_id: str
    video_id: str | None
    title: str | None
    channel: str | None
    state: str


def collect_videos(settings: Settings, as_of: date, progress: Progress | None = None) -> SourceReport:
    """Search YouTube for the tracks of the served catalogue without a Spotify page, within the day's searches."""
    report = SourceReport("youtube", "search")
    if settings.youtube_api_key is None or served_snapshot(settings) is None:
        return report.close()
    tell = progress or (lambda done, total: None)
    with open_session(settings, "youtube") as session:
        due = tracks_without_video(settings, as_of - session.policy.fresh_for)
        tonight = due[: max(0, MAX_SEARCHES_A_DAY - searches_today(settings, utc_now()))]
        batch_key = content_key(f"videos-{as_of}", [track.track_id for track in tonight])
        with GrowingBatch(settings.lake, "youtube", batch_key, as_of) as batch:
            for n_done, track in enumerate(tonight, start=1):
                if session.is_closed or any(report.states.get(state.value) for state in _REFUSALS):
                    break
                batch.add(_search(settings, session, track, report))
                tell(n_done, len(tonight))
        return _closed(report, session, tonight, n_left=len(due) - len(tonight))


def tracks_without_video(settings: Settings, since: date) -> list[Wanted]:
    """Tracks of the served catalogue that have neither a page on Spotify nor a video, the most charted first.

    A video that was searched for before `since` is searched for again, as YouTube's terms want it.
    """
    with open_catalogue(settings) as con:
        rows = con.execute(_WITHOUT_PAGE).fetchall()
    searched = set(lake.read(settings.lake, "youtube", "search", ["track_id"])["track_id"].to_pylist())
    fresh = set(read_since(settings.lake, "youtube", "search", ["track_id"], since)["track_id"].to_pylist())
    return [
        Wanted(track_id, title, artists)
        for track_id, title, artists, has_video in rows
        if track_id not in fresh and (track_id in searched or not has_video)
    ]


def searches_today(settings: Settings, now: datetime) -> int:
    """Searches already made on Google's day, which ends at midnight Pacific Time; one that failed was tried again."""
    table = lake.read(settings.lake, "youtube", "fetch", ["state", "status", "fetched_at"])
    today = now.astimezone(PACIFIC).date()
    rows = [row for row in table.to_pylist() if row["fetched_at"].astimezone(PACIFIC).date() == today]
    asked = [row for row in rows if row["status"] is not None]
    return sum(1 if row["state"] in ANSWERED else LIVE.attempts for row in asked)


def next_day(now: datetime) -> datetime:
    """When Google's next day begins.

    >>> next_day(datetime(2026, 11, 21, 9, tzinfo=ZoneInfo("UTC"))).isoformat()
    '2026-11-22T00:00:00-08:00'
    """
    return datetime.combine(now.astimezone(PACIFIC).date() + timedelta(days=1), time(0), PACIFIC)


def reread_video(body: bytes, key: str, url: str) -> Parsed[FoundRow]:
    """The row that the collector keeps of a search's answer; `key` is that of its manifest row."""
    try:
        track = Wanted(**json.loads(key))
    except (ValueError, TypeError):
        return Parsed([], FetchState.BROKEN, "the manifest does not say which track was asked for")
    parsed = parse_search(body, url)
    if parsed.state not in (FetchState.OK, FetchState.EMPTY):
        return Parsed([], parsed.state, parsed.reason)
    video = fitting_video(track.title, track.artists, parsed.rows)
    if video is None:
        row = FoundRow(track_id=track.track_id, video_id=None, title=None, channel=None, state=FetchState.EMPTY.value)
        return Parsed([row], FetchState.EMPTY, parsed.reason or f"none of {len(parsed.rows)} videos fits")
    return Parsed([FoundRow(track_id=track.track_id, **video, state=FetchState.OK.value)], FetchState.OK)


def fitting_video(title: str, artists: Sequence[str], hits: Iterable[VideoRow]) -> VideoRow | None:
    """The first hit that names the song in its title and an artist in title or channel; null where none does.

    Covers, karaoke and the like are other people's; a live take stands back behind the recording itself.

    >>> hits = [VideoRow(video_id="1", title="Lilac - piano cover", channel="Some One"),
    ...     VideoRow(video_id="2", title="[MV] IU(아이유) _ LILAC(라일락)", channel="1theK")]
    >>> fitting_video("라일락", ["아이유 (IU)"], hits)["video_id"], fitting_video("Lilac", ["BTS"], hits) is None
    ('2', True)
    """
    fits = [hit for hit in hits if _fits(title, artists, hit)]
    return min(fits, key=lambda hit: version_marks(hit["title"]) != version_marks(title), default=None)


def _fits(title: str, artists: Sequence[str], hit: VideoRow) -> bool:
    shown, wanted = normalise(hit["title"]), normalise(title)
    if not set(_DERIVED.findall(shown)) <= set(_DERIVED.findall(wanted)):
        return False
    titles = {title_core(title), wanted, *(normalise(inside) for inside in ADDITIONS.findall(title))} - {""}
    names = frozenset[str]().union(*(artist_names(artist) for artist in artists))
    beside = f"{shown} {normalise(hit['channel'])}"
    return any(_holds(shown, name) for name in titles) and any(_holds(beside, name) for name in names)


def _holds(text: str, phrase: str) -> bool:
    """Whether whole words of a text are the phrase; Korean is spaced as one likes, so there spaces do not count."""
    if f" {phrase} " in f" {text} ":
        return True
    squeezed = phrase.replace(" ", "")
    return bool(HANGUL.search(phrase)) and len(squeezed) > 2 and squeezed in text.replace(" ", "")


def _search(
    settings: Settings, session: PoliteSession, track: Wanted, report: SourceReport
) -> dict[str, list[dict[str, Any]]]:
    """One search, as rows of its raw tables; the key travels as a header, so that no URL holds it."""
    key = track.to_text()
    secret = settings.youtube_api_key.get_secret_value() if settings.youtube_api_key else ""
    answer, parsed = ask(
        session,
        f"{base_url(settings, 'youtube_api')}/search",
        lambda body, url: reread_video(body, key, url),
        params={
            "part": "snippet",
            "type": "video",
            "maxResults": HITS,
            "q": Question(track.title, track.artists[0]).plain_query,
        },
        headers={"X-Goog-Api-Key": secret},
    )
    parsed = _fault_told(answer) or parsed
    report.count(answer, parsed.state)
    report.n_rows += sum(row["video_id"] is not None for row in parsed.rows)
    if parsed.state not in ANSWERED:
        report.miss([track.track_id], parsed.state)
        if parsed.state in _REFUSALS:
            report.notes.append(_refusal_note(parsed))
    fetched = answer.manifest_row("search", key, parsed.state, parsed.reason)
    if parsed.state is FetchState.LIMITED and answer.retry_after_s is None:
        fetched["retry_after_s"] = (next_day(answer.fetched_at) - answer.fetched_at).total_seconds()
    return {"search": with_provenance(parsed.rows, answer), "fetch": [fetched]}


def _fault_told(answer: Answer) -> Parsed[FoundRow] | None:
    """What a failed answer means: a used quota comes with the status of a refused key, which the body tells apart."""
    if answer.state is FetchState.OK or not answer.body:
        return None
    told = parse_search(answer.body)
    if told.state is FetchState.LIMITED:
        return Parsed([], told.state, told.reason)
    is_refusal = answer.status in (400, 401, 403)  # a search for a song is never a bad request by itself
    return Parsed([], FetchState.BLOCKED, told.reason) if is_refusal else None


def _refusal_note(parsed: Parsed[Any]) -> str:
    if parsed.state is FetchState.BLOCKED:
        return (
            f"YouTube refused the key of OSTINATO_YOUTUBE_API_KEY ({parsed.reason}); check that it is right and that "
            "the YouTube Data API v3 is enabled for its project, or unset it."
        )
    return f"YouTube's searches of this day are used up ({parsed.reason})."


def _closed(report: SourceReport, session: PoliteSession, tonight: Sequence[Wanted], n_left: int) -> SourceReport:
    """End the run: how much was found, what was not asked any more and when to come back."""
    n_settled = sum(report.states.get(state.value, 0) for state in ANSWERED)
    report.n_due, report.n_answered = len(tonight), n_settled
    told = next((state for state in _REFUSALS if report.states.get(state.value)), None)
    closed = told or session.closed
    if closed:
        n_asked = sum(report.states.values())
        report.skip([track.track_id for track in tonight[n_asked:]], closed)
    if closed is FetchState.LIMITED:
        when = (
            come_back_note(session)
            or f"; come back after {next_day(utc_now()).astimezone(SEOUL):%Y-%m-%d %H:%M} (Seoul)"
        )
        report.notes.append(f"{len(tonight) - n_settled + n_left} songs are left for YouTube{when}.")
    elif n_settled:
        left = f"; {n_left} wait for other days ({MAX_SEARCHES_A_DAY} searches a day)" if n_left else ""
        report.notes.append(f"YouTube has a video for {report.n_rows} of {n_settled} songs searched for{left}.")
    return report.close(closed)
