"""What sort of mail it is, by its header and structure: written by a person, or one of the automatic kinds.

RFC 3834 (Auto-Submitted), RFC 3464 (delivery reports), RFC 8098 (read receipts), RFC 5965 (abuse reports), RFC 5546
(meetings), RFC 2919 (lists), Microsoft's MS-OXCMAIL for the `X-` fields.
"""

from __future__ import annotations

from enum import StrEnum

from connector.sources.email.headers import message_ids, normal_address
from connector.sources.email.languages import AUTO_REPLY_SUBJECT, BOUNCE_SUBJECT
from connector.sources.email.parse import Fields, Part
from connector.sources.email.report import delayed, failed, parts, status_part
from connector.sources.email.words import words


class MailKind(StrEnum):
    """The kinds that make no ticket bear the reason under which they are counted."""

    PERSON = "written by a person"
    NOTIFICATION = "notification by a machine"
    LIST = "mailing list"
    BOUNCE = "bounce"
    DELAYED = "delayed delivery"
    RECEIPT = "read receipt"
    ABUSE = "abuse report"
    AUTO_REPLY = "automatic reply"
    CALENDAR = "meeting"
    LOOP = "own mail come back"


TICKETS = frozenset({MailKind.PERSON, MailKind.NOTIFICATION, MailKind.LIST})
# What a machine says about a talk: a remark in it where it is known, and nothing but a count elsewhere.
REMARKS = frozenset({MailKind.BOUNCE, MailKind.DELAYED, MailKind.AUTO_REPLY})

_REPORTS = {"disposition-notification": MailKind.RECEIPT, "feedback-report": MailKind.ABUSE}
_RESPONDERS = ("x-autoreply", "x-autorespond", "x-auto-reply-from", "x-mail-autoreply", "x-autoresponder")
_DAEMONS = ("mailer-daemon", "postmaster", "mail-daemon")
_MEETINGS = frozenset({"request", "reply", "cancel", "counter", "publish", "refresh", "declinecounter"})


def kind_of(root: Part, own: frozenset[str], own_is_loop: bool = True) -> MailKind:
    """The kind of a mail; `own` are the addresses of our mailbox, in lower case, and mail from them is a loop unless
    told otherwise.

    `X-Auto-Response-Suppress` alone is a wish about our answer, which Exchange puts on ordinary mail too: no sign
    that a machine wrote it.
    """
    fields = root.fields
    sender = normal_address(words(fields.first("from"))) if "from" in fields else ""
    if (own_is_loop and sender and sender in own) or _is_loop(fields, own):
        return MailKind.LOOP
    report = _report(root, fields, sender)
    if report is not None:
        return report
    automatic = _is_automatic(fields, sender)
    if _is_auto_reply(fields, automatic, own):
        return MailKind.AUTO_REPLY
    if _is_meeting(root):
        return MailKind.CALENDAR
    if _is_list(fields):
        return MailKind.LIST
    return MailKind.NOTIFICATION if automatic else MailKind.PERSON


def _is_loop(fields: Fields, own: frozenset[str]) -> bool:
    return any(normal_address(value) in own for value in fields.every("x-loop")[:20])


def _report(root: Part, fields: Fields, sender: str) -> MailKind | None:
    if root.content == "multipart/report":
        kind = _REPORTS.get(root.parameters.get("report-type", "").strip().lower())
        if kind is not None:
            return kind
    status = status_part(root)
    if status is not None:
        return _delivery(status)
    if any(part.content == "message/disposition-notification" for part in parts(root)):
        return MailKind.RECEIPT
    daemon = sender.partition("@")[0] in _DAEMONS or _returns_nowhere(fields) or "x-failed-recipients" in fields
    if daemon and BOUNCE_SUBJECT.match(words(fields.first("subject"))[:200]):
        return MailKind.BOUNCE
    return None


def _delivery(status: Part) -> MailKind:
    """One failure makes a bounce; `delivered` alone is a receipt."""
    if failed(status):
        return MailKind.BOUNCE
    return MailKind.DELAYED if delayed(status) else MailKind.RECEIPT


def _is_automatic(fields: Fields, sender: str) -> bool:
    submitted = words(fields.first("auto-submitted")).strip().lower()
    precedence = fields.first("precedence").strip().lower()
    return bool(
        (submitted and not submitted.startswith("no"))
        or precedence in ("bulk", "junk", "auto_reply")
        or any(name in fields for name in _RESPONDERS)
        or fields.first("x-fc-machinegenerated").lower() == "true"
        or fields.first("x-servicenow-generated").lower() == "true"
        or _returns_nowhere(fields)
        or sender.partition("@")[0] in _DAEMONS
    )


def _returns_nowhere(fields: Fields) -> bool:
    return fields.first("return-path").replace(" ", "") == "<>"


def _is_auto_reply(fields: Fields, automatic: bool, own: frozenset[str]) -> bool:
    submitted = fields.first("auto-submitted").strip().lower()
    if submitted.startswith("auto-replied") or fields.first("precedence").strip().lower() == "auto_reply":
        return True
    if any(fields.first(name).strip().lower() not in ("", "no", "false") for name in _RESPONDERS):
        return True
    suppress = fields.first("x-auto-response-suppress").lower()
    if "x-ms-exchange-inbox-rules-loop" in fields and (automatic or "all" in suppress):
        return True
    if not AUTO_REPLY_SUBJECT.match(words(fields.first("subject"))[:200]):
        return False
    return automatic or suppress not in ("", "none") or _answers_us(fields, own)


def _answers_us(fields: Fields, own: frozenset[str]) -> bool:
    ours = {address.partition("@")[2] for address in own}
    return any(mid.rpartition("@")[2] in ours for mid in message_ids(fields.first("in-reply-to")))


def _is_meeting(root: Part) -> bool:
    """A meeting program's mail. An `.ics` that a person attached is a file like any other."""
    for part in parts(root):
        if part.content == "text/calendar" and part.parameters.get("method", "").strip().lower() in _MEETINGS:
            return True
    return "text/calendar" in root.content


def _is_list(fields: Fields) -> bool:
    if fields.first("precedence").strip().lower() == "list":
        return True
    return any(name in fields for name in ("list-id", "list-post", "list-unsubscribe", "feedback-id"))
