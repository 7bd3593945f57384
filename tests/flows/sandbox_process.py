"""A sandbox of a test's own: 60 films and 600 tracks on 21 November 2026, as a process over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"}
TOKEN = {"Authorization": "Bearer sandbox"}
EVERYBODY = BROWSER | TOKEN


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sandbox", "--films", "60", "--tracks", "600", "--as-of", "2026-11-21", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ready_line(process: subprocess.Popen[bytes]) -> dict[str, str]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


@contextmanager
def running(*arguments: str) -> Iterator[dict[str, str]]:
    """Base URLs by site, for as long as the block runs; whatever happened in it, nothing was written to stderr."""
    process = start("--with-parent", *arguments)
    try:
        yield ready_line(process)
        _, err = process.communicate(timeout=10)  # closes its standard input
        assert err == b""
    finally:
        process.kill()
        process.communicate()


def get(urls: dict[str, str], site: str, path: str, **options: Any) -> requests.Response:
    options.setdefault("headers", BROWSER)
    options.setdefault("timeout", 10)
    return requests.get(urls[site] + path, **options)


def order(urls: dict[str, str], orders: dict[str, Any]) -> requests.Response:
    return requests.put(urls["sandbox"] + "/faults", json=orders, timeout=10)


def one_of_each(truth: dict[str, Any]) -> dict[str, str]:
    """One address of every kind, with a full answer behind it."""
    imdb_id = next(i for i, groups in truth["release_groups"].items() if groups and truth["film_tracks"][i])
    tracks = list(truth["track_genres"])
    song_id = next(iter(truth["song_tracks"]))
    return {
        "tmdb list": "/movie",
        "tmdb film": f"/movie/{next(iter(truth['films']))}",
        "tmdb_api list": "/discover/movie?api_key=any",
        "tmdb_api film": f"/movie/{next(iter(truth['films']))}?api_key=any&append_to_response=credits,external_ids",
        "imdb": f"/title/{imdb_id}/soundtrack/",
        "melon chart": "/chart/index.htm",
        "melon age": "/chart/age/list.htm?chartType=YE&chartGenre=KPOP&chartDate=2019",
        "melon song": f"/song/detail.htm?songId={song_id}",
        "spotify_api search": "/search?q=theme&type=track&limit=10",
        "spotify_api track": f"/tracks/{tracks[0]}",
        "reccobeats": f"/audio-features?ids={','.join(tracks[:40])}",
        "musicbrainz url": f"/url?resource=https://www.imdb.com/title/{imdb_id}/&inc=release-group-rels&fmt=json",
        "musicbrainz release": f"/release?release-group={truth['release_groups'][imdb_id][0]}"
        "&inc=recordings+isrcs+artist-credits&limit=100&fmt=json",
        "youtube_api": "/search?part=snippet&q=theme&type=video&maxResults=10&key=any",
        "tmdb_files": "/movie_ids_11_20_2026.json.gz",
    }


def ask(urls: dict[str, str], pages: dict[str, str], page: str, **options: Any) -> requests.Response:
    return get(urls, page.split()[0], pages[page], headers=EVERYBODY, **options)


def faulty(urls: dict[str, str], pages: dict[str, str], page: str, kind: str, **more: Any) -> requests.Response:
    """The answer with that fault, and proof that the next one is right again."""
    assert order(urls, {page.split()[0]: {"kind": kind} | more}).status_code == 200
    answer = ask(urls, pages, page)
    assert ask(urls, pages, page).status_code == 200
    return answer
