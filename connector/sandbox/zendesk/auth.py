"""Who calls: API tokens and OAuth, checked against the sandbox's own accounts."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from connector.sandbox.clock import Clock
from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.zendesk.errors import forbidden, unauthenticated
from connector.sandbox.zendesk.seed import ADMIN_EMAIL

Record = dict[str, Any]

TOKEN_SECONDS = 1800
REFRESH_SECONDS = 30 * 86400


@dataclass
class _Token:
    email: str
    expires: float


class Doorman:
    """Knows API tokens, OAuth clients and the tokens given out."""

    def __init__(self, clock: Clock, users: Mapping[int, Record], by_email: Mapping[str, int]) -> None:
        self._clock = clock
        self._users = users
        self._by_email = by_email
        self.api_tokens = {"sandbox"}
        self.clients = {"connector": "sandbox"}
        self._access: dict[str, _Token] = {}
        self._refresh = {"sandbox-refresh": _Token(ADMIN_EMAIL, clock.now() + REFRESH_SECONDS)}

    def admit(self, call: Call) -> Record:
        """The user behind this call. Refuses with 401, and end users with 403."""
        scheme, _, rest = call.headers.get("authorization", "").partition(" ")
        email = None
        if scheme.lower() == "basic":
            email = self._basic(rest)
        elif scheme.lower() == "bearer":
            token = self._access.get(rest)
            email = token.email if token and token.expires > self._clock.now() else None
        key = self._by_email.get(email or "")
        if key is None:
            raise unauthenticated()
        user = self._users[key]
        if user["role"] == "end-user":
            raise forbidden()
        return user

    def _basic(self, text: str) -> str | None:
        """`email/token:TOKEN`; passwords are no longer accepted."""
        try:
            login, _, token = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        email, _, kind = login.rpartition("/")
        return email.lower() if kind == "token" and token in self.api_tokens else None

    def token(self, call: Call) -> Answer:
        """`POST /oauth/tokens`, in JSON or as a form."""
        asked = _asked(call)
        if self.clients.get(asked.get("client_id", "")) != asked.get("client_secret", ""):
            text = "Client authentication failed due to unknown client, no client authentication included."
            raise Refusal(json_answer(401, {"error": "invalid_client", "error_description": text}))
        scope = asked.get("scope") or "read write"
        if asked.get("grant_type") == "client_credentials":
            return json_answer(200, self._issue(ADMIN_EMAIL, scope))
        held = self._refresh.pop(asked.get("refresh_token", ""), None)
        if asked.get("grant_type") != "refresh_token" or held is None or held.expires <= self._clock.now():
            text = "The provided access grant is invalid, expired, or revoked."
            raise Refusal(json_answer(400, {"error": "invalid_grant", "error_description": text}))
        # The pair that is renewed ends here and now.
        self._access = {key: token for key, token in self._access.items() if token.email != held.email}
        refresh = secrets.token_hex(32)
        self._refresh[refresh] = _Token(held.email, self._clock.now() + REFRESH_SECONDS)
        more = {"refresh_token": refresh, "refresh_token_expires_in": REFRESH_SECONDS}
        return json_answer(200, {**self._issue(held.email, scope), **more})

    def _issue(self, email: str, scope: str) -> Record:
        access = secrets.token_hex(32)
        self._access[access] = _Token(email, self._clock.now() + TOKEN_SECONDS)
        return {"access_token": access, "token_type": "bearer", "scope": scope, "expires_in": TOKEN_SECONDS}


def _asked(call: Call) -> dict[str, str]:
    if call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {key: values[-1] for key, values in parse_qs(call.body.decode("latin-1")).items()}
    try:
        document = call.json()
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in document.items()} if isinstance(document, dict) else {}
