"""What went wrong on the wire, as data: what was seen, and what that means for a read and for a write.

Three tables. `STATUSES` here and `exceptions.EXCEPTIONS` say what was *seen*; `VERDICTS` says what it *means*. A sink
adds rows of its own in its `Dialect`. Whatever no table knows is `Uncertain` for a write: never a retry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from connector.errors import Permanent, RemoteError, Scope, Transient, Uncertain
from connector.wire.rates import Endpoint


class Effect(StrEnum):
    """Whether a call may change something at the remote."""

    READ = "read"
    WRITE = "write"


class Seen(StrEnum):
    """What was seen; the value is the `code` of the error."""

    UNREACHABLE = "unreachable"  # no byte of the request left this machine
    PROXY = "proxy"  # the proxy refused to connect
    CERTIFICATE = "certificate"
    UNSENDABLE = "unsendable"  # no request could be made of it
    LOST = "lost"  # bytes left, and no answer came
    GARBLED = "garbled"  # an answer came, and it is not whole
    REDIRECTED = "redirected"
    ASLEEP = "asleep"
    LOGIN = "login"
    PAGE = "page"  # some other web page where the API should be
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"  # the account may not use this API
    NO_API = "no-api"  # nothing answers at this address, or the table does not exist
    REFUSED = "refused"
    CLOSED = "closed"
    GONE = "gone"
    TOO_LARGE = "too-large"
    BUSY = "busy"
    UNSERVICED = "unserviced"  # part of a call for many that the remote did not come to
    FULL = "full"  # it works off as many calls for many as it takes at once
    COLLISION = "collision"
    MAYBE_DONE = "maybe-done"  # refused because an earlier attempt may have succeeded
    DOWN = "down"
    FAILED = "failed"
    ODD = "odd"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What something seen means: the error for a read, the error for a write, whom it concerns, what to do."""

    read: type[RemoteError]
    write: type[RemoteError]
    scope: Scope
    what: str
    remedy: str = ""


_ROW, _ACCOUNT = Scope.ROW, Scope.ACCOUNT

VERDICTS: Mapping[Seen, Verdict] = {
    Seen.UNREACHABLE: Verdict(
        Transient, Transient, _ACCOUNT, "cannot be reached", "check the sink's url and proxy, and the network"
    ),
    Seen.PROXY: Verdict(
        Transient, Transient, _ACCOUNT, "cannot be reached through the proxy", "check the sink's proxy setting"
    ),
    Seen.CERTIFICATE: Verdict(
        Permanent,
        Permanent,
        _ACCOUNT,
        "shows a certificate that is not trusted here",
        "set the sink's ca_bundle to a file with your certificate authority, or correct its url",
    ),
    Seen.UNSENDABLE: Verdict(
        Permanent, Permanent, _ACCOUNT, "was not asked: no valid request could be made", "check the sink's url and auth"
    ),
    Seen.LOST: Verdict(Transient, Uncertain, _ROW, "did not answer"),
    Seen.GARBLED: Verdict(Transient, Uncertain, _ROW, "gave an answer that is not whole"),
    Seen.REDIRECTED: Verdict(
        Permanent,
        Permanent,
        _ACCOUNT,
        "answered with a redirect, as to a single sign-on (SSO) or login page",
        "set url to the address of the API itself, and use an account that needs no SSO",
    ),
    Seen.ASLEEP: Verdict(
        Transient, Transient, _ACCOUNT, "is asleep: a hibernation page answered", "wake the instance, then run again"
    ),
    Seen.LOGIN: Verdict(
        Permanent,
        Permanent,
        _ACCOUNT,
        "answered with a login page",
        "check the sink's url and auth; the account must need no SSO",
    ),
    Seen.PAGE: Verdict(
        Transient, Uncertain, _ACCOUNT, "answered with a web page instead of data", "check the sink's url and proxy"
    ),
    Seen.UNAUTHORISED: Verdict(
        Permanent,
        Permanent,
        _ACCOUNT,
        "does not accept the credential",
        "check the sink's auth, and the secret it points to",
    ),
    Seen.FORBIDDEN: Verdict(
        Permanent,
        Permanent,
        _ACCOUNT,
        "does not let this account use its API",
        "give the account the role, scope or access policy that it needs",
    ),
    Seen.NO_API: Verdict(
        Permanent, Permanent, _ACCOUNT, "has nothing at this address", "check the sink's url and the mapping's table"
    ),
    Seen.REFUSED: Verdict(Permanent, Permanent, _ROW, "refused it"),
    Seen.CLOSED: Verdict(Permanent, Permanent, _ROW, "refused it: the record is closed"),
    Seen.GONE: Verdict(Permanent, Permanent, _ROW, "has no such record, or hides it from this account"),
    Seen.TOO_LARGE: Verdict(Permanent, Permanent, _ROW, "refused it as too large"),
    Seen.BUSY: Verdict(Transient, Transient, _ROW, "asks to wait: too many requests"),
    Seen.UNSERVICED: Verdict(Transient, Transient, _ROW, "did not come to it"),
    Seen.FULL: Verdict(Transient, Transient, _ROW, "works off as many jobs as it takes at once"),
    Seen.COLLISION: Verdict(Transient, Transient, _ROW, "was writing the same thing at this moment"),
    Seen.MAYBE_DONE: Verdict(Transient, Uncertain, _ROW, "refused it as one that it may have already"),
    Seen.DOWN: Verdict(Transient, Uncertain, _ACCOUNT, "is out of service"),
    Seen.FAILED: Verdict(Transient, Uncertain, _ROW, "failed inside"),
    Seen.ODD: Verdict(Transient, Uncertain, _ROW, "answered in a way that nobody expects"),
}

