"""www.melon.com: TOP100, HOT100, day, week, month, age and past charts, and song pages, in Korean.

A library's own user agent gets 406; a wrong address or a period without a chart gets the overload page with
status 200, as the real site does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from sandbox import charts
from sandbox.charts import Row
from sandbox.distortion import chosen
from sandbox.korean import FIRST_FOREIGN_ID, FIRST_UNLISTED_ID, FIRST_YEAR, Song
from sandbox.periods import (
    Period,
    day_of,
    month_of,
    named_day,
    named_hour,
    past_period,
    week_before,
    week_of,
    years_of,
)
from sandbox.sites.routing import Answer, fault_of, get, otherwise, robots
from sandbox.state import Sandbox, render

HOUR = "07:00"
MAX_YEAR = 2100
LIBRARIES = re.compile(
    r"^$|^(python|urllib|curl|wget|aiohttp|httpx|java|go-http|okhttp|libwww|scrapy|axios|node-fetch)", re.IGNORECASE
)
ROBOTS = (
    "User-agent: *\nAllow: /chart/\nAllow: /song/detail.htm\nDisallow: /mymusic/\nDisallow: /member/\nDisallow: /buy/\n"
)
CLASS_CODES = {"GN0000", "DM0000", "AB0000", *(f"GN0{number}00" for number in range(1, 10))}
TITLES = {"day": "일간", "week": "주간", "month": "월간", "top100": "실시간", "hot100": "HOT100"}
ENGLISH_GENRES = {  # as song pages named them until about 2018
    "발라드": "Ballad",
    "댄스": "Dance",
    "랩/힙합": "Rap / Hip-hop",
    "R&B/Soul": "R&B / Soul",
    "인디음악": "Indie",
    "록/메탈": "Rock / Metal",
    "트로트": "Trot",
    "포크/블루스": "Folk / Blues",
    "발라드, 국내드라마": "Ballad, Drama",
    "POP": "Pop",
}
ROW_OPTIONAL = ("artists", "album", "link", "change")
SONG_OPTIONAL = ("album", "released", "genre")
MAX_CELLS = 10_000  # songs whose cells are remembered, some 2 kB each


def site(sandbox: Sandbox) -> Starlette:
    """The web site."""

    def overloaded() -> Response:
        return HTMLResponse(render("melon_error.html"))

    def chart_page(request: Request, kind: str, period: Period | None, hour: str = HOUR) -> Response:
        scope = class_of(request)
        if period is None or scope not in CLASS_CODES:
            return overloaded()
        rows = charts.hot_rows(sandbox.world, period) if kind == "hot100" else charts.rows(sandbox.world, period, scope)
        return drawn(sandbox, "melon_chart", request, rows, kind=TITLES[kind], stamp=stamp(kind, period), hour=hour)

    def top100(request: Request) -> Response:
        asked = request.query_params.get("dayTime")
        if not asked:
            return chart_page(request, "top100", day_of(sandbox.world.as_of))
        hour = named_hour(asked, sandbox.world.as_of)
        return chart_page(request, "top100", day_of(hour.date()), f"{hour:%H}:00") if hour else overloaded()

    def hot100(request: Request) -> Response:
        return chart_page(request, "hot100", day_of(sandbox.world.as_of))

    def day(request: Request) -> Response:
        asked = request.query_params.get("rankDay") or request.query_params.get("startDay")
        named = named_day(asked, sandbox.world.as_of) if asked else sandbox.world.as_of - timedelta(days=1)
        return chart_page(request, "day", day_of(named) if named else None)

    def week(request: Request) -> Response:
        first, last = request.query_params.get("startDay"), request.query_params.get("endDay", "")
        today = sandbox.world.as_of
        return chart_page(request, "week", week_of(first, last, today) if first else week_before(today))

    def month(request: Request) -> Response:
        return chart_page(request, "month", month_of(request.query_params.get("rankMonth"), sandbox.world.as_of))

    def past(request: Request) -> Response:
        period, scope = past_period(request.query_params, sandbox.world.as_of), class_of(request)
        if period is None or scope not in CLASS_CODES:
            return overloaded()
        return drawn(sandbox, "melon_age", request, charts.rows(sandbox.world, period, scope))

    def age(request: Request) -> Response:
        asked = request.query_params
        period = years_of(asked.get("chartType", "YE"), asked.get("chartDate", ""), sandbox.world.as_of)
        scope = asked.get("chartGenre", "KPOP")
        if period is None or scope not in ("KPOP", "POP"):
            return overloaded()
        return drawn(sandbox, "melon_age", request, charts.rows(sandbox.world, period, scope))

    def song_page(request: Request) -> Response:
        song = find_song(sandbox, request.query_params.get("songId", ""))
        if song is None:
            return overloaded()
        genre = ENGLISH_GENRES.get(song.genre, song.genre) if fault_of(request, "old_markup") else song.genre
        return HTMLResponse(render("melon_song.html", song=song, genre=genre, gone=gone_from(request, SONG_OPTIONAL)))

    def likes(request: Request) -> Response:
        asked = [part for part in request.query_params.get("contsIds", "").split(",") if part.isdigit()]
        counts = [{"CONTSID": int(part), "LIKEYN": "N", "SUMMCNT": int(part) % 250_000} for part in asked]
        return JSONResponse({"contsLike": counts, "httpDomain": "http://www.melon.com"})

    pages: dict[str, Answer] = {
        "/chart/index.htm": top100,
        "/chart/day/index.htm": day,
        "/chart/week/index.htm": week,
        "/chart/month/index.htm": month,
        "/chart/hot100/index.htm": hot100,
        "/chart/age/list.htm": age,
        "/chart/search/list.htm": past,
        "/song/detail.htm": song_page,
        "/commonlike/getSongLike.json": likes,
    }
    return Starlette(
        routes=[
            robots(ROBOTS),
            *(get(path, browsers_only(answer)) for path, answer in pages.items()),
        ],
        exception_handlers=otherwise(browsers_only(lambda request: overloaded())),
    )


def browsers_only(answer: Answer) -> Answer:
    """`answer` for those who name themselves; a library's default user agent is not acceptable."""

    def checked(request: Request) -> Response:
        if LIBRARIES.match(request.headers.get("user-agent", "")):
            return PlainTextResponse("Not Acceptable", 406)
        return answer(request)

    return checked


