"""www.themoviedb.org as of 2026: the list with its endless scroll, and film pages, in English and Korean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.distortion import chosen
from sandbox.films import TMDB_GENRE_IDS, Film
from sandbox.sites.routing import Answer, conditional, fault_of, get, otherwise, robots
from sandbox.state import Sandbox, render

CARDS_PER_PAGE = 20
ROBOTS = "User-agent: *\nDisallow: /account\nDisallow: /login\nDisallow: /search\nDisallow: /*/remote/\n"
KOREAN_GENRES = {
    "Action": "액션",
    "Adventure": "모험",
    "Animation": "애니메이션",
    "Comedy": "코미디",
    "Crime": "범죄",
    "Documentary": "다큐멘터리",
    "Drama": "드라마",
    "Family": "가족",
    "Fantasy": "판타지",
    "History": "역사",
    "Horror": "공포",
    "Music": "음악",
    "Mystery": "미스터리",
    "Romance": "로맨스",
    "Science Fiction": "SF",
    "TV Movie": "TV 영화",
    "Thriller": "스릴러",
    "War": "전쟁",
    "Western": "서부",
}
LANGUAGE_NAMES = {"en": "English", "ko": "한국어/조선말", "fr": "Français", "ja": "日本語", "es": "Español"}
ENGLISH_LANGUAGE_NAMES = {"en": "English", "ko": "Korean", "fr": "French", "ja": "Japanese", "es": "Spanish"}
LABELS = {
    "en": ("Original Title", "Status", "Original Language", "Budget", "Revenue", "Released"),
    "ko": ("원제", "상태", "원어", "제작비", "수익", "개봉됨"),
}
NO_OVERVIEW = {
    "en": "We don't have an overview translated in English. Help us expand our database by adding one.",
    "ko": "한국어로 등록된 개요가 없습니다. 개요를 추가하여 데이터베이스 확장에 참여해 주세요.",
}
# What a film page may lack: value of the template -> what stands for its absence
EMPTY: dict[str, Any] = {"genres": [], "runtime": "", "overview": "", "score": None, "release": "", "crew": []}
OPTIONAL = (*EMPTY, "poster", "certification", "tagline", "cast", "money")
CARD_OPTIONAL = ("poster", "score", "date")
N_DOUBLES = 3  # films of the page before that a page with duplicates begins with
N_JUMPING = 3  # films that jump to the head of a moving list at a time
ORDERS: dict[str, Callable[[Sandbox, Film], float]] = {
    "popularity": lambda sandbox, film: film.popularity_on(sandbox.world.as_of),
    "vote_average": lambda sandbox, film: film.user_score(sandbox.world.as_of),
    "vote_count": lambda sandbox, film: film.n_votes,
    "primary_release_date": lambda sandbox, film: film.released_on.toordinal(),
}


def sorted_films(sandbox: Sandbox, sort_by: str) -> list[Film]:
    """Films in the order of `<field>.desc` or `<field>.asc`, and at their head those that jumped there.

    An unknown field means popularity.
    """
    name, _, direction = sort_by.partition(".")
    order = ORDERS.get(name, ORDERS["popularity"])
    films = sorted(
        sandbox.world.films, key=lambda film: (order(sandbox, film), film.tmdb_id), reverse=direction != "asc"
    )
    if sandbox.jumped:
        films.sort(key=lambda film: sandbox.jumped.index(film.tmdb_id) if film.tmdb_id in sandbox.jumped else 1 << 30)
    return films


def list_page(sandbox: Sandbox, request: Request, films: list[Film], page: int) -> list[Film]:
    """The films of one page, from page 1, none beyond the last; with the last of the page before where that is
    the fault that the request was dealt."""
    if page < 1:
        return []
    first = (page - 1) * CARDS_PER_PAGE
    shown = films[first : first + CARDS_PER_PAGE]
    if fault_of(request, "duplicates") and shown:
        return films[first - N_DOUBLES : first] + shown if first else shown + shown[:N_DOUBLES]
    return shown


def let_films_jump(sandbox: Sandbox, request: Request, films: list[Film], page: int) -> bool:
    """Where the request was dealt a moving list, bring films of further down to its head; they stay there.

    A reader who goes on misses them, and meets others twice; a second look at the head finds them.
    """
    fault = fault_of(request, "moving")
    behind = films[max(page, 1) * CARDS_PER_PAGE :] or films
    if fault is None or not behind:
        return False
    jumping = [film.tmdb_id for film in fault.rng.sample(behind, min(N_JUMPING, len(behind)))]
    sandbox.jumped[:] = jumping + [tmdb_id for tmdb_id in sandbox.jumped if tmdb_id not in jumping]
    return True


def films_asked_for(sandbox: Sandbox, request: Request, sort_by: str, page: int) -> list[Film]:
    """All films in the order of the list, after any of them has jumped."""
    films = sorted_films(sandbox, sort_by)
    return sorted_films(sandbox, sort_by) if let_films_jump(sandbox, request, films, page) else films


def language_of(request: Request) -> str:
    """`ko` where the caller asks for Korean, else `en`."""
    asked = request.query_params.get("language") or request.headers.get("accept-language", "")
    return "ko" if asked.lower().startswith("ko") else "en"


def card(sandbox: Sandbox, film: Film, language: str) -> dict[str, Any]:
    """What one card of the list shows."""
    return {
        "film": film,
        "poster": film.poster,
        "title": shown_title(film, language),
        "score": film.user_score(sandbox.world.as_of),
        "date": film.released_on.strftime("%Y년 %m월 %d일" if language == "ko" else "%b %d, %Y"),
    }


def shown_title(film: Film, language: str) -> str:
    """The title in the page's language, else the English one."""
    return (film.korean_title or film.title) if language == "ko" else film.title


