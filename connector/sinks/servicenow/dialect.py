"""How ServiceNow answers: what a whole answer is, and which refusal means what (ServiceNow docs, REST API)."""

from __future__ import annotations

import re
from typing import Any

from connector.wire import Dialect, Row, Seen

_NAME = r"[\w ./&()'-]{1,60}"
_MANDATORY = re.compile(rf"fields are mandatory: ({_NAME}(?:, {_NAME}){{0,9}})")
_RULE = re.compile(rf"aborted by Business Rule '({_NAME})\^")
_ACL = re.compile(r"ACL Exception (Insert|Update|Delete|Read) Failed")


def whole(document: Any) -> bool:
    """A page that met a quota is cut after some rows and ends in an `error`, under the status 200 sent before."""
    answers = isinstance(document, dict) and ("result" in document or "serviced_requests" in document)
    return answers and "error" not in document


def detail(text: str) -> str:
    """Names of fields and rules in a refusal. They are an admin's words, never a ticket's."""
    if found := _MANDATORY.search(text):
        return f"mandatory there: {found[1]}"
    if found := _RULE.search(text):
        return f"business rule {found[1]}"
    if found := _ACL.search(text):
        return f"an access rule forbids {found[1].lower()}"
    return ""


def _said(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


# An "Error during insert" is what the primary key answers to a second copy: the first attempt may have succeeded.
DIALECT = Dialect(
    rows=(
        Row(400, Seen.NO_API, _said(r"Invalid table|does not represent any resource")),
        Row(400, Seen.TOO_LARGE, _said(r"Rejected large REST payload")),
        Row(404, Seen.NO_API, _said(r"does not represent any resource")),
        Row(403, Seen.FORBIDDEN, _said(r"API level ACL|Access to unscoped api")),
        Row(403, Seen.MAYBE_DONE, _said(r"Error during insert|duplicate|unique key")),
    ),
    whole=whole,
    detail=detail,
    window=3600.0,  # rate limit rules count by the hour
)
