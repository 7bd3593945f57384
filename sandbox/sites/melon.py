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
from starlette.routing import Route

from sandbox import charts
from sandbox.charts import Period, Row
from sandbox.korean import Song
from sandbox.state import Sandbox, render

HOUR = "07:00"
LIBRARIES = re.compile(
    r"^$|^(python|urllib|curl|wget|aiohttp|httpx|java|go-http|okhttp|libwww|scrapy|axios|node-fetch)", re.IGNORECASE
)
ROBOTS = "User-agent: *\nAllow: /chart/\nAllow: /song/detail.htm\nDisallow: /mymusic/\nDisallow: /member/\nDisallow: /buy/\n"
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
        return HTMLResponse(render("melon_chart.html", rows=rows, kind=TITLES[kind], stamp=stamp(kind, period), hour=HOUR))

    def top100(request: Request) -> Response:
        return chart_page("top100", charts.day_of(sandbox.world.as_of), "GN0000")

    def day(request: Request) -> Response:
        period = charts.day_of(sandbox.world.as_of).before
        return chart_page("day", period, request.query_params.get("classCd", "GN0000"))

    def week(request: Request) -> Response:
        return chart_page("week", charts.week_before(sandbox.world.as_of), request.query_params.get("classCd", "GN0000"))

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

    routes: dict[str, Callable[[Request], Response]] = {
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
            Route("/robots.txt", lambda request: PlainTextResponse(ROBOTS)),
            *(Route(path, browsers_only(answer)) for path, answer in routes.items()),
        ],
        exception_handlers={404: browsers_only(lambda request: overloaded(), with_fault=True)},
    )


def browsers_only(answer: Callable[[Request], Response], with_fault: bool = False) -> Callable[..., Response]:
    """`answer` for those who name themselves; a library's default user agent is not acceptable."""

    def checked(request: Request) -> Response:
        if LIBRARIES.match(request.headers.get("user-agent", "")):
            return PlainTextResponse("Not Acceptable", 406)
        return answer(request)

    return (lambda request, fault: checked(request)) if with_fault else checked


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
    if number >= 40_000_000:
        songs = world.foreign_songs
    else:
        year = 1960 + (number - 1_000_000) // 500_000
        songs = world.korean_songs(year) if 1960 < year <= world.as_of.year else []
    return next((song for song in songs if song.song_id == song_id and song.released_on <= world.as_of), None)
