"""Fetching with limits off, beside a Scrapy spider of equal concurrency.

Both fetch the same 2,000 pages of the sandbox (film pages of TMDB, soundtrack pages of IMDb), without robots.txt and
without a pace, each in a process of its own, in alternating rounds; the figures are medians. Ours does what it always
does: it classifies, cleans, hashes, compresses and archives every body and remembers its validators. Scrapy is measured
bare, with a callback that does nothing, and with one that keeps the bodies as ours does (SHA-256, zstd, one file each).

What limits ours is Python itself: its threads share one interpreter lock, and a page costs about 0.75 ms of it when the
machine is otherwise idle: 0.34 in requests and urllib3, 0.08 for hashing, compressing and writing, 0.06 for cleaning,
the rest for pace, retries, states and the cache. "bare sockets" is the sandbox's own ceiling: bodies read and dropped.

Run: `python bench/fetch.py [--pages 2000] [--concurrency 8] [--rounds 3]`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from support.memory import peak_mb  # noqa: E402  after the path

Figures = dict[str, float]


def ours(urls: list[str], concurrency: int, home: Path) -> Figures:
    """The polite session, shared by as many threads as requests may run at once."""
    from tasks.fetching.http import PoliteSession
    from tasks.settings import Profile, Settings

    settings = Settings(home=home, profile=Profile.SANDBOX, sites=json.loads(os.environ["BENCH_SITES"]))
    settings = settings.model_copy(update={"max_workers": concurrency})
    with PoliteSession(settings, "tmdb") as tmdb, PoliteSession(settings, "imdb") as imdb:

        def fetch(url: str) -> int:
            answer = (tmdb if "/movie/" in url else imdb).get(url)
            assert answer.state == "ok" and answer.sha256, answer.reason
            return len(answer.body)

        with ThreadPoolExecutor(concurrency) as pool:
            return timed(lambda: sum(pool.map(fetch, urls)))


def scrapy_bare(urls: list[str], concurrency: int, home: Path) -> Figures:
    """Scrapy with a callback that only counts."""
    return crawl(urls, concurrency, lambda body: None)


def scrapy_stored(urls: list[str], concurrency: int, home: Path) -> Figures:
    """Scrapy with a callback that hashes, compresses and writes each body."""
    import hashlib

    import zstandard

    compressor = zstandard.ZstdCompressor(level=3)

    def keep(body: bytes) -> None:
        sha256 = hashlib.sha256(body).hexdigest()
        folder = home / sha256[:2]
        folder.mkdir(exist_ok=True)
        (folder / f"{sha256}.zst").write_bytes(compressor.compress(body))

    return crawl(urls, concurrency, keep)


def crawl(urls: list[str], concurrency: int, keep: Callable[[bytes], None]) -> Figures:
    """A spider over these pages."""
    import scrapy
    from scrapy.crawler import CrawlerProcess

    sizes: list[int] = []

    class Pages(scrapy.Spider):
        name = "pages"

        async def start(self) -> Any:
            for url in urls:
                yield scrapy.Request(url, dont_filter=True)

        def parse(self, response: Any, **_: Any) -> None:
            keep(response.body)
            sizes.append(len(response.body))

    process = CrawlerProcess(
        {
            "CONCURRENT_REQUESTS": concurrency,
            "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
            "DOWNLOAD_DELAY": 0,
            "ROBOTSTXT_OBEY": False,
            "COOKIES_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "LOG_LEVEL": "ERROR",
        }
    )
    process.crawl(Pages)

    def run() -> int:
        process.start()
        assert len(sizes) == len(urls), f"{len(sizes)} of {len(urls)} pages came"
        return sum(sizes)

    return timed(run)


def timed(run: Callable[[], int]) -> Figures:
    """What a run costs, without imports and start-up; `run` returns the bytes it has fetched."""
    before_mb = peak_mb()
    started, cpu_started = time.perf_counter(), time.process_time()
    n_bytes = run()
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
    return {
        "seconds": seconds,
        "cpu_s": cpu_s,
        "peak_mb": peak_mb(),
        "grown_mb": peak_mb() - before_mb,
        "mb": n_bytes / 1e6,
    }


def bare(urls: list[str], concurrency: int, home: Path) -> Figures:
    """The least that a Python program can do: connections kept open, bodies read and dropped; the server's ceiling."""
    import http.client
    from urllib.parse import urlsplit

    of_thread = threading.local()

    def fetch(url: str) -> int:
        parts = urlsplit(url)
        known = of_thread.__dict__.setdefault("connections", {})
        connection = known.setdefault(parts.netloc, http.client.HTTPConnection(parts.netloc))
        connection.request("GET", f"{parts.path}?{parts.query}")
        return len(connection.getresponse().read())

    with ThreadPoolExecutor(concurrency) as pool:
        return timed(lambda: sum(pool.map(fetch, urls)))