# Those from 520 on are said by the proxies in front of a remote. Whatever is not here: 5xx failed, others are odd.
STATUSES: Mapping[int, Seen] = {
    400: Seen.REFUSED,
    401: Seen.UNAUTHORISED,
    402: Seen.FORBIDDEN,
    403: Seen.REFUSED,
    404: Seen.GONE,
    405: Seen.NO_API,
    406: Seen.REFUSED,
    407: Seen.PROXY,
    408: Seen.FAILED,
    409: Seen.REFUSED,
    410: Seen.GONE,
    411: Seen.REFUSED,
    412: Seen.REFUSED,
    413: Seen.TOO_LARGE,
    414: Seen.TOO_LARGE,
    415: Seen.REFUSED,
    416: Seen.REFUSED,
    417: Seen.REFUSED,
    421: Seen.NO_API,
    422: Seen.REFUSED,
    423: Seen.COLLISION,
    424: Seen.REFUSED,
    425: Seen.COLLISION,
    426: Seen.NO_API,
    428: Seen.REFUSED,
    429: Seen.BUSY,
    431: Seen.TOO_LARGE,
    451: Seen.REFUSED,
    500: Seen.FAILED,
    501: Seen.NO_API,
    502: Seen.DOWN,
    503: Seen.DOWN,
    504: Seen.DOWN,
    505: Seen.NO_API,
    511: Seen.PROXY,
    **dict.fromkeys(range(520, 531), Seen.DOWN),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A sink's own row: what an answer with this status, and this wording where one is given, shows."""

    status: int
    seen: Seen
    wording: re.Pattern[str] | None = None

    def fits(self, status: int, text: str) -> bool:
        return status == self.status and (self.wording is None or self.wording.search(text) is not None)


def _any_document(document: object) -> bool:
    return document is not None


def _no_detail(text: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of remote answers: its own rows, what a whole answer is, and what its refusals name.

    `detail` takes names of fields and rules out of a refusal, never text that could come from a ticket. `window` is the
    length, in seconds, of the account's limit that headers announce; `endpoints` are calls with limits of their own.
    """

    rows: tuple[Row, ...] = ()
    whole: Callable[[Any], bool] = _any_document
    detail: Callable[[str], str] = _no_detail
    window: float = 60.0
    endpoints: tuple[Endpoint, ...] = ()


PLAIN = Dialect()

_ASLEEP = re.compile(r"instance-hibernating|instance is hibernating|currently offline", re.IGNORECASE)
_LOGIN = re.compile(r"<input[^>]{0,300}type=[\"']?password|login\.do|SAMLRequest|single sign-on", re.IGNORECASE)


def page(text: str) -> Seen:
    """Which web page answered in place of the API."""
    if _ASLEEP.search(text):
        return Seen.ASLEEP
    return Seen.LOGIN if _LOGIN.search(text) else Seen.PAGE


def status(code: int, text: str, html: bool, dialect: Dialect) -> Seen:
    """What an answer other than 2xx shows."""
    if 300 <= code < 400:
        return Seen.REDIRECTED
    for row in dialect.rows:
        if row.fits(code, text):
            return row.seen
    if html and code == 404:
        return Seen.NO_API
    if html and page(text) is Seen.ASLEEP:
        return Seen.ASLEEP
    return STATUSES.get(code, Seen.FAILED if code >= 500 else Seen.ODD)


def verdict(
    seen: Seen,
    effect: Effect,
    name: str,
    *,
    status: int | None = None,
    detail: str = "",
    retry_after: float | None = None,
) -> RemoteError:
    """The error that tells the engine what to do, about the remote called `name`."""
    row = VERDICTS[seen]
    kind = row.read if effect is Effect.READ else row.write
    told = f"HTTP {status}" if status else ""
    inside = ", ".join(part for part in (told, detail) if part)
    what = f"{name} {row.what}" + (f" ({inside})" if inside else "")
    return kind(what, row.remedy, code=str(seen), scope=row.scope, status=status, retry_after=retry_after)
