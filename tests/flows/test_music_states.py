"""Charts, tracks and features collected from sites that answer by a script: every state has a name, nothing is lost."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from tasks import lake
from tasks.collecting.charts import collect_charts
from tasks.collecting.features import collect_features
from tasks.collecting.tracks import collect_tracks
from tasks.fetching.answer import FetchState
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Profile, Settings, today

AS_OF = date(2024, 11, 20)  # a past night: the running hour plays no part
Script = Callable[[str, dict[str, str]], tuple[int, dict[str, str], str]]
OVERLOAD = '<html><body><div class="sys_error">접속이 지연되고 있습니다</div></body></html>'


class ScriptedSite:
    """One server for all sites; `script` gets path and query and returns status, headers and body."""

    def __init__(self) -> None:
        self.script: Script = lambda path, query: (404, {}, "")
        self.asked: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                site.asked.append((parts.path, query))
                status, headers, body = site.script(parts.path, query)
                self.send_response(status)
                raw = body.encode()
                for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    scripted = ScriptedSite()
    yield scripted
    scripted.server.shutdown()
    scripted.server.server_close()


@pytest.fixture
def settings(site: ScriptedSite, tmp_path: Path) -> Settings:
    names = ("melon", "spotify_api", "spotify_accounts", "reccobeats")
    return Settings(home=tmp_path, profile=Profile.SANDBOX, sites=dict.fromkeys(names, site.url), max_workers=2)


def chart_page(n_rows: int, title: str = "Song") -> str:
    row = """<tr class="lst50" data-song-no="{n}"><td><span class="rank">{n}</span><div class="ellipsis rank01">
        <a href="#">{title} {n}</a></div><div class="ellipsis rank02"><a>Singer {n}</a></div></td></tr>"""
    return f"<table>{''.join(row.format(n=n, title=title) for n in range(1, n_rows + 1))}</table>"


def song_page(song_id: str) -> str:
    return f"""<div class="section_info"><div class="song_name">Song {song_id}</div>
        <dl><dt>장르</dt><dd>댄스</dd></dl></div>"""


def melon(path: str, query: dict[str, str]) -> tuple[int, dict[str, str], str]:
    return 200, {}, song_page(query["songId"]) if path == "/song/detail.htm" else chart_page(100)


def counts(settings: Settings, source: str, *entities: str) -> tuple[int, ...]:
    return tuple(lake.read(settings.lake, source, entity).num_rows for entity in entities)


# --- charts ---


def test_charts_and_songs_come_in_once(site: ScriptedSite, settings: Settings) -> None:
    site.script = melon
    charts, songs = collect_charts(settings, AS_OF)
    assert (charts.state, charts.n_rows, songs.state, songs.n_rows) == (FetchState.OK, 400, FetchState.OK, 100)
    rows = lake.read(settings.lake, "melon", "chart", ["chart", "scope", "period"]).to_pylist()
    assert {tuple(row.values()) for row in rows} == {
        ("top100", "GN0000", "2024-11-20T03"),
        ("month", "GN0000", "2024-10"),
        ("age_year", "KPOP", "2023"),
        ("age_year", "POP", "2023"),
    }
    n_asked, before = len(site.asked), counts(settings, "melon", "chart", "song", "fetch")
    again = collect_charts(settings, AS_OF)
    assert len(site.asked) == n_asked
    assert [report.state for report in again] == [FetchState.OK, FetchState.OK]
    assert counts(settings, "melon", "chart", "song", "fetch") == before == (400, 100, 104)


def test_the_running_hour_is_the_one_that_the_page_names(site: ScriptedSite, settings: Settings) -> None:
    head = '<span class="year">2018.01.23</span><span class="hour">16:00</span>'
    site.script = lambda path, query: (200, {}, head + chart_page(100)) if path == "/chart/index.htm" else (404, {}, "")
    collect_charts(settings, today())
    assert site.asked[0] == ("/chart/index.htm", {})
    assert set(lake.read(settings.lake, "melon", "chart", ["period"])["period"].to_pylist()) == {"2018-01-23T16"}


def test_an_overload_page_is_named_and_asked_for_again(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (200, {}, OVERLOAD) if "rankMonth" in query else melon(path, query)
    charts, _ = collect_charts(settings, AS_OF)
    assert charts.states == {"ok": 3, "broken": 1}
    assert charts.notes == [
        "Melon's chart month 2024-10 was not read (Melon's overload page in place of the chart); "
        "run the refresh again later."
    ]
    site.script = melon
    charts, _ = collect_charts(settings, AS_OF)
    assert (charts.states, charts.n_rows) == ({"ok": 1}, 100)
    assert counts(settings, "melon", "chart") == (400,)


def test_a_cut_chart_is_kept_said_and_replaced_by_the_whole_one(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (200, {}, chart_page(60)) if "rankMonth" in query else melon(path, query)
    charts, _ = collect_charts(settings, AS_OF)
    assert charts.notes == ["Melon's chart month 2024-10 holds 60 of 100 rows."]
    site.script = melon
    collect_charts(settings, AS_OF)
    assert counts(settings, "melon", "chart") == (400,)


def test_songs_that_are_gone_are_not_asked_for_every_night(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (404, {}, "gone") if query.get("songId") == "7" else melon(path, query)
    _, songs = collect_charts(settings, AS_OF)
    assert (songs.states, songs.notes) == ({"ok": 99, "missing": 1}, [])
    n_asked = len(site.asked)
    collect_charts(settings, AS_OF)
    assert len(site.asked) == n_asked


def test_a_source_that_blocks_is_left_alone(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (406, {}, "no") if path == "/song/detail.htm" else melon(path, query)
    _, songs = collect_charts(settings, AS_OF)
    assert songs.state is FetchState.BLOCKED
    assert songs.states["blocked"] < 10
    assert songs.notes == ["100 Melon song pages are left for the next run."]


def test_overload_pages_in_a_row_close_melon_too(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (200, {}, OVERLOAD) if path == "/song/detail.htm" else melon(path, query)
    charts, songs = collect_charts(settings, AS_OF)
    assert (charts.state, songs.state) == (FetchState.OK, FetchState.BROKEN)
    assert songs.states["broken"] < 10
    assert songs.notes == ["100 Melon song pages are left for the next run."]


def test_songs_without_charts_are_in_the_state_of_the_charts(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (200, {}, OVERLOAD)
    charts, songs = collect_charts(settings, AS_OF)
    assert (charts.state, songs.state, songs.states) == (FetchState.BROKEN, FetchState.BROKEN, {})


# --- tracks ---


def put_songs(settings: Settings, n: int) -> None:
    place = {"chart": "month", "scope": "GN0000", "period": "2024-10", "album": None, "fetched_at": utc_now()}
    rows = [
        {**place, "rank": i, "song_id": f"{i:03}", "title": f"Song {i:03}", "artists": ["IU"]} for i in range(1, n + 1)
    ]
    lake.write_batch(settings.lake, "melon", "chart", rows, batch_key="m", ingest_date=AS_OF)


def token_or(answer: Callable[[str], tuple[int, dict[str, str], str]]) -> Script:
    def script(path: str, query: dict[str, str]) -> tuple[int, dict[str, str], str]:
        if path == "/api/token":
            return 200, {}, json.dumps({"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
        return answer(query["q"])

    return script


def hits(query: str) -> tuple[int, dict[str, str], str]:
    """Every second song is found, under its title in capitals, beside a song that was not asked for."""
    number = int(re.findall(r"\d+", query)[0])
    found = [{"id": f"id{number}", "name": f"SONG {number:03}"}, {"id": "other", "name": "Elsewhere"}, None]
    return 200, {}, json.dumps({"tracks": {"items": found if number % 2 else [], "total": 0}})


def test_songs_are_searched_once_and_hits_that_resemble_are_kept(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 10)
    site.script = token_or(hits)
    report = collect_tracks(settings, AS_OF)
    assert (report.state, report.n_rows, report.notes) == (FetchState.OK, 5, [])
    assert report.states == {"ok": 5, "empty": 10}  # without a hit by fields, plain words are tried
    assert site.paths().count("/api/token") == 1
    asked = [query for path, query in site.asked if path == "/search"]
    assert {(query["limit"], query["market"], query["type"]) for query in asked} == {("10", "KR", "track")}
    search = {row["asked_title"]: (row["track_ids"], row["state"]) for row in rows(settings, "search")}
    assert (search["song 001"], search["song 002"]) == ((["id1"], "ok"), ([], "empty"))
    assert {row["track_id"] for row in rows(settings, "track")} == {"id1", "id3", "id5", "id7", "id9"}
    n_asked = len(site.asked)
    assert collect_tracks(settings, AS_OF).state is FetchState.OK
    assert len(site.asked) == n_asked


def rows(settings: Settings, entity: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.read(settings.lake, "spotify", entity).to_pylist()
    return found


def test_the_token_stays_off_the_disk(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 1)
    site.script = token_or(hits)
    collect_tracks(settings, AS_OF)
    assert {row["entity"] for row in rows(settings, "fetch")} == {"search"}
    assert len(list(settings.pages.rglob("*.zst"))) == 1
    assert not [path for path in settings.home.rglob("*") if path.name.startswith(".cache")]


def test_a_stop_of_a_day_ends_the_run_and_the_rest_is_asked_next_time(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 40)
    n_searches = iter(range(1000))

    def stop_after_ten(query: str) -> tuple[int, dict[str, str], str]:
        return hits("1") if next(n_searches) < 10 else (429, {"Retry-After": "80000"}, "Too many requests")

    site.script = token_or(stop_after_ten)
    report = collect_tracks(settings, AS_OF)
    n_settled = len(rows(settings, "search"))
    assert report.states["limited"] <= 2  # one a worker
    assert report.notes == [f"{40 - n_settled} of 40 songs are left for the next run: Spotify asked for a long wait."]
    site.script = token_or(hits)
    site.asked.clear()
    assert collect_tracks(settings, AS_OF).state is FetchState.OK
    assert len(rows(settings, "search")) == 40


def test_a_short_wait_is_waited(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 1)
    first = iter([(429, {"Retry-After": "1"}, "slow down")])
    site.script = token_or(lambda query: next(first, None) or hits(query))
    assert collect_tracks(settings, AS_OF).states == {"ok": 1}


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/api/token", 400, {"error": "invalid_client", "error_description": "Invalid client"}),
        ("/api/token", 401, {"error": "unauthorized_client", "error_description": "Invalid client"}),
        ("/search", 401, {"error": {"status": 401, "message": "Invalid access token"}}),
    ],
)
def test_a_wrong_key_names_its_variable(
    site: ScriptedSite, settings: Settings, path: str, status: int, body: dict[str, Any]
) -> None:
    put_songs(settings, 3)
    fine = token_or(hits)
    site.script = lambda asked, query: (status, {}, json.dumps(body)) if asked == path else fine(asked, query)
    with pytest.raises(OstinatoError, match=r"OSTINATO_SPOTIFY_CLIENT_ID.*(Invalid client|Invalid access token)"):
        collect_tracks(settings, AS_OF)
    assert rows(settings, "search") == []


def test_a_refused_search_is_a_state_and_no_answer(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 30)
    body = {"error": {"status": 403, "message": "Active premium subscription required for the owner of the app."}}
    site.script = token_or(lambda query: (403, {}, json.dumps(body)))
    report = collect_tracks(settings, AS_OF)
    assert report.state is FetchState.BLOCKED
    assert rows(settings, "search") == []
    assert "premium" in rows(settings, "fetch")[0]["reason"]


def test_a_firewall_before_the_token_is_no_wrong_key(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 30)
    site.script = lambda path, query: (403, {}, "<html>Forbidden</html>")
    report = collect_tracks(settings, AS_OF)
    assert report.state is FetchState.BLOCKED
    assert site.paths().count("/api/token") <= 3 + settings.max_workers
    assert report.notes == [
        "30 of 30 songs are left for the next run: Spotify refuses the app or this machine's address."
    ]
    assert rows(settings, "fetch")[0]["reason"] == "the token endpoint answered: HTTP 403"


def test_without_a_key_spotify_is_not_asked(tmp_path: Path) -> None:
    report = collect_tracks(Settings(home=tmp_path, profile=Profile.LIVE), AS_OF)
    assert report.state is FetchState.REFUSED
    assert "OSTINATO_SPOTIFY_CLIENT_ID" in report.notes[0]


def test_nobody_there_is_unreachable(settings: Settings) -> None:
    put_songs(settings, 20)
    gone = settings.model_copy(
        update={
            "sites": dict.fromkeys(settings.sites, "http://127.0.0.1:9"),
            "spotify_client_id": SecretStr("a"),
            "spotify_client_secret": SecretStr("b"),
        }
    )
    report = collect_tracks(gone, AS_OF)
    assert report.state is FetchState.UNREACHABLE
    assert report.notes == ["20 of 20 songs are left for the next run: Spotify cannot be reached."]


# --- features ---


def put_tracks(settings: Settings, n: int) -> None:
    found = [{"track_id": f"track{i:03}", "title": "t", "artists": ["a"], "fetched_at": utc_now()} for i in range(n)]
    lake.write_batch(settings.lake, "spotify", "track", found, batch_key="t", ingest_date=AS_OF)


def reccobeats(path: str, query: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """Backwards, without every tenth, and with one that nobody asked for."""
    ids = [track_id for track_id in query["ids"].split(",") if not track_id.endswith("0")]
    sound = {"danceability": 0.5, "energy": 0.5, "tempo": 120.0}
    found = [{"id": f"uuid-{i}", "href": f"https://open.spotify.com/track/{i}", **sound} for i in [*ids[::-1], "stray"]]
    return 200, {}, json.dumps({"content": found})


def test_features_are_asked_in_forties_and_unknown_tracks_not_again(site: ScriptedSite, settings: Settings) -> None:
    put_tracks(settings, 100)
    known = {"track_id": "track001", "fetched_at": utc_now()}
    lake.write_batch(settings.lake, "dataset", "spotify_tracks", [known], batch_key="d", ingest_date=AS_OF)
    site.script = reccobeats
    report = collect_features(settings, AS_OF)
    assert [len(query["ids"].split(",")) for _, query in sorted(site.asked, key=lambda one: one[1]["ids"])] == [
        40,
        40,
        19,
    ]
    assert (report.state, report.n_rows) == (FetchState.OK, 89)
    assert report.notes == ["ReccoBeats has features for 89 of 99 tracks asked for."]
    stored = lake.read(settings.lake, "reccobeats", "audio_features").to_pylist()
    assert {row["provider"] for row in stored} == {"reccobeats"}
    assert "stray" not in {row["track_id"] for row in stored}
    assert all(row["page_sha256"] and row["duration_ms"] is None for row in stored)
    n_asked = len(site.asked)
    again = collect_features(settings, AS_OF)
    assert (len(site.asked), again.state, again.notes) == (n_asked, FetchState.OK, [])


def test_a_provider_that_refuses_leaves_tracks_for_the_next_run(site: ScriptedSite, settings: Settings) -> None:
    put_tracks(settings, 400)
    site.script = lambda path, query: (403, {}, '{"error": {"status": 403}}')
    report = collect_features(settings, AS_OF)
    assert report.state is FetchState.BLOCKED
    assert report.notes == ["400 tracks got no answer from ReccoBeats; the next run asks again."]
    site.script = reccobeats
    assert collect_features(settings, AS_OF).n_rows == 360
