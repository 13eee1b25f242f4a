"""How Zendesk answers: what a whole answer is, and which refusal means what (Zendesk docs, Ticketing API)."""

from __future__ import annotations

import json
import re
from typing import Any

from connector.sinks.zendesk.allowances import ENDPOINTS
from connector.wire import Dialect, Row, Seen

_FIELD = re.compile(r"[a-z_]{1,40}")
_CODE = re.compile(r"[A-Za-z]{1,40}")
_MOST = 5


def whole(document: Any) -> bool:
    return isinstance(document, dict) and not document.get("error")


def detail(text: str) -> str:
    """The fields that a refusal names, each with Zendesk's own word for what is wrong. Descriptions hold names of
    people, so they stay out."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    details = document.get("details")
    if isinstance(details, dict):
        return ", ".join(_named(field, items) for field, items in list(details.items())[:_MOST])
    return _code(document.get("error"))


def _named(field: str, items: Any) -> str:
    name = field if _FIELD.fullmatch(field) else "a field"
    first = items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}
    code, number = _code(first.get("error")), first.get("ticket_field_id")
    told = " ".join(part for part in (f"field {number}" if isinstance(number, int) else "", code) if part)
    return f"{name}: {told}" if told else name


def _code(value: Any) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def _said(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


# 409 is a collision with another writer and was not carried out. A key used before with another body says that the
# first attempt arrived, which is not a refusal of the ticket.
DIALECT = Dialect(
    rows=(
        Row(400, Seen.MAYBE_DONE, _said("IdempotentRequestError")),
        Row(403, Seen.FORBIDDEN, _said(r"insufficient_scope|invalid_scope|API access is disabled")),
        Row(404, Seen.NO_API, _said("InvalidEndpoint")),
        Row(409, Seen.COLLISION),
        Row(429, Seen.FULL, _said("TooManyJobs")),
        Row(422, Seen.CLOSED, _said(r"closed prevents ticket update|ClosedTicket")),
    ),
    whole=whole,
    detail=detail,
    endpoints=ENDPOINTS,
)
