"""Reading of pages beside the same extraction written with parsel, Scrapy's parser (for JSON bodies the json module).

Both read the same bytes and give the same rows, which is asserted; what tells roles in a credit line is shared, so
that the comparison is of getting at the lines. IMDb, Melon and Spotify are the real pages kept in ../shared/pages, TMDB
is the sandbox over HTTP. Printed are medians of several rounds in which both take turns; `speed` is parsel's time over
ours. Ours also refuses what parsel would read for as long as it takes (see tests/unit/test_hostile_bodies.py).

Run: `python bench/parse.py [--rounds 15]`
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from parsel import Selector

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT.parent / "shared" / "pages"
sys.path.insert(0, str(ROOT))

from tasks.sources.credits import plain_text, read_credits  # noqa: E402  after the path
from tasks.sources.kinds import PARSERS  # noqa: E402
from tasks.sources.reading import read_date  # noqa: E402
from tasks.sources.tmdb_words import language_code  # noqa: E402

Rows = list[dict[str, Any]]


def soundtrack(body: bytes) -> Rows:
    """IMDb by its drawn list: the embedded JSON would have to be cut out and each of its lines parsed as HTML."""
    page = Selector(text=body.decode())
    imdb_id = page.css('link[rel="canonical"]::attr(href)').re_first(r"tt\d+")
    rows = []
    for position, entry in enumerate(page.css('[data-testid="sub-section"] li[id^="sn"]'), 1):
        lines = [_segments(line) for line in entry.css(".ipc-html-content-inner-div")]
        row = {"imdb_id": imdb_id, "position": position, "entry_id": entry.attrib["id"]}
        row["title"] = "".join(entry.css(".ipc-metadata-list-item__label ::text").getall()).strip()
        rows.append({**row, "credits": read_credits(lines), "lines": [plain_text(line) for line in lines]})
    return rows


def _segments(line: Selector) -> list[tuple[str, str]]:
    """Texts of a line in order, and which of them are names by their links."""
    segments = []
    for node in line.xpath("./node()"):
        href = "" if isinstance(node.root, str) else node.attrib.get("href", "")
        segments.append((node.xpath("string()").get("") if href else node.get(), "name" if "/name/" in href else ""))
    return segments


def chart(body: bytes) -> Rows:
    """A Melon chart by its rows."""
    page = Selector(text=body.decode())
    tab = page.css('li.on > a[href^="/chart/"]::attr(href)').get()
    day, hour = page.css("span.year::text").re_first(r"\d{4}\.\d\d\.\d\d"), page.css("span.hour::text").re_first(r"\d+")
    place = {
        "chart": "top100" if tab == "/chart/index.htm" else None,
        "scope": None,
        "period": f"{day.replace('.', '-')}T{hour}" if day else None,
    }
    rows = [
        {
            **place,
            "rank": int(row.css("span.rank::text").get("")),
            "song_id": row.attrib.get("data-song-no") or row.css("input[name=input_check]::attr(value)").get(),
            "title": _text(row.css("div.rank01 a")),
            "artists": [_text(artist) for artist in row.css("div.rank02 > a")],
            "album": _text(row.css("div.rank03 a")),
        }
        for row in page.css("tr.lst50, tr.lst100")
    ]
    return sorted(rows, key=lambda row: row["rank"])


def song(body: bytes) -> Rows:
    """A Melon song page by its labels."""
    page = Selector(text=body.decode())
    section = page.css("div.section_info")
    facts = {_text(label): _text(label.xpath("following-sibling::dd[1]")) for label in section.css("dl dt")}
    return [
        {
            "song_id": section.css("button[data-song-no]::attr(data-song-no)").get(),
            "title": " ".join("".join(section.css("div.song_name").xpath("./text()").getall()).split()),
            "artists": section.css("a.artist_name::attr(title)").getall(),
            "album": facts.get("앨범"),
            "released_on": (facts.get("발매일") or "").replace(".", "-") or None,
            "genres": [genre.strip() for genre in (facts.get("장르") or "").split(",")],
        }
    ]


def film_list(body: bytes) -> Rows:
    """A TMDB list by its cards."""
    rows = []
    for card in Selector(text=body.decode()).xpath('//div[contains(@class, "comp:poster-card")]'):
        score = float(card.css(".user_score_chart::attr(data-percent)").get("0"))
        rows.append(
            {
                "tmdb_id": int(card.css('a[href^="/movie/"]::attr(href)').re_first(r"/movie/(\d+)") or 0),
                "title": _text(card.css("h2 span")),
                "released_on": read_date(_text(card.css("span.subheader"))),
                "user_score": score or None,
            }
        )
    return rows


def film(body: bytes) -> Rows:
    """A TMDB film page by its header, crew, cast and facts."""
    page = Selector(text=body.decode())
    header = page.css("#original_header")
    hours, minutes = (header.css("span.runtime::text").re_first(rf"(\d+){unit}") for unit in "hm")
    facts = {_text(fact.css("bdi")): _text_after(fact) for fact in page.css("section.facts p")}
    poster = header.css("img.poster::attr(data-src)").get()
    overview = _text(header.css("div.overview p")) or ""
    return [
        {
            "tmdb_id": int(page.css('link[rel="canonical"]::attr(href)').re_first(r"/movie/(\d+)") or 0),
            "imdb_id": None,
            "title": _text(header.css("h2 a")),
            "original_title": facts.get("Original Title"),
            "original_language": language_code(facts.get("Original Language")),
            "genres": [_text(genre) for genre in header.css("span.genres a")],
            "runtime_min": (int(hours or 0) * 60 + int(minutes or 0)) or None,
            "user_score": float(header.css(".user_score_chart::attr(data-percent)").get("0")) or None,
            "overview": None if overview.startswith("We don't have an overview") else overview,
            "budget_usd": _dollars(facts.get("Budget")),
            "revenue_usd": _dollars(facts.get("Revenue")),
            "directors": [
                _text(person.css("p a"))
                for person in header.css("ol.people.no_image li.profile")
                if "Director" in (_text(person.css("p.character")) or "").split(", ")
            ],
            "cast": [_text(person) for person in page.css("ol.people.scroller li.card > p > a")],
            "released_on": read_date(_text(header.css("span.release"))),
            "poster_url": "https://image.tmdb.org/t/p/w500/" + poster.rpartition("/")[2] if poster else None,
        }
    ]


def search(body: bytes) -> Rows:
    """Spotify's hits with the json module alone."""
    return [
        {
            "track_id": item["id"],
            "isrc": item.get("external_ids", {}).get("isrc"),
            "title": item["name"].strip(),
            "artists": [artist["name"] for artist in item["artists"]],
            "album": item["album"]["name"],
            "released_on": _date(item["album"]),
            "duration_ms": item["duration_ms"],
            "explicit": item["explicit"],
        }
        for item in json.loads(body)["tracks"]["items"]
        if item
    ]


