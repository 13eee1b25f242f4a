"""A message as a mail: threaded to the person's own, and marked so that no machine answers it.

RFC 5322 (threads), RFC 3834 (Auto-Submitted), RFC 2076 (Precedence), Microsoft's MS-OXCMAIL (X-Auto-Response-Suppress).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from connector.answering import mailbox
from connector.errors import Permanent
from connector.plugins import Key

_MESSAGE_ID = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,250}@[^\s<>\x00-\x1f\x7f]{1,250}")
_UNSAID = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")
# The standard library decodes encoded words (RFC 2047) in what it is given, line ends and all: a header could follow.
_ENCODED = "=?"
_REFERENCES = 20
_POLICY = SMTP.clone(max_line_length=78)


def message_id(key: Key, sender: str) -> str:
    """The mail's own id, without brackets: the same for every attempt."""
    return f"{key.uuid}.{key.site}@{mailbox(sender)[1].rpartition('@')[2]}"


def mail(key: Key, body: Mapping[str, Any], sender: str, at: datetime) -> EmailMessage:
    """The mail that says `body`: to, name, subject, text, and thread (Message-IDs of the person's mails, theirs first).

    Raises Permanent where no mail can be made of it.
    """
    name, address = mailbox(sender)
    to, utf8 = envelope(str(body["to"]))
    made = EmailMessage(_POLICY.clone(utf8=utf8))
    try:
        made["From"] = Address(name, addr_spec=address)
        made["To"] = Address(_plain(body.get("name", ""))[:100], addr_spec=to)
        made["Subject"] = _plain(body["subject"]) or "Your request"
    except (ValueError, IndexError):
        raise Permanent("no mail can be addressed to this person", "see the address", code="bad-address") from None
    made["Date"] = format_datetime(at)
    made["Message-ID"] = f"<{message_id(key, sender)}>"
    _thread(made, [str(one) for one in body.get("thread", ())])
    made["Auto-Submitted"] = "auto-replied" if body.get("thread") else "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made["Precedence"] = "bulk"
    made["X-Loop"] = address
    made.set_content(_UNSAID.sub(" ", body["text"]) + "\n", cte="quoted-printable")
    return made


def envelope(address: str) -> tuple[str, bool]:
    """The address as an envelope takes it, and whether it needs SMTPUTF8 (RFC 6531). Raises Permanent."""
    local, _, domain = address.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise Permanent("no mail can go to this domain", "see the address", code="bad-address") from None
    return f"{local}@{domain}", not local.isascii()


def _thread(made: EmailMessage, thread: list[str]) -> None:
    known = [one for one in thread if _MESSAGE_ID.fullmatch(one) and one.isascii() and _ENCODED not in one]
    if known:
        made["In-Reply-To"] = f"<{known[0]}>"
        older = [f"<{one}>" for one in reversed(known[1:_REFERENCES])]
        made["References"] = " ".join([*older, f"<{known[0]}>"])


def _plain(text: str) -> str:
    return " ".join(_UNSAID.sub(" ", text).replace(_ENCODED, "= ?").split())
