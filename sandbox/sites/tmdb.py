"""www.themoviedb.org (list with its endless scroll, film pages) and TMDB's API v3, as of 2026."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.films import TMDB_GENRE_IDS, Film
from sandbox.sites.routing import Answer, get, otherwise, robots
from sandbox.state import Sandbox, render

CARDS_PER_PAGE = 20
MAX_API_PAGE = 500
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
NOT_FOUND = {"success": False, "status_code": 34, "status_message": "The resource you requested could not be found."}
WRONG_KEY = {"status_code": 7, "status_message": "Invalid API key: You must be granted a valid key.", "success": False}
ORDERS: dict[str, Callable[[Sandbox, Film], float]] = {
    "popularity": lambda sandbox, film: film.popularity_on(sandbox.world.as_of),
    "vote_average": lambda sandbox, film: film.user_score(sandbox.world.as_of),
    "vote_count": lambda sandbox, film: film.n_votes,
    "primary_release_date": lambda sandbox, film: film.released_on.toordinal(),
}


def sorted_films(sandbox: Sandbox, sort_by: str) -> list[Film]:
    """Films in the order of `<field>.desc` or `<field>.asc`; an unknown field means popularity."""
    name, _, direction = sort_by.partition(".")
    order = ORDERS.get(name, ORDERS["popularity"])
    return sorted(
        sandbox.world.films, key=lambda film: (order(sandbox, film), film.tmdb_id), reverse=direction != "asc"
    )


def list_page(sandbox: Sandbox, sort_by: str, page: int) -> list[Film]:
    """The films of one page, from page 1; none beyond the last."""
    return sorted_films(sandbox, sort_by)[(page - 1) * CARDS_PER_PAGE : page * CARDS_PER_PAGE] if page > 0 else []


def language_of(request: Request) -> str:
    """`ko` where the caller asks for Korean, else `en`."""
    asked = request.query_params.get("language") or request.headers.get("accept-language", "")
    return "ko" if asked.lower().startswith("ko") else "en"


def card(sandbox: Sandbox, film: Film, language: str) -> dict[str, Any]:
    """What one card of the list shows."""
    return {
        "film": film,
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
        language = language_of(request)
        page = _number(request.query_params.get("page"), 1)
        sort_by = "vote_average.desc" if request.url.path.endswith("top-rated") else "popularity.desc"
        cards = [card(sandbox, film, language) for film in list_page(sandbox, sort_by, page)]
        return HTMLResponse(render("tmdb_list.html", cards=cards, page=page, sort_by=sort_by, language=language))

    async def more_items(request: Request) -> Response:
        form = {key: values[-1] for key, values in parse_qs((await request.body()).decode()).items()}
        page, language = _number(form.get("page"), 1), language_of(request)
        films = list_page(sandbox, form.get("sort_by", "popularity.desc"), page)
        cards = [card(sandbox, film, language) for film in films]
        return HTMLResponse(render("tmdb_cards.html", cards=cards, page=page, language=language))

    def film_page(request: Request) -> Response:
        film = _find(sandbox, request.path_params["slug"])
        if film is None:
            return HTMLResponse(render("tmdb_missing.html"), 404)
        return HTMLResponse(render("tmdb_film.html", **film_values(sandbox, film, language_of(request))))

    return Starlette(
        routes=[
            robots(ROBOTS),
            get("/movie", movie_list),
            get("/movie/now-playing", movie_list),
            get("/movie/upcoming", movie_list),
            get("/movie/top-rated", movie_list),
            Route("/discover/movie/items", more_items, methods=["POST"]),
            get("/movie/{slug}", film_page),
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


def _jobs(film: Film, name: str) -> list[str]:
    jobs = [("Director", film.directors), ("Writer", film.writers)]
    return [job for job, people in jobs if name in people]


def api(sandbox: Sandbox) -> Starlette:
    """The API, below `/3`."""

    def with_key(answer: Callable[[Request], Any]) -> Answer:
        def checked(request: Request) -> Response:
            bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
            key = bearer or request.query_params.get("api_key", "")
            if not key or key.startswith("wrong"):
                return JSONResponse(WRONG_KEY, 401)
            body = answer(request)
            if isinstance(body, Response):
                return body
            return JSONResponse(NOT_FOUND, 404) if body is None else JSONResponse(body)

        return checked

    def movie(request: Request) -> Any:
        film = _find(sandbox, str(request.path_params["tmdb_id"]))
        return film and film_object(
            sandbox, film, language_of(request), request.query_params.get("append_to_response", "")
        )

    def external_ids(request: Request) -> Any:
        film = _find(sandbox, str(request.path_params["tmdb_id"]))
        return film and {"id": film.tmdb_id} | ids_object(film)

    def discover(request: Request) -> Any:
        page = _number(request.query_params.get("page"), 1)
        if not 1 <= page <= MAX_API_PAGE:
            message = "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer."
            return JSONResponse({"success": False, "status_code": 22, "status_message": message}, 400)
        sort_by, language = request.query_params.get("sort_by", "popularity.desc"), language_of(request)
        n_films = len(sandbox.world.films)
        return {
            "page": page,
            "results": [list_object(sandbox, film, language) for film in list_page(sandbox, sort_by, page)],
            "total_pages": -(-n_films // CARDS_PER_PAGE),
            "total_results": n_films,
        }

    return Starlette(
        routes=[
            robots("User-agent: *\nAllow: /\n"),
            get("/3/discover/movie", with_key(discover)),
            get("/3/movie/popular", with_key(discover)),
            get("/3/movie/{tmdb_id:int}", with_key(movie)),
            get("/3/movie/{tmdb_id:int}/external_ids", with_key(external_ids)),
        ],
        exception_handlers=otherwise(lambda request: JSONResponse(NOT_FOUND, 404)),
    )


def list_object(sandbox: Sandbox, film: Film, language: str) -> dict[str, Any]:
    """A film as lists of the API show it."""
    return {
        "adult": False,
        "backdrop_path": None,
        "genre_ids": [TMDB_GENRE_IDS[name] for name in film.genres],
        "id": film.tmdb_id,
        "original_language": film.original_language,
        "original_title": film.original_title,
        "overview": (film.korean_overview if language == "ko" else film.overview) or "",
        "popularity": film.popularity_on(sandbox.world.as_of),
        "poster_path": film.poster,
        "release_date": film.released_on.isoformat(),
        "title": shown_title(film, language),
        "video": False,
        "vote_average": film.user_score(sandbox.world.as_of) / 10,
        "vote_count": film.n_votes,
    }


def film_object(sandbox: Sandbox, film: Film, language: str, append: str) -> dict[str, Any]:
    """A film as `/movie/{id}` shows it, with what `append_to_response` names; unknown money and length are 0."""
    listed = list_object(sandbox, film, language)
    genres = [
        {"id": listed_id, "name": name} for listed_id, name in zip(listed.pop("genre_ids"), film.genres, strict=True)
    ]
    body = listed | {
        "belongs_to_collection": None,
        "budget": film.budget_usd or 0,
        "genres": genres,
        "homepage": "",
        "imdb_id": film.imdb_id,
        "revenue": film.revenue_usd or 0,
        "runtime": film.runtime_min or 0,
        "spoken_languages": [{"iso_639_1": film.original_language}],
        "status": "Released",
        "tagline": film.tagline or "",
    }
    if "external_ids" in append.split(","):
        body["external_ids"] = ids_object(film)
    if "credits" in append.split(","):
        body["credits"] = credits_object(film)
    return body


def ids_object(film: Film) -> dict[str, Any]:
    """The ids that other sites have for a film."""
    return {"imdb_id": film.imdb_id, "wikidata_id": None, "facebook_id": None, "instagram_id": None, "twitter_id": None}


def credits_object(film: Film) -> dict[str, Any]:
    """Cast and crew."""
    crew = [("Directing", "Director", name) for name in film.directors] + [
        ("Writing", "Writer", n) for n in film.writers
    ]
    return {
        "cast": [{"order": order, "name": name, "character": role} for order, (name, role) in enumerate(film.cast)],
        "crew": [{"department": department, "job": job, "name": name} for department, job, name in crew],
    }


def _find(sandbox: Sandbox, slug: str) -> Film | None:
    number = slug.partition("-")[0]
    found = sandbox.world.soundtrack_of_tmdb(int(number)) if number.isascii() and number.isdigit() else None
    return found.film if found else None


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else default
