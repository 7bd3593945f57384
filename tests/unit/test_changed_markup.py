"""A site that changes its markup or its keys overnight is a broken source: never an empty one, and never empty rows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from bodies import EVERY_PARSER, GAP, JSON_BODIES, PAGES

from sandbox.distortion import rename
from tasks.fetching.answer import FetchState

SHARED = Path(__file__).parents[2].parent / "shared" / "pages"
REAL = {
    "imdb-soundtrack": "imdb/soundtrack_tt0104797.html.gz",
    "melon-chart": "melon/top100_2018-01-23T16.html.gz",
    "melon-song": "melon/song_detail_30755375.html.gz",
    "spotify-search": "spotify/spotifySearchResponse.json.gz",
    "audio-features": "spotify/doc_GetAudioFeaturesForSeveralTracksRequest.json.gz",
    "musicbrainz-release": "musicbrainz/release.json.gz",
}


SECTION = '{"props": {"pageProps": {"contentData": {"section": %s}}}}'


@pytest.mark.parametrize("kind", JSON_BODIES)
def test_keys_that_nobody_knows(kind: str) -> None:
    for value in JSON_BODIES[kind]:
        body = json.dumps(value).encode()
        assert EVERY_PARSER[kind](rename(body, is_json=True)).state is FetchState.BROKEN


@pytest.mark.parametrize("kind", PAGES)
def test_classes_and_ids_that_nobody_knows(kind: str) -> None:
    for page in PAGES[kind]:
        parsed = EVERY_PARSER[kind](rename(page.replace(GAP, "1").encode(), is_json=False))
        assert (parsed.rows, parsed.state in (FetchState.BROKEN, FetchState.BLOCKED)) == ([], True)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no saved pages in {SHARED}")
@pytest.mark.parametrize("kind", REAL)
def test_real_pages_under_other_names(kind: str) -> None:
    body = gzip.decompress((SHARED / REAL[kind]).read_bytes())
    parsed = EVERY_PARSER[kind](rename(body, is_json="json" in REAL[kind]))
    assert (parsed.rows, parsed.state in (FetchState.BROKEN, FetchState.BLOCKED)) == ([], True)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("imdb-soundtrack", '{"props": {"pageProps": {"contentData": {"section": {"rows": [], "total": 0}}}}}'),
        (
            "imdb-soundtrack",
            '{"props": {"pageProps": {"contentData": {"section": {"items": [{"name": "A"}], "total": 1}}}}}',
        ),
        ("imdb-soundtrack", '{"props": {"pageProps": {"contentData": {"section": {"items": []}}}}}'),
        ("spotify-search", '{"tracks": {"items": [{"key": "1", "label": "A"}]}}'),
        ("audio-features", '{"content": [{"address": "x", "energy": 0.5}]}'),
        ("audio-features", '{"audio_features": [{"key": 1, "energy": 0.5}]}'),
        ("musicbrainz-url", '{"resource": "https://www.imdb.com/title/tt0000001/", "links": []}'),
        ("musicbrainz-release", '{"releases": [{"id": "a", "discs": []}]}'),
        ("tmdb-list", '{"results": [{"number": 1}]}'),
        ("tmdb-list", '<div id="page_2"><div class="tile"><h2>Fight Club</h2></div></div>'),
        ("youtube-search", '{"items": [{"video": "x"}]}'),
    ],
)
def test_a_list_whose_items_are_strange_is_no_empty_list(kind: str, body: str) -> None:
    parsed = EVERY_PARSER[kind](body)
    assert (parsed.rows, parsed.state) == ([], FetchState.BROKEN)
