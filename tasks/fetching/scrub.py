"""What must not be kept of an exchange: keys, tokens and cookies, and whatever a site echoes of its caller."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from tasks.fetching.agent import SHARED_START
from tasks.settings import Settings

SECRET_PARAMS = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "auth",
        "authorization",
        "client_secret",
        "key",
        "password",
        "refresh_token",
        "secret",
        "session_id",
        "sig",
        "signature",
        "token",
    }
)
REMOVED = b"[removed]"
_SHORTEST = 8  # characters; what is shorter stands in pages by chance
_ECHO = re.compile(rb'"requestContext"\s*:\s*(?=\{)')
_JSON_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}]', re.DOTALL)
_ADDRESS_NAMES = (b"ipAddress", b"ip_address", b"clientIp", b"client_ip", b"remoteAddr", b"remote_addr", b'"ip"')
_ADDRESS_FIELD = re.compile(
    rb'("(?:client|remote|user|visitor|viewer|request)?[_-]?(?:ip[_-]?(?:addr(?:ess)?)?|addr)"\s*:\s*")[^"]*"',
    re.IGNORECASE,
)
_ADDRESS = re.compile(rb"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{1,4}:){3,7}:?[0-9a-f]{1,4}\b", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(rf"\b({'|'.join(sorted(SECRET_PARAMS))})=[^&\s\"'<>]+", re.IGNORECASE)
_LOGGERS = (
    "urllib3.connectionpool",
    "requests_cache.session",
    "requests_cache.policy.actions",
    "requests_cache.backends.base",
)


def without_secrets(url: str, params: Mapping[str, Any] | None = None) -> str:
    """The URL as it may be kept and shown: with its parameters, but without keys, user names and passwords.

    >>> without_secrets("https://me:pw@x.org/a?api_key=1&page=2", {"token": "t", "language": "ko"})
    'https://x.org/a?page=2&language=ko'
    """
    parts = urlsplit(url)
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _is_secret(pair.partition("=")[0]))
    shown = {name: value for name, value in (params or {}).items() if not _is_secret(name) and value is not None}
    if shown:
        query += ("&" if query else "") + urlencode(shown, doseq=True)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _is_secret(name: str) -> bool:
    return unquote(name).strip().lower() in SECRET_PARAMS


class Scrubber:
    """Takes out of bodies what they echo of the caller: its keys, contact and user agent, cookies and address."""

    def __init__(self, settings: Settings, user_agent: str) -> None:
        values = [getattr(settings, name) for name in type(settings).model_fields]
        secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        pair = f"{_plain(settings.spotify_client_id)}:{_plain(settings.spotify_client_secret)}"
        secrets.append(base64.b64encode(pair.encode()).decode())
        # what browsers share is no echo of ours
        secrets += [user_agent.removeprefix(SHARED_START), *([settings.contact] if settings.contact else [])]
        self._needles = _needles(secrets)

    def clean(
        self, body: bytes, *, url: str = "", authorization: str = "", cookies: Iterable[str] = (), is_page: bool = True
    ) -> bytes:
        """The body as it may be kept.

        `url` and `authorization` are the request's, `cookies` the values that the answer set. In a body that is
        no page (`is_page` false: an error, a challenge) every network address is taken for the caller's.
        """
        own = [value for name, value in parse_qsl(urlsplit(url).query) if _is_secret(name)]
        for core, secret in (*self._needles, *_needles((*own, authorization.rpartition(" ")[2], *cookies))):
            if core in body:
                body = _without(body, secret)
        if b'"requestContext"' in body:
            body = strip_request_echo(body)
        if any(name in body for name in _ADDRESS_NAMES):
            body = _ADDRESS_FIELD.sub(rb'\1"', body)
        return body if is_page else _ADDRESS.sub(b"0.0.0.0", body)


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _needles(secrets: Iterable[str]) -> list[tuple[bytes, str]]:
    """Each secret that is long enough to be told from chance, behind its longest part that all writings share."""
    parts = [(max(re.findall(r"[A-Za-z0-9]+", secret), key=len, default=""), secret) for secret in secrets]
    return [(core.encode(), secret) for core, secret in parts if len(secret) >= _SHORTEST]


def _without(body: bytes, secret: str) -> bytes:
    """The body without a secret in any of the ways of writing it that a page or an API uses."""
    ways = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret)}
    ways |= {json.dumps(secret)[1:-1], json.dumps(secret)[1:-1].replace("/", r"\/")}
    for way in sorted(ways, key=len, reverse=True):
        body = body.replace(way.encode("utf-8", errors="replace"), REMOVED)
    return body


def cookie_values(headers: Iterable[str]) -> list[str]:
    """The values that Set-Cookie headers hold; what is no cookie is left out.

    >>> cookie_values(["session=abc; Path=/; HttpOnly"])
    ['abc']
    """
    values: list[str] = []
    for header in headers:
        try:
            values += [morsel.value for morsel in SimpleCookie(header).values()]
        except CookieError:
            values.append(header.partition(";")[0].partition("=")[2])
    return values


def strip_request_echo(body: bytes) -> bytes:
    """An IMDb page without what it echoes of its caller: address, cookies, session, coordinates.

    Every `requestContext` object in the embedded JSON becomes an empty one; no other byte is changed.

    >>> strip_request_echo(b'{"a": 1, "requestContext": {"ip": "10.0.0.1", "h": {"x": "}"}}, "b": 2}')
    b'{"a": 1, "requestContext": {}, "b": 2}'
    """
    kept, start = [], 0
    for match in _ECHO.finditer(body):
        if match.end() >= start:  # else inside an object that is already gone
            kept.append(body[start : match.end()] + b"{}")
            start = _object_end(body, match.end())
    return b"".join((*kept, body[start:]))


def _object_end(body: bytes, start: int) -> int:
    """Index after the JSON object that opens at `start`; the end of the body where it never closes."""
    depth = 0
    for token in _JSON_TOKEN.finditer(body, start):
        sign = body[token.start()]
        depth += (sign == ord("{")) - (sign == ord("}"))
        if depth == 0:
            return token.end()
    return len(body)


class _WithoutSecrets(logging.Filter):
    """Libraries log the addresses they ask, keys and all; nothing that names a key leaves them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops a record; takes the values of secret parameters out of it."""
        record.msg = _SECRET_IN_TEXT.sub(r"\1=[removed]", record.getMessage())
        record.args = ()
        return True


def keep_secrets_out_of_logs() -> None:
    """Put the filter before every library logger that names addresses; putting it there again changes nothing."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _WithoutSecrets) for known in logger.filters):
            logger.addFilter(_WithoutSecrets())
