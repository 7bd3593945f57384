"""Charts and tracks collected from sites that answer by a script: every state has a name, nothing is lost."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from scripted_site import TOKEN, Said, Script, ScriptedSite, refuse, scripted_site, token_or

from tasks import lake
from tasks.collecting.charts.nightly import collect_charts
from tasks.collecting.tracks import search
from tasks.collecting.tracks.search import collect_tracks, reread_search
from tasks.fetching import archive
from tasks.fetching.answer import FetchState
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Profile, Settings, today

AS_OF = date(2024, 11, 20)  # a past night: the running hour plays no part
OVERLOAD = '<html><body><div class="sys_error">접속이 지연되고 있습니다</div></body></html>'


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    with scripted_site() as scripted:
        yield scripted


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
    n_asked = sum(songs.states.values())
    assert songs.notes == [
        f"100 Melon song pages are left for the next run, {100 - n_asked} of them not asked for (Melon was closed)."
    ]


def test_overload_pages_in_a_row_close_melon_too(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (200, {}, OVERLOAD) if path == "/song/detail.htm" else melon(path, query)
    charts, songs = collect_charts(settings, AS_OF)
    assert (charts.state, songs.state) == (FetchState.OK, FetchState.BROKEN)
    assert songs.states["broken"] < 10
    n_asked = sum(songs.states.values())
    assert songs.notes == [
        f"100 Melon song pages are left for the next run, {100 - n_asked} of them not asked for (Melon was closed)."
    ]


def test_songs_without_charts_are_in_the_state_of_the_charts(site: ScriptedSite, settings: Settings) -> None:
    site.script = lambda path, query: (200, {}, OVERLOAD)
    charts, songs = collect_charts(settings, AS_OF)
    assert (charts.state, songs.state, songs.states) == (FetchState.BROKEN, FetchState.BROKEN, {})


# --- tracks ---

DEVELOPMENT = "Spotify's app is in development mode: ten hits a search, no popularity, no batch reads."
EXTENDED = "Spotify's app is in extended mode: it may ask for 50 hits and see recording codes."


def put_songs(settings: Settings, n: int) -> None:
    place = {"chart": "month", "scope": "GN0000", "period": "2024-10", "album": None, "fetched_at": utc_now()}
    rows = [
        {**place, "rank": i, "song_id": f"{i:03}", "title": f"Song {i:03}", "artists": ["IU"]} for i in range(1, n + 1)
    ]
    lake.write_batch(settings.lake, "melon", "chart", rows, batch_key="m", ingest_date=AS_OF)


def put_recording(settings: Settings, title: str, artist: str, isrc: str) -> None:
    row = {"release_group_id": "g", "release_id": "r", "position": 1, "recording_id": isrc, "isrcs": [isrc]}
    row |= {"title": title, "artists": [artist], "duration_ms": 200_000, "fetched_at": utc_now()}
    lake.write_batch(settings.lake, "musicbrainz", "recording", [row], batch_key=isrc, ingest_date=AS_OF)


def searched(site: ScriptedSite) -> list[dict[str, str]]:
    return [query for path, query in site.asked if path == "/search"]


def song(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"id{number}", "name": f"SONG {number:03}", "artists": [{"name": "IU"}], **more}


def page(*items: dict[str, Any] | None) -> Said:
    return 200, {}, json.dumps({"tracks": {"items": items, "total": 0}})


def hits(path: str, query: dict[str, str]) -> Said:
    """Every second song is found, under its title in capitals, beside a song that was not asked for."""
    number = int(re.findall(r"\d\d\d", query["q"])[-1])
    return page(song(number), {"id": "other", "name": "Elsewhere"}, None) if number % 2 else page()


def rows(settings: Settings, entity: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.read(settings.lake, "spotify", entity).to_pylist()
    return found


def test_songs_are_searched_once_and_hits_that_resemble_are_kept(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 10)
    site.script = token_or(hits)
    report = collect_tracks(settings, AS_OF)
    assert (report.state, report.n_rows, report.notes, report.missing) == (FetchState.OK, 5, [DEVELOPMENT], {})
    assert report.states == {"ok": 5, "empty": 10}  # without a hit by fields, plain words are tried
    assert site.paths().count("/api/token") == 1
    assert {(query["limit"], query["market"], query["type"]) for query in searched(site)} == {("10", "KR", "track")}
    search = {row["asked_title"]: (row["track_ids"], row["state"]) for row in rows(settings, "search")}
    assert (search["song 001"], search["song 002"]) == ((["id1"], "ok"), ([], "empty"))
    assert {row["track_id"] for row in rows(settings, "track")} == {"id1", "id3", "id5", "id7", "id9"}
    n_asked = len(site.asked)
    again = collect_tracks(settings, AS_OF)
    assert (again.state, again.notes, len(site.asked)) == (FetchState.OK, [], n_asked)


def test_every_archived_search_reads_again_as_it_was_kept(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 10)
    put_recording(settings, "Song 011", "IU", "KRA302400011")
    site.script = token_or(hits)
    collect_tracks(settings, AS_OF)
    reread = []
    for row in rows(settings, "fetch"):
        body = archive.load(settings.pages, row["page_sha256"])
        parsed = reread_search(body, row["key"], row["url"])
        assert (str(parsed.state), parsed.reason) == (row["state"], row["reason"])
        reread += parsed.rows
    kept = [{name: row[name] for name in reread[0]} for row in rows(settings, "track")]
    assert sorted(reread, key=lambda row: row["track_id"]) == sorted(kept, key=lambda row: row["track_id"])
    assert len(kept) == 6
    assert reread_search(body, "track:Song", row["url"]).state is FetchState.BROKEN


def test_neither_the_token_nor_the_secret_reaches_the_disk_or_a_log(
    site: ScriptedSite, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    put_songs(settings, 1)
    site.script = token_or(hits)
    caplog.set_level(logging.DEBUG)
    keys = {"spotify_client_id": SecretStr("the-app"), "spotify_client_secret": SecretStr("the-secret")}
    collect_tracks(settings.model_copy(update=keys), AS_OF)
    assert any(headers.get("Authorization") == "Bearer the-token" for headers in site.headers)
    assert {row["entity"] for row in rows(settings, "fetch")} == {"search"}
    assert len(list(settings.pages.rglob("*.zst"))) == 1
    assert not [path for path in settings.home.rglob("*") if path.name.startswith(".cache")]
    assert "the-token" not in caplog.text
    assert "Basic" not in caplog.text
    for path in settings.home.rglob("*"):
        assert not path.is_file() or b"the-token" not in path.read_bytes(), path


def test_a_recording_code_is_searched_first_and_fills_the_hit_that_lacks_it(
    site: ScriptedSite, settings: Settings
) -> None:
    put_recording(settings, "Song 001", "IU", "KRA302400001")
    site.script = token_or(lambda path, query: page(song(1)))
    report = collect_tracks(settings, AS_OF)
    assert [query["q"] for query in searched(site)] == ["isrc:KRA302400001"]
    assert [(row["track_id"], row["isrc"]) for row in rows(settings, "track")] == [("id1", "KRA302400001")]
    assert report.states == {"ok": 1}


def test_a_code_that_spotify_does_not_know_is_no_end_and_fills_nothing(site: ScriptedSite, settings: Settings) -> None:
    put_recording(settings, "Song 001", "IU", "KRA302400001")
    site.script = token_or(lambda path, query: page(song(1)) if query["q"] == "Song 001 IU" else page())
    collect_tracks(settings, AS_OF)
    asked = [query["q"] for query in searched(site)]
    assert asked == ["isrc:KRA302400001", 'track:"Song 001" artist:"IU"', "Song 001 IU"]
    assert [(row["track_id"], row["isrc"]) for row in rows(settings, "track")] == [("id1", None)]


def test_an_app_in_extended_mode_takes_more_hits_in_plain_words(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 20)

    def extended(path: str, query: dict[str, str]) -> Said:
        return page({"id": "x", "name": "Elsewhere", "popularity": 0}) if "track:" in query["q"] else hits(path, query)

    site.script = token_or(extended)
    report = collect_tracks(settings, AS_OF)
    limits = [(query["limit"], "track:" in query["q"]) for query in searched(site)]
    assert set(limits) == {("10", True), ("50", False)}
    assert report.notes == [EXTENDED]
    assert report.n_rows == 10


def test_an_app_that_shows_popularity_and_is_refused_fifty_hits_is_in_development(
    site: ScriptedSite, settings: Settings
) -> None:
    put_songs(settings, 40)

    def misleading(path: str, query: dict[str, str]) -> Said:
        if query["limit"] != "10":
            return refuse(400, "Invalid limit")
        return page({"id": "x", "name": "Elsewhere", "popularity": 0}) if "track:" in query["q"] else hits(path, query)

    site.script = token_or(misleading)
    report = collect_tracks(settings.model_copy(update={"max_workers": 8}), AS_OF)
    assert [query["limit"] for query in searched(site)].count("50") == 1
    assert (report.state, report.notes, report.n_rows) == (FetchState.OK, [DEVELOPMENT], 20)


def test_a_stop_of_a_day_ends_the_run_and_the_rest_is_asked_next_time(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 40)
    n_searches = iter(range(1000))

    def stop_after_ten(path: str, query: dict[str, str]) -> Said:
        return hits(path, query) if next(n_searches) < 10 else (429, {"Retry-After": "80000"}, "Too many requests")

    site.script = token_or(stop_after_ten)
    report = collect_tracks(settings, AS_OF)
    settled = {row["asked_title"] for row in rows(settings, "search")}
    n_settled = len(settled)
    assert report.states["limited"] <= 2  # one a worker
    said = f"{40 - n_settled} of 40 songs are left for the next run: Spotify asked for a long wait; come back after "
    assert report.notes[-1].startswith(said)
    assert report.notes[-1].endswith(" (Seoul).")
    assert (len(report.missing), set(report.missing.values())) == (40 - n_settled, {"limited"})
    assert set(report.missing) <= {f"Song {i:03} - IU" for i in range(1, 41)}
    site.script = token_or(hits)
    site.asked.clear()
    assert collect_tracks(settings, AS_OF).state is FetchState.OK
    assert len(rows(settings, "search")) == 40
    assert not settled & {f"song {number}" for query in searched(site) for number in re.findall(r"\d+", query["q"])}


def test_a_real_world_remembers_the_wait_and_asks_nothing_before_it_is_over(site: ScriptedSite, tmp_path: Path) -> None:
    sites = dict.fromkeys(("spotify_api", "spotify_accounts"), site.url)
    keys = {"spotify_client_id": SecretStr("a"), "spotify_client_secret": SecretStr("b")}
    live = Settings(home=tmp_path, profile=Profile.LIVE, sites=sites, max_workers=2, **keys)
    put_songs(live, 3)
    site.script = token_or(lambda path, query: (429, {"Retry-After": "80000"}, "Too many requests"))
    first = collect_tracks(live, today())
    n_asked = len(site.asked)
    assert first.state is FetchState.LIMITED
    site.script = token_or(hits)
    second = collect_tracks(live, today())
    assert len(site.asked) == n_asked
    assert (second.state, set(second.missing.values())) == (FetchState.LIMITED, {"limited"})
    assert second.notes == [note for note in first.notes if "come back after" in note]


def test_a_short_wait_is_waited(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 1)
    first = iter([(429, {"Retry-After": "1"}, "slow down")])
    site.script = token_or(lambda path, query: next(first, None) or hits(path, query))
    assert collect_tracks(settings, AS_OF).states == {"ok": 1}


def test_a_run_ends_before_its_searches_bring_a_stop_of_a_day(
    site: ScriptedSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "QUESTIONS_A_BATCH", 5)
    monkeypatch.setattr(search, "MAX_SEARCHES", 12)
    put_songs(settings, 20)
    site.script = token_or(hits)
    report = collect_tracks(settings, AS_OF)
    assert len(rows(settings, "search")) == 10
    assert report.notes[-1] == "10 of 20 songs are left for the next run: a run makes at most 12 searches."
    assert (report.state, len(report.missing)) == (FetchState.OK, 10)


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


def test_a_token_that_runs_out_before_its_time_is_fetched_anew(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 10)
    refusals = iter([refuse(401, "The access token expired")])
    site.script = token_or(lambda path, query: next(refusals, None) or hits(path, query))
    report = collect_tracks(settings.model_copy(update={"max_workers": 1}), AS_OF)
    assert (report.state, report.states) == (FetchState.OK, {"ok": 5, "empty": 10})
    assert site.paths().count("/api/token") == 2


def test_spotify_without_premium_is_told_what_to_do(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 30)
    message = "Active premium subscription required for the owner of the app."
    site.script = token_or(lambda path, query: refuse(403, message))
    report = collect_tracks(settings, AS_OF)
    assert report.state is FetchState.BLOCKED
    assert rows(settings, "search") == []
    assert "premium" in rows(settings, "fetch")[0]["reason"]
    assert report.notes == [
        "30 of 30 songs are left for the next run: Spotify refuses the app until the account that owns it has "
        "Spotify Premium."
    ]
    assert report.missing == {f"Song {i:03} - IU": "blocked" for i in range(1, 31)}


def test_a_firewall_before_the_token_is_no_wrong_key(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 30)
    site.script = lambda path, query: (403, {}, "<html>Forbidden</html>")
    report = collect_tracks(settings, AS_OF)
    assert report.state is FetchState.BLOCKED
    assert site.paths().count("/api/token") <= 3 + settings.max_workers
    assert report.notes == [
        "30 of 30 songs are left for the next run: Spotify refuses the app or this machine's address "
        "(the token endpoint answered: HTTP 403)."
    ]
    assert rows(settings, "fetch")[0]["reason"] == "the token endpoint answered: HTTP 403"


NESTED = "[" * 100_000


@pytest.mark.parametrize("token", ["[]", "{}", '{"access_token": "t", "expires_in": "soon"}', "null", "<html>", NESTED])
def test_a_token_that_is_none_is_broken_and_no_answer_to_a_song(
    site: ScriptedSite, settings: Settings, token: str
) -> None:
    put_songs(settings, 4)
    tokens = iter([TOKEN, *[token] * 100])  # the first song is answered, then the token has run out
    first = iter([page(song(1))])
    fine: Script = lambda path, query: next(first, None) or refuse(401, "The access token expired")  # noqa: E731
    site.script = lambda path, query: (200, {}, next(tokens)) if path == "/api/token" else fine(path, query)
    report = collect_tracks(settings.model_copy(update={"max_workers": 1}), AS_OF)
    assert {row["asked_title"]: row["track_ids"] for row in rows(settings, "search")} == {"song 001": ["id1"]}
    assert report.missing == {f"Song {i:03} - IU": "broken" for i in (2, 3, 4)}


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (403, '{"error": "forbidden"}', "blocked"),
        (403, "[1]", "blocked"),
        (404, '{"error": {"status": 404}}', "missing"),
        (500, "", "broken"),
        (200, "<html>maintenance</html>", "broken"),
        (200, '{"tracks": {"items": "none"}}', "broken"),
        (200, NESTED, "broken"),
        (200, '{"error": {"status": 429, "message": "slow"}}', "limited"),
    ],
)
def test_odd_answers_are_states_and_no_exceptions(
    site: ScriptedSite, settings: Settings, status: int, body: str, state: str
) -> None:
    put_songs(settings, 1)
    site.script = token_or(lambda path, query: (status, {}, body))
    report = collect_tracks(settings, AS_OF)
    assert report.states == {state: 1}
    assert report.missing == {"Song 001 - IU": state}
    assert rows(settings, "track") == []


def test_a_search_that_came_cut_is_asked_for_once_more(site: ScriptedSite, settings: Settings) -> None:
    put_songs(settings, 1)
    first = iter([(200, {}, '{"tracks": {"ite')])
    site.script = token_or(lambda path, query: next(first, None) or hits(path, query))
    report = collect_tracks(settings, AS_OF)
    assert (report.states, report.missing, report.n_rows) == ({"ok": 1}, {}, 1)


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
    assert set(report.missing.values()) == {"unreachable"}
