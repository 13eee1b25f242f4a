"""Reading an answer: its body to the end, its document, its dates and headers."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC, datetime
from typing import Any

import requests

from connector.jsontext import load
from connector.wire import errors
from connector.wire.errors import Dialect, Seen

LARGEST = 20 * 1024 * 1024  # bytes of an answer, unpacked
LONGEST_HOLD = 24 * 3600.0  # seconds
_TEXT_SEEN = 8192
_RATE = re.compile(r"(zendesk-|x-)?rate-?limit.*|retry-after", re.IGNORECASE)


def http_date(value: str) -> datetime | None:
    """The time in an HTTP date (RFC 9110, section 5.6.7), None where it says none."""
    try:
        parsed = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def retry_after(value: str, date: datetime | None) -> float | None:
    """Seconds that a `Retry-After` names (RFC 9110, section 10.2.3), by the remote's own clock."""
    value = value.strip()[:40]
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value):
        return min(float(value), LONGEST_HOLD)
    until = http_date(value) if value else None
    if until is None or date is None:
        return None
    return min(max((until - date).total_seconds(), 0.0), LONGEST_HOLD)


def rates(response: requests.Response) -> dict[str, str]:
    """The headers about limits."""
    return {name.lower(): value for name, value in response.headers.items() if _RATE.fullmatch(name)}


def read(response: requests.Response) -> None:
    """Read the body to its end, or fail where it is longer than any answer should be."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(65536):
        size += len(part)
        if size > LARGEST:
            response.close()
            parts.clear()  # the error's traceback would keep them
            raise requests.exceptions.ContentDecodingError("the answer is too long")
        parts.append(part)
    # requests has no public way to say that the body is read already.
    response._content = b"".join(parts)
    response._content_consumed = True  # type: ignore[attr-defined]


def text(content: bytes) -> str:
    return content[:_TEXT_SEEN].decode("utf-8", "replace")


def seen(code: int, html: bool, content: bytes, dialect: Dialect) -> tuple[Seen | None, Any]:
    """What is wrong with an answer, or None and its document."""
    if not 200 <= code < 300:
        return errors.status(code, text(content), html, dialect), None
    if html:
        return errors.page(text(content)), None
    if code == 204:
        return None, None
    try:
        document = load(content)
    except (ValueError, RecursionError):
        return Seen.GARBLED, None
    return (None, document) if dialect.whole(document) else (Seen.GARBLED, None)
