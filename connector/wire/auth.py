"""Credentials on the wire: Basic, a key in a header, OAuth 2 tokens. None of them shows its secret in `repr`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from connector.clock import Clock
from connector.errors import Permanent, Scope

EARLY = 60.0  # a token is renewed so many seconds before it ends, or at half its life where that is shorter
_DEFAULT_LIFE = 1800.0  # ServiceNow's default; a server that names no `expires_in` is asked again after it


class Basic(HTTPBasicAuth):
    """User and password in UTF-8, which requests would send as Latin-1 or not at all."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username.encode(), password.encode())

    def __repr__(self) -> str:
        return "Basic(****)"


class Header(AuthBase):
    """A key that travels in a header of its own."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._name] = self._value
        return request

    def __repr__(self) -> str:
        return f"Header({self._name}: ****)"


class TokenDoor(Protocol):
    """The one call that a token needs: post a form, get a document. Raises RemoteError."""

    def __call__(self, form: Mapping[str, str]) -> Mapping[str, Any]: ...


class Token:
    """An OAuth 2 access token (RFC 6749), fetched when first needed and renewed shortly before it ends.

    One instance serves all threads of a sink. `grant` is the form that gets a new token; a refresh token that came
    with the last answer is tried first, and forgotten when the server does not take it.
    """

    def __init__(self, grant: Mapping[str, str], ask: TokenDoor, clock: Clock) -> None:
        self._grant = dict(grant)
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._value = ""
        self._refresh = ""
        self._until = 0.0

    def value(self, refused: str = "") -> str:
        """A token that should be good; another one than `refused`, which the remote has just not accepted."""
        with self._lock:
            stale = not self._value or self._clock.monotonic() >= self._until
            if stale or self._value == refused:
                self._take(self._renewed())
            return self._value

    def _renewed(self) -> Mapping[str, Any]:
        if self._refresh:
            form = {key: value for key, value in self._grant.items() if key in ("client_id", "client_secret")}
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh}
            self._refresh = ""
            try:
                return self._ask(form)
            except Permanent:
                pass  # the refresh token has ended; the grant itself may still be good
        return self._ask(self._grant)

    def _take(self, answer: Mapping[str, Any]) -> None:
        value = answer.get("access_token")
        if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
            raise Permanent(
                "the OAuth server answered without an access token",
                "check the sink's url, client_id and client_secret",
                code="no-token",
                scope=Scope.ACCOUNT,
            )
        life = _seconds(answer.get("expires_in"))
        refresh = answer.get("refresh_token")
        self._value = value
        self._refresh = refresh if isinstance(refresh, str) else ""
        self._until = self._clock.monotonic() + life - min(EARLY, life / 2)

    def __repr__(self) -> str:
        return "Token(****)"


def _seconds(value: object) -> float:
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return _DEFAULT_LIFE
    return min(max(seconds, 0.0), 10 * 365 * 86400.0) if seconds == seconds else _DEFAULT_LIFE


class Bearer(AuthBase):
    """Puts a token on every request. The session calls `renew` after one 401."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.value()}"
        return request

    def renew(self, refused: str) -> None:
        """Get another token than the one in this `Authorization` header. Raises RemoteError."""
        self._token.value(refused.removeprefix("Bearer "))

    def __repr__(self) -> str:
        return "Bearer(****)"


Credential = Callable[[requests.PreparedRequest], requests.PreparedRequest]
