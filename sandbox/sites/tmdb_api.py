"""TMDB's API v3: lists and films, with what `append_to_response` names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.films import TMDB_GENRE_IDS, Film
from sandbox.sites.routing import Answer, conditional, get, otherwise, robots
from sandbox.sites.tmdb import (
    CARDS_PER_PAGE,
    KOREAN_GENRES,
    films_asked_for,
    find_film,
    language_of,
    list_page,
    number_of,
    shown_title,
)
from sandbox.state import Sandbox

NOT_FOUND = {"success": False, "status_code": 34, "status_message": "The resource you requested could not be found."}
WRONG_KEY = {"status_code": 7, "status_message": "Invalid API key: You must be granted a valid key.", "success": False}


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

        return conditional(checked)

    def movie(request: Request) -> Any:
        film = find_film(sandbox, str(request.path_params["tmdb_id"]))
        return film and film_object(
            sandbox, film, language_of(request), request.query_params.get("append_to_response", "")
        )

    def external_ids(request: Request) -> Any:
        film = find_film(sandbox, str(request.path_params["tmdb_id"]))
        return film and {"id": film.tmdb_id} | ids_object(film)

    def discover(request: Request) -> Any:
        asked = request.query_params
        page = number_of(asked.get("page"), 1) if asked.get("page", "1").isdigit() else 0
        if not 1 <= page <= sandbox.tmdb_max_page:
            return too_far(sandbox.tmdb_max_page)
        sort_by, language = asked.get("sort_by", "popularity.desc"), language_of(request)
        films = [film for film in films_asked_for(sandbox, request, sort_by, page) if is_wanted(film, asked)]
        return {
            "page": page,
            "results": [list_object(sandbox, film, language) for film in list_page(sandbox, request, films, page)],
            "total_pages": -(-len(films) // CARDS_PER_PAGE),  # all there are, also beyond the last that is given
            "total_results": len(films),
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


def too_far(max_page: int) -> Response:
    """The refusal of a page beyond the cap."""
    message = f"Invalid page: Pages start at 1 and max at {max_page}. They are expected to be an integer."
    return JSONResponse({"success": False, "status_code": 22, "status_message": message}, 400)


def is_wanted(film: Film, asked: Mapping[str, str]) -> bool:
    """Whether a film passes the filters of `discover`; dates are compared as they are written."""
    day = film.released_on.isoformat()
    names = asked.get("with_genres", "")
    numbers = {str(TMDB_GENRE_IDS[name]) for name in film.genres}
    return (
        (asked.get("primary_release_date.gte") or asked.get("release_date.gte") or "") <= day
        and day <= (asked.get("primary_release_date.lte") or asked.get("release_date.lte") or "9999")
        and film.n_votes >= number_of(asked.get("vote_count.gte"), 0)
        and asked.get("with_original_language", film.original_language) == film.original_language
        and (not names or (set(names.split(",")) <= numbers if "," in names else bool(set(names.split("|")) & numbers)))
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
    shown = [KOREAN_GENRES[name] if language == "ko" else name for name in film.genres]
    genres = [{"id": number, "name": name} for number, name in zip(listed.pop("genre_ids"), shown, strict=True)]
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