def class_of(request: Request) -> str:
    """The class code asked for; all genres where none is."""
    return request.query_params.get("classCd") or "GN0000"


def gone_from(request: Request, optional: tuple[str, ...]) -> frozenset[str]:
    """What this answer lacks, if missing fields are the fault that it was dealt."""
    fault = fault_of(request, "missing_fields")
    return chosen(optional, fault.number, fault.rng) if fault else frozenset()


def drawn(sandbox: Sandbox, layout: str, request: Request, rows: list[Row], **values: str) -> Response:
    """A chart as a page: `melon_chart`, or the fragment `melon_age`.

    The old layout calls all rows `lst50` and has the song's number in the checkbox. Where fields are missing, every
    third row lacks them: compilations have no artist, songs that may not be played no link.
    """
    gone = gone_from(request, ROW_OPTIONAL)
    shown = []
    for row in rows:
        lacks = gone if row.rank % 3 == 1 else frozenset()
        places = "unknown" if "change" in lacks else row.places_up
        shown.append((row.rank, row.song.song_id, places, *cells_of(sandbox, layout, row.song, lacks)))
    is_old = fault_of(request, "old_markup") is not None
    return HTMLResponse(render(f"{layout}.html", rows=shown, is_old=is_old, **values))


def cells_of(sandbox: Sandbox, layout: str, song: Song, gone: frozenset[str]) -> tuple[Markup, Markup]:
    """A song's cells before and after its rank; remembered, since they are the same in every chart."""
    key = (layout, song.song_id)
    if not gone and key in sandbox.melon_cells:
        return sandbox.melon_cells[key]
    poor = replace(song, artists=()) if "artists" in gone else song
    before, _, after = render(f"{layout}_song.html", song=poor, gone=gone).partition("<!-- rank -->\n")
    cells = Markup(before), Markup(after)
    if not gone:
        if len(sandbox.melon_cells) >= MAX_CELLS:
            sandbox.melon_cells.clear()
        sandbox.melon_cells[key] = cells
    return cells


def stamp(kind: str, period: Period) -> str:
    """The period as the page writes it: a day, `from ~ to` for a week, a month."""
    if kind == "month":
        return period.first.strftime("%Y.%m")
    days = [period.first.strftime("%Y.%m.%d"), period.last.strftime("%Y.%m.%d")]
    return days[0] if days[0] == days[1] else " ~ ".join(days)


def find_song(sandbox: Sandbox, song_id: str) -> Song | None:
    """The song of that number; a Korean song's number names its year."""
    if not (song_id.isascii() and song_id.isdigit() and len(song_id) < 12):
        return None
    world, number = sandbox.world, int(song_id)
    if number >= FIRST_UNLISTED_ID:
        songs = songs_of(world.unlisted_songs, 1960 + (number - FIRST_UNLISTED_ID) // 10_000)
    elif number >= FIRST_FOREIGN_ID:
        songs = world.foreign_songs
    else:
        songs = songs_of(world.korean_songs, 1960 + (number - 1_000_000) // 500_000)
    return next((song for song in songs if song.song_id == song_id and song.released_on <= world.as_of), None)


def songs_of(by_year: Callable[[int], list[Song]], year: int) -> list[Song]:
    """The songs of a year, none outside the years that Melon's charts know."""
    return by_year(year) if FIRST_YEAR <= year <= MAX_YEAR else []
