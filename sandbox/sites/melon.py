"""www.melon.com: TOP100, day, week, month and age charts, and song pages, in Korean.

A library's own user agent gets 406; a wrong address or a period without a chart gets the overload page with
status 200, as the real site does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from sandbox import charts
from sandbox.charts import Period, Row
from sandbox.korean import FIRST_FOREIGN_ID, FIRST_UNLISTED_ID, FIRST_YEAR, Song
from sandbox.sites.routing import Answer, get, otherwise, robots
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
TITLES = {"day": "일간", "week": "주간", "month": "월간", "top100": "실시간"}


def site(sandbox: Sandbox) -> Starlette:
    """The web site."""

    def overloaded() -> Response:
        return HTMLResponse(render("melon_error.html"))

    def chart_page(kind: str, period: Period | None, scope: str) -> Response:
        if period is None or scope not in CLASS_CODES:
            return overloaded()
        rows = ranked(sandbox, period, scope)
        return HTMLResponse(
            render("melon_chart.html", rows=rows, kind=TITLES[kind], stamp=stamp(kind, period), hour=HOUR)
        )

    def top100(request: Request) -> Response:
        return chart_page("top100", charts.day_of(sandbox.world.as_of), "GN0000")

    def day(request: Request) -> Response:
        period = charts.day_of(sandbox.world.as_of).before
        return chart_page("day", period, request.query_params.get("classCd", "GN0000"))

    def week(request: Request) -> Response:
        return chart_page(
            "week", charts.week_before(sandbox.world.as_of), request.query_params.get("classCd", "GN0000")
        )

    def month(request: Request) -> Response:
        period = charts.month_of(request.query_params.get("rankMonth"), sandbox.world.as_of)
        return chart_page("month", period, request.query_params.get("classCd", "GN0000"))

    def age(request: Request) -> Response:
        asked = request.query_params
        period = charts.years_of(asked.get("chartType", "YE"), asked.get("chartDate", ""), sandbox.world.as_of)
        scope = asked.get("chartGenre", "KPOP")
        if period is None or scope not in ("KPOP", "POP"):
            return overloaded()
        return HTMLResponse(render("melon_age.html", rows=ranked(sandbox, period, scope)))

    def song_page(request: Request) -> Response:
        song = find_song(sandbox, request.query_params.get("songId", ""))
        return HTMLResponse(render("melon_song.html", song=song)) if song else overloaded()

    def likes(request: Request) -> Response:
        asked = [part for part in request.query_params.get("contsIds", "").split(",") if part.isdigit()]
        counts = [{"CONTSID": int(part), "LIKEYN": "N", "SUMMCNT": int(part) % 250_000} for part in asked]
        return JSONResponse({"contsLike": counts, "httpDomain": "http://www.melon.com"})

    pages: dict[str, Answer] = {
        "/chart/index.htm": top100,
        "/chart/day/index.htm": day,
        "/chart/week/index.htm": week,
        "/chart/month/index.htm": month,
        "/chart/age/list.htm": age,
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


def ranked(sandbox: Sandbox, period: Period, scope: str) -> list[Row]:
    """The rows of a chart, remembered: they depend on the period alone."""
    return list(_remembered(sandbox.world, period, scope))


@lru_cache(maxsize=512)
def _remembered(world: Any, period: Period, scope: str) -> tuple[Row, ...]:
    return tuple(charts.rows(world, period, scope))


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
