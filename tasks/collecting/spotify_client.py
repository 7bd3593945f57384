"""Spotify's search through spotipy, on the one polite session.

spotipy knows the API's words and its token flow; everything on the wire is left to `PoliteSession`, which paces,
retries, archives and names the state of every answer. So spotipy never sleeps for a Retry-After of a day, writes no
token to disk, and its parsed JSON is not used: rows come from the archived body by the parser of `ostinato parse`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import requests
import spotipy
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.exceptions import SpotifyException
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOauthError

from tasks.fetching.answer import Answer, FetchState
from tasks.fetching.http import PoliteSession
from tasks.fetching.policy import base_url
from tasks.settings import OstinatoError, Settings
from tasks.sources.parsed import Parsed
from tasks.sources.spotify import TrackRow, parse_search

SEARCH_LIMIT = 10  # more gives 400 since February 2026
MARKET = "KR"
SANDBOX_CREDENTIAL = "sandbox"

logging.getLogger("spotipy").addHandler(logging.NullHandler())  # an error is a state in the report, not a log line


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

    @property
    def last_answer(self) -> Answer | None:
        """The answer to this thread's last request."""
        return getattr(self._of_thread, "answer", None)

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
        else:
            asked = {name: value for name, value in (params or {}).items() if value is not None}
            answer = self._polite.get(url, params=asked, headers=headers)
        self._of_thread.answer = answer
        if answer.status is None:
            raise requests.ConnectionError(answer.reason)
        return _as_response(answer)


class SpotifySearch:
    """Track search for one app; share one between threads."""

    def __init__(self, settings: Settings, polite: PoliteSession) -> None:
        self._transport = _Transport(polite)
        self._auth = _auth_manager(settings, self._transport)
        self._client = spotipy.Spotify(
            auth_manager=self._auth, requests_session=self._transport, requests_timeout=30, retries=0, status_retries=0
        )
        self._client.prefix = base_url(settings, "spotify_api") + "/"
        self._token_lock = threading.Lock()

    def search(self, query: str) -> tuple[Answer, Parsed[TrackRow]]:
        """The best hits for a query in Spotify's words; whatever goes wrong on the way is the answer's state.

        Raises
        ------
        AppRefusedError
            When the app's credentials are not accepted.
        """
        try:
            with self._token_lock:  # one thread fetches the token, the others find it
                self._auth.get_access_token(as_dict=False)
            self._client.search(q=query, type="track", limit=SEARCH_LIMIT, market=MARKET)
        except (SpotifyException, SpotifyOauthError, requests.RequestException, ValueError, KeyError):
            pass  # the answer itself tells more
        answer = self._transport.last_answer
        if answer is None:
            raise OstinatoError(f"Spotify was not asked for {query!r}; run ostinato doctor.")
        return answer, self._state_of(answer)

    def _state_of(self, answer: Answer) -> Parsed[TrackRow]:
        is_token = answer.url.startswith(self._auth.OAUTH_TOKEN_URL)
        is_unknown_app = is_token and answer.status == 400 and b"invalid_client" in answer.body
        if is_unknown_app or answer.status == 401:
            raise AppRefusedError(parse_search(answer.body).reason or f"HTTP {answer.status}")
        if is_token and answer.state is not FetchState.OK:
            return Parsed([], answer.state, f"the token endpoint answered: {answer.reason}")
        if answer.state is not FetchState.OK:
            return Parsed([], answer.state, parse_search(answer.body).reason if answer.body else answer.reason)
        if is_token:
            return Parsed([], FetchState.BROKEN, "the token endpoint sent no token")
        return parse_search(answer.body)


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
    response = requests.Response()
    response.status_code = answer.status or 0
    response.url = answer.url
    response.headers["Content-Type"] = answer.content_type
    response.encoding = "utf-8"
    response._content = answer.body
    return response
