"""www.imdb.com: the soundtrack page, as Next.js sends it since 2023, whole or cut at 50 entries."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sandbox.distortion import chosen
from sandbox.films import Film
from sandbox.sites.routing import fault_of, get, otherwise, robots
from sandbox.soundtracks import Entry
from sandbox.state import Sandbox, render
from sandbox.world import Soundtrack

FIRST_LOAD = 50  # entries in the served page; a browser asks for the rest over GraphQL
EXPAND_LIMIT = 6  # an entry with more lines is drawn folded
# What a page may lack: the embedded JSON, the credit lines of some entries, and parts of the JSON
OPTIONAL = ("embedded", "lines", "total", "endCursor", "title", "metadata")
ROBOTS = "User-agent: *\nDisallow: /search/\nDisallow: /find\nDisallow: /ap/\nDisallow: /*/reviews\n"
IMDB_GENRES = {"Science Fiction": "Sci-Fi", "TV Movie": "Drama"}


def site(sandbox: Sandbox) -> Starlette:
    """The web site."""

    def soundtrack(request: Request) -> Response:
        item = sandbox.world.soundtrack_of_imdb(request.path_params["tconst"])
        if item is None:
            return HTMLResponse(render("imdb_missing.html"), 404)
        if fault_of(request, "old_markup"):  # the old page was never cut
            entries = [dom_entry(entry) for entry in item.entries]
            return HTMLResponse(render("imdb_legacy.html", film=item.film, entries=entries))
        fault = fault_of(request, "missing_fields")
        gone = chosen(OPTIONAL, fault.number, fault.rng) if fault else frozenset()
        item = without_lines(item) if "lines" in gone else item
        page = poorer(next_data(item, request, sandbox.world.as_of.isoformat()), gone)
        shown = item.entries[:FIRST_LOAD]
        embedded = None if "embedded" in gone else as_script(page)
        values = {"film": item.film, "entries": [dom_entry(entry) for entry in shown], "next_data": embedded}
        return HTMLResponse(render("imdb_soundtrack.html", **values))

    return Starlette(
        routes=[
            robots(ROBOTS),
            get("/title/{tconst}/soundtrack/", soundtrack),
            get("/title/{tconst}/soundtrack", soundtrack),
        ],
        exception_handlers=otherwise(lambda request: HTMLResponse(render("imdb_missing.html"), 404)),
    )


def without_lines(item: Soundtrack) -> Soundtrack:
    """The list as some contributors leave it: every third entry names a title and nobody."""
    entries = (replace(entry, lines=()) if n % 3 == 0 else entry for n, entry in enumerate(item.entries))
    return replace(item, entries=tuple(entries))


def poorer(page: dict[str, Any], gone: frozenset[str]) -> dict[str, Any]:
    """The embedded JSON without parts that it may lack."""
    content = page["props"]["pageProps"]["contentData"]
    for name in gone & {"total", "endCursor"}:
        del content["section"][name]
    if "title" in gone:
        del content["data"]
    if "metadata" in gone:
        content["entityMetadata"] = {"id": content["entityMetadata"]["id"]}
    return page


def as_script(page: dict[str, Any]) -> Markup:
    """JSON for a script element: as Next.js writes it, with `<`, `>` and `&` as they are but no closing tag."""
    return Markup(json.dumps(page, ensure_ascii=False, separators=(",", ":")).replace("</", "\\u003c/"))


def dom_entry(entry: Entry) -> dict[str, Any]:
    """An entry for the DOM; past the limit all lines but the first are hidden, as IMDb folds them."""
    return {
        "id": entry.entry_id,
        "title": entry.title,
        "lines": [Markup(line) for line in entry.lines],
        "is_folded": len(entry.lines) > EXPAND_LIMIT,
    }


def cursor_of(entries: tuple[Entry, ...]) -> str | None:
    """The cursor after the last entry of the first load: its id in base64 without padding."""
    if not entries:
        return None
    return base64.b64encode(entries[:FIRST_LOAD][-1].entry_id.encode()).decode().rstrip("=")


def next_data(item: Soundtrack, request: Request, day: str) -> dict[str, Any]:
    """The embedded JSON: the film, the section's items, and the echo of who asked."""
    film, entries = item.film, item.entries
    shown = entries[:FIRST_LOAD]
    section = {
        "items": [
            {
                "id": entry.entry_id,
                "rowTitle": entry.title,
                "listContent": [{"html": line} for line in entry.lines],
                "expandLimit": EXPAND_LIMIT,
                "stackedListItem": True,
            }
            for entry in shown
        ],
        "total": len(entries),
        "endCursor": cursor_of(entries),
    }
    edges = [
        {
            "node": {
                "id": entry.entry_id,
                "text": entry.title,
                "comments": [{"plaidHtml": line, "__typename": "Markdown"} for line in entry.lines],
                "__typename": "Track",
            },
            "__typename": "SoundtrackEdge",
        }
        for entry in shown
    ]
    page_info = {"hasNextPage": len(shown) < len(entries), "endCursor": section["endCursor"], "__typename": "PageInfo"}
    connection = {"total": len(entries), "pageInfo": page_info, "edges": edges, "__typename": "SoundtrackConnection"}
    metadata = entity_metadata(film)
    return {
        "props": {
            "pageProps": {
                "contentData": {
                    "entityMetadata": metadata,
                    "contributionData": {
                        "id": film.imdb_id,
                        "titleType": "movie",
                        "canHaveEpisodes": False,
                        "contributionSection": "soundtrack",
                        "helpSection": "soundtracks",
                    },
                    "data": {"title": metadata | {"soundtrack": connection, "__typename": "Title"}},
                    "section": section,
                },
                "isProPremiumSubscriber": False,
                "requestContext": request_context(request, day),
                "cmsContext": {},
                "translationContext": {"i18n": {"translations": {"title_main_soundtracks": "Soundtracks"}}},
                "urqlState": None,
                "fetchState": None,
            },
            "__N_SSP": True,
        },
        "page": "/title/[tconst]/soundtrack",
        "query": {"tconst": film.imdb_id},
        "buildId": "sandbox",
        "runtimeConfig": {"env": "production", "stage": "Prod"},
        "isFallback": False,
        "gssp": True,
        "locale": "en-US",
        "locales": ["en-US", "de", "es", "es-ES", "fr", "fr-CA", "hi", "it", "pt"],
        "defaultLocale": "en-US",
        "scriptLoader": [],
    }


