"""The sandbox as a process over HTTP: each site's shape, how it refuses, and that it never outlives its parent."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from lxml import html
from sandbox_process import TOKEN, get, ready_line, running, start

SITES = {
    *("tmdb", "tmdb_api", "tmdb_files", "imdb", "melon", "spotify_api", "spotify_accounts"),
    *("reccobeats", "musicbrainz", "youtube_api", "sandbox"),
}


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with running() as sites:
        yield sites


@pytest.fixture(scope="module")
def truth(urls: dict[str, str]) -> dict[str, Any]:
    return dict(requests.get(urls["sandbox"] + "/world", timeout=10).json())


def test_the_ready_line_names_every_site(urls: dict[str, str]) -> None:
    assert set(urls) == SITES
    for site in SITES - {"sandbox"}:
        found = re.fullmatch(r"(http://127\.0\.0\.1:\d+)(/3|/v1|/ws/2|/p/exports|/youtube/v3)?", urls[site])
        assert found
        assert "User-agent: *" in requests.get(found[1] + "/robots.txt", timeout=10).text


def test_tmdb_list_ends_and_holds_every_film_once(urls: dict[str, str], truth: dict[str, Any]) -> None:
    first = html.fromstring(get(urls, "tmdb", "/movie").text)
    assert len(first.xpath('//div[@class="media-list-results"]/div[@id="page_1"]/div')) == 20
    seen: list[str] = []
    for page in range(1, 20):
        form = {"page": page, "sort_by": "popularity.desc"}
        answer = requests.post(urls["tmdb"] + "/discover/movie/items", data=form, timeout=10)
        fragment = html.fromstring(answer.text)
        assert fragment.get("id") == f"page_{page}"
        cards = fragment.xpath('//div[contains(@class, "comp:poster-card")]')
        if not cards:
            break
        for card in cards:
            link = re.match(r"/movie/(\d+)", card.xpath(".//a/@href")[0])
            assert link and card.xpath('.//h2[contains(@class, "font-semibold")]/span/text()')
            seen.append(link[1])
    assert sorted(seen) == sorted(truth["films"])


def test_tmdb_film_page(urls: dict[str, str], truth: dict[str, Any]) -> None:
    tmdb_id = next(number for number, imdb_id in truth["films"].items() if imdb_id)
    page = html.fromstring(get(urls, "tmdb", f"/movie/{tmdb_id}").text)
    header = page.xpath('//section[@id="original_header"]')[0]
    assert header.xpath(".//h2/a/text()")
    assert re.fullmatch(r"\(\d{4}\)", header.xpath('.//span[contains(@class, "release_date")]/text()')[0])
    assert all(re.match(r"/genre/\d+-", link) for link in header.xpath('.//span[@class="genres"]/a/@href'))
    assert 0 <= int(header.xpath('.//div[@class="user_score_chart"]/@data-percent')[0]) <= 100
    assert header.xpath('.//div[@class="overview"]/p/text()')
    assert not page.xpath("//img/@src"), "a browser must not fetch anything from outside"
    korean = html.fromstring(get(urls, "tmdb", f"/movie/{tmdb_id}?language=ko-KR").text)
    assert "원어" in korean.xpath('//section[contains(@class, "facts")]//bdi/text()')
    assert get(urls, "tmdb", "/movie/999999999").status_code == 404


def test_tmdb_api_and_its_refusals(urls: dict[str, str], truth: dict[str, Any]) -> None:
    tmdb_id, imdb_id = next(iter(truth["films"].items()))
    for options in ({"params": {"api_key": "any"}}, {"headers": {"Authorization": "Bearer any"}}):
        ids = get(urls, "tmdb_api", f"/movie/{tmdb_id}/external_ids", **options).json()
        assert (ids["id"], ids["imdb_id"]) == (int(tmdb_id), imdb_id)
    found = get(urls, "tmdb_api", "/discover/movie", params={"api_key": "any", "page": 1}).json()
    assert (len(found["results"]), found["total_results"]) == (20, truth["n_films"])
    refused = get(urls, "tmdb_api", f"/movie/{tmdb_id}", params={"api_key": "wrong-key"})
    assert (refused.status_code, refused.json()["status_code"]) == (401, 7)
    missing = get(urls, "tmdb_api", "/movie/1", params={"api_key": "any"})
    assert (missing.status_code, missing.json()["status_code"]) == (404, 34)


def soundtrack(urls: dict[str, str], imdb_id: str) -> tuple[dict[str, Any], html.HtmlElement]:
    page = html.fromstring(get(urls, "imdb", f"/title/{imdb_id}/soundtrack/").text)
    return json.loads(page.xpath('//script[@id="__NEXT_DATA__"]/text()')[0]), page


def test_imdb_embedded_json_and_dom_agree(urls: dict[str, str], truth: dict[str, Any]) -> None:
    n_cut = n_empty = n_folded = 0
    for imdb_id, tracks in truth["film_tracks"].items():
        data, page = soundtrack(urls, imdb_id)
        content = data["props"]["pageProps"]["contentData"]
        items, total = content["section"]["items"], content["section"]["total"]
        rows = page.xpath('//div[@data-testid="sub-section"]/ul/li')
        assert [row.get("id") for row in rows] == [item["id"] for item in items]
        assert [row.xpath("./span/text()")[0] for row in rows] == [item["rowTitle"] for item in items]
        assert content["entityMetadata"]["id"] == imdb_id
        assert "User-Agent".lower() in data["props"]["pageProps"]["requestContext"]["headers"]
        assert len(page.xpath('//*[contains(@class, "ipc-metadata-list-item__label ")]')) == len(items) + 1
        assert len(items) == min(total, 50) and len(tracks) <= total
        n_cut += total > 50
        n_empty += total == 0
        n_folded += sum(row.get("data-testid") == "expandable-list-item" for row in rows)
    assert n_cut == 1 and n_empty >= 1 and n_folded >= 1
    assert get(urls, "imdb", "/title/tt9999999/soundtrack/").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/chart/index.htm",
        "/chart/day/index.htm",
        "/chart/week/index.htm",
        "/chart/month/index.htm?classCd=GN0000&moved=Y&rankMonth=202610",
        "/chart/month/index.htm?classCd=GN0100&moved=Y&rankMonth=199903",
        "/chart/age/list.htm?idx=1&chartType=YE&chartGenre=KPOP&chartDate=2019&moved=Y",
        "/chart/age/list.htm?idx=1&chartType=AG&chartGenre=POP&chartDate=1980&moved=Y",
    ],
)
def test_melon_charts_have_100_rows(urls: dict[str, str], path: str) -> None:
    page = html.fromstring(get(urls, "melon", path).text)
    rows = page.xpath('//tr[@class="lst50" or @class="lst100"]')
    numbers = [row.xpath('.//input[@name="input_check"]/@value')[0] for row in rows]
    assert len(set(numbers)) == 100
    assert [int(row.xpath('.//span[starts-with(@class, "rank")]/text()')[0]) for row in rows] == list(range(1, 101))
    assert {row.get("id") for row in rows} == {"lst50", "lst100"}
    assert [row.get("data-song-no") for row in rows] == ([None] * 100 if "/age/" in path else numbers)
    for row in rows:
        shown = row.xpath('.//div[contains(@class, "rank02")]/a/text()')
        assert shown == row.xpath('.//span[@class="checkEllipsis"]/a/text()')
    song = html.fromstring(get(urls, "melon", f"/song/detail.htm?songId={numbers[0]}").text)
    assert song.xpath('//div[@class="song_name"]/strong/text()') == ["곡명"]
    assert song.xpath("//dl[@class='list']/dt/text()") == ["앨범", "발매일", "장르", "FLAC"]


def test_melon_refuses_as_the_real_site_does(urls: dict[str, str]) -> None:
    assert get(urls, "melon", "/chart/index.htm", headers={"User-Agent": "python-requests/2.32"}).status_code == 406
    for path in ("/nowhere", "/song/detail.htm?songId=1", "/chart/month/index.htm?rankMonth=203001"):
        answer = get(urls, "melon", path)
        assert answer.status_code == 200
        assert "sys_error" in answer.text and "<tr" not in answer.text


def test_spotify_token(urls: dict[str, str]) -> None:
    address = urls["spotify_accounts"] + "/api/token"
    form = {"grant_type": "client_credentials"}
    assert requests.post(address, data=form, auth=("any", "secret"), timeout=10).json()["expires_in"] == 3600
    refused = requests.post(address, data=form, auth=("any", "wrong"), timeout=10)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")


def test_spotify_search_and_its_limits(urls: dict[str, str], truth: dict[str, Any]) -> None:
    track_id = next(iter(truth["track_genres"]))
    track = get(urls, "spotify_api", f"/tracks/{track_id}", headers=TOKEN).json()
    query = f'track:"{track["name"]}" artist:"{track["artists"][0]["name"]}"'
    found = get(urls, "spotify_api", "/search", headers=TOKEN, params={"q": query, "type": "track", "limit": 10}).json()
    assert track_id in [item["id"] for item in found["tracks"]["items"] if item]
    ask = {"q": "theme", "type": "track", "limit": 3}
    first = get(urls, "spotify_api", "/search", headers=TOKEN, params=ask).json()["tracks"]
    second = get(urls, "spotify_api", "/search", headers=TOKEN, params=ask | {"offset": 3}).json()["tracks"]
    assert first["total"] == second["total"] > 3
    pages = [{item["id"] for item in page["items"] if item} for page in (first, second)]
    assert pages[0].isdisjoint(pages[1])
    for path, params, status in (
        ("/search", {"q": "a", "type": "track", "limit": 50}, 400),
        ("/tracks", {"ids": track_id}, 403),
        ("/audio-features", {"ids": track_id}, 403),
        (f"/audio-features/{track_id}", {}, 403),
        ("/tracks/0000000000000000000000", {}, 404),
    ):
        answer = get(urls, "spotify_api", path, headers=TOKEN, params=params)
        assert (answer.status_code, answer.json()["error"]["status"]) == (status, status)
    assert (
        get(urls, "spotify_api", "/search?q=a&type=track", headers={"Authorization": "Bearer wrong"}).status_code == 401
    )


def test_some_search_page_holds_null(urls: dict[str, str]) -> None:
    pages = [
        get(urls, "spotify_api", "/search", headers=TOKEN, params={"q": f"track:{word}", "type": "track", "limit": 10})
        for word in (
            "the",
            "of",
            "and",
            "me",
            "my",
            "in",
            "main",
            "theme",
            "love",
            "rain",
            "moon",
            "road",
            "city",
            "sky",
        )
        for word in (word, word.upper(), word.capitalize())
    ]
    assert any(None in page.json()["tracks"]["items"] for page in pages)


def test_reccobeats(urls: dict[str, str], truth: dict[str, Any]) -> None:
    ids = list(truth["track_genres"])[:40]
    found = get(urls, "reccobeats", "/audio-features", params={"ids": ",".join(ids)}).json()["content"]
    back = [row["href"].rpartition("/")[2] for row in found]
    assert 30 < len(back) <= 40 and set(back) <= set(ids)
    assert back != [track_id for track_id in ids if track_id in back], "the order is not kept"
    assert not {"duration_ms", "time_signature"} & set(found[0])
    isrc = next(row["isrc"] for row in found if "isrc" in row)
    assert get(urls, "reccobeats", "/audio-features", params={"ids": isrc}).json()["content"][0]["isrc"] == isrc
    assert get(urls, "reccobeats", "/audio-features", params={"ids": "unknown"}).json()["content"] == []
    assert get(urls, "reccobeats", "/audio-features", params={"ids": ",".join([*ids, isrc])}).status_code == 400


def test_control_site(urls: dict[str, str]) -> None:
    control = urls["sandbox"]
    assert requests.put(control + "/clock", json={"as_of": "soon"}, timeout=10).status_code == 400
    before = requests.get(control + "/world", timeout=10).json()["n_films"]
    try:
        requests.put(control + "/clock", json={"as_of": "2027-03-01"}, timeout=10)
        assert requests.get(control + "/world", timeout=10).json()["n_films"] > before
    finally:
        requests.put(control + "/clock", json={"as_of": "2026-11-21"}, timeout=10)
    assert requests.get(control + "/world", timeout=10).json()["n_films"] == before
    get(urls, "melon", "/chart/day/index.htm")
    assert requests.get(control + "/stats", timeout=10).json()["melon"]["paths"]["GET /chart/day/index.htm"] >= 1


def test_json_is_answered_fast(urls: dict[str, str], truth: dict[str, Any]) -> None:
    address, session = f"{urls['spotify_api']}/tracks/{next(iter(truth['track_genres']))}", requests.Session()
    session.headers.update(TOKEN)
    began = time.perf_counter()
    for _ in range(200):
        assert session.get(address, timeout=10).status_code == 200
    assert 200 / (time.perf_counter() - began) > 100  # 1,800 a second on two free cores; a busy one still makes this


def test_sigterm_ends_it_cleanly() -> None:
    process = start()
    ready_line(process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_it_does_not_outlive_its_parent() -> None:
    process = start("--with-parent")
    ready_line(process)
    out, err = process.communicate(timeout=10)  # closes its standard input, as a killed parent's pipe is closed
    assert (process.returncode, out, err) == (0, b"", b"")


def test_a_taken_port_is_one_clear_line(urls: dict[str, str]) -> None:
    process = start("--base-port", urls["tmdb"].rpartition(":")[2])
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, b"")
    assert b"Traceback" not in err and err.count(b"\n") == 1