def _date(album: Mapping[str, Any]) -> str | None:
    length = {"year": 4, "month": 7}.get(album.get("release_date_precision"), 10)
    return album.get("release_date", "")[:length] or None


def _text(node: Any) -> str | None:
    return " ".join((node.xpath("string()").get() or "").split()) or None


def _text_after(fact: Selector) -> str | None:
    text = " ".join("".join(fact.xpath("./text()").getall()).split())
    return text if text != "-" else None


def _dollars(text: str | None) -> int | None:
    return int(text.lstrip("$").split(".")[0].replace(",", "")) if text else None


PEERS: dict[str, tuple[str, Callable[[bytes], Rows]]] = {
    "IMDb soundtrack": ("imdb-soundtrack", soundtrack),
    "Melon chart": ("melon-chart", chart),
    "Melon song": ("melon-song", song),
    "TMDB list": ("tmdb-list", film_list),
    "TMDB film": ("tmdb-film", film),
    "Spotify search": ("spotify-search", search),
}


def saved(pattern: str) -> list[bytes]:
    """Real pages, unpacked."""
    return [gzip.decompress(path.read_bytes()) for path in sorted(PAGES.glob(pattern))]


@contextmanager
def sandbox() -> Iterator[Mapping[str, str]]:
    """Base URLs of a sandbox of its own."""
    command = [sys.executable, "-m", "sandbox", "--films", "200", "--tracks", "600", "--with-parent"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield json.loads(process.stdout.readline())  # type: ignore[union-attr]
    finally:
        process.terminate()
        process.wait()


def tmdb_pages() -> tuple[list[bytes], list[bytes]]:
    """List pages of the sandbox, and the pages of films that they name."""

    def get(url: str) -> bytes:
        with urllib.request.urlopen(url) as answer:  # noqa: S310  loopback
            return bytes(answer.read())

    with sandbox() as sites:
        lists = [get(f"{sites['tmdb']}/movie?page={n}&language=en-US") for n in range(1, 6)]
        numbers = [row["tmdb_id"] for page in lists[:2] for row in PARSERS["tmdb-list"](page).rows]
        return lists, [get(f"{sites['tmdb']}/movie/{number}?language=en-US") for number in numbers[:20]]


def pages_by_kind() -> dict[str, list[bytes]]:
    """All pages that are measured; those of a site whose pages are not here are left out."""
    lists, films = tmdb_pages()
    pages = {
        "IMDb soundtrack": saved("imdb/soundtrack_*.html.gz"),
        "Melon chart": [*saved("melon/top100*.gz"), *saved("melon/age*.gz")],
        "Melon song": saved("melon/song_detail*.gz"),
        "TMDB list": lists,
        "TMDB film": films,
        "Spotify search": [*saved("spotify/spotifySearchResponse*.gz"), *saved("spotify/doc_SearchTracks*.gz")],
    }
    return {kind: some for kind, some in pages.items() if some}


def ms_per_page(parse: Callable[[bytes], object], pages: Sequence[bytes], times: int) -> float:
    """Milliseconds for one page, over all pages and `times` repetitions."""
    started = time.perf_counter()
    for _ in range(times):
        for page in pages:
            parse(page)
    return (time.perf_counter() - started) * 1000 / (times * len(pages))


def measure(kind: str, pages: Sequence[bytes], n_rounds: int) -> tuple[float, float]:
    """Median milliseconds per page of ours and of the peer's; both must give the same rows."""
    name, theirs = PEERS[kind]
    ours = PARSERS[name]
    for page in pages:
        mine, yours = ours(page).rows, theirs(page)
        assert mine == yours, next((a, b) for a, b in zip(mine, yours, strict=True) if a != b)
    times = max(1, round(30 / (ms_per_page(ours, pages, 1) * len(pages))))  # a round takes some 30 ms
    rounds = [(ms_per_page(ours, pages, times), ms_per_page(theirs, pages, times)) for _ in range(n_rounds)]
    return statistics.median(ms for ms, _ in rounds), statistics.median(ms for _, ms in rounds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="how many times both take turns")
    options = parser.parse_args()
    if not PAGES.is_dir():
        print("The real pages (../shared/pages) are not here: only TMDB is measured.")
    print(f"{'':16}{'pages':>6}{'KB a page':>11}{'ours ms':>9}{'parsel ms':>11}{'speed':>7}")
    for kind, pages in pages_by_kind().items():
        mine, yours = measure(kind, pages, options.rounds)
        size_kb = sum(map(len, pages)) / len(pages) / 1024
        print(f"{kind:16}{len(pages):>6}{size_kb:>11.0f}{mine:>9.2f}{yours:>11.2f}{yours / mine:>6.1f}x")


if __name__ == "__main__":
    main()