def request_context(request: Request, day: str) -> dict[str, Any]:
    """What IMDb echoes of its caller; a reader must strip it before keeping the page."""
    headers = dict(request.headers.items())
    return {
        "timestamp": f"{day}T00:00:00.000Z",
        "sidecar": {"account": {"userName": None, "userId": None, "isLoggedIn": False}},
        "headers": headers,
        "sidecarHeaders": {},
        "ipAddress": request.client.host if request.client else "",
        "sessionId": "000-0000000-0000000",
        "geo": {"latitude": "0.0", "longitude": "0.0", "postalCode": "00000"},
        "requestId": "00000000000000000000",
    }


def entity_metadata(film: Film) -> dict[str, Any]:
    """The film as every page of IMDb describes it."""
    genres = dict.fromkeys(IMDB_GENRES.get(name, name) for name in film.genres)
    return {
        "id": film.imdb_id,
        "certificate": {"rating": film.certification} if film.certification else None,
        "runtime": {"seconds": film.runtime_min * 60} if film.runtime_min else None,
        "ratingsSummary": {"aggregateRating": round(film.quality / 10, 1), "voteCount": film.n_votes * 20},
        "titleGenres": {"genres": [{"genre": {"text": name}} for name in list(genres)[:3]]},
        "meta": {"canonicalId": film.imdb_id, "publicationStatus": "PUBLISHED"},
        "titleType": {"id": "movie", "text": "Movie", "canHaveEpisodes": False, "isSeries": False, "isEpisode": False},
        "titleText": {"text": film.title},
        "originalTitleText": {"text": film.original_title},
        "releaseYear": {"year": film.released_on.year, "endYear": None},
        "plot": {"plotText": {"plainText": film.overview}} if film.overview else None,
        "productionStatus": {"restriction": None, "currentProductionStage": {"id": "released"}},
    }
