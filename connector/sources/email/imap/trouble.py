"""What IMAPClient, imaplib and the socket raise, as our errors. Of what a server says, only a code is told."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient.exceptions import CapabilityError, LoginError, ProtocolError  # type: ignore[import-untyped]

from connector.errors import Permanent, RemoteError, Scope, Transient

_CODE = re.compile(r"\[([A-Z][A-Z0-9-]{1,40})\b")
# RFC 5530, and what Gmail and Exchange say when they want to be left alone for a while.
_PASSING = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "THROTTLED", "OVERQUOTA", "EXPUNGEISSUED", "ALERT"})
_PASSING_WORDS = ("too many", "try again", "throttl", "not connected yet", "temporar", "unavailable", "timed out")
_NO_MAILBOX = "authenticated but not connected"


@contextmanager
def translated(host: str, doing: str) -> Iterator[None]:
    """Raises RemoteError for what goes wrong inside, scope ACCOUNT: the source is read no further in this run."""
    try:
        yield
    except RemoteError:
        raise
    except Exception as error:
        found = _translate(host, doing, error)
        if found is None:
            raise
        raise found from None


def _translate(host: str, doing: str, error: Exception) -> RemoteError | None:
    match error:
        case ssl.SSLCertVerificationError():
            what = f"the certificate of {host} cannot be trusted"
            remedy = "set imap.ca_bundle to a file with your certificate authority, or correct imap.host"
            return _made(Permanent, "certificate", what, remedy)
        case LoginError():
            return _refused_login(host, str(error))
        case CapabilityError():
            return _made(Permanent, "no-capability", f"{host} cannot do what is needed to {doing}", "ask its admin")
        case imaplib.IMAP4.abort():
            return _made(Transient, "connection-lost", f"{host} ended the connection while we {doing}", _AGAIN)
        case ProtocolError():
            return _made(Transient, "protocol", f"{host} answered otherwise than IMAP says while we {doing}", _AGAIN)
        case imaplib.IMAP4.error():
            return _refused(host, doing, str(error))
        case OSError():
            reason = error.strerror or type(error).__name__
            return _made(Transient, "unreachable", f"{host} cannot be reached: {reason}", _AGAIN)
        case ValueError() | IndexError() | TypeError() | KeyError() | AttributeError() | AssertionError():
            # what the libraries make of answers that nobody foresaw
            return _made(Transient, "protocol", f"{host} answered otherwise than IMAP says while we {doing}", _AGAIN)
    return None


_AGAIN = "the next run goes on where this one stopped"


def _refused_login(host: str, said: str) -> RemoteError:
    if _NO_MAILBOX in said.lower():
        what = f"{host} knows the login and gives it no mailbox"
        return _made(Permanent, "login-refused", what, "give the application the right to this mailbox in Exchange")
    if _passes(said):
        return _made(Transient, "busy", f"{host} lets nobody in for now{_code(said)}", _AGAIN)
    what = f"{host} refuses the login{_code(said)}"
    return _made(Permanent, "login-refused", what, "correct username and password, or renew what the token is made of")


def _refused(host: str, doing: str, said: str) -> RemoteError:
    what = f"{host} refused while we {doing}{_code(said)}"
    if _passes(said):
        return _made(Transient, "busy", what, _AGAIN)
    return _made(Permanent, "refused", what, "see whether the folder exists and the login has rights to it")


def _passes(said: str) -> bool:
    code = _CODE.search(said)
    lower = said.lower()
    return bool(code and code[1] in _PASSING) or any(word in lower for word in _PASSING_WORDS)


def _code(said: str) -> str:
    code = _CODE.search(said)
    return f" [{code[1]}]" if code else ""


def _made(kind: type[RemoteError], code: str, what: str, remedy: str) -> RemoteError:
    return kind(what, remedy, code=code, scope=Scope.ACCOUNT)
