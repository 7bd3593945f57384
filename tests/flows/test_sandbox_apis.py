"""The APIs of the sandbox over HTTP: MusicBrainz, YouTube, TMDB, Spotify's modes, Melon's past charts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from lxml import html
from sandbox_process import BROWSER, TOKEN, get, running

from tasks.sources.melon import parse_chart
from tasks.sources.musicbrainz import parse_releases

KEY = {"api_key": "any"}


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with running() as sites:
        yield sites


@pytest.fixture(scope="module")
def truth(urls: dict[str, str]) -> dict[str, Any]:
    return dict(requests.get(urls["sandbox"] + "/world", timeout=10).json())


def put(urls: dict[str, str], path: str, body: dict[str, Any]) -> None:
    requests.put(urls["sandbox"] + path, json=body, timeout=10).raise_for_status()


class TestMusicBrainz:
    def url(self, urls: dict[str, str], *imdb_ids: str) -> requests.Response:
        resources = [("resource", f"https://www.imdb.com/title/{imdb_id}/") for imdb_id in imdb_ids]
        return get(urls, "musicbrainz", "/url", params=[*resources, ("inc", "release-group-rels"), ("fmt", "json")])

    def releases(self, urls: dict[str, str], group_id: str, **more: Any) -> requests.Response:
        asked = {"release-group": group_id, "inc": "recordings isrcs artist-credits", "limit": 100, "fmt": "json"}
        return get(urls, "musicbrainz", "/release", params=asked | more)

    def test_many_films_are_looked_up_at_once(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        groups = truth["release_groups"]
        assert 0.5 < sum(map(bool, groups.values())) / len(groups) < 0.8
        assert any(len(of_film) == 2 for of_film in groups.values())
        answer = self.url(urls, *list(groups)[:99], "tt9999999").json()
        found = {
            entry["resource"].split("/")[-2]: [relation["release_group"]["id"] for relation in entry["relations"]]
            for entry in answer["urls"]
        }
        assert found == {imdb_id: of_film for imdb_id, of_film in groups.items() if of_film}
        assert answer["url-count"] == len(found)
        assert self.url(urls, *(f"tt{number:07d}" for number in range(101))).status_code == 400

    def test_one_film_is_an_object_or_not_found(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        known = next(imdb_id for imdb_id, groups in truth["release_groups"].items() if groups)
        unknown = next(imdb_id for imdb_id, groups in truth["release_groups"].items() if not groups)
        answer = self.url(urls, known)
        assert answer.json()["resource"] == f"https://www.imdb.com/title/{known}/"
        assert answer.json()["relations"][0]["type"] == "IMDb"
        missing = self.url(urls, unknown)
        assert (missing.status_code, missing.json()["error"]) == (404, "Not Found")
        again = requests.get(answer.url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=10)
        assert (again.status_code, again.content) == (304, b"")

    def test_recordings_are_those_on_spotify_and_score_cues(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        n_known = n_coded = n_cues = 0
        sizes = set()
        statuses = set()
        for group_id in [group_id for groups in truth["release_groups"].values() for group_id in groups]:
            answer = self.releases(urls, group_id)
            body = answer.json()
            statuses |= {release["status"] for release in body["releases"]}
            sizes.add(max(len(release["media"]) for release in body["releases"]))
            for row in parse_releases(answer.content, answer.url).rows:
                track_id = truth["recording_tracks"][row["recording_id"]]
                n_known += track_id is not None
                n_cues += track_id is None
                assert track_id or not row["isrcs"]
                if row["isrcs"]:
                    track = get(urls, "spotify_api", f"/tracks/{track_id}", headers=TOKEN).json()
                    assert track["external_ids"]["isrc"] in row["isrcs"]
                    n_coded += 1
        assert n_coded > 50 and n_known > n_coded and n_cues > 50
        assert statuses == {"Official", "Bootleg", None} and sizes == {1, 2}

    def test_a_release_shows_only_what_was_asked_for(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        group_id = next(groups[0] for groups in truth["release_groups"].values() if groups)
        bare = self.releases(urls, group_id, inc="").json()["releases"][0]
        assert "media" not in bare and "artist-credit" not in bare
        whole = self.releases(urls, group_id).json()
        some = self.releases(urls, group_id, limit=1, offset=whole["release-count"] - 1).json()
        assert some["releases"] == whole["releases"][-1:]
        assert self.releases(urls, group_id[:-1] + "?").status_code == 400
        assert self.releases(urls, "00000000-0000-4000-8000-000000000000").status_code == 404
        assert self.releases(urls, group_id, fmt="xml").status_code == 406


class TestTmdb:
    def discover(self, urls: dict[str, str], **asked: Any) -> dict[str, Any]:
        return dict(get(urls, "tmdb_api", "/discover/movie", params=KEY | asked).json())

    def test_windows_of_dates_share_the_films_out(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        early = self.discover(urls, **{"primary_release_date.lte": "2009-12-31"})
        late = self.discover(urls, **{"primary_release_date.gte": "2010-01-01"})
        assert early["total_results"] + late["total_results"] == truth["n_films"]
        assert early["total_results"] > 5 and late["total_results"] > 5
        assert all(film["release_date"] < "2010" for film in early["results"])

    def test_pages_beyond_the_cap_are_refused(self, urls: dict[str, str]) -> None:
        refused = get(urls, "tmdb_api", "/discover/movie", params=KEY | {"page": 501})
        assert (refused.status_code, refused.json()["status_code"]) == (400, 22)
        put(urls, "/tmdb", {"max_page": 2})
        try:
            second = self.discover(urls, page=2)
            assert second["total_pages"] > 2 and len(second["results"]) == 20, "more is said than given"
            assert get(urls, "tmdb_api", "/discover/movie", params=KEY | {"page": 3}).json()["status_code"] == 22
        finally:
            put(urls, "/tmdb", {"max_page": 500})

    def test_a_film_in_korean(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        bodies = [
            get(urls, "tmdb_api", f"/movie/{tmdb_id}", params=KEY | {"language": "ko-KR"}).json()
            for tmdb_id in list(truth["films"])[:20]
        ]
        assert any("가" <= body["title"][0] <= "힣" for body in bodies)
        assert any(body["overview"] == "" for body in bodies)
        assert {genre["name"] for body in bodies for genre in body["genres"]} & {"드라마", "액션", "코미디"}

    @pytest.mark.parametrize("site", ["tmdb", "tmdb_api"])
    def test_what_has_not_changed_is_not_sent_again(
        self, urls: dict[str, str], truth: dict[str, Any], site: str
    ) -> None:
        path = f"/movie/{next(iter(truth['films']))}"
        first = get(urls, site, path, params=KEY)
        validators = {"If-None-Match": first.headers["ETag"]}
        same = get(urls, site, path, params=KEY, headers=BROWSER | validators)
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
        korean = get(urls, site, path, params=KEY | {"language": "ko-KR"}, headers=BROWSER | validators)
        assert korean.status_code == 200
        if site == "tmdb":
            since = {"If-Modified-Since": first.headers["Last-Modified"]}
            assert get(urls, site, path, params=KEY, headers=BROWSER | since).status_code == 304

    def test_the_file_of_a_day_lists_every_film(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        answer = get(urls, "tmdb_files", "/movie_ids_11_20_2026.json.gz")
        lines = [json.loads(line) for line in gzip.decompress(answer.content).splitlines()]
        films = [line["id"] for line in lines if not line["adult"] and not line["video"]]
        others = [line["id"] for line in lines if line["adult"] or line["video"]]
        assert others and not {str(number) for number in others} & set(truth["films"])
        assert len(films) == len(set(films)) and {str(number) for number in films} <= set(truth["films"])
        assert len(truth["films"]) - len(films) <= 1, "what came out on the clock's day is not in it yet"
        assert set(lines[0]) == {"adult", "id", "original_title", "popularity", "video"}
        for validator, header in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
            again = requests.get(answer.url, headers={header: answer.headers[validator]}, timeout=10)
            assert again.status_code == 304
        for day in ("11_21_2026", "01_01_2020", "13_45_2026"):
            assert get(urls, "tmdb_files", f"/movie_ids_{day}.json.gz").status_code == 404


class TestSpotifyModes:
    @pytest.fixture(autouse=True)
    def as_before(self, urls: dict[str, str]) -> Iterator[None]:
        yield
        put(urls, "/spotify", {"mode": "default"})

    def test_an_approved_app_gets_batches_features_and_long_pages(
        self, urls: dict[str, str], truth: dict[str, Any]
    ) -> None:
        put(urls, "/spotify", {"mode": "extended"})
        ids = list(truth["track_genres"])[:3]
        asked = {"ids": ",".join([*ids, "0" * 22])}
        tracks = get(urls, "spotify_api", "/tracks", params=asked, headers=TOKEN).json()["tracks"]
        assert [track and track["id"] for track in tracks] == [*ids, None]
        assert {"popularity", "available_markets", "external_ids"} <= set(tracks[0])
        features = get(urls, "spotify_api", "/audio-features", params=asked, headers=TOKEN).json()["audio_features"]
        assert [row and row["id"] for row in features] == [*ids, None]
        assert {"tempo", "duration_ms", "time_signature", "energy"} <= set(features[0])
        one = get(urls, "spotify_api", f"/audio-features/{ids[0]}", headers=TOKEN).json()
        assert one == features[0]
        long_page = {"q": "the", "type": "track", "limit": 50}
        assert get(urls, "spotify_api", "/search", params=long_page, headers=TOKEN).status_code == 200

    def test_a_development_app_sees_no_isrc_and_finds_by_it(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        tracks = [
            get(urls, "spotify_api", f"/tracks/{track_id}", headers=TOKEN).json()
            for track_id in list(truth["track_genres"])[:5]
        ]
        known = next(track for track in tracks if track["external_ids"])
        put(urls, "/spotify", {"mode": "development"})
        asked = {"q": f"isrc:{known['external_ids']['isrc']}", "type": "track", "limit": 10}
        [hit] = get(urls, "spotify_api", "/search", params=asked, headers=TOKEN).json()["tracks"]["items"]
        assert hit["id"] == known["id"] and not {"external_ids", "popularity"} & set(hit)
        for path in ("/tracks", "/audio-features"):
            refused = get(urls, "spotify_api", path, params={"ids": known["id"]}, headers=TOKEN)
            assert (refused.status_code, refused.json()["error"]["status"]) == (403, 403)
        assert get(urls, "spotify_api", "/search", params=asked | {"limit": 11}, headers=TOKEN).status_code == 400

    def test_an_unknown_mode_is_refused(self, urls: dict[str, str]) -> None:
        answer = requests.put(urls["sandbox"] + "/spotify", json={"mode": "royal"}, timeout=10)
        assert answer.status_code == 400 and "extended" in answer.json()["error"]


class TestYouTube:
    def search(self, urls: dict[str, str], query: str, key: str = "any", **more: Any) -> requests.Response:
        asked = {"part": "snippet", "type": "video", "q": query, "key": key, "maxResults": 5}
        return get(urls, "youtube_api", "/search", params=asked | more)

    def test_a_track_and_a_song_are_found(self, urls: dict[str, str], truth: dict[str, Any]) -> None:
        n_found = 0
        for track_id in list(truth["track_genres"])[:20]:
            track = get(urls, "spotify_api", f"/tracks/{track_id}", headers=TOKEN).json()
            page = self.search(urls, f"{track['artists'][0]['name']} {track['name']}").json()
            if page["items"]:
                hit = page["items"][0]
                assert len(hit["id"]["videoId"]) == 11
                n_found += track["artists"][0]["name"] in hit["snippet"]["channelTitle"]
        assert n_found >= 15

    def test_the_hundredth_search_of_a_day_is_the_last(self, urls: dict[str, str]) -> None:
        answers = [self.search(urls, "theme", key="spent").status_code for _ in range(101)]
        assert answers == [200] * 100 + [403]
        body = self.search(urls, "theme", key="spent").json()["error"]
        assert (body["code"], body["errors"][0]["reason"]) == (403, "quotaExceeded")
        assert self.search(urls, "theme", key="fresh").status_code == 200
        put(urls, "/clock", {"as_of": "2026-11-22"})
        try:
            assert self.search(urls, "theme", key="spent").status_code == 200, "the next day has its own hundred"
        finally:
            put(urls, "/clock", {"as_of": "2026-11-21"})

    def test_keys(self, urls: dict[str, str]) -> None:
        assert self.search(urls, "theme", key="").status_code == 403
        assert self.search(urls, "theme", key="wrong-key").status_code == 400
        assert self.search(urls, "theme", maxResults=51).status_code == 400


class TestPastCharts:
    @pytest.mark.parametrize(
        ("path", "place"),
        [
            ("/chart/search/list.htm?chartType=MO&age=1980&year=1980&mon=01", ("month", "1980-01")),
            ("/chart/search/list.htm?chartType=MO&age=2020&year=2026&mon=10&classCd=DM0000", ("month", "2026-10")),
            ("/chart/search/list.htm?chartType=WE&age=2010&day=20120305%5E20120311", ("week", "2012-03-05")),
            ("/chart/search/list.htm?chartType=YE&age=1990&year=1994", ("age_year", "1994")),
            ("/chart/search/list.htm?chartType=AG&age=1990", ("age_decade", "1990")),
            ("/chart/month/index.htm?classCd=GN0000&moved=Y&rankMonth=198001", ("month", "1980-01")),
            ("/chart/index.htm?dayTime=2026112007", ("top100", "2026-11-20T07")),
            ("/chart/day/index.htm?rankDay=20120305", ("day", "2012-03-05")),
            ("/chart/hot100/index.htm", None),
        ],
    )
    def test_a_past_chart_has_its_hundred_rows(
        self, urls: dict[str, str], path: str, place: tuple[str, str] | None
    ) -> None:
        parsed = parse_chart(get(urls, "melon", path).content, urls["melon"] + path)
        assert [row["rank"] for row in parsed.rows] == list(range(1, 101))
        assert len({row["song_id"] for row in parsed.rows}) == 100
        if place:
            assert {(row["chart"], row["period"]) for row in parsed.rows} == {place}

    def test_the_same_month_has_the_same_chart_at_either_address(self, urls: dict[str, str]) -> None:
        paths = (
            "/chart/month/index.htm?classCd=GN0000&moved=Y&rankMonth=201203",
            "/chart/search/list.htm?chartType=MO&age=2010&year=2012&mon=03&classCd=GN0000&moved=Y",
        )
        charts = [parse_chart(get(urls, "melon", path).content, urls["melon"] + path).rows for path in paths]
        assert [row["song_id"] for row in charts[0]] == [row["song_id"] for row in charts[1]]

    @pytest.mark.parametrize(
        "path",
        [
            "/chart/search/list.htm?chartType=MO&year=2026&mon=11",
            "/chart/search/list.htm?chartType=WE&day=20120305%5E20120330",
            "/chart/search/list.htm?chartType=WE&day=20261116%5E20261122",
            "/chart/search/list.htm?chartType=YE&year=2026",
            "/chart/search/list.htm?chartType=XX&year=2012",
            "/chart/search/list.htm",
            "/chart/index.htm?dayTime=2026112207",
            "/chart/index.htm?dayTime=2026112025",
            "/chart/day/index.htm?rankDay=20269999",
            "/chart/month/index.htm?rankMonth=201203&classCd=GN9999",
        ],
    )
    def test_a_period_without_a_chart_gets_the_overload_page(self, urls: dict[str, str], path: str) -> None:
        answer = get(urls, "melon", path)
        assert answer.status_code == 200 and "sys_error" in answer.text

    def test_hot100_holds_new_songs_first(self, urls: dict[str, str]) -> None:
        page = html.fromstring(get(urls, "melon", "/chart/hot100/index.htm").text)
        numbers = page.xpath("//tr/@data-song-no")
        days = [
            html.fromstring(get(urls, "melon", f"/song/detail.htm?songId={number}").text).xpath("//dl/dd[2]/text()")[0]
            for number in (*numbers[:5], *numbers[-2:])
        ]
        assert all(day > "2026.08" for day in days[:5]) and any(day < "2026.08" for day in days[5:])
