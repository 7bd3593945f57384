"""Spotify's Web API through spotipy, on the one polite session.

spotipy knows the API's words and its token flow; everything on the wire is left to `PoliteSession`, which paces,
retries, archives and names the state of every answer. So spotipy never sleeps for a Retry-After of a day, writes no
token to disk, and never sees an answer but the token's: rows come from the archived body by the parser of
`ostinato parse`.

An app is in one of two modes, which nobody tells it. Since February 2026 tracks show their popularity to apps in
extended mode alone, so the first hits of a run tell at no cost; should Spotify show it to all again, the first search
for more than ten hits is refused with 400 and tells too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

import requests
import spotipy
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.exceptions import SpotifyException
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOauthError

from tasks.collecting.asking import TRIES
from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import OstinatoError, Settings
from tasks.sources.json_body import object_of, objects, read_answer
from tasks.sources.parsed import Parsed

SEARCH_LIMIT = 10  # more gives 400 in development mode since February 2026
BROAD_LIMIT = 50  # what extended mode allows
MARKET = "KR"
SANDBOX_CREDENTIAL = "sandbox"

# An error is a state in the report, not a log line, and spotipy's lines show the app's secret and its token.
logging.getLogger("spotipy").setLevel(logging.CRITICAL)

Row = TypeVar("Row", bound=Mapping[str, Any])
Parse: TypeAlias = Callable[[bytes, str], Parsed[Row]]


class AppMode(StrEnum):
    """What Spotify allows an app."""

    EXTENDED = "extended"
    DEVELOPMENT = "development"


class AppRefusedError(OstinatoError):
    """Spotify does not know the app: its id or secret is wrong. A 403, as of a firewall, is no such word."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Spotify refused the app of OSTINATO_SPOTIFY_CLIENT_ID ({reason}); set it and "
            "OSTINATO_SPOTIFY_CLIENT_SECRET to the two values that its developer dashboard shows."
        )


class _Transport(requests.Session):
    """spotipy's way out: a session that hands every request to the polite one."""

    def __init__(self, polite: PoliteSession) -> None:
        super().__init__()
        self._polite = polite
        self._of_thread = threading.local()

    def last_answer(self) -> Answer | None:
        """The answer to this thread's last request since this was asked for."""
        answer: Answer | None = getattr(self._of_thread, "answer", None)
        self._of_thread.answer = None
        return answer

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> requests.Response:
        """Ask politely; time-outs, proxies and retries are the polite session's own."""
        if method.upper() == "POST":  # the token, which stays off the disk
            answer = self._polite.post(url, data=data, headers=headers, archived=False)
            self._of_thread.answer = answer
            return _as_response(answer)
        asked = {name: value for name, value in (params or {}).items() if value is not None}
        self._of_thread.answer = self._polite.get(url, params=asked, headers=headers)
        return _empty_response()


