"""Delivery reports (RFC 3464): for whom mail could not be delivered, and which mail that was. Pure, bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connector.sources.email.body import payload
from connector.sources.email.headers import message_ids, normal_address
from connector.sources.email.parse import Fields, Part, header_fields, parse
from connector.sources.email.words import words
from connector.sources.text import line

_STATUS_BYTES = 65_536
_HEAD_BYTES = 262_144
_MOST_RECIPIENTS = 50
_DEPTH = 3
_RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_FAILED, _DELAYED = "failed", "delayed"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One block of a report: `action` is failed, delayed, delivered, relayed or expanded; `status` such as 5.1.1."""

    address: str
    action: str
    status: str
    reason: str

    def __str__(self) -> str:
        why = ", ".join(part for part in (self.status, self.reason) if part)
        return f"{self.address or 'somebody'}: {self.action or 'failed'}" + (f" ({why})" if why else "")


def parts(part: Part, depth: int = _DEPTH) -> Iterator[Part]:
    """The part and what is in it, so many levels down."""
    yield part
    if depth:
        for child in part.children:
            yield from parts(child, depth - 1)


def status_part(root: Part) -> Part | None:
    """The part that bears the delivery status."""
    kinds = ("message/delivery-status", "message/global-delivery-status")
    return next((part for part in parts(root) if part.content in kinds), None)


def recipients(status: Part) -> tuple[Recipient, ...]:
    """Every block that names a recipient, at most 50."""
    text = payload(status)[:_STATUS_BYTES].decode("ascii", "surrogateescape").replace("\r\n", "\n")
    found = []
    for block in text.split("\n\n"):
        fields = Fields(header_fields(block.strip("\n"))[0])
        if "final-recipient" in fields or "original-recipient" in fields or "action" in fields:
            found.append(_recipient(fields))
    return tuple(found[:_MOST_RECIPIENTS])


def _recipient(fields: Fields) -> Recipient:
    named = fields.first("original-recipient") or fields.first("final-recipient")
    return Recipient(
        address=normal_address(words(named.partition(";")[2] or named)),
        action=line(words(fields.first("action")), 40).lower(),
        status=line(words(fields.first("status")), 40),
        reason=line(words(fields.first("diagnostic-code").partition(";")[2]), 200),
    )


def failed(status: Part) -> bool:
    """Did one delivery fail for good? A report that names no action reports a failure."""
    actions = {found.action for found in recipients(status)} - {""}
    return not actions or _FAILED in actions


def delayed(status: Part) -> bool:
    """Is one delivery still being tried?"""
    return _DELAYED in {found.action for found in recipients(status)}


def about(root: Part) -> tuple[str, ...]:
    """By which ids the mail that came back, or what it answered, may be known; the nearest first."""
    for part in parts(root):
        if part.content in _RETURNED and part is not root:
            fields = parse(payload(part)[:_HEAD_BYTES]).root.fields
            named = (fields.first("message-id"), fields.first("in-reply-to"))
            ids = [mid for value in named for mid in message_ids(value)]
            return tuple(dict.fromkeys([*ids, *message_ids(fields.first("references"))[::-1]]))
    return ()


def told(root: Part) -> str:
    """The report in lines of its own: one for each recipient."""
    status = status_part(root)
    return "\n".join(str(found) for found in recipients(status)) if status is not None else ""