METHODS = {"scrapy": scrapy_bare, "scrapy, stored": scrapy_stored, "ostinato": ours, "bare sockets": bare}


@contextmanager
def sandbox(n_films: int) -> Iterator[dict[str, str]]:
    """The made-up sites in a process of their own."""
    command = [sys.executable, "-m", "sandbox", "--films", str(n_films), "--tracks", "3000", "--with-parent"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(timeout=30)


def page_urls(sites: dict[str, str], n_pages: int) -> list[str]:
    """Film pages and soundtrack pages by turns."""
    import requests

    films = requests.get(f"{sites['sandbox']}/world", timeout=60).json()["films"]
    pairs = [(f"{sites['tmdb']}/movie/{tmdb}?language=en-US", imdb) for tmdb, imdb in films.items() if imdb]
    urls = [url for film, imdb in pairs for url in (film, f"{sites['imdb']}/title/{imdb}/soundtrack/")]
    assert len(urls) >= n_pages, f"the sandbox has {len(urls)} pages"
    return urls[:n_pages]


def measured(method: str, urls: list[str], sites: dict[str, str], concurrency: int) -> Figures:
    """One run of a method in a process of its own, with an empty folder to write to."""
    with tempfile.TemporaryDirectory() as home:
        listed = Path(home) / "urls.json"
        listed.write_text(json.dumps(urls))
        command = [sys.executable, __file__, "--method", method, "--concurrency", str(concurrency), "--home", home]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("OSTINATO_")}
        done = subprocess.run(
            command,
            env={**plain, "BENCH_SITES": json.dumps(sites)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=2000, help="pages to fetch in each round (default: 2000)")
    parser.add_argument("--concurrency", type=int, default=8, help="requests at once (default: 8)")
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds (default: 3)")
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.method:
        urls = json.loads((options.home / "urls.json").read_text())
        print(json.dumps(METHODS[options.method](urls, options.concurrency, options.home)))
        return
    runs: dict[str, list[Figures]] = {method: [] for method in METHODS}
    with sandbox(100 + options.pages * 6 // 10) as sites:  # some films have no IMDb id
        urls = page_urls(sites, options.pages)
        measured("bare sockets", urls, sites, options.concurrency)  # the sandbox renders its templates once
        for _ in range(options.rounds):
            for method, figures in runs.items():
                figures.append(measured(method, urls, sites, options.concurrency))
    report(runs, options)


def report(runs: dict[str, list[Figures]], options: argparse.Namespace) -> None:
    """The medians, and how each compares with bare Scrapy."""
    rows = {
        method: {name: statistics.median(run[name] for run in figures) for name in figures[0]}
        for method, figures in runs.items()
    }
    peer = rows["scrapy"]
    print(
        f"{options.pages:,} pages, {peer['mb']:.1f} MB, {options.concurrency} requests at once; "
        f"medians of {options.rounds} rounds; ratios to bare Scrapy"
    )
    print(f"{'':16}{'pages/s':>9}{'ratio':>7}{'CPU ms/page':>13}{'peak MB':>9}{'ratio':>7}{'grown MB':>10}")
    for method, row in rows.items():
        faster, larger = peer["seconds"] / row["seconds"], row["peak_mb"] / peer["peak_mb"]
        cpu_ms = 1000 * row["cpu_s"] / options.pages
        print(
            f"{method:16}{options.pages / row['seconds']:>9.0f}{faster:>7.2f}{cpu_ms:>13.2f}"
            f"{row['peak_mb']:>9.0f}{larger:>7.2f}{row['grown_mb']:>10.0f}"
        )


if __name__ == "__main__":
    main()
