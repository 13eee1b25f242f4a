"""One connection to an IMAP server: opened, logged in, asked. Everything raised is a RemoteError or SettingsError."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imapclient import IMAPClient  # type: ignore[import-untyped]

from connector.clock import Clock
from connector.errors import Finding, Permanent, Scope, SettingsError
from connector.silence import silence
from connector.sources.email.imap.settings import ImapSettings
from connector.sources.email.imap.tokens import Tokens
from connector.sources.email.imap.trouble import translated
from connector.sources.email.imap.wire import Meter

_SMALL = 4 * 1024 * 1024  # bytes of an answer that holds no mail
_LONGEST = 900.0  # seconds that one answer may take

silence("imapclient")  # at debug level it would log mail and logins


@dataclass(frozen=True, slots=True)
class Folder:
    """What the server says of a folder when it is opened."""

    uidvalidity: int
    uidnext: int
    exists: int
    keywords: frozenset[str]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a mail is, and when it arrived, in seconds since the epoch."""

    size: int
    at: float | None


class Session:
    """Logged in. Use it as a context manager, or `close` it."""

    def __init__(self, settings: ImapSettings, base: Path, clock: Clock, tokens: Tokens) -> None:
        self._settings = settings
        self._host = settings.host
        with self._doing("connect"):
            self._client, self._meter = _connected(settings, base, clock)
        try:
            self._log_in(base, tokens)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Say goodbye where the server still listens; never raises."""
        with contextlib.suppress(Exception):
            self._meter.allow(_SMALL, 10.0)
            self._client.logout()
        with contextlib.suppress(Exception):
            self._client.shutdown()

    # ── reading ──

    def open(self, folder: str, readonly: bool) -> Folder:
        """Select the folder, so that reading changes nothing where `readonly`."""
        with self._doing("open the folder"):
            said = self._client.select_folder(folder, readonly=readonly)
            keywords = {flag.decode("ascii", "replace").lower().strip("()") for flag in said.get(b"PERMANENTFLAGS", ())}
            return Folder(
                int(said[b"UIDVALIDITY"]), int(said.get(b"UIDNEXT", 0)), int(said[b"EXISTS"]), frozenset(keywords)
            )

    def first_uid(self) -> int:
        """The lowest UID in the folder; 0 where that cannot be told."""
        with self._doing("list the folder"):
            self._client.use_uid = False
            try:
                return int(self._client.fetch([1], ["UID"]).get(1, {}).get(b"UID", 0))
            finally:
                self._client.use_uid = True

    def uids(self, first: int, last: int | None) -> list[int]:
        """The UIDs from `first` to `last` (None: to the end) that are there, in order."""
        with self._doing("list the folder"):
            found = self._client.search(["UID", f"{first}:{last or '*'}"])
            # `n:*` means the last mail even where its UID is below n
            return sorted({uid for uid in found if first <= uid <= (last or uid)})

    def sizes(self, uids: Sequence[int]) -> dict[int, Size]:
        """Size and time of arrival; who is gone is missing."""
        with self._doing("ask for sizes"):
            found = self._client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
            return {
                uid: Size(int(said.get(b"RFC822.SIZE", 0)), _seconds(said.get(b"INTERNALDATE")))
                for uid, said in found.items()
                if b"RFC822.SIZE" in said
            }

    def bodies(self, uids: Sequence[int], most: int, expected: int) -> dict[int, bytes]:
        """The mails, at most `most` bytes of each and about `expected` of all, unmarked; who is gone is missing."""
        with self._doing("fetch mail"):
            self._meter.allow(2 * expected + _SMALL, _LONGEST)
            found = self._client.fetch(uids, [f"BODY.PEEK[]<0.{most}>"])
            return {uid: data for uid, said in found.items() if (data := _body(said)) is not None}

    # ── what is done to mail that is safe ──

    def mark(self, uids: Sequence[int], flag: str) -> None:
        """Set a flag or keyword."""
        with self._doing("mark mail"):
            self._client.add_flags(uids, [flag], silent=True)

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Into another folder, which is made where it is missing."""
        target = self._made(folder)
        with self._doing("move mail"):
            if self._client.has_capability("MOVE"):
                self._client.move(uids, target)
                return
            self._client.copy(uids, target)
        self.delete(uids)

    def delete(self, uids: Sequence[int]) -> None:
        """For good where the server can (UIDPLUS). Else they are marked: EXPUNGE would take what others marked too."""
        with self._doing("delete mail"):
            self._client.add_flags(uids, [b"\\Deleted"], silent=True)
            if self._client.has_capability("UIDPLUS"):
                self._client.uid_expunge(uids)

    def can(self, *capabilities: str) -> bool:
        """Does the server say that it can do one of these?"""
        with self._doing("ask what it can do"):
            return any(self._client.has_capability(word) for word in capabilities)

    # ── inside ──

    def _made(self, folder: str) -> str:
        """The name by which the server knows the folder: its own separator, its own namespace."""
        with self._doing("look for the folder"):
            if self._client.folder_exists(folder):
                return folder
            prefix, separator = "", "/"
            if self._client.has_capability("NAMESPACE"):
                personal = self._client.namespace().personal or [("", "/")]
                prefix, separator = personal[0][0] or "", personal[0][1] or "/"
            named = folder.replace("/", separator)
            named = named if named.startswith(prefix) else prefix + named
            if not self._client.folder_exists(named):
                self._client.create_folder(named)
            return named

    @contextlib.contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        with translated(self._host, what):
            if hasattr(self, "_meter"):
                self._meter.allow(_SMALL, _LONGEST)
            yield

    def _log_in(self, base: Path, tokens: Tokens) -> None:
        settings = self._settings
        if settings.password is not None:
            password = settings.password.reveal(base)
            with self._doing("log in"):
                _with_password(self._client, settings.username, password)
            return
        token = tokens.token()
        with self._doing("log in"):
            answers = iter((f"user={settings.username}\1auth=Bearer {token}\1\1".encode(),))
            # a refusal comes as a challenge, which wants an empty answer
            self._client.sasl_login("XOAUTH2", lambda challenge: next(answers, b""))