class SpotifyApi:
    """Track search and audio features for one app; share one between threads."""

    mode: AppMode | None = None
    """What the answers have shown of the app; null until one did."""

    def __init__(self, settings: Settings, polite: PoliteSession) -> None:
        self._polite = polite
        self._transport = _Transport(polite)
        self._auth = _auth_manager(settings, self._transport)
        self._client = spotipy.Spotify(
            auth_manager=self._auth, requests_session=self._transport, requests_timeout=30, retries=0, status_retries=0
        )
        self._client.prefix = base_url(settings, "spotify_api") + "/"
        self._token_lock = threading.Lock()
        self._broad_lock = threading.Lock()
        self._is_broad_allowed = False

    def search(self, query: str, parse: Parse[Row], *, is_broad: bool = False) -> tuple[Answer, Parsed[Row]]:
        """The best hits for a query in Spotify's words; whatever goes wrong on the way is the answer's state.

        A broad search takes more hits where the app may; the first one is put alone, as a refusal is to come once.

        Raises
        ------
        AppRefusedError
            When the app's credentials are not accepted.
        """
        if is_broad and self.mode is AppMode.EXTENDED:
            with self._broad_lock if not self._is_broad_allowed else nullcontext():
                if self.mode is AppMode.EXTENDED:  # nobody has learnt better meanwhile
                    answer, parsed = self._search(query, parse, BROAD_LIMIT)
                    if answer.status != 400:
                        self._is_broad_allowed |= answer.state is FetchState.OK
                        return answer, parsed
                    self.mode = AppMode.DEVELOPMENT
        return self._search(query, parse, SEARCH_LIMIT)

    def _search(self, query: str, parse: Parse[Row], limit: int) -> tuple[Answer, Parsed[Row]]:
        answer, parsed = self._ask(
            lambda: self._client.search(q=query, type="track", limit=limit, market=MARKET), parse
        )
        if self.mode is None and parsed.state in (FetchState.OK, FetchState.EMPTY):
            self.mode = mode_shown(answer.body)
        return answer, parsed

    def audio_features(self, track_ids: Sequence[str], parse: Parse[Row]) -> tuple[Answer, Parsed[Row]]:
        """The features of up to a hundred tracks, for the apps that still get any.

        Raises
        ------
        AppRefusedError
            When the app's credentials are not accepted.
        """
        ids = ",".join(track_ids)
        # Not spotipy's own method, which warns at every call that the endpoint is gone.
        return self._ask(lambda: self._client._get("audio-features", ids=ids), parse)

    def _ask(self, call: Callable[[], Any], parse: Parse[Row]) -> tuple[Answer, Parsed[Row]]:
        """Ask, and once more where the body cannot be read, or where the token has run out before its time."""
        for n_tries in range(1, TRIES + 1):
            answer = self._answer_to(call)
            parsed = self._read(answer, parse)
            self._polite.heed(answer, parsed.state)
            is_misread = answer.state is FetchState.OK and parsed.state is FetchState.BROKEN
            if not (is_misread or answer.status == 401) or self._polite.is_closed or n_tries == TRIES:
                break
            if answer.status == 401:
                self._auth.cache_handler.save_token_to_cache(None)
        if self._is_unknown_app(answer):
            raise AppRefusedError(_reason(answer))
        return answer, parsed

    def _answer_to(self, call: Callable[[], Any]) -> Answer:
        """The answer to the last request that a call made: its own, or that for the token where none came."""
        try:
            with self._token_lock:  # one thread fetches the token, the others find it
                self._auth.get_access_token(as_dict=False)
            call()
        except (SpotifyException, SpotifyOauthError, requests.RequestException):
            pass  # the answer itself tells more
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._auth.cache_handler.save_token_to_cache(None)  # JSON, and yet no token
        answer = self._transport.last_answer()
        if answer is None:
            raise OstinatoError("Spotify was not asked; run ostinato doctor.")
        return answer

    def _read(self, answer: Answer, parse: Parse[Row]) -> Parsed[Row]:
        is_token = self._is_token(answer)
        if answer.state is not FetchState.OK:
            reason = f"the token endpoint answered: {answer.reason}" if is_token else _reason(answer)
            return Parsed([], answer.state, reason)
        if is_token:
            return Parsed([], FetchState.BROKEN, "the token endpoint sent no token")
        return parse(answer.body, answer.url)

    def _is_unknown_app(self, answer: Answer) -> bool:
        is_unknown = self._is_token(answer) and answer.status == 400 and b"invalid_client" in answer.body
        return is_unknown or answer.status == 401

    def _is_token(self, answer: Answer) -> bool:
        return answer.url.startswith(self._auth.OAUTH_TOKEN_URL)


def mode_shown(body: bytes) -> AppMode | None:
    """What the hits of a search show of the app that asked; null where there are none.

    >>> mode_shown(b'{"tracks": {"items": [null, {"id": "1", "popularity": 0}]}}')
    <AppMode.EXTENDED: 'extended'>
    """
    answer = read_answer(body)
    hits = objects(object_of(answer.get("tracks")).get("items")) if isinstance(answer, dict) else []
    if not hits:
        return None
    return AppMode.EXTENDED if any("popularity" in hit for hit in hits) else AppMode.DEVELOPMENT


def _reason(answer: Answer) -> str:
    """Why an answer is not fine, in the words of its body where it has any."""
    told = read_answer(answer.body) if answer.body else None
    is_told = isinstance(told, Parsed) and told.state is not FetchState.BROKEN
    return told.reason if isinstance(told, Parsed) and is_told else answer.reason


def credentials(settings: Settings) -> tuple[str, str] | None:
    """The app's id and secret; null where one is missing and the world is a real one."""
    if settings.spotify_client_id and settings.spotify_client_secret:
        return settings.spotify_client_id.get_secret_value(), settings.spotify_client_secret.get_secret_value()
    if not settings.is_sandbox:
        return None
    given = settings.spotify_client_id.get_secret_value() if settings.spotify_client_id else SANDBOX_CREDENTIAL
    return given, SANDBOX_CREDENTIAL


def _auth_manager(settings: Settings, transport: _Transport) -> SpotifyClientCredentials:
    class AuthManager(SpotifyClientCredentials):  # type: ignore[misc]  # the token URL is a class constant
        OAUTH_TOKEN_URL = f"{base_url(settings, 'spotify_accounts')}/api/token"

    pair = credentials(settings)
    if pair is None:
        raise OstinatoError("Spotify needs an app; set OSTINATO_SPOTIFY_CLIENT_ID and OSTINATO_SPOTIFY_CLIENT_SECRET.")
    return AuthManager(
        client_id=pair[0], client_secret=pair[1], requests_session=transport, cache_handler=MemoryCacheHandler()
    )


def _as_response(answer: Answer) -> requests.Response:
    """The answer in the form that spotipy reads."""
    if answer.status is None:
        raise requests.ConnectionError(answer.reason)
    response = requests.Response()
    response.status_code = answer.status
    response.url = answer.url
    response.headers["Content-Type"] = answer.content_type
    response.encoding = "utf-8"
    response._content = answer.body
    return response


def _empty_response() -> requests.Response:
    """What spotipy is told of an answer that it has no business with."""
    response = requests.Response()
    response.status_code = 200
    response._content = b"{}"
    return response
