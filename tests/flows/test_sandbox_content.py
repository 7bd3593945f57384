"""Faults of content over HTTP: pages that lack fields, lists that move or repeat, layouts of other years."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from lxml import html
from sandbox_process import ask, faulty, one_of_each, order, running

from tasks.fetching.answer import FetchState
from tasks.sources.audio_features import parse_audio_features
from tasks.sources.imdb import parse_soundtrack
from tasks.sources.melon import parse_chart, parse_song
from tasks.sources.musicbrainz import parse_releases, parse_url
from tasks.sources.spotify import parse_search, parse_track
from tasks.sources.tmdb import parse_film, parse_list
from tasks.sources.youtube import parse_search as parse_videos


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


class TestContent:
    def test_a_film_page_can_lack_nearly_everything(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        page = html.fromstring(faulty(urls, pages, "tmdb film", "missing_fields").text)
        header = page.xpath('//section[@id="original_header"]')[0]
        assert header.xpath(".//h2/a/text()")
        for place in ('span[@class="genres"]', 'span[@class="runtime"]', 'span[@class="release"]', "img"):
            assert not header.xpath(f".//{place}"), place
        assert not header.xpath('.//div[@class="overview" or @class="user_score_chart"]')
        body = faulty(urls, pages, "tmdb_api film", "missing_fields").json()
        assert {"id", "title"} <= set(body)
        assert not {"runtime", "overview", "poster_path", "genres", "vote_average", "external_ids"} & set(body)

    def test_what_is_missing_changes_from_answer_to_answer(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        order(urls, {"tmdb_api": {"kind": "missing_fields", "rate": 1, "path": "/movie"}})
        keys = [frozenset(ask(urls, pages, "tmdb_api film").json()) for _ in range(6)]
        assert len(set(keys)) > 2 and all(keys[0] <= others for others in keys)

    def test_hits_are_null_and_values_are_gone(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        items = faulty(urls, pages, "spotify_api search", "missing_fields").json()["tracks"]["items"]
        assert None in items
        hit = next(item for item in items if item)
        assert {"id", "name", "artists"} <= set(hit) and not {"external_ids", "explicit", "duration_ms"} & set(hit)
        rows = faulty(urls, pages, "reccobeats", "missing_fields").json()["content"]
        assert "energy" not in rows[0] and rows[1]["energy"] is not None and rows[2]["energy"] is None
        release = faulty(urls, pages, "musicbrainz release", "missing_fields").json()["releases"][0]
        assert not {"status", "date", "artist-credit"} & set(release)
        assert all("isrcs" not in track["recording"] for track in release["media"][0]["tracks"])

    def test_imdb_and_melon_lack_what_they_may(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        page = html.fromstring(faulty(urls, pages, "imdb", "missing_fields").text)
        entries = page.xpath('//div[@data-testid="sub-section"]/ul/li')
        assert entries and not page.xpath('//script[@id="__NEXT_DATA__"]')
        assert not entries[0].xpath('.//div[@class="ipc-html-content-inner-div"]')
        chart = html.fromstring(faulty(urls, pages, "melon chart", "missing_fields").text)
        rows = chart.xpath('//tr[@class="lst50" or @class="lst100"]')
        assert len(rows) == 100
        assert not rows[0].xpath('.//div[contains(@class, "rank02")]/a | .//div[contains(@class, "rank01")]//a')
        assert rows[1].xpath('.//div[contains(@class, "rank02")]/a')
        song = html.fromstring(faulty(urls, pages, "melon song", "missing_fields").text)
        assert song.xpath("//dl[@class='list']/dt/text()") == ["FLAC"]

    def test_a_page_begins_with_the_end_of_the_page_before(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        first, second = (fragment(urls, number) for number in (1, 2))
        order(urls, {"tmdb": {"kind": "duplicates", "path": "/discover"}})
        assert fragment(urls, 2) == first[-3:] + second
        doubled = faulty(urls, pages, "tmdb_api list", "duplicates").json()["results"]
        assert len(doubled) == 20 + 3 and len({film["id"] for film in doubled}) == 20

    @pytest.mark.parametrize("page", ["spotify_api search", "reccobeats", "youtube_api"])
    def test_a_list_names_items_twice(self, urls: dict[str, str], pages: dict[str, str], page: str) -> None:
        whole, doubled = ask(urls, pages, page).json(), faulty(urls, pages, page, "duplicates").json()
        before, after = (items_of(answer) for answer in (whole, doubled))
        assert after == before + before[:2] and len(after) > len(before)

    def test_a_list_moves_while_it_is_read_and_its_head_shows_what_was_missed(self, urls: dict[str, str]) -> None:
        everything = read_list(urls)
        order(urls, {"tmdb": {"kind": "moving", "times": 2, "path": "/discover"}})
        moving = read_list(urls)
        missed = set(everything) - set(moving)
        assert missed and len(moving) - len(set(moving)) == len(missed)
        assert missed <= set(fragment(urls, 1))
        requests.delete(urls["sandbox"] + "/faults", timeout=10)
        assert read_list(urls) == everything

    def test_old_layouts(self, urls: dict[str, str], pages: dict[str, str]) -> None:
        new, old = ask(urls, pages, "tmdb list"), faulty(urls, pages, "tmdb list", "old_markup")
        cards = html.fromstring(old.text).xpath(
            '//section[@id="media_results"]//div[@id="page_1"]/div[@class="card style_1"]'
        )
        assert len(cards) == 20 and "comp:poster-card" not in old.text
        assert [card.xpath('.//div[@class="content"]/h2/a/@href')[0] for card in cards] == list(
            dict.fromkeys(html.fromstring(new.text).xpath('//div[contains(@class, "comp:poster-card")]//a/@href'))
        )
        legacy = html.fromstring(faulty(urls, pages, "imdb", "old_markup").text)
        entries = legacy.xpath('//div[@id="soundtracks_content"]//div[starts-with(@class, "soundTrack soda")]')
        current = html.fromstring(ask(urls, pages, "imdb").text).xpath('//div[@data-testid="sub-section"]/ul/li/@id')
        assert [entry.get("id") for entry in entries] == current
        assert {entry.get("class") for entry in entries} <= {"soundTrack soda odd", "soundTrack soda even"}
        chart = html.fromstring(faulty(urls, pages, "melon chart", "old_markup").text)
        rows = chart.xpath('//tr[@class="lst50"]')
        assert len(rows) == 100 and not any(row.get("data-song-no") for row in rows)
        assert len({row.xpath('.//input[@name="input_check"]/@value')[0] for row in rows}) == 100
        assert "popularity" in faulty(urls, pages, "spotify_api track", "old_markup").json()

    @pytest.mark.parametrize(
        ("page", "parse"),
        [
            ("tmdb list", parse_list),
            ("tmdb film", parse_film),
            ("tmdb_api list", parse_list),
            ("tmdb_api film", parse_film),
            ("imdb", parse_soundtrack),
            ("melon chart", parse_chart),
            ("melon age", parse_chart),
            ("melon song", parse_song),
            ("spotify_api search", parse_search),
            ("spotify_api track", parse_track),
            ("reccobeats", parse_audio_features),
            ("musicbrainz url", parse_url),
            ("musicbrainz release", parse_releases),
            ("youtube_api", parse_videos),
        ],
    )
    def test_nobody_can_read_changed_markup(
        self, urls: dict[str, str], pages: dict[str, str], page: str, parse: Any
    ) -> None:
        assert parse(ask(urls, pages, page).content, urls[page.split()[0]] + pages[page]).rows
        changed = faulty(urls, pages, page, "changed_markup")
        assert changed.status_code == 200
        parsed = parse(changed.content, changed.url)
        assert parsed.rows == [] and parsed.state in {FetchState.BROKEN, FetchState.BLOCKED}, parsed


def fragment(urls: dict[str, str], page: int) -> list[str]:
    """The ids on one page of the list."""
    form = {"page": page, "sort_by": "popularity.desc"}
    text = requests.post(urls["tmdb"] + "/discover/movie/items", data=form, timeout=10).text
    return re.findall(r'<a class="hover:text-tmdb-light-blue" href="/movie/(\d+)', text)


def read_list(urls: dict[str, str]) -> list[str]:
    """All ids in the order in which a reader meets them."""
    ids: list[str] = []
    for page in range(1, 20):
        if not (found := fragment(urls, page)):
            break
        ids += found
    return ids


def items_of(answer: dict[str, Any]) -> list[Any]:
    items = answer.get("content") or answer.get("items") or answer["tracks"]["items"]
    return list(items)