def _with_password(client: Any, username: str, password: str) -> None:
    if client.has_capability("AUTH=PLAIN"):
        said = f"\0{username}\0{password}".encode()
        client.sasl_login("PLAIN", lambda challenge: said)
    elif client.has_capability("LOGINDISABLED"):
        remedy = "use tls: starttls or implicit, or a token"
        what = f"{client.host} takes no password here"
        raise Permanent(what, remedy, code="login-refused", scope=Scope.ACCOUNT)
    else:
        client.login('"' + username.replace("\\", "\\\\").replace('"', '\\"') + '"', password)


def _connected(settings: ImapSettings, base: Path, clock: Clock) -> tuple[Any, Meter]:
    host, port = settings.address
    context = _context(settings, base) if settings.tls != "none" else None
    implicit = settings.tls == "implicit"
    client = IMAPClient(host, port, ssl=implicit, ssl_context=context if implicit else None, timeout=settings.timeout)
    client.normalise_times = False
    client._imap.debug = 0
    meter = Meter(client._imap, clock.monotonic)
    meter.allow(_SMALL, _LONGEST)
    if settings.tls == "starttls":
        try:
            client.starttls(context)
        except BaseException:
            with contextlib.suppress(OSError):
                client.shutdown()
            raise
    return client, meter


def _context(settings: ImapSettings, base: Path) -> ssl.SSLContext:
    bundle = base / settings.ca_bundle if settings.ca_bundle else None
    if bundle is not None and not bundle.is_file():
        what = "imap.ca_bundle names no file that can be read"
        raise SettingsError([Finding("no-ca-bundle", str(bundle), what, "correct the path")])
    return ssl.create_default_context(cafile=str(bundle) if bundle else None)


def _body(said: Any) -> bytes | None:
    for name, value in said.items():
        if name.startswith(b"BODY[]"):
            return bytes(value) if value is not None else b""
    return None


def _seconds(moment: Any) -> float | None:
    try:
        return float(moment.timestamp())
    except (AttributeError, ValueError, OverflowError, OSError):
        return None
