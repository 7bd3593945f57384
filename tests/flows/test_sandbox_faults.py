"""Ordered faults over HTTP: each in the shape of the real site, as often as ordered, and gone when cleared."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from lxml import html
from sandbox_process import BROWSER, TOKEN, ask, faulty, get, one_of_each, order, ready_line, running, start

from sandbox.dispatch import Dispatcher
from sandbox.faults import CONTENT_PATHS, DAY_S, KINDS, REFUSALS, TRANSPORT, FaultBook, OrderError, kinds_at
from sandbox.state import Sandbox
from sandbox.world import World


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with running() as sites:
        yield sites


@pytest.fixture(scope="module")
def truth(urls: dict[str, str]) -> dict[str, Any]:
    return dict(requests.get(urls["sandbox"] + "/world", timeout=10).json())


@pytest.fixture(autouse=True)
def cleared(urls: dict[str, str]) -> Iterator[None]:
    yield
    assert requests.delete(urls["sandbox"] + "/faults", timeout=10).json() == {}


@pytest.fixture(scope="module")
def pages(truth: dict[str, Any]) -> dict[str, str]:
    return one_of_each(truth)


class TestRefusals:
    @pytest.mark.parametrize("page", ["tmdb list", "imdb", "melon chart", "spotify_api track", "reccobeats"])
    @pytest.mark.parametrize("retry_after_s", [2, DAY_S])
    def test_limits_say_how_long(
        self, urls: dict[str, str], pages: dict[str, str], page: str, retry_after_s: int
    ) -> None:
        answer = faulty(urls, pages, page, "limited", retry_after_s=retry_after_s)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(retry_after_s))

    def test_limits_are_worded_as_each_site_words_them(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        assert faulty(urls, pages, "tmdb_api film", "limited").json()["status_code"] == 25
        assert "rate limit" in faulty(urls, pages, "musicbrainz url", "limited").json()["error"]
        google = faulty(urls, pages, "youtube_api", "limited").json()["error"]
        assert google["errors"][0]["reason"] == "rateLimitExceeded"
        order(urls, {"spotify_api": {"kind": "limited", "times": 2}, "reccobeats": {"kind": "limited", "times": 2}})
        spotify = [ask(urls, pages, "spotify_api track") for _ in range(2)]
        assert spotify[0].text == "Too many requests" and spotify[1].json()["error"]["status"] == 429
        waits = [ask(urls, pages, "reccobeats").headers["Retry-After"] for _ in range(2)]
        assert waits[0] == "1" and waits[1].endswith("GMT")

    def test_imdb_sends_its_challenge(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        answer = faulty(urls, pages, "imdb", "blocked")
        assert (answer.status_code, answer.content, answer.headers["x-amzn-waf-action"]) == (202, b"", "challenge")

    @pytest.mark.parametrize(
        ("page", "status"), [("melon chart", 406), ("tmdb film", 403), ("spotify_api track", 403), ("youtube_api", 403)]
    )
    def test_other_sites_refuse(self, urls: dict[str, str], pages: dict[str, str], page: str, status: int) -> None:
        assert faulty(urls, pages, page, "blocked").status_code == status

    def test_server_faults_are_pages_and_musicbrainz_has_its_own(
        self, urls: dict[str, str], pages: dict[str, str]
    ) -> None:
        order(urls, {"tmdb": {"kind": "broken", "times": 4}, "spotify_api": {"kind": "broken", "times": 3}})
        answers = [ask(urls, pages, "tmdb film") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [502, 503, 500, 504]
        assert all(answer.headers["Content-Type"].startswith("text/html") for answer in answers)
        spotify = [ask(urls, pages, "spotify_api track") for _ in range(3)]
        assert spotify[0].text.startswith("<html>") and spotify[1].json()["error"]["status"] == 503
        assert (spotify[2].status_code, spotify[2].content) == (500, b"")
        limit = faulty(urls, pages, "musicbrainz url", "broken")
        assert limit.status_code == 503 and "allowable rate limit" in limit.json()["error"]

    def test_melon_overload_page_has_status_200(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        answer = faulty(urls, pages, "melon chart", "overload")
        assert answer.status_code == 200
        assert 'div class="sys_error"' in answer.text and "접속이 지연" in answer.text and "<tr" not in answer.text
        other = faulty(urls, pages, "spotify_api search", "overload")
        assert (other.status_code, other.headers["Content-Type"]) == (200, "text/html; charset=utf-8")

    def test_another_page_comes(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        teaser = faulty(urls, pages, "imdb", "html")
        assert json.loads(html.fromstring(teaser.text).xpath('//script[@id="__NEXT_DATA__"]/text()')[0])["page"] == (
            "/title/[tconst]"
        )
        for page in ("reccobeats", "tmdb_api list", "musicbrainz release", "youtube_api", "tmdb_files"):
            answer = faulty(urls, pages, page, "html")
            assert answer.status_code == 200 and answer.text.startswith("<!DOCTYPE html>")


class TestTransport:
    def test_slow_is_late_and_right(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        order(urls, {"tmdb": {"kind": "slow"}})
        began = time.perf_counter()
        late = ask(urls, pages, "tmdb film")
        assert 0.9 < time.perf_counter() - began < 5
        assert late.content == ask(urls, pages, "tmdb film").content

    def test_a_hanging_request_holds_nobody_else(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        order(urls, {"tmdb": {"kind": "hang"}})
        parts = urlsplit(urls["tmdb"])
        with socket.create_connection((parts.hostname, parts.port or 0), timeout=0.5) as hanging:
            hanging.sendall(f"GET {pages['tmdb film']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            with pytest.raises(TimeoutError):
                hanging.recv(1)
            began = time.perf_counter()
            assert ask(urls, pages, "tmdb film").status_code == 200
            assert time.perf_counter() - began < 2

    def test_who_hangs_up_frees_a_hanging_request(self) -> None:
        sent: list[Any] = []
        messages = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message)

        async def hang() -> float:
            sandbox = Sandbox(World(2, 20), {"tmdb": "http://127.0.0.1:1"})
            sandbox.faults.take({"tmdb": {"kind": "hang"}})
            scope = {"type": "http", "method": "GET", "path": "/movie", "headers": [], "server": ("127.0.0.1", 1)}
            began = time.perf_counter()
            await Dispatcher(sandbox, {}, {1: "tmdb"})(scope, receive, send)
            return time.perf_counter() - began

        assert asyncio.run(hang()) < 1
        assert sent == []

    def test_the_sandbox_ends_at_once_while_a_request_hangs(self) -> None:
        process = start("--with-parent", "--faults", '{"*": {"kind": "hang", "rate": 1}}')
        try:
            site = urlsplit(ready_line(process)["tmdb"])
            with socket.create_connection((site.hostname, site.port or 0), timeout=5) as hanging:
                hanging.sendall(b"GET /movie HTTP/1.1\r\nHost: x\r\n\r\n")
                time.sleep(0.3)
                began = time.perf_counter()
                out, err = process.communicate(timeout=10)
                assert time.perf_counter() - began < 2
                assert (process.returncode, out, err) == (0, b"", b"")
        finally:
            process.kill()
            process.communicate()

    @pytest.mark.parametrize("page", ["tmdb list", "imdb", "melon chart", "reccobeats", "tmdb_files"])
    def test_cut_is_a_beginning_that_looks_whole(self, urls: dict[str, str], pages: dict[str, str], page: str) -> None:
        whole = ask(urls, pages, page).content
        order(urls, {page.split()[0]: {"kind": "cut", "times": 4}})
        parts = [ask(urls, pages, page) for _ in range(4)]
        assert {part.status_code for part in parts} == {200}
        assert all(0 < len(part.content) < len(whole) and whole.startswith(part.content) for part in parts)
        assert len({len(part.content) for part in parts}) > 1

    def test_torn_breaks_the_connection_in_the_body(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        order(urls, {"melon": {"kind": "torn"}})
        site = urlsplit(urls["melon"])
        connection = http.client.HTTPConnection(site.hostname or "", site.port, timeout=10)
        connection.request("GET", pages["melon chart"], headers=BROWSER)
        answer = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead) as torn:
            answer.read()
        assert ask(urls, pages, "melon chart").content.startswith(torn.value.partial)
        order(urls, {"melon": {"kind": "torn"}})
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            ask(urls, pages, "melon chart")


class TestOrders:
    def test_a_count_is_dealt_and_spent(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        order(urls, {"melon": {"kind": "blocked", "times": 3, "path": "/song"}})
        assert ask(urls, pages, "melon chart").status_code == 200
        assert [ask(urls, pages, "melon song").status_code for _ in range(5)] == [406, 406, 406, 200, 200]
        [stands] = requests.get(urls["sandbox"] + "/faults", timeout=10).json()["melon"]
        assert (stands["times"], stands["n_requests"], stands["dealt"]) == (0, 3, {"blocked": 3})

    def test_several_orders_and_all_sites(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        both = [{"kind": "blocked", "path": "/audio-features"}, {"kind": "broken", "path": "/v1/audio-features"}]
        order(urls, {"reccobeats": both, "*": {"kind": "limited", "rate": 1}})
        assert [ask(urls, pages, "reccobeats").status_code for _ in range(3)] == [403, 502, 429]
        assert {ask(urls, pages, page).status_code for page in pages} == {429}
        assert requests.get(urls["sandbox"] + "/world", timeout=10).status_code == 200, "the control site never faults"
        by_site = requests.get(urls["sandbox"] + "/faults", timeout=10).json()["*"][0]["dealt_by_site"]
        assert by_site["reccobeats"] == {"limited": 2} and len(by_site) == len({page.split()[0] for page in pages})

    def test_a_rate_is_kept_and_the_same_each_time(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        runs = []
        for _ in range(2):
            order(urls, {"spotify_api": {"kind": "blocked", "rate": 0.2}})
            session = requests.Session()
            address = urls["spotify_api"] + pages["spotify_api track"]
            runs.append([session.get(address, headers=TOKEN, timeout=10).status_code for _ in range(400)])
        assert runs[0] == runs[1]
        assert 50 <= runs[0].count(403) <= 110  # 80 expected, 8 standard deviation
        [stands] = requests.get(urls["sandbox"] + "/faults", timeout=10).json()["spotify_api"]
        assert stands["dealt"] == {"blocked": runs[0].count(403)} and stands["n_requests"] == 400

    def test_clearing_ends_what_is_left(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        order(urls, {"*": {"kind": "broken", "times": 50}})
        assert ask(urls, pages, "tmdb film").status_code == 502
        assert requests.delete(urls["sandbox"] + "/faults", timeout=10).json() == {}
        assert ask(urls, pages, "tmdb film").status_code == 200

    @pytest.mark.parametrize(
        ("orders", "said"),
        [
            ({"moon": {"kind": "cut"}}, "there is no site moon"),
            ({"sandbox": {"kind": "cut"}}, "there is no site sandbox"),
            ({"melon": {"kind": "eclipse"}}, "there is no fault eclipse"),
            ({"melon": {}}, "has no kind"),
            ({"melon": "cut"}, "has no kind"),
            ({"melon": {"kind": "cut", "rate": 2}}, "a share from 0 to 1"),
            ({"melon": {"kind": "cut", "times": 0}}, "a whole number above 0"),
            ({"melon": {"kind": "cut", "path": "song"}}, "begins with /"),
            ({"melon": {"kind": "cut", "often": 1}}, "has no often"),
            ({"melon": {"kind": "limited", "retry_after_s": "long"}}, "a whole number of seconds"),
            ({"imdb": {"kind": "moving"}}, "cannot show on imdb"),
            ([], "send {site: order}"),
        ],
    )
    def test_an_order_that_cannot_be_is_refused_with_a_sentence(
        self, urls: dict[str, str], orders: Any, said: str
    ) -> None:
        answer = requests.put(urls["sandbox"] + "/faults", json=orders, timeout=10)
        assert answer.status_code == 400 and said in answer.json()["error"]
        assert requests.get(urls["sandbox"] + "/faults", timeout=10).json() == {}

    def test_faults_given_at_the_start(self) -> None:
        with running("--faults", '{"melon": {"kind": "overload"}}') as urls:
            assert [("sys_error" in get(urls, "melon", "/chart/index.htm").text) for _ in range(2)] == [True, False]
        process = start("--faults", '{"melon": {"kind": "eclipse"}}')
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err.count(b"\n")) == (2, b"", 1)


class TestBook:
    """The drawing of faults, without HTTP."""

    def deal(self, seed: int, n_requests: int, path: str = "/movie/1", site: str = "tmdb") -> list[tuple[str, int]]:
        book = FaultBook(seed, ["tmdb", "imdb"])
        book.take({"*": {"kind": "all", "rate": 0.2}})
        drawn = [book.draw(site, path) for _ in range(n_requests)]
        return [(fault.kind, fault.retry_after_s) for fault in drawn if fault]

    def test_all_deals_every_kind_that_suits_in_equal_shares(self) -> None:
        dealt = Counter(self.deal(7, 20_000))
        assert set(dealt) == set(kinds_at("tmdb", "/movie/1"))
        assert {("limited", 1), ("limited", DAY_S)} <= set(dealt)
        assert "moving" not in {kind for kind, _ in dealt}, "a film page is no list"
        mean = dealt.total() / len(dealt)
        assert 0.18 < dealt.total() / 20_000 < 0.22
        assert all(abs(count - mean) < 5 * mean**0.5 for count in dealt.values())

    def test_another_seed_or_site_deals_otherwise(self) -> None:
        assert self.deal(7, 500) == self.deal(7, 500) != self.deal(8, 500)
        assert self.deal(7, 500) != self.deal(7, 500, site="imdb")

    def test_robots_txt_meets_only_what_any_file_meets(self) -> None:
        met = {kind for kind, _ in self.deal(7, 5_000, path="/robots.txt")}
        assert met == {*REFUSALS, *TRANSPORT}

    def test_each_kind_of_content_shows_somewhere(self) -> None:
        assert set(CONTENT_PATHS) == set(KINDS) - {*REFUSALS, *TRANSPORT}

    def test_an_order_stands_whole_or_not_at_all(self) -> None:
        book = FaultBook(7, ["tmdb"])
        with pytest.raises(OrderError):
            book.take({"tmdb": [{"kind": "cut"}, {"kind": "eclipse"}]})
        assert book.as_json() == {}
