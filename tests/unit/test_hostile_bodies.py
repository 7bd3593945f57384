"""Bodies made to hurt: each costs bounded time and memory and ends as a state, never as an exception or as rows."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bodies import EVERY_PARSER, GAP, JSON_BODIES, PAGES, gapped_bodies

from ostinato.show.files import print_parsed
from tasks.fetching.answer import FetchState
from tasks.settings import PROJECT_ROOT, OstinatoError
from tasks.sources.json_body import MAX_JSON_BYTES
from tasks.sources.kinds import PARSERS, read_body
from tasks.sources.parsed import Parsed
from tasks.sources.reading import MAX_PAGE_BYTES

MB = 2**20
MAX_CPU_S = 5.0  # for any one body; the slowest takes about one
FAILED = (FetchState.BROKEN, FetchState.BLOCKED)


def fill(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


def names(n: int) -> Iterator[bytes]:
    return (b"a%d" % number for number in range(n))


def parse(kind: str, body: bytes | str, url: str | None = None) -> Parsed[object]:
    started = time.process_time()
    parsed = EVERY_PARSER[kind](body, url)
    took_s = time.process_time() - started
    assert took_s < MAX_CPU_S, f"{kind}: {took_s:.1f} s"
    return parsed  # type: ignore[return-value]


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "nested tags": lambda size: fill(b"<div>", size),
    "nested tags that are mended": lambda size: fill(b"<p><b>", size),
    "nested tables": lambda size: fill(b"<table><tr><td>", size),
    "closing tags": lambda size: fill(b"</div>", size),
    "a tag with a million attributes": lambda size: b"<a " + b" ".join(names(size // 9)),
    "attributes without blanks between": lambda size: b"<a " + b"".join(name + b"=''" for name in names(size // 12)),
    "attributes that hide the tag's end": lambda size: b"<a " + b"".join(name + b'=">" ' for name in names(size // 14)),
    "a tag behind a comment": lambda size: b'<!-- <a x=" --><b ' + b" ".join(names(size // 9)),
    "many tags with many attributes": lambda size: fill(b"<a " + b" ".join(names(990)) + b">", size),
    "an attribute of megabytes": lambda size: b'<a href="' + b"x" * size + b'">t</a>',
    "unclosed comments": lambda size: fill(b"<!-- a ", size),
    "open brackets": lambda size: b"<" * size,
    "ampersands": lambda size: b"&" * size,
    "a number of a million digits": lambda size: b"&#" + b"9" * size + b";",
    "script tags": lambda size: fill(b"<script>", size),
    "bytes of no encoding": lambda size: bytes(range(128, 256)) * (size // 128),
    "another encoding": lambda size: "<html><body>멜론</body></html>".encode("utf-16") * (size // 64),
    "zero bytes": lambda size: b"\0" * size,
    "zero bytes in a page": lambda size: b"<html>\0<body>\0" + b"a\0" * (size // 2),
    "blanks": lambda size: b" " * size,
    "a million rows": lambda size: b"<table>" + fill(b'<tr class="lst50"><td>1</td></tr>', size),
    "a million cards": lambda size: fill(b'<div class="card style_1"><a href="/movie/1"></a></div>', size),
    "a million entries": lambda size: fill(
        b'<div data-testid="sub-section"><li data-testid="list-item" id="sn1">', size
    ),
    "deep arrays": lambda size: b"[" * size,
    "deep objects": lambda size: fill(b'{"a":', size),
    "half a JSON text": lambda size: b'{"tracks": {"items": [' + fill(b'{"id": "1", "name": "x"},', size),
    "a JSON number of a million digits": lambda size: b'{"id": ' + b"9" * size + b"}",
    "a JSON text of megabytes": lambda size: b'{"page": "' + b"x" * size + b'"}',
    "half surrogate pairs": lambda size: b'{"error": "' + fill(b"\\ud83d", size) + b'"}',
    "empty lists": lambda size: b'{"items": [' + fill(b"[],", size) + b"[]]}",
    "a key twice, a million times": lambda size: b"{" + fill(b'"a":1,', size) + b'"a":1}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_megabytes_are_broken(name: str) -> None:
    body = HOSTILE[name](10 * MB)
    for kind in EVERY_PARSER:
        parsed = parse(kind, body)
        assert (parsed.rows, parsed.state in FAILED) == ([], True), (kind, parsed.state, parsed.reason)
        assert parsed.reason
        assert len(parsed.reason) < 300


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_small_enough_to_be_read_is_broken_too(name: str) -> None:
    for kind in EVERY_PARSER:
        largest = MAX_PAGE_BYTES if kind == "tmdb-list" else MAX_JSON_BYTES if kind == "audio-features" else MB // 4
        parsed = parse(kind, HOSTILE[name](largest - 4096))
        assert (parsed.rows, parsed.state in FAILED) == ([], True), (kind, parsed.state, parsed.reason)


def items(kind: str, n: int) -> bytes:
    """An answer of this kind with that many items."""
    item = {
        "imdb-soundtrack": '{"id":"sn1","rowTitle":"A","listContent":[{"html":"Performed by A"}]}',
        "spotify-search": '{"id":"1","name":"A"}',
        "spotify-track": '{"id":"1","name":"A"}',
        "audio-features": '{"id":"1","energy":1}',
        "musicbrainz-release": '{"id":"a","media":[{"tracks":[{"recording":{"id":"r"}}]}]}',
        "tmdb-list": '{"id":1,"title":"A"}',
    }[kind]
    listed = "[" + ",".join([item] * n) + "]"
    wrapped = {
        "imdb-soundtrack": '{"props":{"pageProps":{"contentData":{"section":{"items":%s}}}}}',
        "spotify-search": '{"tracks":{"items":%s}}',
        "spotify-track": '{"tracks":%s}',
        "audio-features": '{"audio_features":%s}',
        "musicbrainz-release": '{"releases":%s}',
        "tmdb-list": '{"results":%s}',
    }[kind]
    return (wrapped % listed).encode()


@pytest.mark.parametrize(
    "kind", ["imdb-soundtrack", "spotify-search", "spotify-track", "audio-features", "musicbrainz-release", "tmdb-list"]
)
def test_a_list_that_no_answer_holds_is_broken(kind: str) -> None:
    assert parse(kind, items(kind, 10)).state is FetchState.OK
    parsed = parse(kind, items(kind, 100_000))
    assert (parsed.rows, parsed.state) == ([], FetchState.BROKEN)
    assert "100,000" in parsed.reason


@pytest.mark.parametrize("kind", EVERY_PARSER)
def test_html_where_json_is_due_and_the_reverse(kind: str) -> None:
    pages = [page.replace(GAP, "") for other, some in PAGES.items() if other != kind for page in some]
    answers = [json.dumps(value) for other, some in JSON_BODIES.items() if other != kind for value in some]
    if kind not in JSON_BODIES:
        assert all(parse(kind, answer).state in FAILED for answer in answers)
    if kind not in PAGES:
        assert all(parse(kind, page).state in FAILED for page in pages)


BAITS = [
    "(", "[", ")", "((a", "by ", "a ", "the ", "original ", "co-", "written, ", "written and ", "music, and ", "and ",
    "performed ", "performed in a ", "sung the ", "contains a ", "contains ", "features ", "court", "courtaaaaay ",
    "used by ", "with the kind ", "under ", "per gentile concessione d", "text & ", "text e ", "musik und ", "as ",
    "feat. ", "a/", " / ", "\ue000", "\ue0001\ue001", "\ue0019", "<a", "<a href=", "<br", "<!--", "&", "&#9", "&#",
    "2018", "2018. ", "12월 ", "1/", "1 Jan ", "Jan ", "jan 1, ", "9", "1,", "h ", "1 ", "시간", "분", "tt0000042 ",
    "tt", "/movie/", "/movie/1", "movie/1-", "?", "#", "/t/p/", "/t/p/w500", "/genre/", "goSongDetail(",
    "goSongDetail( ", "playSong('", "playSong('1' , ", "songId=", "?songId=", "classCd=", "imdb.com/title/tt",
    "release-group=", "spotify.com/", "spotify.com/a/", "spotify:", "spotify:track", "__NEXT_DATA__", "<script id=",
    "<script ", '"pageProps":{"contentData":', '"page":"', '"soundtrack":{"total":', "we don't have an ", "no overview",
    "개요", "captcha", "just a moment", "</html>", "soundtracks_content", "%", " ", "\t", "\n", ",", "|", "-", "\u00a0",
    "\u2028",
]  # fmt: skip


@pytest.mark.parametrize("size", [300, 3_900, 60_000])
def test_no_pattern_takes_long_on_what_it_almost_matches(size: int) -> None:
    for kind, gapped, written in gapped_bodies():
        for bait in BAITS:
            text = written(bait * (size // len(bait)))
            n_filled = max(60_000 // len(text), 2)  # long pages have hundreds of gaps
            parse(kind, gapped.replace(GAP, text, n_filled).replace(GAP, ""))


def test_no_text_in_many_pieces_takes_long() -> None:
    pieces = "<i>" * 150 + "<b>x</b><!-- --><br>" * 50_000
    for kind, pages in PAGES.items():
        for page in pages:
            for place in {0, 1, page.count(GAP) // 2, page.count(GAP) - 1}:
                parts = page.split(GAP)
                parse(kind, "".join(parts[: place + 1]) + pieces + "".join(parts[place + 1 :]))


@pytest.mark.parametrize("kind", EVERY_PARSER)
def test_no_address_takes_long(kind: str) -> None:
    for bait in BAITS:
        for body in (json.dumps(value) for value in JSON_BODIES.get(kind, ({},))):
            parse(kind, body, bait * (100_000 // len(bait)))
        for page in PAGES.get(kind, ()):
            parse(kind, page.replace(GAP, ""), "https://www.melon.com/chart/index.htm?" + bait * (100_000 // len(bait)))


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"\0" * (300 * MB), 1))
    started = time.process_time()
    with pytest.raises(OstinatoError, match="which no page does"):
        read_body(tmp_path / "bomb.gz")
    assert time.process_time() - started < MAX_CPU_S
    parsed = parse("tmdb-id-export", (tmp_path / "bomb.gz").read_bytes())
    assert (parsed.rows, parsed.state) == ([], FetchState.BROKEN)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_memory_stays_bounded() -> None:
    """One process reads every hostile body at the size where it is still read, and stays below 1 GB."""
    script = (
        "import re, sys; from pathlib import Path; sys.path[:0] = ['tests/unit']\n"
        "from test_hostile_bodies import HOSTILE, EVERY_PARSER, MAX_JSON_BYTES, MAX_PAGE_BYTES\n"
        "for make in HOSTILE.values():\n"
        "    EVERY_PARSER['tmdb-list'](make(MAX_PAGE_BYTES - 4096))\n"
        "    EVERY_PARSER['spotify-search'](make(MAX_JSON_BYTES - 4096))\n"
        # not ru_maxrss, which begins at what the process that started this one held
        r"print(int(re.search(r'VmHWM:\s+(\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1024, done.stdout


@pytest.mark.parametrize("kind", PARSERS)
def test_the_command_says_so_in_one_sentence(kind: str, tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(fill(b"<p><b>", 10 * MB))
    with pytest.raises(OstinatoError, match=f"is no {kind} page that can be read"):
        print_parsed(kind, tmp_path / "page", None)