def site(sandbox: Sandbox) -> Starlette:
    """The web site."""

    def movie_list(request: Request) -> Response:
        sort_by = "vote_average.desc" if request.url.path.endswith("top-rated") else "popularity.desc"
        return cards_page("list", request, sort_by, number_of(request.query_params.get("page"), 1))

    async def more_items(request: Request) -> Response:
        form = {key: values[-1] for key, values in parse_qs((await request.body()).decode()).items()}
        return cards_page("cards", request, form.get("sort_by", "popularity.desc"), number_of(form.get("page"), 1))

    def cards_page(kind: str, request: Request, sort_by: str, page: int) -> Response:
        language, films = language_of(request), films_asked_for(sandbox, request, sort_by, page)
        cards = [card(sandbox, film, language) for film in list_page(sandbox, request, films, page)]
        if fault := fault_of(request, "missing_fields"):
            gone = dict.fromkeys(chosen(CARD_OPTIONAL, fault.number, fault.rng))
            cards = [card | gone if number % 3 == 0 else card for number, card in enumerate(cards)]
        layout = "_old" if fault_of(request, "old_markup") else ""
        values = {"cards": cards, "page": page, "sort_by": sort_by, "language": language}
        return HTMLResponse(render(f"tmdb_{kind}{layout}.html", **values))

    def film_page(request: Request) -> Response:
        film = find_film(sandbox, request.path_params["slug"])
        if film is None:
            return HTMLResponse(render("tmdb_missing.html"), 404)
        values = film_values(sandbox, film, language_of(request))
        if fault := fault_of(request, "missing_fields"):
            values = poorer(values, chosen(OPTIONAL, fault.number, fault.rng))
        return HTMLResponse(render("tmdb_film.html", **values))

    def since_today(answer: Answer) -> Answer:
        return conditional(answer, lambda: sandbox.world.as_of)

    return Starlette(
        routes=[
            robots(ROBOTS),
            get("/movie", since_today(movie_list)),
            get("/movie/now-playing", since_today(movie_list)),
            get("/movie/upcoming", since_today(movie_list)),
            get("/movie/top-rated", since_today(movie_list)),
            Route("/discover/movie/items", more_items, methods=["POST"]),
            get("/movie/{slug}", since_today(film_page)),
        ],
        exception_handlers=otherwise(lambda request: HTMLResponse(render("tmdb_missing.html"), 404)),
    )


def film_values(sandbox: Sandbox, film: Film, language: str) -> dict[str, Any]:
    """What a film page shows, in its language."""
    korean = language == "ko"
    hours, minutes = divmod(film.runtime_min or 0, 60)
    overview = film.korean_overview if korean else film.overview
    original, status, spoken, budget, revenue, released = LABELS[language]
    facts = [(original, film.original_title)] if film.original_title != shown_title(film, language) else []
    facts += [
        (status, released),
        (spoken, (LANGUAGE_NAMES if korean else ENGLISH_LANGUAGE_NAMES)[film.original_language]),
        (budget, f"${film.budget_usd:,.2f}" if film.budget_usd else "-"),
        (revenue, f"${film.revenue_usd:,.2f}" if film.revenue_usd else "-"),
    ]
    people = dict.fromkeys(film.directors + film.writers)
    return {
        "film": film,
        "language": language,
        "title": shown_title(film, language),
        "release": film.released_on.strftime("%Y-%m-%d (KR)" if korean else "%m/%d/%Y (US)"),
        "genres": [(TMDB_GENRE_IDS[name], KOREAN_GENRES[name] if korean else name) for name in film.genres],
        "runtime": " ".join(part for part in (f"{hours}h" if hours else "", f"{minutes}m" if minutes else "") if part),
        "score": film.user_score(sandbox.world.as_of),
        "overview": overview or NO_OVERVIEW[language],
        "facts": facts,
        "crew": [(name, ", ".join(_jobs(film, name))) for name in people],
    }


def poorer(values: dict[str, Any], gone: frozenset[str]) -> dict[str, Any]:
    """A film page's values without some that a page may lack."""
    film: Film = values["film"]
    absent: dict[str, Any] = {"poster": None, "certification": None, "tagline": None, "cast": ()}
    poor = values | {"film": replace(film, **{name: absent[name] for name in gone & absent.keys()})}
    poor |= {name: value for name, value in EMPTY.items() if name in gone}
    money = LABELS[values["language"]][3:5]
    if "money" in gone:
        poor["facts"] = [fact for fact in values["facts"] if fact[0] not in money]
    return poor


def _jobs(film: Film, name: str) -> list[str]:
    jobs = [("Director", film.directors), ("Writer", film.writers)]
    return [job for job, people in jobs if name in people]


def find_film(sandbox: Sandbox, slug: str) -> Film | None:
    """The film that `<id>` or `<id>-<words>` names."""
    number = slug.partition("-")[0]
    found = sandbox.world.soundtrack_of_tmdb(int(number)) if number.isascii() and number.isdigit() else None
    return found.film if found else None


def number_of(text: str | None, default: int) -> int:
    """A whole number, or the default."""
    return int(text) if text and text.isascii() and text.isdigit() else default
