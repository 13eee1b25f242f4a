"""Who calls: Basic, OAuth tokens and API keys, checked against the sandbox's own accounts."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs

from connector.sandbox.clock import Clock
from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.servicenow.errors import refusal
from connector.sandbox.servicenow.schema import Table
from connector.sandbox.servicenow.seed import INTEGRATION_USER, identifier

TOKEN_SECONDS = 1800
REFRESH_SECONDS = 8_640_000
_LOCK_AFTER, _LOCK_SECONDS = 5, 900


@dataclass(frozen=True)
class Account:
    """Somebody who may call. `admin` may also change closed records."""

    login: str
    password: str
    sys_id: str
    admin: bool = False


@dataclass
class _Token:
    account: Account
    expires: float


class Doorman:
    """Knows accounts, tokens and failed logins."""

    def __init__(self, clock: Clock, people: Table) -> None:
        self._clock = clock
        self._people = people
        self.accounts: dict[str, Account] = {}
        self.clients = {"connector": "sandbox"}
        self.api_keys = {"sandbox": INTEGRATION_USER}
        self.failed: dict[str, list[float]] = {}
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, _Token] = {}
        for login in (INTEGRATION_USER, "admin"):
            self.accounts[login] = Account(login, "sandbox", identifier("sys_user", login), login == "admin")

    def add(self, login: str, password: str, admin: bool = False) -> None:
        """A further account; people of sys_user keep their identity."""
        row = self._people.first("user_name", login)
        self.accounts[login] = Account(login, password, row["sys_id"] if row else identifier("sys_user", login), admin)

    def admit(self, call: Call) -> Account:
        """The account behind this call. Refuses with 401."""
        scheme, _, rest = call.headers.get("authorization", "").partition(" ")
        account: Account | None = None
        if scheme.lower() == "basic":
            account = self._basic(rest)
        elif scheme.lower() == "bearer":
            token = self._access.get(rest)
            account = token.account if token and token.expires > self._clock.now() else None
        elif key := call.headers.get("x-sn-apikey"):
            account = self.accounts.get(self.api_keys.get(key, ""))
        if account is None:
            raise refusal(401, "User is not authenticated", "Required to provide Auth information")
        return account

    def _basic(self, text: str) -> Account | None:
        try:
            login, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self._login(login, password)

    def _login(self, login: str, password: str) -> Account | None:
        """Five wrong passwords lock an account for a quarter of an hour, whatever comes after."""
        now = self._clock.now()
        failures = [moment for moment in self.failed.get(login, ()) if moment > now - _LOCK_SECONDS]
        account = self.accounts.get(login)
        if account is None or len(failures) >= _LOCK_AFTER:
            return None
        if not secrets.compare_digest(account.password.encode(), password.encode()):
            self.failed[login] = [*failures, now]
            return None
        self.failed.pop(login, None)
        return account

    def token(self, call: Call) -> Answer:
        """`POST /oauth_token.do`: credentials count in a form body only."""
        kind = call.headers.get("content-type", "").partition(";")[0].strip()
        form = (
            {k: v[-1] for k, v in parse_qs(call.body.decode("latin-1")).items()}
            if kind == "application/x-www-form-urlencoded"
            else {}
        )
        secret = self.clients.get(form.get("client_id", ""))
        if secret is None or secret != form.get("client_secret"):
            raise _no_token()
        match form.get("grant_type"):
            case "password":
                account = self._login(form.get("username", ""), form.get("password", ""))
                refreshable = True
            case "refresh_token":
                held = self._refresh.get(form.get("refresh_token", ""))
                account = held.account if held and held.expires > self._clock.now() else None
                refreshable = True
            case "client_credentials":
                account, refreshable = self.accounts.get(INTEGRATION_USER), False
            case _:
                account, refreshable = None, False
        if account is None:
            raise _no_token()
        return json_answer(200, self._issue(account, refreshable))

    def _issue(self, account: Account, refreshable: bool) -> dict[str, object]:
        """While a token lives, asking again gives the same one with the time that is left."""
        now = self._clock.now()
        access = next((t for t, held in self._access.items() if held.account == account and held.expires > now), None)
        if access is None:
            access = secrets.token_urlsafe(40)
            self._access[access] = _Token(account, now + TOKEN_SECONDS)
        document: dict[str, object] = {"access_token": access, "scope": "useraccount", "token_type": "Bearer"}
        document["expires_in"] = int(self._access[access].expires - now)
        if refreshable:
            refresh = next(
                (t for t, held in self._refresh.items() if held.account == account and held.expires > now), None
            )
            if refresh is None:
                refresh = secrets.token_urlsafe(40)
                self._refresh[refresh] = _Token(account, now + REFRESH_SECONDS)
            document["refresh_token"] = refresh
        return document


def _no_token() -> Refusal:
    return Refusal(json_answer(401, {"error_description": "access_denied", "error": "server_error"}))
