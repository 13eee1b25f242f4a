"""Access tokens for XOAUTH2: from Microsoft's identity platform, or from a program of the site's own."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

from connector.errors import Finding, Permanent, Scope, SettingsError, Transient
from connector.sources.email.imap.settings import ImapSettings, OAuth

_SECONDS = 60
_TOKEN_LENGTH = 16_384
# RFC 6749: only these say that the server may think otherwise in a while.
_PASSING = frozenset({"temporarily_unavailable", "server_error"})


def missing(settings: ImapSettings) -> list[Finding]:
    """A finding where the library that `oauth` needs is not installed."""
    if settings.oauth is None or importlib.util.find_spec("msal") is not None:
        return []
    remedy = 'install it: pip install "connector[oauth]"'
    return [Finding("no-msal", "imap.oauth", "the library msal is not installed", remedy)]


class Tokens:
    """Hands out a token that is valid now. Microsoft's are remembered while they last, about an hour."""

    def __init__(self, settings: ImapSettings, base: Path) -> None:
        self._settings = settings
        self._base = base
        self._app: Any = None

    def token(self) -> str:
        """Raises Permanent where the credential is refused, Transient where nobody answers."""
        if self._settings.oauth is not None:
            return self._from_microsoft(self._settings.oauth)
        return self._from_program()

    def _from_microsoft(self, oauth: OAuth) -> str:
        try:
            if self._app is None:
                self._app = self._client(oauth)
            answer = self._app.acquire_token_for_client(scopes=[oauth.scope])
        except SettingsError:
            raise
        except Exception as error:  # noqa: BLE001 - msal raises its own errors, and lets those of requests through
            what = f"no token from {oauth.authority} ({type(error).__name__})"
            raise Transient(what, "see that it can be reached", code="no-token", scope=Scope.ACCOUNT) from None
        token = answer.get("access_token", "")
        if token:
            return str(token)
        word = str(answer.get("error", "no reason given"))[:60]
        kind = Transient if word in _PASSING else Permanent
        remedy = "see to tenant, client_id and client_secret, and that the secret has not expired"
        raise kind(f"{oauth.authority} gives no token: {word}", remedy, code="no-token", scope=Scope.ACCOUNT)

    def _client(self, oauth: OAuth) -> Any:
        import msal  # type: ignore[import-untyped]  # imported here: an optional extra

        bundle = self._settings.ca_bundle
        return msal.ConfidentialClientApplication(
            oauth.client_id,
            client_credential=oauth.client_secret.reveal(self._base),
            authority=f"{oauth.authority.rstrip('/')}/{oauth.tenant}",
            instance_discovery=False,
            verify=str(self._base / bundle) if bundle else True,
            timeout=_SECONDS,
        )

    def _from_program(self) -> str:
        program, *arguments = self._settings.token_command
        try:
            done = subprocess.run(  # noqa: S603 - the site's own program, started without a shell
                [program, *arguments],
                cwd=self._base,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _no_token(Transient, f"says nothing for {_SECONDS} s") from None
        except OSError as error:
            raise _no_token(Permanent, f"cannot be started: {error.strerror}") from None
        token = done.stdout[:_TOKEN_LENGTH].partition(b"\n")[0].strip().decode("ascii", "replace")
        if done.returncode or not token.isprintable() or not token:
            raise _no_token(Transient, f"gave none (exit code {done.returncode})")
        return token


def _no_token(kind: type[Transient | Permanent], what: str) -> Transient | Permanent:
    remedy = "run it by hand: it must print a token on its first line and end with 0"
    return kind(f"token_command {what}", remedy, code="no-token", scope=Scope.ACCOUNT)
